//! The vocabulary as a trie, laid out so that every node is a range of tokens.
//!
//! Tokens sorted by their bytes stand in the order in which a depth-first walk of the trie meets them. So a node is a range
//! of *leaves* (positions in that order): all tokens that begin with the node's bytes. Tokens that are exactly the node's
//! bytes come first in its range, and several may be (duplicate surfaces). Sums over "every token that begins with these
//! bytes" are sums over a contiguous range.
//!
//! Nodes are numbered in the order of the walk too: the first child of a node is the next number, and each node knows the
//! number behind its subtree, which is its next sibling if it has one.

use std::ops::Range;

/// The root, whose range is all leaves.
pub const ROOT: u32 = 0;

/// A frozen trie over token bytes.
///
/// ```
/// use tokengrove::trie::{ROOT, VocabTrie};
/// let trie = VocabTrie::new([(&b"ab"[..], 7), (b"a", 3), (b"b", 5)]);
/// let a = trie.child(ROOT, b'a').expect("two tokens begin with it");
/// assert_eq!(trie.ids(trie.leaves(a)), [3, 7]);
/// assert_eq!(trie.ids(trie.exact(a)), [3]);
/// assert!(trie.child(a, b'a').is_none());
/// ```
#[derive(Debug, Clone)]
pub struct VocabTrie {
    /// By leaf: the token.
    ids: Box<[u32]>,
    /// By node: the byte that leads to it.
    bytes: Box<[u8]>,
    /// By node: the first leaf.
    first: Box<[u32]>,
    /// By node: behind its last leaf.
    end: Box<[u32]>,
    /// By node: behind its last descendant.
    next: Box<[u32]>,
    /// By byte: the root's child, or [`ROOT`] for none.
    top: Box<[u32; 256]>,
    longest: usize,
}

impl VocabTrie {
    /// Builds the trie of tokens, given as bytes and id. O(n log n) for n bytes.
    ///
    /// Tokens without bytes are left out: no text tells them from nothing. At most 2^32 - 1 tokens and bytes are taken;
    /// vocabularies are far smaller (see [`MAX_TOKENS`](crate::vocab::MAX_TOKENS)).
    #[must_use]
    pub fn new<'a>(tokens: impl IntoIterator<Item = (&'a [u8], u32)>) -> Self {
        // Sorting compares the first bytes as one number, and looks at the tokens themselves only where those are equal.
        let mut sorted: Vec<(u64, &[u8], u32)> = tokens
            .into_iter()
            .filter(|token| !token.0.is_empty())
            .map(|(bytes, id)| (first_eight(bytes), bytes, id))
            .collect();
        sorted.sort_unstable();
        let room = sorted.iter().map(|token| token.1.len()).sum::<usize>() / 2 + 1;
        let mut builder = Builder::with_capacity(room);
        let mut before: &[u8] = &[];
        for (leaf, &(_, bytes, _)) in (0u32..).zip(&sorted) {
            builder.insert(leaf, before, bytes);
            before = bytes;
        }
        let longest = sorted.iter().map(|token| token.1.len()).max().unwrap_or(0);
        builder.finish(sorted.iter().map(|token| token.2).collect(), longest)
    }

    /// Number of leaves: tokens that have bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is no token.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Number of nodes, the root included.
    #[must_use]
    pub fn node_count(&self) -> usize {
        self.bytes.len()
    }

    /// Length in bytes of the longest token.
    #[must_use]
    pub const fn longest(&self) -> usize {
        self.longest
    }

    /// Memory of the tables, in bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.ids.len() * 4 + self.bytes.len() * 13 + 1024
    }

    /// The tokens of all leaves, in the order of their bytes.
    #[must_use]
    pub const fn all_ids(&self) -> &[u32] {
        &self.ids
    }

    /// The tokens of a range of leaves.
    ///
    /// # Panics
    /// If the range is not within the leaves.
    #[must_use]
    pub fn ids(&self, leaves: Range<usize>) -> &[u32] {
        &self.ids[leaves]
    }

    /// The leaves that begin with a node's bytes.
    ///
    /// # Panics
    /// If there is no such node.
    #[inline]
    #[must_use]
    pub fn leaves(&self, node: u32) -> Range<usize> {
        self.first[node as usize] as usize..self.end[node as usize] as usize
    }

    /// The leaves that are exactly a node's bytes.
    ///
    /// # Panics
    /// If there is no such node.
    #[inline]
    #[must_use]
    pub fn exact(&self, node: u32) -> Range<usize> {
        let first = self.first[node as usize];
        let end = if self.has_children(node) { self.first[node as usize + 1] } else { self.end[node as usize] };
        first as usize..end as usize
    }

    /// The leaves that begin with a node's bytes and are longer.
    ///
    /// # Panics
    /// If there is no such node.
    #[inline]
    #[must_use]
    pub fn longer(&self, node: u32) -> Range<usize> {
        self.exact(node).end..self.end[node as usize] as usize
    }

    /// Whether any token goes on from a node.
    ///
    /// # Panics
    /// If there is no such node.
    #[inline]
    #[must_use]
    pub fn has_children(&self, node: u32) -> bool {
        self.next[node as usize] > node + 1
    }

    /// The children of a node in the order of their bytes.
    ///
    /// # Panics
    /// If there is no such node.
    pub fn children(&self, node: u32) -> impl Iterator<Item = (u8, u32)> + '_ {
        let end = self.next[node as usize];
        let mut child = node + 1;
        std::iter::from_fn(move || {
            let found = child;
            if found >= end {
                return None;
            }
            child = self.next[found as usize];
            Some((self.bytes[found as usize], found))
        })
    }

    /// The child of a node by a byte. O(1) for the root, O(children) below it.
    ///
    /// # Panics
    /// If there is no such node.
    #[inline]
    #[must_use]
    pub fn child(&self, node: u32, byte: u8) -> Option<u32> {
        if node == ROOT {
            return Some(self.top[usize::from(byte)]).filter(|&child| child != ROOT);
        }
        self.children(node).find(|&(b, _)| b >= byte).filter(|&(b, _)| b == byte).map(|(_, child)| child)
    }

    /// The node of a byte string, if some token begins with it.
    #[must_use]
    pub fn find(&self, bytes: &[u8]) -> Option<u32> {
        bytes.iter().try_fold(ROOT, |node, &byte| self.child(node, byte))
    }
}

