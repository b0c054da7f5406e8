//! The definition of greedy merging, as plain as can be: the oracle of the tests.
//!
//! Before each merge all pairs are counted from nothing; the most frequent one merges, among equals that with the smallest
//! ids, from left to right in every piece.

use super::options::JoinRule;
use std::collections::HashMap;

/// Merges of pieces, which are changed; new ids count from `next`. `allow` is asked about left and right symbol.
pub(super) fn merges(
    pieces: &mut [(Vec<u32>, u64)],
    mut next: u32,
    most: usize,
    lowest: u64,
    mut allow: impl FnMut(u32, u32) -> bool,
) -> Vec<(u32, u32, u64)> {
    let mut merges = Vec::new();
    while merges.len() < most {
        let mut counts: HashMap<(u32, u32), u64> = HashMap::new();
        for (piece, count) in &*pieces {
            piece.windows(2).for_each(|pair| *counts.entry((pair[0], pair[1])).or_default() += count);
        }
        let allowed = counts.into_iter().filter(|((left, right), _)| allow(*left, *right));
        let Some(((left, right), count)) = allowed.max_by_key(|&(pair, count)| (count, std::cmp::Reverse(pair))) else {
            break;
        };
        if count < lowest.max(1) {
            break;
        }
        for (piece, _) in &mut *pieces {
            apply(piece, left, right, next);
        }
        merges.push((left, right, count));
        next += 1;
    }
    merges
}

/// Merges one pair in a piece, from left to right.
pub(super) fn apply(piece: &mut Vec<u32>, left: u32, right: u32, token: u32) {
    let mut merged = Vec::with_capacity(piece.len());
    let mut rest = piece.as_slice();
    while let Some((&first, tail)) = rest.split_first() {
        if first == left && tail.first() == Some(&right) {
            merged.push(token);
            rest = &tail[1..];
        } else {
            merged.push(first);
            rest = tail;
        }
    }
    *piece = merged;
}

/// Whether a rule allows a token, letter by letter.
pub(super) fn allows(rule: &JoinRule, token: &[u8]) -> bool {
    let words = token.split(|&byte| byte == b' ').filter(|word| !word.is_empty()).count();
    rule.max_words.is_none_or(|most| words <= most)
        && rule.forbid.iter().all(|part| !token.windows(part.len()).any(|window| window == part))
}
