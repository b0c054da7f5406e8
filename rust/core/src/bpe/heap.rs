//! The merge loop with a heap: O(n log n) for any merges, also those that backtracking does not cover.

use crate::merges::PairTable;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::hash::BuildHasher;

const GONE: u32 = u32::MAX;

/// Which neighbouring parts merge: rank (lower first) and product.
pub(crate) trait Pairs {
    /// `bytes` are those of both parts together.
    fn merge_of(&self, left: u32, right: u32, bytes: &[u8]) -> Option<(u32, u32)>;
}

impl<S: BuildHasher> Pairs for HashMap<(u32, u32), (u32, u32), S> {
    fn merge_of(&self, left: u32, right: u32, _: &[u8]) -> Option<(u32, u32)> {
        self.get(&(left, right)).copied()
    }
}

impl Pairs for PairTable {
    fn merge_of(&self, left: u32, right: u32, _: &[u8]) -> Option<(u32, u32)> {
        self.get(left, right).map(|product| (product, product))
    }
}

/// One part of the piece in a linked list.
#[derive(Debug, Clone, Copy)]
struct Part {
    token: u32,
    start: u32,
    end: u32,
    previous: u32,
    next: u32,
}

/// Merges `symbols` (token and end offset in `bytes`, in order) until no pair merges, and appends the tokens.
///
/// `bytes` must be shorter than 2^32 - 1.
pub(crate) fn merge(bytes: &[u8], symbols: &[(u32, u32)], pairs: &impl Pairs, out: &mut Vec<u32>) {
    let count = u32::try_from(symbols.len()).unwrap_or(GONE);
    let mut start = 0;
    let mut parts: Vec<Part> = Vec::with_capacity(symbols.len());
    for (i, &(token, end)) in (0u32..).zip(symbols) {
        let next = if i + 1 == count { GONE } else { i + 1 };
        parts.push(Part { token, start, end, previous: i.wrapping_sub(1), next });
        start = end;
    }
    let candidate = |parts: &[Part], at: u32| {
        let left = *parts.get(at as usize)?;
        let right = *parts.get(left.next as usize)?;
        let (rank, product) =
            pairs.merge_of(left.token, right.token, &bytes[left.start as usize..right.end as usize])?;
        Some(Reverse((rank, at, right.end, product)))
    };
    let mut heap: BinaryHeap<_> = (0..count).filter_map(|at| candidate(&parts, at)).collect();
    while let Some(Reverse((_, at, end, product))) = heap.pop() {
        let left = parts[at as usize];
        // An entry is stale if either part has grown or gone since it was pushed; growth of any kind moves the common end.
        let Some(&right) = parts.get(left.next as usize) else { continue };
        if left.token == GONE || right.end != end {
            continue;
        }
        parts[at as usize] = Part { token: product, end, next: right.next, ..left };
        parts[left.next as usize].token = GONE;
        if let Some(after) = parts.get_mut(right.next as usize) {
            after.previous = at;
        }
        heap.extend(candidate(&parts, left.previous));
        heap.extend(candidate(&parts, at));
    }
    out.extend(parts.iter().filter(|p| p.token != GONE).map(|p| p.token));
}
