//! Pieces seen before, with their ids: per-thread working memory under a fixed budget.
//!
//! Pieces of up to 15 bytes are keyed by their bytes and length in one 128-bit word and keep up to four ids inline, 32 bytes an
//! entry and two entries to a cache line, so a hit touches one line. A new entry pushes the older of the two into the
//! neighbouring line, where only a miss looks. Longer pieces live in an arena that is emptied when it is full. Nothing grows beyond the budget.

use crate::{hash, hugepage, prefetch};

/// The longest piece with an inline key.
pub(crate) const SHORT: usize = 15;
/// Longer pieces that may share a place.
const WAYS: usize = 4;
/// The longest piece that is remembered at all.
const LONGEST: usize = 512;
/// Ids from here on are not cached: the upper four bits of an entry's first id count its ids.
const ID_LIMIT: u32 = 1 << COUNT_SHIFT;
const COUNT_SHIFT: u32 = 28;
/// A count that says: the ids are in the arena.
const OUT_OF_LINE: u32 = 15;

/// One remembered piece.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C, align(32))]
struct Entry {
    /// All zero if the entry is free.
    key: Key,
    /// The ids; the first also holds their count. Out of line: count 15, then start and number in the arena.
    ids: [u32; 4],
}

#[derive(Debug, Clone, Copy, Default)]
#[repr(C, align(64))]
struct Set([Entry; 2]);

/// A hit: up to four ids to copy, of which `count` are meant, or a stretch of the arena.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Hit {
    Inline { ids: [u32; 4], count: usize },
    Arena { start: usize, count: usize },
}

/// By length of a piece: the bits of its bytes in the two words of a key, and its length in the top byte.
const MASKS: [(u64, u64, u64); 16] = {
    let mut masks = [(0, 0, 0); 16];
    let mut len = 1;
    while len < 16 {
        let (lo, hi) = hash::halves(!(u128::MAX << (8 * len)));
        masks[len] = (lo, hi, (len as u64) << 56);
        len += 1;
    }
    masks
};

/// A short piece and its length, as two words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Key {
    lo: u64,
    hi: u64,
}

impl Key {
    /// The key of no piece: free entries are all zero, and a length is at most 15.
    pub(crate) const NEVER: Self = Self { lo: u64::MAX, hi: u64::MAX };

    /// The key of the piece of 1 to 15 bytes that `window` begins with.
    #[inline(always)]
    pub(crate) fn new(window: &[u8; 16], len: usize) -> Self {
        let (lo, hi) = hash::halves(u128::from_le_bytes(*window));
        let (lo_mask, hi_mask, length) = MASKS[len & 15];
        Self { lo: lo & lo_mask, hi: (hi & hi_mask) | length }
    }

    /// The key of a piece of 1 to 15 bytes wherever it lies.
    pub(crate) fn of(piece: &[u8]) -> Self {
        let mut window = [0; 16];
        window[..piece.len()].copy_from_slice(piece);
        Self::new(&window, piece.len())
    }

    /// The hash of a key.
    #[inline(always)]
    pub(crate) const fn hash(self) -> u64 {
        hash::fold(self.lo, self.hi)
    }

    /// The piece again: its bytes, then something else, and its length.
    pub(crate) fn bytes(self) -> ([u8; 16], usize) {
        let window = u128::from(self.lo) | u128::from(self.hi) << 64;
        (window.to_le_bytes(), (self.hi >> 56) as usize)
    }
}

/// The hash of a piece of more than [`SHORT`] and at most [`LONGEST`] bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LongKey(u64);

impl LongKey {
    /// The key of a piece, if its length is remembered this way. O(len).
    #[inline]
    pub(crate) fn of(piece: &[u8]) -> Option<Self> {
        (piece.len() > SHORT && piece.len() <= LONGEST).then(|| Self(hash::bytes(0, piece)))
    }
}

/// The set of a [`PieceCache`] that a key belongs to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Place(u32);

