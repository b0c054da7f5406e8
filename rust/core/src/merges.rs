//! Which pairs merge, how each token came about, and whether two tokens can stand side by side.
//!
//! Tokens are numbered here by their *order*: initial symbols first, then every reachable token in the order of the merge
//! that makes it. A token is reachable if encoding its own bytes gives it. Each reachable token that is no symbol has exactly
//! one *split*: while nothing merges across the ends of a stretch of text, the merges inside it are those of the stretch
//! alone, so whatever surrounds a token, it was made from the same two parts. Pairs that no split names never come to stand
//! side by side, and need not be stored.

use crate::hugepage::Words;
use crate::{hash, prefetch};
use std::sync::atomic::{AtomicU64, Ordering};

/// Marks a symbol, which has no parts.
pub(crate) const SYMBOL: (u32, u32) = (u32::MAX, u32::MAX);

const BITS: u32 = 21;
const MASK: u64 = (1 << BITS) - 1;
const EMPTY: u64 = u64::MAX;

/// Stands where there is no symbol: no pair with it is ever entered.
pub(crate) const SENTINEL: u32 = (1 << BITS) - 1;

/// (left, right) -> product, eight bytes a slot: three 21-bit orders. Eight slots, a line of the processor's cache, are a
/// bucket: a pair lies in the bucket of its hash, or in the next one if that is full.
///
/// Most pairs asked for do not merge. A bit set of eight bits or more a pair, small enough for a second-level cache, tells
/// nine of ten of those without a look at the table.
#[derive(Debug, Clone)]
pub(crate) struct PairTable {
    slots: Words,
    shift: u32,
    filter: Vec<u64>,
    seed: u64,
    /// By two orders below [`LOW`]: the product. Pieces start from bytes, so half of all pairs asked for are these.
    low: Box<[u32]>,
}

/// Slots of a bucket.
const BUCKET: usize = 8;
/// Orders below this have a table of their own.
const LOW: u32 = 256;
/// The answer for a pair that does not merge.
pub(crate) const NO_PRODUCT: u32 = u32::MAX;

impl PairTable {
    pub(crate) fn with_capacity(pairs: usize) -> Self {
        let bits = (pairs.max(BUCKET) * 2).next_power_of_two().trailing_zeros();
        let filter = vec![0; 1 << bits.saturating_sub(4)];
        let low = vec![NO_PRODUCT; (LOW * LOW) as usize].into_boxed_slice();
        Self {
            slots: Words::filled(EMPTY, 1 << bits),
            shift: 64 - bits + BUCKET.trailing_zeros(),
            filter,
            seed: hash::process_seed(),
            low,
        }
    }

    /// The bit of a hash in the filter, as word and mask: its low bits, where the slot is of its high bits.
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation, reason = "only low bits are used")]
    fn filter_bit(&self, hash: u64) -> (usize, u64) {
        ((hash >> 6) as usize & (self.filter.len() - 1), 1 << (hash & 63))
    }

    /// Enters a pair that is not in the table. The capacity given at construction must not be exceeded.
    #[allow(clippy::cast_possible_truncation, reason = "a shifted hash is below the number of slots")]
    pub(crate) fn insert(&mut self, left: u32, right: u32, product: u32) {
        if left.max(right) < LOW {
            self.low[(left * LOW + right) as usize] = product;
        }
        let key = key(left, right);
        let hash = hash::fold(key, self.seed);
        let (word, bit) = self.filter_bit(hash);
        self.filter[word] |= bit;
        let mut slot = (hash >> self.shift) as usize * BUCKET;
        while self.slots[slot] != EMPTY {
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        self.slots[slot] = (key << BITS) | u64::from(product);
    }

    /// What two symbols of order below [`LOW`] merge into, or [`NO_PRODUCT`]; `None` says that this is another pair.
    #[inline(always)]
    pub(crate) fn get_low(&self, left: u32, right: u32) -> Option<u32> {
        if left.max(right) >= LOW {
            return None;
        }
        Some(self.low[(left * LOW + right) as usize])
    }

    /// The bucket of a pair, or the first of all, which is at hand, if the filter says that the pair does not merge. O(1).
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation, reason = "a shifted hash is below the number of slots")]
    pub(crate) fn place(&self, left: u32, right: u32) -> u32 {
        let hash = hash::fold(key(left, right), self.seed);
        let (word, bit) = self.filter_bit(hash);
        let known = self.filter.get(word).is_some_and(|word| word & bit != 0);
        (hash >> self.shift) as u32 & 0u32.wrapping_sub(u32::from(known))
    }

    /// Starts loading what [`PairTable::find`] reads first.
    #[inline(always)]
    pub(crate) fn prefetch(&self, place: u32) {
        prefetch::line(&self.slots, place as usize * BUCKET);
    }

    /// What a pair merges into, searched from its bucket, or [`NO_PRODUCT`]. Expected O(1).
    ///
    /// Where in the bucket the pair lies, and whether it does, costs no branch.
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation, reason = "orders have 21 bits")]
    pub(crate) fn find(&self, place: u32, left: u32, right: u32) -> u32 {
        let key = key(left, right);
        let mut start = place as usize * BUCKET;
        loop {
            let Some(bucket) = self.slots.get(start..).and_then(<[u64]>::first_chunk::<BUCKET>) else {
                return NO_PRODUCT;
            };
            // A product and one; 0 for none.
            let mut found = 0;
            for &slot in bucket {
                found |= if slot >> BITS == key { (slot & MASK) + 1 } else { 0 };
            }
            // Few buckets are full: asked first, the processor foresees the answer.
            if bucket[BUCKET - 1] == EMPTY || found != 0 {
                return (found as u32).wrapping_sub(1);
            }
            start = (start + BUCKET) & (self.slots.len() - 1);
        }
    }

    /// What a pair merges into. Expected O(1).
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation, reason = "a shifted hash is below the number of slots")]
    pub(crate) fn get(&self, left: u32, right: u32) -> Option<u32> {
        let hash = hash::fold(key(left, right), self.seed);
        let (word, bit) = self.filter_bit(hash);
        if self.filter[word] & bit == 0 {
            return None;
        }
        let product = self.find((hash >> self.shift) as u32, left, right);
        (product != NO_PRODUCT).then_some(product)
    }
}

