//! The longest token that text begins with.
//!
//! A trie over *units* of one to three bytes: a complete three-byte UTF-8 sequence is one unit, else two bytes are, and a
//! single byte only where the text or token ends. The first unit indexes an array, later ones a hash table keyed by (node,
//! unit), so an average token takes two steps and a CJK character one. A token may end inside a unit of longer text; every
//! node therefore knows the longest token among the prefixes of its own bytes.

use crate::hash;

/// No token.
pub(crate) const NONE: u32 = u32::MAX;

const HAS_CHILDREN: u32 = 1 << 31;
const HAS_ONE_BYTE_CHILD: u32 = 1 << 30;
const NODE: u32 = (1 << 30) - 1;
const ROOT: u32 = 0;
const EMPTY: u64 = u64::MAX;

/// A child of a node: its number with flags, and the longest token within its bytes.
#[derive(Debug, Clone, Copy)]
struct Child {
    node: u32,
    best: u32,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    key: u64,
    child: Child,
}

/// The frozen trie.
#[derive(Debug, Clone)]
pub(crate) struct LongestMatch {
    two: Box<[Child]>,
    three: Box<[Child]>,
    slots: Box<[Slot]>,
    shift: u32,
    seed: u64,
}

/// Length and bytes of the unit that `bytes` begins with; length 0 at the end.
#[inline(always)]
fn unit(bytes: &[u8]) -> (u32, u32) {
    if let Some(word) = bytes.first_chunk::<4>() {
        let word = u32::from_le_bytes(*word);
        return if word & 0x00C0_C0F0 == 0x0080_80E0 { (3, word & 0x00FF_FFFF) } else { (2, word & 0xFFFF) };
    }
    match *bytes {
        [] => (0, 0),
        [a] => (1, u32::from(a)),
        [a, b, c] if a & 0xF0 == 0xE0 && b & 0xC0 == 0x80 && c & 0xC0 == 0x80 => {
            (3, u32::from(a) | u32::from(b) << 8 | u32::from(c) << 16)
        }
        [a, b, ..] => (2, u32::from(a) | u32::from(b) << 8),
    }
}

/// The shorter units that `unit` begins with are its low bytes.
#[inline(always)]
const fn low_bytes(unit: u32, len: u32) -> u32 {
    unit & ((1 << (8 * len)) - 1)
}

#[inline(always)]
const fn three_index(unit: u32) -> usize {
    (((unit & 0xF) << 12) | ((unit >> 2) & 0xFC0) | ((unit >> 16) & 0x3F)) as usize
}

impl LongestMatch {
    #[inline(always)]
    fn slot_of(&self, key: u64) -> usize {
        (hash::fold(key, self.seed) >> self.shift) as usize
    }

