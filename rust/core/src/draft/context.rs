//! Candidates after several tokens: rows found by a hash of the last two, three, ... tokens.

use super::row::{Row, Update};
use crate::{hash, hugepage, prefetch};

/// Rows that share a place; together they fill two neighbouring cache lines.
const WAYS: usize = 2;
/// Rows to begin with.
const LEAST: usize = 1 << 10;

/// The hash of a context: what its row is found and known by. 0 is the key of none, and the tag of an empty row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key(u32);

impl Key {
    /// The key of no context.
    pub(super) const NONE: Self = Self(0);

    /// The context of `tokens`, newest first.
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "half of the hash is enough")]
    pub(super) fn of(tokens: &[u32]) -> Self {
        let hash = tokens.iter().fold(tokens.len() as u64, |state, &token| hash::fold(state, u64::from(token)));
        Self((hash as u32).max(1))
    }

    #[inline]
    fn place(self, mask: usize) -> usize {
        (self.0 as usize & mask) * WAYS
    }
}

/// A table of rows under a fixed budget, in which new contexts push out those not seen for longest.
///
/// Contexts are told apart by 32 bits of hash. Two that agree in them share a row: drafts would be worse, results never.
#[derive(Debug, Clone)]
pub(super) struct ContextTable {
    rows: Vec<Row>,
    /// Places, less one; a power of two, less one.
    mask: usize,
    used: usize,
    most: usize,
    how: Update,
}

impl ContextTable {
    /// An empty table that will hold at most `capacity` rows, rounded up to a power of two.
    pub(super) fn new(capacity: usize, how: Update) -> Self {
        let most = capacity.max(LEAST).next_power_of_two();
        Self { rows: vec![Row::default(); LEAST], mask: LEAST / WAYS - 1, used: 0, most, how }
    }

    /// The row of a context that has been seen.
    #[inline]
    pub(super) fn get(&self, key: Key) -> Option<&Row> {
        let (tag, place) = (key.0, key.place(self.mask));
        self.rows.get(place..place + WAYS)?.iter().find(|row| row.tag == tag)
    }

    /// Starts loading the rows a context could be in.
    #[inline]
    pub(super) fn prefetch(&self, key: Key) {
        let place = key.place(self.mask);
        prefetch::line(&self.rows, place);
        prefetch::line(&self.rows, place + 1);
    }

    /// Enters a distribution. O(k²), and O(rows) when the table doubles.
    pub(super) fn enter(&mut self, key: Key, new: &Row, stamp: u32) {
        let how = self.how;
        let row = self.claim(key);
        row.update(new, how);
        row.stamp = stamp;
    }

    /// Every row in use.
    pub(super) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.tag != 0)
    }

    /// Sets a row that was saved.
    pub(super) fn put(&mut self, tag: u32, row: Row) {
        if tag != 0 {
            let place = self.claim(Key(tag));
            *place = row;
            place.tag = tag;
        }
    }

    /// Takes in a row of another drafter.
    pub(super) fn combine(&mut self, other: &Row, stamp: u32) {
        if other.tag != 0 {
            let how = self.how;
            let row = self.claim(Key(other.tag));
            row.combine(other, how);
            row.stamp = stamp;
        }
    }

    /// The row of a context: its own, or one that is free or oldest, emptied.
    fn claim(&mut self, key: Key) -> &mut Row {
        if self.used * 2 > self.rows.len() && self.rows.len() < self.most {
            self.grow();
        }
        let (tag, place) = (key.0, key.place(self.mask));
        let ways = &self.rows[place..place + WAYS];
        let known = ways.iter().position(|row| row.tag == tag);
        let oldest = || (0..WAYS).min_by_key(|&i| (ways[i].tag != 0, ways[i].stamp)).unwrap_or(0);
        let at = place + known.unwrap_or_else(oldest);
        let row = &mut self.rows[at];
        if known.is_none() {
            self.used += usize::from(row.tag == 0);
            *row = Row::default();
            row.tag = tag;
        }
        row
    }

    /// Doubles the table. A place splits in two, so no row is lost.
    fn grow(&mut self) {
        let mask = self.mask * 2 + 1;
        let mut rows = hugepage::filled(Row::default(), self.rows.len() * 2);
        for row in self.rows.iter().filter(|row| row.tag != 0) {
            let place = Key(row.tag).place(mask);
            if let Some(free) = rows[place..place + WAYS].iter_mut().find(|row| row.tag == 0) {
                *free = *row;
            }
        }
        (self.rows, self.mask) = (rows, mask);
    }

    /// Forgets everything and gives the memory back.
    pub(super) fn reset(&mut self) {
        *self = Self::new(self.most, self.how);
    }
}
