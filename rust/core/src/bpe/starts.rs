//! Where merging starts: bytes, or whole characters where that makes no difference.
//!
//! Pieces are merged from their bytes. Most characters of two and three bytes, though, become one token before anything merges
//! across their ends, whatever stands beside them; starting from those saves most of the merges of Chinese, Japanese or
//! Cyrillic text.
//!
//! A character whose own token has order r may be taken at once if every merge of a part of it with what stands beside it has
//! an order above r. Proof: as long as no such merge has happened, what is inside merges as it does alone, so until the
//! character is complete some merge inside it is possible, of order at most r, and comes first. From then on both ways agree,
//! and until then nothing outside can tell, since a merge with the complete character has an order above r.
//!
//! What stands beside it is judged by the last byte before it and the first byte behind it.

use super::short::Short;
use std::collections::HashMap;

/// No token.
const NONE: u32 = u32::MAX;
/// Marks a character that may be taken beside some bytes only; the rest is its place in `conditions`.
const CONDITIONAL: u32 = 1 << 31;

/// The first symbols of a piece.
#[derive(Debug)]
pub(crate) struct Starts {
    bytes: [u32; 256],
    /// By character of two bytes: its order, its place in `conditions`, or [`NONE`].
    two: Box<[u32]>,
    three: Box<[u32]>,
    conditions: Vec<Condition>,
}

/// Where a character may not be taken at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Condition {
    order: u32,
    /// Bytes, less 0x80, of which none may be the one before.
    before: u64,
    /// Bytes, less 0xC0, of which none may be the next.
    behind: u64,
}

impl Starts {
    /// From the order of each byte, and every token of more bytes as (order, the bytes of its two parts), by order.
    pub(crate) fn new<'a>(bytes: &[u32; 256], tokens: impl Iterator<Item = (u32, &'a [u8], &'a [u8])> + Clone) -> Self {
        let across = Across::new(tokens.clone());
        let (two, three) = (vec![NONE; 1 << 11].into(), vec![NONE; 1 << 16].into());
        let mut starts = Self { bytes: *bytes, two, three, conditions: Vec::new() };
        for (order, left, right) in tokens {
            match (left, right) {
                (&[a], &[b]) if a & 0xE0 == 0xC0 && is_inner(b) => {
                    starts.two[two_index(a, b)] = starts.entry(across.condition(order, &[a, b]));
                }
                (&[a], &[b, c]) | (&[a, b], &[c]) if a & 0xF0 == 0xE0 && is_inner(b) && is_inner(c) => {
                    starts.three[three_index(a, b, c)] = starts.entry(across.condition(order, &[a, b, c]));
                }
                _ => {}
            }
        }
        starts
    }

    /// How a character is entered.
    fn entry(&mut self, condition: Condition) -> u32 {
        if condition.before == 0 && condition.behind == 0 {
            return condition.order;
        }
        let place = u32::try_from(self.conditions.len()).unwrap_or(0);
        self.conditions.push(condition);
        CONDITIONAL | place
    }

    /// Splits `piece` into symbols; false if they are too many. O(n).
    #[inline(always)]
    pub(crate) fn fill<const N: usize>(&self, piece: &[u8], symbols: &mut Short<N>) -> bool {
        symbols.clear();
        let mut at = 0;
        while let Some(&first) = piece.get(at) {
            // Characters behind ASCII are taken byte by byte: merges with a space are of low order.
            let apart = at == 0 || is_inner(piece[at - 1]);
            let character = if first >= 0xC0 && apart { self.character(piece, at) } else { None };
            let (symbol, len) = character.unwrap_or((self.bytes[usize::from(first)], 1));
            if !symbols.push(symbol) {
                return false;
            }
            at += len;
        }
        true
    }

    /// The character at `at`, which begins the piece or stands behind another, and its length, if it may be taken at once.
    #[inline(always)]
    fn character(&self, piece: &[u8], at: usize) -> Option<(u32, usize)> {
        let (entry, len) = match *piece.get(at..)? {
            [a, b, c, ..] if a & 0xF0 == 0xE0 && is_inner(b) && is_inner(c) => (self.three[three_index(a, b, c)], 3),
            [a, b, ..] if a & 0xE0 == 0xC0 && is_inner(b) => (self.two[two_index(a, b)], 2),
            _ => return None,
        };
        let behind = piece.get(at + len).copied();
        if entry == NONE || behind.is_some_and(|byte| byte < 0xC0) {
            return None;
        }
        if entry & CONDITIONAL == 0 {
            return Some((entry, len));
        }
        let condition = self.conditions.get((entry & !CONDITIONAL) as usize)?;
        let hindered_before = at > 0 && condition.before >> (piece[at - 1] & 0x3F) & 1 == 1;
        let hindered_behind = behind.is_some_and(|byte| condition.behind >> (byte & 0x3F) & 1 == 1);
        (!hindered_before && !hindered_behind).then_some((condition.order, len))
    }
}