    #[inline(always)]
    fn find(&self, node: u32, len: u32, unit: u32) -> Option<Child> {
        let key = key(node, len, unit);
        let mut slot = self.slot_of(key);
        loop {
            let entry = &self.slots[slot];
            if entry.key == key {
                return Some(entry.child);
            }
            if entry.key == EMPTY {
                return None;
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
    }

    /// The longest token that is a prefix of `bytes`, or [`NONE`]. O(length of that token), plus one step.
    #[inline(always)]
    pub(crate) fn find_longest(&self, bytes: &[u8]) -> u32 {
        let (len, first) = unit(bytes);
        let mut child = match len {
            3 => self.three[three_index(first)],
            2 => self.two[first as usize],
            1 => return self.find(ROOT, 1, first).map_or(NONE, |c| c.best),
            _ => return NONE,
        };
        let mut at = len as usize;
        while child.node & HAS_CHILDREN != 0 {
            let rest = &bytes[at..];
            let (len, next) = unit(rest);
            if len == 0 {
                break;
            }
            let node = child.node & NODE;
            if let Some(found) = self.find(node, len, next) {
                child = found;
                at += len as usize;
                continue;
            }
            if len == 3
                && let Some(found) = self.find(node, 2, low_bytes(next, 2))
            {
                return found.best;
            }
            if len > 1
                && child.node & HAS_ONE_BYTE_CHILD != 0
                && let Some(found) = self.find(node, 1, low_bytes(next, 1))
            {
                return found.best;
            }
            break;
        }
        child.best
    }
}

#[inline(always)]
const fn key(node: u32, len: u32, unit: u32) -> u64 {
    ((node as u64) << 32) | ((len as u64) << 24) | unit as u64
}

/// A trie under construction.
#[derive(Debug)]
pub(crate) struct Builder {
    slots: Vec<Slot>,
    bits: u32,
    seed: u64,
    /// By node: parent, unit key (length and bytes), token that ends here.
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, Copy)]
struct Node {
    parent: u32,
    unit: u32,
    flags: u32,
    token: u32,
    best: u32,
}

impl Builder {
    /// A builder for tokens with about `bytes` bytes together.
    pub(crate) fn with_capacity(tokens: usize, bytes: usize) -> Self {
        let expected = (tokens + bytes / 6).max(1024);
        let bits = (expected * 3 / 2).next_power_of_two().trailing_zeros();
        let root = Node { parent: ROOT, unit: 0, flags: 0, token: NONE, best: NONE };
        let mut nodes = Vec::with_capacity(expected);
        nodes.push(root);
        Self { slots: empty_slots(bits), bits, seed: hash::process_seed(), nodes }
    }

    /// Enters a token. Of several with the same bytes the first stays.
    pub(crate) fn insert(&mut self, bytes: &[u8], token: u32) {
        let mut node = ROOT;
        let mut rest = bytes;
        loop {
            let (len, unit) = unit(rest);
            if len == 0 {
                break;
            }
            node = self.child(node, len, unit);
            rest = &rest[len as usize..];
        }
        let end = &mut self.nodes[node as usize];
        if end.token == NONE {
            end.token = token;
        }
    }

