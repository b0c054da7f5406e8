//! The longest token that text begins with.
//!
//! A trie over *units* of one to three bytes: a complete three-byte UTF-8 sequence is one unit, else two bytes are, and a
//! single byte only where the text or token ends. The first unit indexes an array, later ones a hash table keyed by (node,
//! unit), so an average token takes two steps and a CJK character one. A token may end inside a unit of longer text; every
//! node therefore knows the longest token among the prefixes of its own bytes.

use crate::{hash, hugepage};

/// No token.
pub(crate) const NONE: u32 = u32::MAX;

const ROOT: u32 = 0;
const NODE_BITS: u32 = 22;
/// More nodes than this do not fit into a slot.
const MAX_NODES: usize = 1 << NODE_BITS;

/// A node as its parent knows it: number, longest token within its bytes, and a hint which units go on from it.
///
/// The hint is a bit set over hashed units. Most walks end with a unit that the trie does not have, and most of those end
/// here, without a look at the table.
#[derive(Debug, Clone, Copy)]
struct First {
    hint: u64,
    node: u32,
    best: u32,
}

/// One edge of the hash table: 48 bits of key (node, unit length, unit) and a 16-bit hint; best token, node and a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C, align(16))]
struct Slot {
    key_and_hint: u64,
    best: u32,
    node: u32,
}

const KEY: u64 = (1 << 48) - 1;
const FREE: Slot = Slot { key_and_hint: KEY, best: NONE, node: 0 };

/// What a walk knows of the node it has come to.
#[derive(Debug, Clone, Copy)]
struct At {
    node: u32,
    best: u32,
    hint: u64,
}

/// The frozen trie.
#[derive(Debug, Clone)]
pub(crate) struct LongestMatch {
    two: Box<[First]>,
    three: Box<[First]>,
    slots: Box<[Slot]>,
    shift: u32,
    seed: u64,
}

/// The bit of a unit in a hint of 64 or, as the same set folded, of 16 bits.
#[inline(always)]
const fn hint_bit(unit: u32) -> u32 {
    unit.wrapping_mul(0x9E37_79B1) >> 26
}