/// The first eight bytes as a number that sorts as they do; what is missing counts as zero.
fn first_eight(bytes: &[u8]) -> u64 {
    let mut head = [0; 8];
    let count = bytes.len().min(8);
    head[..count].copy_from_slice(&bytes[..count]);
    u64::from_be_bytes(head)
}

/// A trie under construction: the nodes on the way to the last token entered are still open.
struct Builder {
    bytes: Vec<u8>,
    first: Vec<u32>,
    end: Vec<u32>,
    next: Vec<u32>,
    /// Open nodes by depth, the root first.
    open: Vec<u32>,
    leaves: u32,
}

impl Builder {
    fn with_capacity(nodes: usize) -> Self {
        let mut builder = Self {
            bytes: Vec::with_capacity(nodes),
            first: Vec::with_capacity(nodes),
            end: Vec::with_capacity(nodes),
            next: Vec::with_capacity(nodes),
            open: vec![ROOT],
            leaves: 0,
        };
        builder.push(0, 0);
        builder
    }

    fn push(&mut self, byte: u8, leaf: u32) -> u32 {
        let node = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        self.bytes.push(byte);
        self.first.push(leaf);
        self.end.push(leaf);
        self.next.push(node + 1);
        node
    }

    /// Closes open nodes below a depth: they end before the next node and the next leaf.
    fn close(&mut self, depth: usize) {
        let behind = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        for node in self.open.drain(depth..) {
            self.end[node as usize] = self.leaves;
            self.next[node as usize] = behind;
        }
    }

    fn insert(&mut self, leaf: u32, before: &[u8], bytes: &[u8]) {
        let common = before.iter().zip(bytes).take_while(|(a, b)| a == b).count();
        self.close(common + 1);
        for &byte in &bytes[common..] {
            let node = self.push(byte, leaf);
            self.open.push(node);
        }
        self.leaves = leaf + 1;
    }

    fn finish(mut self, ids: Box<[u32]>, longest: usize) -> VocabTrie {
        self.close(0);
        let mut trie = VocabTrie {
            ids,
            bytes: self.bytes.into(),
            first: self.first.into(),
            end: self.end.into(),
            next: self.next.into(),
            top: Box::new([ROOT; 256]),
            longest,
        };
        let mut top = [ROOT; 256];
        for (byte, child) in trie.children(ROOT) {
            top[usize::from(byte)] = child;
        }
        *trie.top = top;
        trie
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tokens() -> impl Strategy<Value = Vec<Vec<u8>>> {
        prop::collection::vec(prop::collection::vec(prop::sample::select(vec![0, b'a', b'b', 0xFF]), 0..11), 0..40)
    }

    fn trie_of(tokens: &[Vec<u8>]) -> VocabTrie {
        VocabTrie::new(tokens.iter().map(Vec::as_slice).zip(0..))
    }

    proptest! {
        #[test]
        fn a_node_is_the_range_of_the_tokens_that_begin_with_it(
            tokens in tokens(),
            probe in prop::collection::vec(prop::sample::select(vec![0, b'a', b'b', 0xFF]), 0..6),
        ) {
            let trie = trie_of(&tokens);
            let matching = |keep: &dyn Fn(&[u8]) -> bool| {
                let mut found: Vec<(&[u8], u32)> =
                    tokens.iter().map(Vec::as_slice).zip(0..).filter(|t| !t.0.is_empty() && keep(t.0)).collect();
                found.sort_unstable();
                found.into_iter().map(|t| t.1).collect::<Vec<u32>>()
            };
            let expected = matching(&|t| t.starts_with(&probe));
            match trie.find(&probe) {
                None => prop_assert!(expected.is_empty()),
                Some(node) => {
                    prop_assert_eq!(trie.ids(trie.leaves(node)), &expected);
                    prop_assert_eq!(trie.ids(trie.exact(node)), &matching(&|t| t == probe.as_slice()));
                    prop_assert_eq!(trie.ids(trie.longer(node)), &matching(&|t| t.starts_with(&probe) && t.len() > probe.len()));
                    let mut parts = trie.exact(node);
                    for (byte, child) in trie.children(node) {
                        prop_assert_eq!(trie.child(node, byte), Some(child));
                        prop_assert_eq!(trie.leaves(child).start, parts.end);
                        parts.end = trie.leaves(child).end;
                    }
                    prop_assert_eq!(parts, trie.leaves(node));
                }
            }
            prop_assert_eq!(trie.longest(), tokens.iter().map(Vec::len).max().unwrap_or(0));
        }
    }

    #[test]
    fn an_empty_vocabulary_has_a_root_alone() {
        let trie = trie_of(&[]);
        assert!(trie.is_empty() && trie.node_count() == 1 && trie.leaves(ROOT).is_empty());
        assert_eq!(trie.child(ROOT, b'a'), None);
        assert!(!trie.has_children(ROOT));
    }
}