    fn slot(&self, key: u64) -> usize {
        let mut slot = (hash::fold(key, self.seed) >> (64 - self.bits)) as usize;
        while self.slots[slot].key != key && self.slots[slot].key != EMPTY {
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        slot
    }

    fn child(&mut self, parent: u32, len: u32, unit: u32) -> u32 {
        let key = key(parent, len, unit);
        let slot = self.slot(key);
        if self.slots[slot].key == key {
            return self.slots[slot].child.node;
        }
        // Node numbers fit in 30 bits: a vocabulary of MAX_TOKENS tokens is refused long before by its bytes.
        let node = u32::try_from(self.nodes.len()).unwrap_or(NODE) & NODE;
        self.slots[slot] = Slot { key, child: Child { node, best: NONE } };
        self.nodes.push(Node { parent, unit: (len << 24) | unit, flags: 0, token: NONE, best: NONE });
        self.nodes[parent as usize].flags |= HAS_CHILDREN | if len == 1 { HAS_ONE_BYTE_CHILD } else { 0 };
        if self.nodes.len() * 4 > self.slots.len() * 3 {
            self.grow();
        }
        node
    }

    fn grow(&mut self) {
        self.bits += 1;
        let old = std::mem::replace(&mut self.slots, empty_slots(self.bits));
        for entry in old.into_iter().filter(|e| e.key != EMPTY) {
            let slot = self.slot(entry.key);
            self.slots[slot] = entry;
        }
    }

    fn node_at(&self, parent: u32, len: u32, unit: u32) -> Option<u32> {
        let key = key(parent, len, unit);
        let slot = self.slot(key);
        (self.slots[slot].key == key).then(|| self.slots[slot].child.node)
    }

    /// The longest token that is a proper prefix of node `at`'s bytes; its parent's `best` must be known.
    fn best_before(&self, at: u32) -> u32 {
        let Node { parent, unit, .. } = self.nodes[at as usize];
        let (len, unit) = (unit >> 24, low_bytes(unit, 3));
        let above = self.nodes[parent as usize];
        for shorter in (1..len).rev() {
            if shorter == 1 && above.flags & HAS_ONE_BYTE_CHILD == 0 {
                break;
            }
            if let Some(node) = self.node_at(parent, shorter, low_bytes(unit, shorter)) {
                let token = self.nodes[node as usize].token;
                if token != NONE {
                    return token;
                }
            }
        }
        above.best
    }

    /// For every token, the longest other token that is a proper prefix of it, or [`NONE`]; fixes the nodes' best tokens.
    pub(crate) fn link(&mut self, tokens: usize) -> Vec<u32> {
        let mut shorter = vec![NONE; tokens];
        // Parents have lower numbers than their children.
        for at in 1..self.nodes.len() {
            #[allow(clippy::cast_possible_truncation, reason = "node numbers have 30 bits")]
            let before = self.best_before(at as u32);
            let node = &mut self.nodes[at];
            if node.token == NONE {
                node.best = before;
            } else {
                node.best = node.token;
                shorter[node.token as usize] = before;
            }
        }
        shorter
    }

    /// Freezes the trie; `rename` maps a best token (with [`NONE`] to itself) to what the frozen trie should answer.
    pub(crate) fn freeze(mut self, rename: impl Fn(u32) -> u32) -> LongestMatch {
        for slot in &mut self.slots {
            if slot.key != EMPTY {
                let node = &self.nodes[slot.child.node as usize];
                slot.child = Child { node: slot.child.node | node.flags, best: rename(node.best) };
            }
        }
        let mut frozen = LongestMatch {
            two: Box::default(),
            three: Box::default(),
            slots: self.slots.into_boxed_slice(),
            shift: 64 - self.bits,
            seed: self.seed,
        };
        let first = |len: u32, unit: u32| {
            let shorter = || {
                let two = if len == 3 { frozen.find(ROOT, 2, low_bytes(unit, 2)) } else { None };
                let best = two.or_else(|| frozen.find(ROOT, 1, low_bytes(unit, 1))).map_or(NONE, |c| c.best);
                Child { node: ROOT, best }
            };
            frozen.find(ROOT, len, unit).unwrap_or_else(shorter)
        };
        let two = (0..1 << 16).map(|unit| first(2, unit)).collect();
        let three = (0..1u32 << 16)
            .map(|i| first(3, 0xE0 | (i >> 12) | (0x80 | (i >> 6 & 0x3F)) << 8 | (0x80 | (i & 0x3F)) << 16))
            .collect();
        (frozen.two, frozen.three) = (two, three);
        frozen
    }
}

fn empty_slots(bits: u32) -> Vec<Slot> {
    vec![Slot { key: EMPTY, child: Child { node: ROOT, best: NONE } }; 1 << bits]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn naive(tokens: &[Vec<u8>], text: &[u8]) -> Option<usize> {
        (0..tokens.len()).filter(|&i| text.starts_with(&tokens[i])).max_by_key(|&i| (tokens[i].len(), usize::MAX - i))
    }

    proptest! {
        #[test]
        fn longest_match_and_prefix_links_equal_a_scan_of_all_tokens(
            tokens in prop::collection::vec(prop::collection::vec(prop::sample::select(vec![b'a', b'b', 0xE4, 0xBD, 0xA0, 0xF0]), 1..7), 1..40),
            text in prop::collection::vec(prop::sample::select(vec![b'a', b'b', 0xE4, 0xBD, 0xA0, 0xF0]), 0..12),
        ) {
            let mut builder = Builder::with_capacity(tokens.len(), 100);
            for (i, token) in (0u32..).zip(&tokens) {
                builder.insert(token, i);
            }
            let shorter = builder.link(tokens.len());
            let trie = builder.freeze(|t| t);
            prop_assert_eq!(trie.find_longest(&text), naive(&tokens, &text).map_or(NONE, |i| u32::try_from(i).unwrap()));
            for (i, token) in tokens.iter().enumerate() {
                if naive(&tokens, token) == Some(i) {
                    let expected = naive(&tokens, &token[..token.len() - 1]);
                    prop_assert_eq!(shorter[i], expected.map_or(NONE, |i| u32::try_from(i).unwrap()));
                }
            }
        }
    }
}
