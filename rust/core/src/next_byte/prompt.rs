//! From a whole text to the covers of it, with one row for each history that still matters at its end.

use super::error::LogitsError;
use super::row::{Logit, Row};
use super::state::{ByteState, StateBuilder};
use super::vocabulary::{ByteVocab, Mode};
use crate::cover::CoverTree;
use std::sync::Arc;

/// What the logits after one history of a prompt say that matters at its end.
#[derive(Debug, Clone)]
pub struct PromptRow {
    /// If the history's next token goes on at the end.
    open: Option<Arc<Row>>,
    /// The nodes behind it that are needed, with the logarithm of the probability of each.
    children: Vec<(usize, f64)>,
}

/// Reads a prompt: the state after it, from the rows of the histories whose next token goes on at its end, and of the
/// beginnings of those. These are the tokens of the prompt and a few more, where advancing byte by byte asks for a row a byte.
///
/// Frozen: [`Prompt::read`] may be called for the histories in any order, and from several threads.
#[derive(Debug)]
pub struct Prompt {
    vocab: Arc<ByteVocab>,
    tree: CoverTree,
    /// Nodes to ask the model about, in order.
    needed: Vec<usize>,
    /// Those nodes by parent.
    children: Vec<(Option<usize>, usize)>,
    /// By node, the empty sequence first: the trie node its next token has come to, if it goes on at the end of the text.
    open: Vec<Option<u32>>,
}

impl Prompt {
    /// Prepares a text; `None` in modes other than [`Mode::Canonical`], where the probability of the prompt is not that of
    /// the histories at its end, or histories are too many.
    #[must_use]
    pub fn new(vocab: Arc<ByteVocab>, text: &[u8]) -> Option<Self> {
        if vocab.mode() != Mode::Canonical {
            return None;
        }
        let mut tree = CoverTree::new(Arc::clone(vocab.rules()?));
        tree.extend(text);
        let mut is_needed = vec![false; tree.len()];
        let mut open = vec![None; tree.len() + 1];
        for (node, at) in tree.open() {
            open[node.map_or(0, |node| node + 1)] = Some(at);
            let mut at = node;
            while let Some(node) = at.filter(|&node| !is_needed[node]) {
                is_needed[node] = true;
                at = tree.parent(node);
            }
        }
        let needed: Vec<usize> = (0..tree.len()).filter(|&node| is_needed[node]).collect();
        let mut children: Vec<_> = needed.iter().map(|&node| (tree.parent(node), node)).collect();
        children.sort_unstable();
        Some(Self { vocab, tree, needed, children, open })
    }

    /// The tokens of the nodes to ask the model about, and of each the parent among them (`None`: the empty sequence).
    #[must_use]
    pub fn needed(&self) -> Vec<(u32, Option<usize>)> {
        let place = |node: usize| self.needed.binary_search(&node).ok();
        let entry = |&node: &usize| (self.tree.token(node).unwrap_or(0), self.tree.parent(node).and_then(place));
        self.needed.iter().map(entry).collect()
    }

    /// How many rows of logits are needed: one for the empty sequence, the first, and one for each node, in order.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.needed.len() + 1
    }

    /// The node of a row; `None` for the empty sequence and beyond the last.
    fn node_of(&self, row: usize) -> Option<usize> {
        self.needed.get(row.checked_sub(1)?).copied()
    }

    /// Reads the logits after the empty sequence (row 0) or a node (from row 1 on).
    ///
    /// # Errors
    /// As [`Row::new`].
    pub fn read<T: Logit>(&self, row: usize, logits: &[T]) -> Result<PromptRow, LogitsError> {
        let node = self.node_of(row);
        let masses = Row::new(&self.vocab, self.tree.reading(node), logits)?;
        let first = self.children.partition_point(|&(parent, _)| parent < node);
        let behind = self.children[first..].iter().take_while(|&&(parent, _)| parent == node);
        let leaves = behind.filter_map(|&(_, child)| Some((child, self.tree.node(child)?.leaf)));
        let children = leaves.map(|(child, leaf)| (child, masses.token(leaf).ln())).collect();
        let is_open = self.open[node.map_or(0, |node| node + 1)].is_some();
        Ok(PromptRow { open: is_open.then(|| Arc::new(masses)), children })
    }

    /// The state after the prompt; `None` unless there is one of each row, in order.
    #[must_use]
    pub fn finish<'a>(&self, rows: impl IntoIterator<Item = &'a PromptRow>) -> Option<ByteState> {
        let place = |node: Option<usize>| node.map_or(0, |node| node + 1);
        // By node, the empty sequence first: logarithm of its probability, once it is known.
        let mut log_weights = vec![f64::NEG_INFINITY; self.tree.len() + 1];
        log_weights[0] = 0.0;
        let mut builder = StateBuilder::new(self.tree.len());
        let mut count = 0;
        for row in rows {
            if count == self.rows() {
                return None;
            }
            let node = self.node_of(count);
            let log_weight = log_weights[place(node)];
            for &(child, log) in &row.children {
                log_weights[child + 1] = log_weight + log;
            }
            let open = self.open[place(node)].zip(row.open.clone());
            builder.add(&self.tree, node, log_weight, open);
            count += 1;
        }
        (count == self.rows()).then(|| builder.finish(Arc::clone(&self.vocab)))
    }
}