/// Length and bytes of the unit that `bytes` begins with; length 0 at the end.
#[inline(always)]
fn first_unit(bytes: &[u8]) -> (u32, u32) {
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

/// The unit of a place in the array of three-byte sequences.
const fn three_unit(index: u32) -> u32 {
    (0xE0 | index >> 12) | (0x80 | (index >> 6 & 0x3F)) << 8 | (0x80 | (index & 0x3F)) << 16
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
    #[allow(clippy::cast_possible_truncation, reason = "a shifted hash is below the number of slots")]
    #[inline(always)]
    fn find(&self, node: u32, len: u32, unit: u32) -> Option<At> {
        let key = key(node, len, unit);
        let mut slot = (hash::fold(key, self.seed) >> self.shift) as usize;
        loop {
            let entry = &self.slots[slot];
            let found = entry.key_and_hint & KEY;
            if found == key {
                // Each of the 16 bits stands for four of the 64.
                let hint = entry.key_and_hint >> 48;
                return Some(At { node: entry.node, best: entry.best, hint });
            }
            if found == KEY {
                return None;
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
    }

    /// The longest token that is a prefix of `bytes`, or [`NONE`]. O(length of that token), plus one step.
    #[inline(always)]
    pub(crate) fn find_longest(&self, bytes: &[u8]) -> u32 {
        let (len, unit) = first_unit(bytes);
        let first = match len {
            3 => &self.three[three_index(unit)],
            2 => &self.two[unit as usize],
            1 => return self.find(ROOT, 1, unit).map_or(NONE, |at| at.best),
            _ => return NONE,
        };
        let rest = &bytes[len as usize..];
        let (len, unit) = first_unit(rest);
        if len == 0 || !any_hint(first.hint, len, unit, 0) {
            return first.best;
        }
        self.walk(At { node: first.node, best: first.best, hint: fold_hint(first.hint) }, rest)
    }

    /// Goes on from a node as far as the trie reaches.
    #[inline(always)]
    fn walk(&self, mut at: At, mut rest: &[u8]) -> u32 {
        loop {
            let (len, unit) = first_unit(rest);
            if len == 0 || !any_hint(at.hint, len, unit, 2) {
                return at.best;
            }
            if let Some(next) = self.find(at.node, len, unit) {
                at = next;
                rest = &rest[len as usize..];
                continue;
            }
            for shorter in (1..len).rev() {
                let unit = low_bytes(unit, shorter);
                if at.hint >> (hint_bit(unit) >> 2) & 1 == 1
                    && let Some(end) = self.find(at.node, shorter, unit)
                {
                    return end.best;
                }
            }
            return at.best;
        }
    }
}

/// Whether the hint has the bit of a unit or of a shorter one that it begins with; `fold` is 2 for hints of 16 bits.
#[inline(always)]
const fn any_hint(hint: u64, len: u32, unit: u32, fold: u32) -> bool {
    let whole = hint >> (hint_bit(unit) >> fold);
    let one = hint >> (hint_bit(low_bytes(unit, 1)) >> fold);
    let two = if len == 3 { hint >> (hint_bit(low_bytes(unit, 2)) >> fold) } else { 0 };
    (whole | one | two) & 1 == 1
}

/// The 16-bit form of a hint of 64 bits: each bit is the union of four.
const fn fold_hint(hint: u64) -> u64 {
    let mut folded = 0;
    let mut bit = 0;
    while bit < 16 {
        if hint >> (4 * bit) & 0xF != 0 {
            folded |= 1 << bit;
        }
        bit += 1;
    }
    folded
}

#[inline(always)]
const fn key(node: u32, len: u32, unit: u32) -> u64 {
    ((node as u64) << 26) | ((len as u64) << 24) | unit as u64
}

/// A trie under construction.
#[derive(Debug)]
pub(crate) struct Builder {
    slots: Vec<Slot>,
    bits: u32,
    seed: u64,
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, Copy)]
struct Node {
    parent: u32,
    /// Length and bytes of the unit that leads here.
    unit: u32,
    /// The token that ends here.
    token: u32,
    /// The longest token within the node's bytes.
    best: u32,
    /// Hashed units that go on from here.
    hint: u64,
}

impl Builder {
    /// A builder for tokens with about `bytes` bytes together.
    pub(crate) fn with_capacity(tokens: usize, bytes: usize) -> Self {
        let expected = (tokens + bytes / 6).clamp(1024, MAX_NODES);
        let bits = (expected * 3 / 2).next_power_of_two().trailing_zeros();
        let mut nodes = Vec::with_capacity(expected);
        nodes.push(Node { parent: ROOT, unit: 0, token: NONE, best: NONE, hint: 0 });
        Self { slots: free_slots(bits), bits, seed: hash::process_seed(), nodes }
    }

    /// Enters a token. Of several with the same bytes the first stays. False if there is no room for more nodes.
    #[must_use]
    pub(crate) fn insert(&mut self, bytes: &[u8], token: u32) -> bool {
        let mut node = ROOT;
        let mut rest = bytes;
        loop {
            let (len, unit) = first_unit(rest);
            if len == 0 {
                break;
            }
            match self.child(node, len, unit) {
                Some(child) => node = child,
                None => return false,
            }
            rest = &rest[len as usize..];
        }
        let end = &mut self.nodes[node as usize];
        if end.token == NONE {
            end.token = token;
        }
        true
    }

    #[allow(clippy::cast_possible_truncation, reason = "a shifted hash is below the number of slots")]
    fn slot(&self, key: u64) -> usize {
        let mut slot = (hash::fold(key, self.seed) >> (64 - self.bits)) as usize;
        while self.slots[slot].key_and_hint != key && self.slots[slot] != FREE {
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        slot
    }

    fn child(&mut self, parent: u32, len: u32, unit: u32) -> Option<u32> {
        let key = key(parent, len, unit);
        let slot = self.slot(key);
        if self.slots[slot].key_and_hint == key {
            return Some(self.slots[slot].node);
        }
        let node = u32::try_from(self.nodes.len()).ok().filter(|&n| (n as usize) < MAX_NODES)?;
        self.slots[slot] = Slot { key_and_hint: key, best: NONE, node };
        self.nodes.push(Node { parent, unit: (len << 24) | unit, token: NONE, best: NONE, hint: 0 });
        self.nodes[parent as usize].hint |= 1 << hint_bit(unit);
        if self.nodes.len() * 4 > self.slots.len() * 3 {
            self.grow();
        }
        Some(node)
    }

    fn grow(&mut self) {
        self.bits += 1;
        let old = std::mem::replace(&mut self.slots, free_slots(self.bits));
        for entry in old.into_iter().filter(|&e| e != FREE) {
            let slot = self.slot(entry.key_and_hint);
            self.slots[slot] = entry;
        }
    }

    fn node_at(&self, parent: u32, len: u32, unit: u32) -> Option<u32> {
        if self.nodes[parent as usize].hint >> hint_bit(unit) & 1 == 0 {
            return None;
        }
        let key = key(parent, len, unit);
        let slot = self.slot(key);
        (self.slots[slot].key_and_hint == key).then(|| self.slots[slot].node)
    }

    /// The longest token that is a proper prefix of node `at`'s bytes; its parent's `best` must be known.
    fn best_before(&self, at: usize) -> u32 {
        let Node { parent, unit, .. } = self.nodes[at];
        let (len, unit) = (unit >> 24, low_bytes(unit, 3));
        for shorter in (1..len).rev() {
            if let Some(node) = self.node_at(parent, shorter, low_bytes(unit, shorter)) {
                let token = self.nodes[node as usize].token;
                if token != NONE {
                    return token;
                }
            }
        }
        self.nodes[parent as usize].best
    }

    /// For every token, the longest other token that is a proper prefix of it, or [`NONE`]; fixes the nodes' best tokens.
    pub(crate) fn link(&mut self, tokens: usize) -> Vec<u32> {
        let mut shorter = vec![NONE; tokens];
        // Parents have lower numbers than their children.
        for at in 1..self.nodes.len() {
            let before = self.best_before(at);
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
    ///
    /// Works on two threads: this is a third of the time it takes to load a large vocabulary.
    pub(crate) fn freeze(self, rename: impl Fn(u32) -> u32 + Sync) -> LongestMatch {
        let Self { mut slots, bits, seed, nodes } = self;
        let fill = |slots: &mut [Slot]| {
            for slot in slots.iter_mut().filter(|slot| **slot != FREE) {
                let node = &nodes[slot.node as usize];
                slot.key_and_hint |= fold_hint(node.hint) << 48;
                slot.best = rename(node.best);
            }
        };
        let (front, back) = slots.split_at_mut(1 << (bits - 1));
        std::thread::scope(|scope| {
            scope.spawn(|| fill(front));
            fill(back);
        });
        let slots = slots.into_boxed_slice();
        let mut frozen = LongestMatch { two: Box::default(), three: Box::default(), slots, shift: 64 - bits, seed };
        frozen.two = (0..1 << 16).map(|unit| frozen.first_without_child(1, unit)).collect();
        frozen.three = (0..1 << 10)
            .flat_map(|index| std::iter::repeat_n(frozen.first_without_child(2, three_unit(index << 6)), 64))
            .collect();
        for (number, node) in (0u32..).zip(&nodes).skip(1).filter(|(_, node)| node.parent == ROOT) {
            let first = First { hint: node.hint, node: number, best: rename(node.best) };
            match (node.unit >> 24, low_bytes(node.unit, 3)) {
                (2, unit) => frozen.two[unit as usize] = first,
                (3, unit) => frozen.three[three_index(unit)] = first,
                _ => {}
            }
        }
        frozen
    }
}

impl LongestMatch {
    /// What the root knows of a unit that does not go on: the best token within its first `len` bytes.
    fn first_without_child(&self, len: u32, unit: u32) -> First {
        let shorter = (1..=len).rev().find_map(|len| self.find(ROOT, len, low_bytes(unit, len)));
        First { hint: 0, node: ROOT, best: shorter.map_or(NONE, |at| at.best) }
    }
}

fn free_slots(bits: u32) -> Vec<Slot> {
    hugepage::filled(FREE, 1 << bits)
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
                prop_assert!(builder.insert(token, i));
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