/// A cache for one encoder and one thread at a time. The default has no room and must not be asked.
#[derive(Debug, Default)]
pub(crate) struct PieceCache {
    sets: Box<[Set]>,
    shift: u32,
    long: Box<[Long]>,
    bytes: Vec<u8>,
    ids: Vec<u32>,
    arena_limit: usize,
}

#[derive(Debug, Clone, Copy, Default)]
struct Long {
    hash: u64,
    start: u32,
    len: u32,
    ids_start: u32,
    ids_count: u32,
}

impl PieceCache {
    /// An empty cache that keeps to about `budget` bytes (at least 64 KB).
    pub(crate) fn with_budget(budget: usize) -> Self {
        let sets = prev_power_of_two((budget / 3 * 2 / size_of::<Set>()).clamp(512, 1 << 24));
        let long = prev_power_of_two((budget / 16 / size_of::<Long>()).max(128));
        Self {
            sets: hugepage::filled(Set::default(), sets).into_boxed_slice(),
            shift: 64 - sets.trailing_zeros(),
            long: hugepage::filled(Long::default(), long).into_boxed_slice(),
            bytes: hugepage::reserve(budget / 6),
            ids: hugepage::reserve(budget / 24),
            arena_limit: (budget / 6).clamp(1 << 15, u32::MAX as usize / 2),
        }
    }

    /// A cache of the same size that knows the same pieces. O(size): milliseconds, where filling one takes tens of them.
    pub(crate) fn copy(&self) -> Self {
        Self {
            sets: hugepage::copied(&self.sets, self.sets.len()).into_boxed_slice(),
            shift: self.shift,
            long: hugepage::copied(&self.long, self.long.len()).into_boxed_slice(),
            bytes: hugepage::copied(&self.bytes, self.bytes.capacity()),
            ids: hugepage::copied(&self.ids, self.ids.capacity()),
            arena_limit: self.arena_limit,
        }
    }