#[inline(always)]
const fn key(left: u32, right: u32) -> u64 {
    (left as u64) << BITS | right as u64
}

/// The splits of all reachable tokens and the pairs they define.
#[derive(Debug, Clone)]
pub(crate) struct Merges {
    /// By order: the two parts, or [`SYMBOL`].
    pub(crate) splits: Vec<(u32, u32)>,
    pub(crate) pairs: PairTable,
    /// Tells these merges from all others of this process; clones, being equal, share it.
    number: u64,
}

impl Merges {
    pub(crate) fn new(splits: Vec<(u32, u32)>, pairs: PairTable) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        Self { splits, pairs, number: NUMBER.fetch_add(1, Ordering::Relaxed) }
    }

    /// Whether `left` followed by `right` encodes to just these two tokens.
    ///
    /// Runs the merges of both backwards in time. `limit` is the order of the merge undone last; the pair that then faces
    /// the border would have merged before it if its product is of lower order, which would have destroyed `left` or
    /// `right`. Of two merges of the same order the one further left comes first, hence the `+ 1` on the right side.
    /// O(depth of the two split trees).
    #[inline]
    pub(crate) fn compatible(&self, left: u32, right: u32) -> bool {
        let (mut left, mut right, mut limit) = (left, right, u32::MAX);
        loop {
            if let Some(product) = self.pairs.get(left, right)
                && product < limit
            {
                return false;
            }
            if left > right {
                let parts = self.splits[left as usize];
                if parts == SYMBOL {
                    return true;
                }
                (limit, left) = (left, parts.1);
            } else {
                let parts = self.splits[right as usize];
                if parts == SYMBOL {
                    // Symbols come before every product: if `right` is one, so is `left`.
                    return true;
                }
                (limit, right) = (right + 1, parts.0);
            }
        }
    }
}

/// Remembers answers of [`Merges::compatible`], exactly keyed, for one set of merges at a time.
#[derive(Debug, Clone)]
pub(crate) struct CompatibilityMemo {
    slots: Box<[u64]>,
    /// The number of the merges that the answers are about; 0 for none.
    owner: u64,
}

const MEMO_BITS: u32 = 16;

impl Default for CompatibilityMemo {
    fn default() -> Self {
        Self { slots: vec![EMPTY; 1 << MEMO_BITS].into_boxed_slice(), owner: 0 }
    }
}

impl CompatibilityMemo {
    /// Forgets the answers of other merges. Call it before asking on behalf of `merges`.
    #[inline]
    pub(crate) fn serve(&mut self, merges: &Merges) {
        if self.owner != merges.number {
            self.slots.fill(EMPTY);
            self.owner = merges.number;
        }
    }

    /// As [`Merges::compatible`], O(1) when the pair was asked for recently.
    #[inline]
    pub(crate) fn compatible(&mut self, merges: &Merges, left: u32, right: u32) -> bool {
        let key = key(left, right);
        let slot = (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - MEMO_BITS)) as usize;
        let entry = self.slots[slot];
        if entry >> 1 == key {
            return entry & 1 == 1;
        }
        let answer = merges.compatible(left, right);
        self.slots[slot] = (key << 1) | u64::from(answer);
        answer
    }
}