/// Merges of a part of a character with what stands outside it: the lowest order by that part and the outer byte.
#[derive(Default)]
struct Across {
    /// By the first one or two bytes of a character: the last byte before it, less 0x80, and order.
    prefixes: Outer,
    /// By its last one or two bytes: the first byte behind it, less 0xC0, and order.
    suffixes: Outer,
}

type Outer = HashMap<[u8; 2], Vec<(u8, u32)>, foldhash::fast::RandomState>;

impl Across {
    fn new<'a>(tokens: impl Iterator<Item = (u32, &'a [u8], &'a [u8])>) -> Self {
        let mut across = Self::default();
        let enter = |map: &mut Outer, part: &[u8], byte: u8, order: u32| {
            let outer = map.entry(padded(part)).or_default();
            // Orders come in ascending order: the first is the lowest.
            if !outer.iter().any(|&(known, _)| known == byte & 0x3F) {
                outer.push((byte & 0x3F, order));
            }
        };
        for (order, left, right) in tokens {
            let (Some(&last), Some(&first)) = (left.last(), right.first()) else { continue };
            if is_inner(last) && first >= 0xC0 && right.len() < 3 && right[1..].iter().all(|&byte| is_inner(byte)) {
                enter(&mut across.prefixes, right, last, order);
            }
            if first >= 0xC0 && left.len() < 3 && left.iter().all(|&byte| is_inner(byte)) {
                enter(&mut across.suffixes, left, first, order);
            }
        }
        across
    }

    /// Beside what `character`, whose token has the given order, may not be taken at once.
    fn condition(&self, order: u32, character: &[u8]) -> Condition {
        let hindrances = |map: &Outer, part: &[u8]| {
            let outer = map.get(&padded(part)).into_iter().flatten();
            outer.filter(|&&(_, other)| other <= order).fold(0, |set, &(byte, _)| set | 1u64 << byte)
        };
        let inside = 1..character.len();
        Condition {
            order,
            before: inside.clone().fold(0, |set, end| set | hindrances(&self.prefixes, &character[..end])),
            behind: inside.fold(0, |set, start| set | hindrances(&self.suffixes, &character[start..])),
        }
    }
}

/// One or two bytes as a key; no character has a part that ends with a zero.
fn padded(part: &[u8]) -> [u8; 2] {
    [part.first().copied().unwrap_or(0), part.get(1).copied().unwrap_or(0)]
}

/// Whether a byte goes on a character.
#[inline(always)]
const fn is_inner(byte: u8) -> bool {
    byte & 0xC0 == 0x80
}

#[inline(always)]
const fn two_index(a: u8, b: u8) -> usize {
    (a as usize & 0x1F) << 6 | (b as usize & 0x3F)
}

#[inline(always)]
const fn three_index(a: u8, b: u8, c: u8) -> usize {
    (a as usize & 0xF) << 12 | (b as usize & 0x3F) << 6 | (c as usize & 0x3F)
}
