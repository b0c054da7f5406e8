//! From token strings to ids and back, in a vocabulary as a file writes it.

use crate::hash;
use crate::spec::TokenTable;

/// Marks a place that nothing is in.
const EMPTY: u64 = u64::MAX;

/// Finds the strings of a table, and what stands for an id, without a copy of them.
///
/// Of several entries with one string the last counts. All methods take the table that the names were made of.
#[derive(Debug)]
pub(super) struct Names {
    /// Half of a hash, and the entry below it, in open addressing; a power of two, at most half of it used.
    slots: Box<[u64]>,
    /// Ids and entries, in order.
    by_id: Box<[(u32, u32)]>,
}

impl Names {
    /// Of all strings of a table. Expected O(bytes).
    pub(super) fn new(table: &TokenTable) -> Self {
        let slots = vec![EMPTY; (2 * table.len()).next_power_of_two().max(2)].into_boxed_slice();
        let mut names = Self { slots, by_id: Box::default() };
        for (entry, (bytes, _)) in (0..u64::from(u32::MAX)).zip(table.iter()) {
            let (at, hash) = names.find(table, bytes);
            names.slots[at] = hash | entry;
        }
        let used = names.slots.iter().filter_map(|&slot| entry_of(table, slot));
        let mut by_id: Vec<(u32, u32)> = used.map(|(entry, _, id)| (id, entry)).collect();
        by_id.sort_unstable();
        names.by_id = by_id.into_boxed_slice();
        names
    }

    /// Where a string is, or the empty place where it would be, and the half of its hash that is kept.
    #[allow(clippy::cast_possible_truncation, reason = "any bits of a hash will do")]
    fn find(&self, table: &TokenTable, bytes: &[u8]) -> (usize, u64) {
        let mask = self.slots.len() - 1;
        let hash = hash::bytes(hash::process_seed(), bytes);
        let upper = hash & !u64::from(u32::MAX);
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots[at];
            let other = slot & !u64::from(u32::MAX) != upper;
            if slot == EMPTY || !other && entry_of(table, slot).is_some_and(|found| found.1 == bytes) {
                return (at, upper);
            }
            at = (at + 1) & mask;
        }
    }

    /// The entry of a string, and its id.
    pub(super) fn entry(&self, table: &TokenTable, bytes: &[u8]) -> Option<(u32, u32)> {
        entry_of(table, self.slots[self.find(table, bytes).0]).map(|(entry, _, id)| (entry, id))
    }

    /// A string of an id.
    pub(super) fn string<'a>(&self, table: &'a TokenTable, id: u32) -> Option<&'a [u8]> {
        let at = self.by_id.partition_point(|known| known.0 < id);
        let (_, entry) = self.by_id.get(at).filter(|known| known.0 == id)?;
        Some(table.get(*entry as usize)?.0)
    }

    /// The number of different strings.
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Ids and entries, in the order of the ids.
    pub(super) fn by_id(&self) -> impl Iterator<Item = (u32, u32)> {
        self.by_id.iter().copied()
    }
}

/// What is in a place: the entry, its string and its id.
#[allow(clippy::cast_possible_truncation, reason = "the lower half is the entry")]
fn entry_of(table: &TokenTable, slot: u64) -> Option<(u32, &[u8], u32)> {
    let entry = slot as u32;
    table.get(entry as usize).filter(|_| slot != EMPTY).map(|(bytes, id)| (entry, bytes, id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_entry_of_a_string_counts() {
        let mut table = TokenTable::default();
        for (string, id) in [("a", 7), ("b", 1), ("a", 3), ("", 2)] {
            table.push(string.as_bytes(), id);
        }
        let names = Names::new(&table);
        let entry = |string: &str| names.entry(&table, string.as_bytes());
        assert_eq!(names.len(), 3);
        assert_eq!(["a", "b", "", "c"].map(entry), [Some((2, 3)), Some((1, 1)), Some((3, 2)), None]);
        let string = |id| names.string(&table, id);
        assert_eq!([7, 3, 2, 1].map(string), [None, Some(&b"a"[..]), Some(b""), Some(b"b")]);
        assert_eq!(names.by_id().collect::<Vec<_>>(), [(1, 1), (2, 3), (3, 2)]);
    }

    #[test]
    fn every_string_of_a_vocabulary_is_found() {
        let mut table = TokenTable::default();
        (0..5000_u32).for_each(|id| table.push(format!("token {id}").as_bytes(), 9999 - id));
        let names = Names::new(&table);
        for entry in 0..5000 {
            let string = format!("token {entry}");
            assert_eq!(names.entry(&table, string.as_bytes()), Some((entry, 9999 - entry)));
            assert_eq!(names.string(&table, 9999 - entry), Some(string.as_bytes()));
        }
        let empty = TokenTable::default();
        assert_eq!((Names::new(&empty).len(), Names::new(&empty).entry(&empty, b"a")), (0, None));
    }
}
