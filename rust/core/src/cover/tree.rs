//! The valid sequences that spell the prefixes of one text, as a tree.

use super::rules::{CoverRules, Reading};
use crate::id::TokenId;
use crate::tree::{TokenTree, TreeError};
use crate::trie::ROOT;
use std::sync::Arc;

/// The number of the empty sequence, which is no node of the token tree.
const EMPTY: usize = 0;

/// A node of a cover tree, beside its token and parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeEnd {
    /// Where its token begins in the text.
    pub start: usize,
    /// Where its token ends: the length of the prefix that the path to the node spells.
    pub end: usize,
    /// Its leaf in the trie.
    pub leaf: usize,
}

#[derive(Debug, Clone)]
struct Node {
    parent: usize,
    place: NodeEnd,
    reading: Reading,
}

/// Every valid sequence that spells a prefix of a text, for a text that grows byte by byte.
///
/// Nodes are numbered in the order of where their tokens end, so that growing adds nodes at the end and rewinding takes them
/// away. Without a pretokenizer there is one node a byte; with one, a few more where it looks ahead.
#[derive(Debug, Clone)]
pub struct CoverTree {
    rules: Arc<CoverRules>,
    text: Vec<u8>,
    /// The empty sequence first.
    nodes: Vec<Node>,
    /// Sequences whose next token has begun, with the trie node it has come to; by length of the text, one after the other.
    open: Vec<(usize, u32)>,
    /// By length of the text: where its part of `open` ends, and how many nodes there are.
    ends: Vec<(usize, usize)>,
}

impl CoverTree {
    /// The tree of the empty text: no nodes.
    #[must_use]
    pub fn new(rules: Arc<CoverRules>) -> Self {
        let empty =
            Node { parent: EMPTY, place: NodeEnd { start: 0, end: 0, leaf: usize::MAX }, reading: rules.start() };
        Self { rules, text: Vec::new(), nodes: vec![empty], open: vec![(EMPTY, ROOT)], ends: vec![(1, 1)] }
    }

    /// The text so far.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// The rules.
    #[must_use]
    pub const fn rules(&self) -> &Arc<CoverRules> {
        &self.rules
    }

    /// The number of nodes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len() - 1
    }

    /// Whether there are no nodes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.len() == 1
    }

    /// Appends text. O(sequences whose next token has begun) a byte, three or four in usual text.
    pub fn extend(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.push(byte);
        }
    }

    fn push(&mut self, byte: u8) {
        self.text.push(byte);
        let end = self.text.len();
        let from = self.ends.len().checked_sub(2).map_or(0, |before| self.ends[before].0);
        let rules = Arc::clone(&self.rules);
        let trie = rules.trie();
        for index in from..self.open.len() {
            let (parent, node) = self.open[index];
            let Some(node) = trie.child(node, byte) else { continue };
            let start = self.nodes[parent].place.end;
            for leaf in trie.exact(node) {
                let bytes = &self.text[start..end];
                if let Some(reading) = rules.append_bytes(&self.nodes[parent].reading, leaf, bytes) {
                    self.nodes.push(Node { parent, place: NodeEnd { start, end, leaf }, reading });
                }
            }
            if trie.has_children(node) {
                self.open.push((parent, node));
            }
        }
        let before = self.ends[self.ends.len() - 1].1;
        self.open.extend((before..self.nodes.len()).map(|node| (node, ROOT)));
        self.ends.push((self.open.len(), self.nodes.len()));
    }

    /// Goes back to a shorter text; a longer one is left as it is. O(nodes taken away).
    pub fn rewind(&mut self, len: usize) {
        if len < self.text.len() {
            self.text.truncate(len);
            self.ends.truncate(len + 1);
            let (open, nodes) = self.ends[len];
            self.open.truncate(open);
            self.nodes.truncate(nodes);
        }
    }

    /// The place of a node's token; `None` beyond the last node.
    #[must_use]
    pub fn node(&self, node: usize) -> Option<NodeEnd> {
        self.nodes.get(node.checked_add(1)?).map(|node| node.place)
    }

    /// The id of a node's token; `None` beyond the last node.
    #[must_use]
    pub fn token(&self, node: usize) -> Option<u32> {
        self.rules.trie().all_ids().get(self.node(node)?.leaf).copied()
    }

    /// The node before a node; `None` if that is the empty sequence, or beyond the last node.
    #[must_use]
    pub fn parent(&self, node: usize) -> Option<usize> {
        self.nodes.get(node.checked_add(1)?)?.parent.checked_sub(1)
    }

    /// How the text can be read up to a node, or at its start.
    #[must_use]
    pub fn reading(&self, node: Option<usize>) -> Option<&Reading> {
        self.nodes.get(node.map_or(0, |node| node + 1)).map(|node| &node.reading)
    }

    /// The nodes that end with a prefix, by its length.
    #[must_use]
    pub fn ending_at(&self, len: usize) -> std::ops::Range<usize> {
        let nodes = |len: usize| self.ends.get(len).map_or(self.nodes.len(), |ends| ends.1) - 1;
        if len == 0 { 0..0 } else { nodes(len - 1)..nodes(len) }
    }

    /// Sequences, by last node (`None`: the empty one), whose next token has begun to spell the rest of the text, with the
    /// trie node it has come to; those that spell all of the text stand at the root.
    pub fn open(&self) -> impl Iterator<Item = (Option<usize>, u32)> + '_ {
        let from = self.ends.len().checked_sub(2).map_or(0, |before| self.ends[before].0);
        self.open[from..].iter().map(|&(node, at)| (node.checked_sub(1), at))
    }

    /// The tokens from the first to a node's.
    #[must_use]
    pub fn path(&self, node: usize) -> Vec<u32> {
        let mut ids = Vec::new();
        let mut at = node + 1;
        while at != EMPTY && at < self.nodes.len() {
            let Node { parent, place, .. } = &self.nodes[at];
            ids.extend_from_slice(self.rules.trie().ids(place.leaf..place.leaf + 1));
            at = *parent;
        }
        ids.reverse();
        ids
    }

    /// The tree of tokens and parents, to be evaluated in one pass.
    ///
    /// # Errors
    /// If it has more nodes than a token tree may have.
    pub fn token_tree(&self) -> Result<TokenTree, TreeError> {
        let tokens = self.nodes[1..].iter().map(|node| TokenId(self.rules.trie().all_ids()[node.place.leaf])).collect();
        let parents = self.nodes[1..].iter().map(|node| i32::try_from(node.parent).map_or(-1, |parent| parent - 1));
        TokenTree::new(tokens, parents.collect())
    }
}
