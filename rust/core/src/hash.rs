//! Hashing of short keys by folded multiplication.
//!
//! One 64 x 64 -> 128 bit multiplication mixes two words; its halves are xored (the idea is that of wyhash and foldhash).
//! Tables whose keys come from a file take a seed of the process, so that a hostile file cannot aim at collisions.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

const A: u64 = 0x9E37_79B9_7F4A_7C15;
const B: u64 = 0xD6E8_FEB8_6659_FD93;

/// Mixes two words. O(1).
#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "the two halves of the product are meant")]
pub(crate) const fn fold(x: u64, y: u64) -> u64 {
    let product = ((x ^ A) as u128).wrapping_mul((y ^ B) as u128);
    (product as u64) ^ ((product >> 64) as u64)
}

/// The seed of this process. Results never depend on it, only the layout of hash tables does.
pub(crate) fn process_seed() -> u64 {
    static SEED: OnceLock<u64> = OnceLock::new();
    *SEED.get_or_init(|| RandomState::new().hash_one(A))
}

/// Hash of a byte string. O(n).
#[inline]
pub(crate) fn bytes(seed: u64, key: &[u8]) -> u64 {
    let mut state = seed ^ (key.len() as u64).wrapping_mul(B);
    let mut rest = key;
    while let Some((chunk, tail)) = rest.split_first_chunk::<16>() {
        let (lo, hi) = halves(u128::from_le_bytes(*chunk));
        state = fold(lo ^ state, hi);
        rest = tail;
    }
    if let Some((lo, hi)) = short(rest) {
        state = fold(lo ^ state, hi);
    }
    state
}

/// The up to 15 bytes of `rest` as two words, without a byte loop.
#[inline]
fn short(rest: &[u8]) -> Option<(u64, u64)> {
    if let (Some(first), Some(last)) = (rest.first_chunk::<8>(), rest.last_chunk::<8>()) {
        return Some((u64::from_le_bytes(*first), u64::from_le_bytes(*last)));
    }
    if let (Some(first), Some(last)) = (rest.first_chunk::<4>(), rest.last_chunk::<4>()) {
        return Some((u64::from(u32::from_le_bytes(*first)), u64::from(u32::from_le_bytes(*last))));
    }
    let (first, middle, last) = (rest.first()?, rest.get(rest.len() / 2)?, rest.last()?);
    Some((u64::from(*first) | (u64::from(*middle) << 8), u64::from(*last)))
}

/// Low and high word of a 128-bit value.
#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "the halves are what is asked for")]
pub(crate) const fn halves(value: u128) -> (u64, u64) {
    (value as u64, (value >> 64) as u64)
}
