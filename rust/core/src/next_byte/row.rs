//! What a model says after one history: the mass of every token that may follow, by leaf of the trie.

use super::error::LogitsError;
use super::exp;
use super::vocabulary::{ByteVocab, Mode};
use crate::cover::Reading;
use crate::trie::ROOT;
use std::ops::Range;

/// A number type that models give logits in.
pub trait Logit: Copy + PartialOrd + Into<f64> {
    /// -inf.
    const LEAST: Self;
}

impl Logit for f32 {
    const LEAST: Self = Self::NEG_INFINITY;
}
impl Logit for f64 {
    const LEAST: Self = Self::NEG_INFINITY;
}

/// The distribution of what follows one history; see [`Mode`] for what is left out and what the rest is divided by.
#[derive(Debug, Clone)]
pub struct Row {
    /// By leaf, up to `scale`; 0 for what may not follow.
    weights: Box<[f64]>,
    scale: f64,
    /// By first byte, scaled.
    first: Box<[f64; 256]>,
    end: f64,
    total: f64,
    special: f64,
}

impl Row {
    /// Reads the logits of a model after a history that can be read as `reading` says; by id, wider than the vocabulary if
    /// the model pads it. O(vocabulary).
    ///
    /// # Errors
    /// If there are fewer logits than ids, one is NaN or +inf, or all that may follow are -inf.
    pub fn new<T: Logit>(vocab: &ByteVocab, reading: Option<&Reading>, logits: &[T]) -> Result<Self, LogitsError> {
        if logits.len() < vocab.width() {
            return Err(LogitsError::width(logits.len(), vocab.width()));
        }
        let logits = &logits[..vocab.width()];
        let largest = largest(logits)?;
        let found = Self::relative_to(vocab, reading, logits, largest);
        if let Some(row) = found {
            return Ok(row);
        }
        // What may follow is so far below the rest that it vanished beside it.
        let valid = valid_leaves(vocab, reading);
        let may_end = vocab.may_end(reading);
        let leaves = vocab.trie().all_ids().iter().enumerate();
        let kept = leaves.filter(|(leaf, _)| has(valid.as_deref(), *leaf)).map(|(_, id)| *id);
        let ends = vocab.end_ids().iter().copied().filter(|_| may_end);
        let kept = kept.chain(ends).map(|id| logits[id as usize].into()).fold(f64::NEG_INFINITY, f64::max);
        if kept == f64::NEG_INFINITY || vocab.mode() != Mode::Canonical {
            return Err(LogitsError::nothing());
        }
        Self::relative_to(vocab, reading, logits, kept).ok_or_else(LogitsError::nothing)
    }

    /// With logits relative to one that is not much smaller than the largest that counts; `None` if nothing is left.
    fn relative_to<T: Logit>(vocab: &ByteVocab, reading: Option<&Reading>, logits: &[T], largest: f64) -> Option<Self> {
        let valid = valid_leaves(vocab, reading);
        let trie = vocab.trie();
        let ids = trie.all_ids();
        let mut weights = Vec::with_capacity(ids.len());
        let mut left_out = 0.0;
        // What is not valid still counts in the denominator of the modes that do not renormalize.
        let counts_all = vocab.mode() != Mode::Canonical;
        let weigh = exp::fastest::<T>();
        let (mut gathered, mut values) = ([T::LEAST; 64], [0.0; 64]);
        for (block, ids) in ids.chunks(64).enumerate() {
            let kept = valid.as_ref().map_or(u64::MAX, |valid| valid[block]);
            if kept == 0 && !counts_all {
                weights.extend_from_slice(&[0.0; 64][..ids.len()]);
                continue;
            }
            for (value, &id) in gathered.iter_mut().zip(ids) {
                *value = logits[id as usize];
            }
            weigh(&gathered, largest, if counts_all { u64::MAX } else { kept }, &mut values);
            if counts_all && kept != u64::MAX {
                let mut others = values;
                exp::keep(&mut others, !kept);
                left_out += sum(&others[..ids.len()]);
                exp::keep(&mut values, kept);
            }
            weights.extend_from_slice(&values[..ids.len()]);
        }
        let weights = weights.into_boxed_slice();
        let mut first = Box::new([0.0; 256]);
        for (byte, child) in trie.children(ROOT) {
            first[usize::from(byte)] = sum(&weights[trie.leaves(child)]);
        }
        let sum_of = |ids: &[u32]| ids.iter().map(|&id| f64::exp(logits[id as usize].into() - largest)).sum::<f64>();
        let all_ends = sum_of(vocab.end_ids());
        let mut end = if vocab.may_end(reading) { all_ends } else { 0.0 };
        let valid_sum = sum(&first[..]) + end;
        let ordinary = if counts_all { sum(&first[..]) + left_out + all_ends } else { valid_sum };
        if valid_sum <= 0.0 || !valid_sum.is_finite() {
            return None;
        }
        let special = sum_of(vocab.special_ids());
        let everything = sum(&first[..]) + left_out + all_ends + special;
        let scale = 1.0 / ordinary;
        first.iter_mut().for_each(|mass| *mass *= scale);
        end *= scale;
        Some(Self { weights, scale, first, end, total: valid_sum * scale, special: special / everything })
    }

