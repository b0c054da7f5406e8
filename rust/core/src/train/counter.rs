//! How often each piece of text occurs.
//!
//! Pieces of up to 15 bytes are one 128-bit key beside their count, 24 bytes an entry, so that counting a piece again touches
//! one cache line; the entries of a batch of pieces are asked for ahead. Longer pieces lie in a slab.

use crate::cache::{Key, SHORT};
use crate::{hash, hugepage, prefetch};

/// Pieces whose entries are asked for together.
const BATCH: usize = 32;
/// Entries that a new table has room for.
const SMALLEST: usize = 1 << 10;

/// A multiset of byte strings that are not empty, with 64-bit counts.
///
/// Adding a piece takes O(1) for up to 15 bytes and O(length) otherwise. Counts saturate.
#[derive(Debug, Clone, Default)]
pub struct PieceCounter {
    short: Short,
    long: Long,
    total: u64,
}

impl PieceCounter {
    /// An empty counter.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of distinct pieces.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.short.len + self.long.entries.len()
    }

    /// Whether nothing was counted.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The sum of all counts.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// Counts a piece `count` times; nothing happens if the piece is empty or `count` is 0.
    pub fn add(&mut self, piece: &[u8], count: u64) {
        if piece.is_empty() || count == 0 {
            return;
        }
        self.total = self.total.saturating_add(count);
        if piece.len() <= SHORT {
            self.short.reserve(1);
            let key = Key::of(piece);
            self.short.add(key, self.short.home(key), count);
        } else {
            self.long.add(piece, count);
        }
    }

    /// Counts consecutive pieces of a text once each: the first begins at `from`, and `ends`, increasing, are relative to
    /// it.
    ///
    /// # Panics
    /// If an end lies beyond the text or before its start.
    pub fn add_run(&mut self, text: &[u8], from: usize, ends: &[u32]) {
        let mut start = from;
        for batch in ends.chunks(BATCH) {
            self.short.reserve(batch.len());
            let mut keys = [(Key::default(), 0); BATCH];
            let mut filled = 0;
            for &end in batch {
                let end = from + end as usize;
                let piece = &text[start..end];
                if piece.len() <= SHORT {
                    let key = match text[start..].first_chunk() {
                        Some(window) => Key::new(window, piece.len()),
                        None => Key::of(piece),
                    };
                    let home = self.short.home(key);
                    prefetch::line(&self.short.slots, home);
                    keys[filled] = (key, home);
                    filled += 1;
                } else {
                    self.long.add(piece, 1);
                }
                start = end;
            }
            for &(key, home) in &keys[..filled] {
                self.short.add(key, home, 1);
            }
        }
        self.total = self.total.saturating_add(ends.len() as u64);
    }

    /// Adds all counts of another counter.
    pub fn merge(&mut self, other: &Self) {
        self.short.reserve(other.short.len.saturating_sub(self.short.len));
        other.for_each(|piece, count| self.add(piece, count));
    }

    /// Calls `f` with every piece and its count, in no particular order.
    pub fn for_each(&self, mut f: impl FnMut(&[u8], u64)) {
        for slot in self.short.slots.iter().filter(|slot| slot.count > 0) {
            let (bytes, len) = slot.key.bytes();
            f(&bytes[..len], slot.count);
        }
        for entry in &self.long.entries {
            f(self.long.piece(entry), entry.count);
        }
    }

    /// Drops every piece that was counted fewer than `min_count` times.
    pub fn prune(&mut self, min_count: u64) {
        let mut kept = Self::new();
        self.for_each(|piece, count| {
            if count >= min_count {
                kept.add(piece, count);
            }
        });
        *self = kept;
    }
}

/// A place of the table of short pieces; free if the count is 0.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    key: Key,
    count: u64,
}

/// Open addressing with linear probing, at most half full.
#[derive(Debug, Clone, Default)]
struct Short {
    slots: Vec<Slot>,
    shift: u32,
    len: usize,
}

impl Short {
    /// Makes room for more entries.
    fn reserve(&mut self, more: usize) {
        let wanted = (self.len + more) * 2;
        if wanted > self.slots.len() {
            self.grow(wanted.next_power_of_two().max(SMALLEST));
        }
    }

