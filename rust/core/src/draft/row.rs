//! One row of candidates: up to eight tokens with probabilities, in one cache line.

use super::quantize::{self, Probability};

/// The most candidates a row holds.
pub const MAX_K: usize = 8;

/// How a new distribution enters a row that already holds one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Update {
    /// The new distribution takes the place of the old one, as in the paper.
    Replace,
    /// The average of all distributions seen while they are few, later an exponential moving average: the `n`-th
    /// distribution enters with weight `max(1 / n, rate)`.
    Average {
        /// The weight below which a new distribution never falls, in (0, 1].
        rate: f32,
    },
}

/// The likeliest successors of one context, likeliest first.
///
/// 64 bytes: a probe of a table touches one cache line. Slots from `len` on are empty.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C, align(64))]
pub struct Row {
    ids: [u32; MAX_K],
    probabilities: [Probability; MAX_K],
    /// What tells contexts of one place in a table apart; 0 in rows that are found by index.
    pub(super) tag: u32,
    /// The step that changed the row last.
    pub(super) stamp: u32,
    /// Distributions that entered the row; 0 if the context has never been seen.
    count: u16,
    len: u8,
}

impl Row {
    /// A row that holds one distribution: `ids` with natural logarithms of probabilities, likeliest first.
    pub(super) fn of(ids: &[u32], logs: &[f32]) -> Self {
        let mut row = Self::default();
        row.replace(ids, logs);
        row
    }

    /// The candidates, likeliest first.
    #[must_use]
    pub fn ids(&self) -> &[u32] {
        &self.ids[..self.len()]
    }

    /// Their probabilities, in the order of [`ids`](Self::ids).
    #[must_use]
    pub fn probabilities(&self) -> &[Probability] {
        &self.probabilities[..self.len()]
    }

    /// How many candidates the row holds.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::from(self.len).min(MAX_K)
    }

    /// Whether nothing has ever entered the row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many distributions entered the row, saturating.
    #[must_use]
    pub fn count(&self) -> u16 {
        self.count
    }

    /// The step that changed the row last.
    #[must_use]
    pub fn stamp(&self) -> u32 {
        self.stamp
    }

    /// The place of `id` among the candidates.
    #[must_use]
    #[inline]
    pub fn rank(&self, id: u32) -> Option<usize> {
        // All eight are compared, without a branch for each: the compiler makes two vector comparisons of it.
        let hits = self.ids.iter().enumerate().fold(0_u32, |hits, (i, &have)| hits | (u32::from(have == id) << i));
        let rank = hits.trailing_zeros() as usize;
        (rank < self.len()).then_some(rank)
    }

    /// The probability of `id`, zero if it is no candidate.
    #[must_use]
    #[inline]
    pub fn probability(&self, id: u32) -> Probability {
        self.rank(id).map_or(Probability::ZERO, |rank| self.probabilities[rank])
    }

    /// The row without `id`.
    pub(super) fn without(mut self, id: u32) -> Self {
        if let Some(rank) = self.rank(id) {
            self.ids.copy_within(rank + 1.., rank);
            self.probabilities.copy_within(rank + 1.., rank);
            self.len -= 1;
        }
        self
    }

    /// Takes a distribution in. O(k²) comparisons of whole vectors.
    pub(super) fn update(&mut self, new: &Self, how: Update) {
        match how {
            Update::Average { rate } if self.count > 0 => {
                self.average(new, (1.0 / f32::from(self.count.saturating_add(1))).max(rate));
            }
            _ => (self.ids, self.probabilities, self.len) = (new.ids, new.probabilities, new.len),
        }
        self.count = self.count.saturating_add(1);
    }

    /// A row with everything it had when it was saved.
    pub(super) fn restored(candidates: &[(u32, Probability)], count: u16, stamp: u32) -> Self {
        let mut row = Self { count, stamp, len: quantize::small(candidates.len().min(MAX_K)), ..Self::default() };
        for (i, &(id, probability)) in candidates.iter().take(MAX_K).enumerate() {
            (row.ids[i], row.probabilities[i]) = (id, probability);
        }
        row
    }

    /// Takes in a row of another drafter: an average by counts, or nothing where rows replace and this one is not empty.
    pub(super) fn combine(&mut self, other: &Self, how: Update) {
        if self.is_empty() {
            (self.ids, self.probabilities, self.len, self.count) =
                (other.ids, other.probabilities, other.len, other.count);
        } else if let Update::Average { .. } = how {
            let total = f32::from(self.count) + f32::from(other.count);
            self.average(other, f32::from(other.count) / total.max(1.0));
            self.count = self.count.saturating_add(other.count);
        }
    }

    fn replace(&mut self, ids: &[u32], logs: &[f32]) {
        let len = ids.len().min(logs.len()).min(MAX_K);
        self.ids[..len].copy_from_slice(&ids[..len]);
        for (probability, &log) in self.probabilities.iter_mut().zip(&logs[..len]) {
            *probability = Probability::from_log(log);
        }
        self.len = quantize::small(len);
        self.count = 1;
    }

    /// The mean of both, in which the new one has the given weight.
    fn average(&mut self, new: &Self, weight: f32) {
        let mut ids = [0; 2 * MAX_K];
        let mut values = [0.0; 2 * MAX_K];
        let old = self.len();
        ids[..old].copy_from_slice(self.ids());
        for (value, probability) in values.iter_mut().zip(self.probabilities()) {
            *value = (1.0 - weight) * probability.value();
        }
        let mut total = old;
        for (&id, &probability) in new.ids().iter().zip(new.probabilities()) {
            let place = self.rank(id).unwrap_or(total);
            ids[place] = id;
            values[place] += weight * probability.value();
            total += usize::from(place == total);
        }
        self.keep_likeliest(&mut ids, &mut values, total);
    }

    /// Keeps the likeliest of `total` candidates, in order; of equals the one that stood first.
    fn keep_likeliest(&mut self, ids: &mut [u32; 2 * MAX_K], values: &mut [f32; 2 * MAX_K], total: usize) {
        // Nearly sorted already: both halves were, and a distribution changes slowly.
        for i in 1..total {
            let (id, value) = (ids[i], values[i]);
            let mut at = i;
            while at > 0 && values[at - 1] < value {
                (ids[at], values[at]) = (ids[at - 1], values[at - 1]);
                at -= 1;
            }
            (ids[at], values[at]) = (id, value);
        }
        let len = total.min(MAX_K);
        self.ids[..len].copy_from_slice(&ids[..len]);
        for (probability, &value) in self.probabilities.iter_mut().zip(&values[..len]) {
            *probability = Probability::from_value(value);
        }
        self.len = quantize::small(len);
    }
}