    /// The mass of one token, by leaf.
    ///
    /// # Panics
    /// If there is no such leaf.
    #[must_use]
    pub fn token(&self, leaf: usize) -> f64 {
        self.weights[leaf] * self.scale
    }

    /// The mass of a range of leaves.
    ///
    /// # Panics
    /// If it is not within the leaves.
    #[must_use]
    pub fn mass(&self, leaves: Range<usize>) -> f64 {
        sum(&self.weights[leaves]) * self.scale
    }

    /// The mass of the tokens that begin with a byte.
    #[must_use]
    pub fn first(&self, byte: u8) -> f64 {
        self.first[usize::from(byte)]
    }

    /// The mass of the end of the text.
    #[must_use]
    pub const fn end(&self) -> f64 {
        self.end
    }

    /// The mass of everything: 1 in modes that renormalize, less in the other.
    #[must_use]
    pub const fn total(&self) -> f64 {
        self.total
    }

    /// The probability, before anything is left out, that a special token other than the ends follows.
    #[must_use]
    pub const fn special(&self) -> f64 {
        self.special
    }
}

/// The largest logit, after a look at all.
fn largest<T: Logit>(logits: &[T]) -> Result<f64, LogitsError> {
    let mut lanes = [T::LEAST; 16];
    let mut numbers = [true; 16];
    let (blocks, rest) = logits.as_chunks::<16>();
    for block in blocks {
        for ((lane, numbers), &logit) in lanes.iter_mut().zip(&mut numbers).zip(block) {
            *numbers &= logit >= T::LEAST;
            *lane = if logit > *lane { logit } else { *lane };
        }
    }
    let all = lanes.iter().chain(rest).map(|&logit| logit.into());
    let largest = all.clone().fold(f64::NEG_INFINITY, f64::max);
    let odd = !numbers.iter().all(|&number| number) || all.into_iter().any(f64::is_nan);
    if odd || largest == f64::INFINITY {
        let wrong = logits.iter().map(|&logit| logit.into()).enumerate();
        let found = wrong.into_iter().find(|(_, logit)| logit.is_nan() || *logit == f64::INFINITY);
        return Err(found.map_or_else(LogitsError::nothing, |(id, value)| LogitsError::value(id, value)));
    }
    if largest == f64::NEG_INFINITY { Err(LogitsError::nothing()) } else { Ok(largest) }
}

fn valid_leaves(vocab: &ByteVocab, reading: Option<&Reading>) -> Option<Box<[u64]>> {
    Some(vocab.rules()?.valid(reading?))
}

fn has(valid: Option<&[u64]>, leaf: usize) -> bool {
    valid.is_none_or(|valid| valid[leaf / 64] >> (leaf % 64) & 1 == 1)
}

/// Sums positive terms, eight at a time.
fn sum(terms: &[f64]) -> f64 {
    let mut lanes = [0.0; 8];
    let (blocks, rest) = terms.as_chunks::<8>();
    for block in blocks {
        for (lane, term) in lanes.iter_mut().zip(block) {
            *lane += term;
        }
    }
    lanes.iter().sum::<f64>() + rest.iter().sum::<f64>()
}