    #[cold]
    fn grow(&mut self, size: usize) {
        let old = std::mem::replace(&mut self.slots, hugepage::filled(Slot::default(), size));
        self.shift = 64 - size.trailing_zeros();
        self.len = 0;
        for slot in old.into_iter().filter(|slot| slot.count > 0) {
            self.add(slot.key, self.home(slot.key), slot.count);
        }
    }

    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "the shift leaves fewer bits than the table has slots")]
    const fn home(&self, key: Key) -> usize {
        (key.hash() >> self.shift) as usize
    }

    /// Adds to a key's count; there must be room.
    #[inline]
    fn add(&mut self, key: Key, home: usize, count: u64) {
        let mask = self.slots.len() - 1;
        let mut at = home & mask;
        loop {
            let slot = &mut self.slots[at];
            if slot.key == key {
                slot.count = slot.count.saturating_add(count);
                return;
            }
            if slot.count == 0 {
                *slot = Slot { key, count };
                self.len += 1;
                return;
            }
            at = (at + 1) & mask;
        }
    }
}

/// A piece of more than 15 bytes.
#[derive(Debug, Clone, Copy)]
struct LongEntry {
    hash: u64,
    start: usize,
    len: usize,
    count: u64,
}

/// Slots hold the number of an entry plus one, or 0.
#[derive(Debug, Clone, Default)]
struct Long {
    slots: Vec<u32>,
    entries: Vec<LongEntry>,
    slab: Vec<u8>,
}

impl Long {
    fn piece(&self, entry: &LongEntry) -> &[u8] {
        &self.slab[entry.start..entry.start + entry.len]
    }

    #[allow(
        clippy::cast_possible_truncation,
        reason = "the table has fewer slots than that, and fewer entries than 2^32"
    )]
    fn add(&mut self, piece: &[u8], count: u64) {
        if (self.entries.len() + 1) * 2 > self.slots.len() {
            self.grow();
        }
        let hash = hash::bytes(hash::process_seed(), piece);
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        while let Some(number) = self.slots[at].checked_sub(1) {
            let entry = self.entries[number as usize];
            if entry.hash == hash && self.piece(&entry) == piece {
                let counted = &mut self.entries[number as usize].count;
                *counted = counted.saturating_add(count);
                return;
            }
            at = (at + 1) & mask;
        }
        self.entries.push(LongEntry { hash, start: self.slab.len(), len: piece.len(), count });
        self.slab.extend_from_slice(piece);
        self.slots[at] = self.entries.len() as u32;
    }

    #[cold]
    #[allow(clippy::cast_possible_truncation, reason = "as in `add`")]
    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(SMALLEST);
        self.slots = vec![0; size];
        for (number, entry) in (1_u32..).zip(&self.entries) {
            let mut at = entry.hash as usize & (size - 1);
            while self.slots[at] != 0 {
                at = (at + 1) & (size - 1);
            }
            self.slots[at] = number;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    fn contents(counter: &PieceCounter) -> HashMap<Vec<u8>, u64> {
        let mut all = HashMap::new();
        counter.for_each(|piece, count| assert_eq!(all.insert(piece.to_vec(), count), None));
        all
    }

    proptest! {
        #[test]
        fn counts_are_those_of_a_map(pieces in prop::collection::vec((prop::collection::vec(0..3_u8, 0..24), 0..5_u64), 0..2000)) {
            let mut counter = PieceCounter::new();
            let mut expected: HashMap<Vec<u8>, u64> = HashMap::new();
            for (piece, count) in &pieces {
                counter.add(piece, *count);
                if !piece.is_empty() && *count > 0 {
                    *expected.entry(piece.clone()).or_default() += count;
                }
            }
            prop_assert_eq!(counter.total(), expected.values().sum::<u64>());
            prop_assert_eq!(counter.len(), expected.len());
            prop_assert_eq!(contents(&counter), expected.clone());
            let mut twice = counter.clone();
            twice.merge(&counter);
            for count in expected.values_mut() {
                *count *= 2;
            }
            prop_assert_eq!(contents(&twice), expected.clone());
            twice.prune(7);
            expected.retain(|_, count| *count >= 7);
            prop_assert_eq!(contents(&twice), expected);
        }

        #[test]
        fn runs_count_as_their_pieces(text in prop::collection::vec(0..2_u8, 0..3000), lengths in prop::collection::vec(1..30_u32, 0..300)) {
            let mut ends: Vec<u32> = lengths.iter().scan(0, |end, len| { *end += len; Some(*end) }).collect();
            ends.retain(|&end| end as usize <= text.len());
            let mut at_once = PieceCounter::new();
            at_once.add_run(&text, 0, &ends);
            let mut one_by_one = PieceCounter::new();
            let starts = std::iter::once(0).chain(ends.iter().copied());
            for (start, &end) in starts.zip(&ends) {
                one_by_one.add(&text[start as usize..end as usize], 1);
            }
            prop_assert_eq!(contents(&at_once), contents(&one_by_one));
            prop_assert_eq!(at_once.total(), ends.len() as u64);
        }
    }
}
