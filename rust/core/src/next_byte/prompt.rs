//! From a whole text to the covers of it, with one row for each history that still matters at its end.

use super::error::LogitsError;
use super::row::{Logit, Row};
use super::state::{ByteState, StateBuilder};
use super::vocabulary::{ByteVocab, Mode};
use crate::cover::CoverTree;
use std::sync::Arc;

/// Reads a prompt: the state after it, from the rows of the histories whose next token goes on at its end, and of the
/// beginnings of those. These are the tokens of the prompt and a few more, where advancing byte by byte asks for a row a byte.
#[derive(Debug)]
pub struct Prompt {
    vocab: Arc<ByteVocab>,
    tree: CoverTree,
    /// Nodes to ask the model about, in order.
    needed: Vec<usize>,
    /// Those nodes by parent.
    children: Vec<(Option<usize>, usize)>,
    /// By node, the empty sequence first: logarithm of its probability, once it is known.
    log_weights: Vec<f64>,
    builder: StateBuilder,
    count: usize,
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
        for (node, _) in tree.open() {
            let mut at = node;
            while let Some(node) = at.filter(|&node| !is_needed[node]) {
                is_needed[node] = true;
                at = tree.parent(node);
            }
        }
        let needed: Vec<usize> = (0..tree.len()).filter(|&node| is_needed[node]).collect();
        let mut children: Vec<_> = needed.iter().map(|&node| (tree.parent(node), node)).collect();
        children.sort_unstable();
        let mut log_weights = vec![f64::NEG_INFINITY; tree.len() + 1];
        log_weights[0] = 0.0;
        let builder = StateBuilder::new(&tree);
        Some(Self { vocab, tree, needed, children, log_weights, builder, count: 0 })
    }

    /// The tokens of the nodes to ask the model about, and of each the parent among them (`None`: the empty sequence).
    #[must_use]
    pub fn needed(&self) -> Vec<(u32, Option<usize>)> {
        let place = |node: usize| self.needed.binary_search(&node).ok();
        let entry = |&node: &usize| (self.tree.token(node).unwrap_or(0), self.tree.parent(node).and_then(place));
        self.needed.iter().map(entry).collect()
    }

    /// How many rows are still to come: one for the empty sequence and one for each node, in order.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.needed.len() + 1 - self.count
    }

    /// Takes the logits after the next node; the first call is about the empty sequence.
    ///
    /// # Errors
    /// As [`Row::new`]; nothing has changed then.
    pub fn push<T: Logit>(&mut self, logits: &[T]) -> Result<(), LogitsError> {
        if self.missing() == 0 {
            return Ok(());
        }
        let node = self.count.checked_sub(1).map(|count| self.needed[count]);
        let row = Row::new(&self.vocab, self.tree.reading(node), logits)?;
        let log_weight = self.log_weights[node.map_or(0, |node| node + 1)];
        let first = self.children.partition_point(|&(parent, _)| parent < node);
        for &(_, child) in self.children[first..].iter().take_while(|&&(parent, _)| parent == node) {
            if let Some(place) = self.tree.node(child) {
                self.log_weights[child + 1] = log_weight + row.token(place.leaf).ln();
            }
        }
        self.builder.add(&self.tree, node, log_weight, row);
        self.count += 1;
        Ok(())
    }

    /// The state after the prompt, once no row is [missing](Prompt::missing).
    #[must_use]
    pub fn finish(self) -> Option<ByteState> {
        (self.missing() == 0).then(|| self.builder.finish(self.vocab))
    }
}
