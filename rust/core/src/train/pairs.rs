//! Counts by pair of symbols.

use crate::{hash, hugepage};

/// A pair of symbols as one word, ordered as the pairs are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Pair(u64);

impl Pair {
    pub(super) const fn new(left: u32, right: u32) -> Self {
        Self((left as u64) << 32 | right as u64)
    }

    #[allow(clippy::cast_possible_truncation, reason = "the halves are meant")]
    pub(super) const fn parts(self) -> (u32, u32) {
        ((self.0 >> 32) as u32, self.0 as u32)
    }

    /// A hash that is good in its upper bits.
    #[inline]
    pub(super) const fn hash(self) -> u64 {
        hash::fold(self.0, 0)
    }
}

/// No pair: ids are smaller.
const FREE: Pair = Pair(u64::MAX);
const SMALLEST: usize = 1 << 6;

/// Open addressing with linear probing, at most half full, 16 bytes an entry. Entries are never removed.
#[derive(Debug)]
pub(super) struct PairTable {
    entries: Vec<(Pair, u64)>,
    shift: u32,
    len: usize,
}

impl PairTable {
    /// A table that does not grow before it has that many pairs.
    pub(super) fn with_capacity(pairs: usize) -> Self {
        let size = (pairs * 2).next_power_of_two().max(SMALLEST);
        Self { entries: hugepage::filled((FREE, 0), size), shift: 64 - size.trailing_zeros(), len: 0 }
    }

    /// Where a pair is, or would be.
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "the shift leaves fewer bits than the table has entries")]
    fn find(&self, pair: Pair) -> usize {
        let mask = self.entries.len() - 1;
        let mut at = (pair.hash() >> self.shift) as usize & mask;
        while self.entries[at].0 != pair && self.entries[at].0 != FREE {
            at = (at + 1) & mask;
        }
        at
    }

    /// The count of a pair, 0 if it is unknown.
    #[inline]
    pub(super) fn get(&self, pair: Pair) -> u64 {
        self.entries[self.find(pair)].1
    }

    /// Adds to the count of a pair.
    #[inline]
    pub(super) fn add(&mut self, pair: Pair, count: u64) {
        let at = self.enter(pair);
        self.entries[at].1 = self.entries[at].1.saturating_add(count);
    }

    /// Sets the count of a pair.
    pub(super) fn set(&mut self, pair: Pair, count: u64) {
        let at = self.enter(pair);
        self.entries[at].1 = count;
    }

    /// Where a pair is, which is entered if it is unknown.
    #[inline]
    fn enter(&mut self, pair: Pair) -> usize {
        let mut at = self.find(pair);
        if self.entries[at].0 == FREE {
            if (self.len + 1) * 2 > self.entries.len() {
                self.grow();
                at = self.find(pair);
            }
            self.len += 1;
            self.entries[at] = (pair, 0);
        }
        at
    }

    /// Takes from the count of a pair, if it is known.
    #[inline]
    pub(super) fn subtract(&mut self, pair: Pair, count: u64) {
        let at = self.find(pair);
        self.entries[at].1 = self.entries[at].1.saturating_sub(count);
    }

    /// All pairs with their counts, in no particular order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Pair, u64)> {
        self.entries.iter().copied().filter(|entry| entry.0 != FREE)
    }

    #[cold]
    fn grow(&mut self) {
        let grown = Self::with_capacity(self.entries.len());
        for (pair, count) in std::mem::replace(self, grown).iter() {
            let at = self.find(pair);
            self.entries[at] = (pair, count);
            self.len += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn counts_are_those_of_a_map() {
        let mut table = PairTable::with_capacity(0);
        let mut map: HashMap<Pair, u64> = HashMap::new();
        for step in 0..20_000_u64 {
            let random = hash::fold(step, 7);
            let pair = Pair::new((random % 61) as u32, (random >> 32) as u32 % 61);
            assert_eq!(table.get(pair), map.get(&pair).copied().unwrap_or(0));
            if random & 64 == 0 {
                table.subtract(pair, 3);
                map.entry(pair).and_modify(|count| *count = count.saturating_sub(3));
            } else {
                table.add(pair, step);
                *map.entry(pair).or_default() += step;
            }
        }
        let mut listed: Vec<_> = table.iter().collect();
        let mut expected: Vec<_> = map.into_iter().collect();
        listed.sort_unstable();
        expected.sort_unstable();
        assert_eq!(listed, expected);
    }

    #[test]
    fn pairs_are_ordered_by_left_then_right() {
        assert!(Pair::new(1, 9) < Pair::new(2, 0));
        assert!(Pair::new(1, 8) < Pair::new(1, 9));
        assert_eq!(Pair::new(7, u32::MAX).parts(), (7, u32::MAX));
    }
}