    /// Where a short piece is kept if it is.
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation, reason = "the shift leaves fewer bits than a table has sets")]
    pub(crate) fn place(&self, key: Key) -> Place {
        Place((key.hash() >> self.shift) as u32)
    }

    /// Starts loading a place into the cache of the processor.
    #[inline(always)]
    pub(crate) fn prefetch(&self, place: Place) {
        prefetch::line(&self.sets, place.0 as usize);
    }

    /// Looks a short piece up in its place. O(1), one cache line.
    #[inline(always)]
    pub(crate) fn get(&self, key: Key, place: Place) -> Option<Hit> {
        let Set(entries) = self.sets.get(place.0 as usize)?;
        // One branch for both entries: which of the two it is cannot be predicted.
        let entry = &entries[usize::from(entries[1].key == key)];
        if entry.key != key {
            return None;
        }
        let mut ids = entry.ids;
        let count = ids[0] >> COUNT_SHIFT;
        ids[0] &= ID_LIMIT - 1;
        if count == OUT_OF_LINE {
            return Some(Hit::Arena { start: ids[1] as usize, count: ids[2] as usize });
        }
        Some(Hit::Inline { ids, count: count as usize })
    }

    /// Looks for a piece that other pieces have pushed out of its place, and takes it back.
    pub(crate) fn recall(&mut self, key: Key, place: Place) -> Option<Hit> {
        let (home, neighbour) = (place.0 as usize, place.0 as usize ^ 1);
        let found = self.sets.get(neighbour)?.0.iter().position(|entry| entry.key == key)?;
        let entry = self.sets[neighbour].0[found];
        self.sets[neighbour].0[found] = self.sets[home].0[1];
        self.sets[home].0[1] = entry;
        self.get(key, place)
    }

    /// Remembers a short piece.
    pub(crate) fn insert(&mut self, key: Key, ids: &[u32]) {
        if ids.iter().any(|&id| id >= ID_LIMIT) {
            return;
        }
        let mut inline = [0; 4];
        let count = if ids.len() <= 4 {
            inline[..ids.len()].copy_from_slice(ids);
            u32::try_from(ids.len()).unwrap_or(0)
        } else {
            let (start, count) = self.push_ids(ids);
            inline[1..3].copy_from_slice(&[start, count]);
            OUT_OF_LINE
        };
        inline[0] |= count << COUNT_SHIFT;
        let place = self.place(key);
        let Set(entries) = &mut self.sets[place.0 as usize];
        let pushed_out = entries[1];
        *entries = [Entry { key, ids: inline }, entries[0]];
        if pushed_out.key != Key::default() {
            let Set(entries) = &mut self.sets[place.0 as usize ^ 1];
            let victim = usize::from(entries[0].key != Key::default());
            entries[victim] = pushed_out;
        }
    }

    /// Remembers a token of the vocabulary, unless another piece has its place: the places beside stay free for the text.
    pub(crate) fn seed(&mut self, key: Key, id: u32) {
        let place = self.place(key).0 as usize;
        let first = &mut self.sets[place].0[0];
        if id < ID_LIMIT && first.key == Key::default() {
            *first = Entry { key, ids: [id | 1 << COUNT_SHIFT, 0, 0, 0] };
        }
    }

    /// Starts loading where [`PieceCache::recall`] looks.
    #[inline(always)]
    pub(crate) fn prefetch_neighbour(&self, place: Place) {
        prefetch::line(&self.sets, place.0 as usize ^ 1);
    }

    /// Starts loading where a longer piece is kept if it is.
    pub(crate) fn prefetch_long(&self, key: LongKey) {
        let set = self.long_set(key);
        prefetch::line(&self.long, set);
        prefetch::line(&self.long, set + WAYS - 1);
    }

    /// Looks a longer piece up and gives its stretch of the arena. O(len).
    pub(crate) fn get_long(&self, piece: &[u8], key: LongKey) -> Option<(usize, usize)> {
        let entry = self.long.get(self.long_set(key)..)?.iter().take(WAYS).find(|entry| {
            let bytes = entry.start as usize..entry.start as usize + entry.len as usize;
            entry.hash == key.0 && self.bytes.get(bytes) == Some(piece)
        })?;
        Some((entry.ids_start as usize, entry.ids_count as usize))
    }

    /// Remembers a longer piece.
    pub(crate) fn insert_long(&mut self, piece: &[u8], key: LongKey, ids: &[u32]) {
        let (ids_start, ids_count) = self.push_ids(ids);
        let start = u32::try_from(self.bytes.len()).unwrap_or(0);
        self.bytes.extend_from_slice(piece);
        let len = u32::try_from(piece.len()).unwrap_or(0);
        let set = self.long_set(key);
        // The last of a set is the oldest.
        self.long.copy_within(set..set + WAYS - 1, set + 1);
        self.long[set] = Long { hash: key.0, start, len, ids_start, ids_count };
    }

    #[allow(clippy::cast_possible_truncation, reason = "only low bits are used")]
    fn long_set(&self, key: LongKey) -> usize {
        key.0 as usize & (self.long.len() - 1) & !(WAYS - 1)
    }

    /// The ids of a stretch of the arena.
    #[inline]
    pub(crate) fn arena(&self, start: usize, count: usize) -> &[u32] {
        self.ids.get(start..start + count).unwrap_or(&[])
    }

    /// Appends ids to the arena, which is emptied first when it is full.
    fn push_ids(&mut self, ids: &[u32]) -> (u32, u32) {
        if self.bytes.len() + self.ids.len() * 4 > self.arena_limit {
            self.clear();
        }
        let start = u32::try_from(self.ids.len()).unwrap_or(0);
        self.ids.extend_from_slice(ids);
        (start, u32::try_from(ids.len()).unwrap_or(0))
    }

    /// Forgets everything that lies in the arena.
    fn clear(&mut self) {
        self.bytes.clear();
        self.ids.clear();
        self.long.fill(Long::default());
        for Set(entries) in &mut self.sets {
            for entry in entries {
                if entry.ids[0] >> COUNT_SHIFT == OUT_OF_LINE {
                    *entry = Entry::default();
                }
            }
        }
    }
}

const fn prev_power_of_two(n: usize) -> usize {
    1 << n.ilog2()
}
