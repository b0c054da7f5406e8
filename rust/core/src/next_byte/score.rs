//! The probabilities of all prefixes of one text from one evaluation of its cover tree.

use super::error::LogitsError;
use super::row::{Logit, Row};
use super::vocabulary::ByteVocab;
use crate::cover::CoverTree;
use crate::trie::ROOT;
use std::sync::Arc;

/// A sum of exponentials, kept as a logarithm and a factor.
#[derive(Debug, Clone, Copy)]
struct LogSum {
    largest: f64,
    sum: f64,
}

impl LogSum {
    const ZERO: Self = Self { largest: f64::NEG_INFINITY, sum: 0.0 };

    /// Adds `factor` times e to the power of `log`.
    fn add(&mut self, log: f64, factor: f64) {
        if factor <= 0.0 || log == f64::NEG_INFINITY {
            return;
        }
        if log > self.largest {
            self.sum = self.sum * (self.largest - log).exp() + factor;
            self.largest = log;
        } else {
            self.sum += factor * (log - self.largest).exp();
        }
    }

    fn ln(self) -> f64 {
        if self.sum > 0.0 { self.largest + self.sum.ln() } else { f64::NEG_INFINITY }
    }
}

/// What a text scores.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// By byte: logarithm of its probability given the bytes before it.
    pub logprobs: Vec<f64>,
    /// Logarithm of the probability that the text ends after its last byte.
    pub end_logprob: f64,
}

/// Adds up what a model says after the nodes of a text's cover tree, one node after the other.
#[derive(Debug)]
pub struct Scorer {
    vocab: Arc<ByteVocab>,
    tree: CoverTree,
    /// The empty sequence, then the nodes: logarithm of its probability, once it is known.
    log_weights: Vec<f64>,
    /// By length of the prefix: mass of the covers of the prefix that are longer than the histories they end.
    spelled: Vec<LogSum>,
    /// By length of the prefix: mass of what follows, the end included.
    follows: Vec<LogSum>,
    end: LogSum,
    /// How many rows have come.
    count: usize,
}

impl Scorer {
    /// Prepares a text; `None` in the mode in which all sequences count, which are too many for a tree.
    #[must_use]
    pub fn new(vocab: Arc<ByteVocab>, text: &[u8]) -> Option<Self> {
        let mut tree = CoverTree::new(Arc::clone(vocab.rules()?));
        tree.extend(text);
        let mut log_weights = vec![f64::NEG_INFINITY; tree.len() + 1];
        log_weights[0] = 0.0;
        let sums = vec![LogSum::ZERO; text.len() + 1];
        Some(Self { vocab, log_weights, spelled: sums.clone(), follows: sums, end: LogSum::ZERO, count: 0, tree })
    }

    /// The tree to evaluate.
    #[must_use]
    pub const fn tree(&self) -> &CoverTree {
        &self.tree
    }

    /// How many rows are still to come: one for the empty sequence and one for each node, in order.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.log_weights.len() - self.count
    }

    /// Takes the logits after the next node; the first call is about the empty sequence.
    ///
    /// # Errors
    /// As [`Row::new`]; nothing has changed then.
    pub fn push<T: Logit>(&mut self, logits: &[T]) -> Result<(), LogitsError> {
        if self.count == self.log_weights.len() {
            return Ok(());
        }
        let log_weight = self.log_weights[self.count];
        let node = self.count.checked_sub(1);
        let reading = self.tree.reading(node);
        let row = Row::new(&self.vocab, reading, logits)?;
        self.count += 1;
        let at = node.and_then(|node| self.tree.node(node)).map_or(0, |place| place.end);
        self.follows[at].add(log_weight, row.total());
        if at == self.tree.text().len() {
            self.end.add(log_weight, row.end());
        }
        self.spread(node, at, log_weight, &row);
        Ok(())
    }

    /// Adds the mass of the tokens that go on from a node, prefix by prefix.
    fn spread(&mut self, parent: Option<usize>, from: usize, log_weight: f64, row: &Row) {
        let trie = Arc::clone(self.vocab.trie());
        let mut at = ROOT;
        for end in from + 1..=self.tree.text().len() {
            let Some(child) = trie.child(at, self.tree.text()[end - 1]) else { return };
            at = child;
            let longer = row.mass(trie.longer(at));
            let exact = row.mass(trie.exact(at));
            self.follows[end].add(log_weight, longer);
            self.spelled[end].add(log_weight, longer + exact);
            if exact > 0.0 {
                for node in self.tree.ending_at(end).filter(|&node| self.tree.parent(node) == parent) {
                    if let Some(place) = self.tree.node(node) {
                        self.log_weights[node + 1] = log_weight + row.token(place.leaf).ln();
                    }
                }
            }
        }
    }

    /// The scores, once no row is [missing](Scorer::missing).
    #[must_use]
    pub fn finish(&self) -> Option<Scored> {
        if self.missing() > 0 {
            return None;
        }
        let log_of = |(spelled, follows): (&LogSum, &LogSum)| spelled.ln() - follows.ln();
        let logprobs = self.spelled[1..].iter().zip(&self.follows).map(log_of);
        let logprobs = logprobs.map(|log| if log.is_nan() { f64::NEG_INFINITY } else { log.min(0.0) }).collect();
        let end = self.end.ln() - self.follows[self.follows.len() - 1].ln();
        Some(Scored { logprobs, end_logprob: if end.is_nan() { f64::NEG_INFINITY } else { end } })
    }
}
