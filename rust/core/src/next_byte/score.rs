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

/// What the logits after one node of a text's cover tree contribute.
#[derive(Debug, Clone)]
pub struct NodeScore {
    /// The mass of all that may follow, and of the end.
    total: f64,
    end: f64,
    /// For each longer prefix as far as tokens go on: the mass of the tokens that go on behind it, and of those that do or
    /// end there.
    spelled: Vec<(f64, f64)>,
    /// The nodes behind this one, with the logarithm of the probability of each.
    children: Vec<(usize, f64)>,
}

/// The probabilities of all prefixes of one text: what a model says after each node of its cover tree, added up.
///
/// Frozen: [`Scorer::read`] may be called for the nodes in any order, and from several threads.
#[derive(Debug)]
pub struct Scorer {
    vocab: Arc<ByteVocab>,
    tree: CoverTree,
}

impl Scorer {
    /// Prepares a text; `None` in the mode in which all sequences count, which are too many for a tree.
    #[must_use]
    pub fn new(vocab: Arc<ByteVocab>, text: &[u8]) -> Option<Self> {
        let mut tree = CoverTree::new(Arc::clone(vocab.rules()?));
        tree.extend(text);
        Some(Self { vocab, tree })
    }

    /// The tree to evaluate.
    #[must_use]
    pub const fn tree(&self) -> &CoverTree {
        &self.tree
    }

    /// How many rows of logits are needed: one for the empty sequence, the first, and one for each node.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.tree.len() + 1
    }

    /// Reads the logits after the empty sequence (row 0) or a node (from row 1 on).
    ///
    /// # Errors
    /// As [`Row::new`].
    pub fn read<T: Logit>(&self, row: usize, logits: &[T]) -> Result<NodeScore, LogitsError> {
        let node = row.checked_sub(1);
        let masses = Row::new(&self.vocab, self.tree.reading(node), logits)?;
        let start = node.and_then(|node| self.tree.node(node)).map_or(0, |place| place.end);
        let mut score =
            NodeScore { total: masses.total(), end: masses.end(), spelled: Vec::new(), children: Vec::new() };
        let trie = self.vocab.trie();
        let mut at = ROOT;
        for (&byte, end) in self.tree.text()[start..].iter().zip(start + 1..) {
            let Some(child) = trie.child(at, byte) else { break };
            at = child;
            let longer = masses.mass(trie.longer(at));
            let exact = masses.mass(trie.exact(at));
            score.spelled.push((longer, longer + exact));
            if exact > 0.0 {
                let here = self.tree.ending_at(end).filter(|&child| self.tree.parent(child) == node);
                let leaves = here.filter_map(|child| Some((child, self.tree.node(child)?.leaf)));
                score.children.extend(leaves.map(|(child, leaf)| (child, masses.token(leaf).ln())));
            }
        }
        Ok(score)
    }

    /// The scores of the text; `None` unless there is one of each row, in order.
    #[must_use]
    pub fn finish<'a>(&self, scores: impl IntoIterator<Item = &'a NodeScore>) -> Option<Scored> {
        let count = self.tree.text().len() + 1;
        // By length of the prefix: mass of the covers that spell it and are longer than the histories they end, and mass of
        // what follows, the end included.
        let (mut spelled, mut follows) = (vec![LogSum::ZERO; count], vec![LogSum::ZERO; count]);
        let mut ends = LogSum::ZERO;
        // By row: logarithm of the probability of the sequence.
        let mut log_weights = vec![f64::NEG_INFINITY; self.rows()];
        log_weights[0] = 0.0;
        let mut rows = 0;
        for score in scores {
            let log_weight = *log_weights.get(rows)?;
            let at = rows.checked_sub(1).and_then(|node| self.tree.node(node)).map_or(0, |place| place.end);
            rows += 1;
            follows[at].add(log_weight, score.total);
            if at + 1 == count {
                ends.add(log_weight, score.end);
            }
            for (end, &(longer, all)) in (at + 1..count).zip(&score.spelled) {
                follows[end].add(log_weight, longer);
                spelled[end].add(log_weight, all);
            }
            for &(child, log) in &score.children {
                *log_weights.get_mut(child + 1)? = log_weight + log;
            }
        }
        if rows < self.rows() {
            return None;
        }
        let log_of = |(spelled, follows): (&LogSum, &LogSum)| spelled.ln() - follows.ln();
        let logprobs = spelled[1..].iter().zip(&follows).map(log_of);
        let logprobs = logprobs.map(|log| if log.is_nan() { f64::NEG_INFINITY } else { log.min(0.0) }).collect();
        let end = ends.ln() - follows[count - 1].ln();
        Some(Scored { logprobs, end_logprob: if end.is_nan() { f64::NEG_INFINITY } else { end } })
    }
}
