//! Applying known merges to a corpus, each wherever it can be, in their order.
//!
//! Pieces do not touch each other, so each is done by itself: again and again the merge of the lowest rank, of those that come
//! after the merges done before.

use super::Merge;
use super::corpus::{COVERED, Corpus, SEPARATOR};
use super::pairs::{Pair, PairTable};
use rayon::prelude::*;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicBool, Ordering};

/// Up to that many symbols, looking at all pairs again beats a queue.
const SHORT: usize = 24;
/// Symbols that one task works on, about.
const TASK: usize = 1 << 18;

/// Merges by pair.
pub(super) struct Replay<'a> {
    merges: &'a [Merge],
    /// Rank plus one; 0 is no merge.
    ranks: PairTable,
    used: Vec<AtomicBool>,
}

impl<'a> Replay<'a> {
    pub(super) fn new(merges: &'a [Merge]) -> Self {
        let mut ranks = PairTable::with_capacity(merges.len());
        for (rank, merge) in (1..).zip(merges) {
            let pair = Pair::new(merge.left, merge.right);
            // Of a merge that is listed twice the later one counts.
            ranks.set(pair, rank);
        }
        Self { merges, ranks, used: merges.iter().map(|_| AtomicBool::new(false)).collect() }
    }

    /// Applies the merges to every piece; says which of them were used. Ids are below `ids`.
    pub(super) fn run(self, corpus: &mut Corpus, ids: usize) -> Vec<bool> {
        let tasks = tasks(&mut corpus.symbols);
        let work = |symbols: &mut [u32]| {
            let mut scratch = Scratch::default();
            symbols.split_mut(|&symbol| symbol == SEPARATOR).for_each(|piece| self.piece(piece, &mut scratch));
        };
        if rayon::current_thread_index().is_some() {
            tasks.into_par_iter().for_each(work);
        } else {
            tasks.into_iter().for_each(work);
        }
        let mut spans = vec![1; ids];
        for merge in self.merges {
            spans[merge.token as usize] = spans[merge.left as usize] + spans[merge.right as usize];
        }
        corpus.compact(&spans);
        self.used.into_iter().map(AtomicBool::into_inner).collect()
    }

    fn rank(&self, left: u32, right: u32) -> Option<u32> {
        u32::try_from(self.ranks.get(Pair::new(left, right))).ok()?.checked_sub(1)
    }

    fn piece(&self, piece: &mut [u32], scratch: &mut Scratch) {
        if piece.len() < 2 {
            return;
        }
        scratch.symbols.clear();
        scratch.symbols.extend(piece.iter().map(|&symbol| (symbol, 1)));
        if piece.len() <= SHORT {
            self.short(&mut scratch.symbols);
        } else {
            self.long(scratch);
        }
        // Back into the corpus: the first and the last place of a symbol hold it.
        let mut at = 0;
        for &(symbol, span) in &scratch.symbols {
            piece[at..at + span].fill(COVERED);
            piece[at] = symbol;
            piece[at + span - 1] = symbol;
            at += span;
        }
    }

    /// The token that symbols become, if it is one.
    pub(super) fn whole(&self, symbols: &[u32]) -> Option<u32> {
        let mut symbols: Vec<(u32, usize)> = symbols.iter().map(|&symbol| (symbol, 1)).collect();
        self.short(&mut symbols);
        match symbols.as_slice() {
            [(token, _)] => Some(*token),
            _ => None,
        }
    }

    fn mark(&self, rank: u32) -> u32 {
        let used = &self.used[rank as usize];
        if !used.load(Ordering::Relaxed) {
            used.store(true, Ordering::Relaxed);
        }
        self.merges[rank as usize].token
    }

    fn short(&self, symbols: &mut Vec<(u32, usize)>) {
        let mut from = 0;
        loop {
            let ranks = symbols.windows(2).filter_map(|pair| self.rank(pair[0].0, pair[1].0));
            let Some(rank) = ranks.filter(|&rank| rank >= from).min() else { return };
            let Merge { left, right, .. } = self.merges[rank as usize];
            let token = self.mark(rank);
            let mut kept = 0;
            let mut at = 0;
            while at < symbols.len() {
                symbols[kept] = symbols[at];
                if symbols[at].0 == left && symbols.get(at + 1).is_some_and(|next| next.0 == right) {
                    symbols[kept] = (token, symbols[at].1 + symbols[at + 1].1);
                    at += 1;
                }
                (kept, at) = (kept + 1, at + 1);
            }
            symbols.truncate(kept);
            from = rank + 1;
        }
    }

    /// The same with a queue of the pairs by rank, then place. O(n log n).
    fn long(&self, scratch: &mut Scratch) {
        const END: usize = usize::MAX;
        let Scratch { symbols, links, queue } = scratch;
        let count = symbols.len();
        links.clear();
        links.extend((0..count).map(|at| (at.wrapping_sub(1), if at + 1 == count { END } else { at + 1 })));
        queue.clear();
        let pairs = symbols.windows(2).enumerate();
        queue.extend(pairs.filter_map(|(at, pair)| Some(Reverse((self.rank(pair[0].0, pair[1].0)?, at)))));
        while let Some(Reverse((rank, at))) = queue.pop() {
            let (before, next) = links[at];
            // Merged away: symbols of no span are parts of others.
            if symbols[at].1 == 0 || next == END || self.rank(symbols[at].0, symbols[next].0) != Some(rank) {
                continue;
            }
            symbols[at] = (self.mark(rank), symbols[at].1 + symbols[next].1);
            symbols[next].1 = 0;
            let after = links[next].1;
            links[at].1 = after;
            if after != END {
                links[after].0 = at;
            }
            for (left, right) in [(before, at), (at, after)] {
                if left != END && right != END {
                    let new = self.rank(symbols[left].0, symbols[right].0);
                    queue.extend(new.filter(|&new| new > rank).map(|new| Reverse((new, left))));
                }
            }
        }
        symbols.retain(|symbol| symbol.1 > 0);
    }
}

#[derive(Debug, Default)]
struct Scratch {
    /// Symbols with the number of places each covers.
    symbols: Vec<(u32, usize)>,
    links: Vec<(usize, usize)>,
    queue: BinaryHeap<Reverse<(u32, usize)>>,
}

/// Cuts symbols between pieces.
fn tasks(mut symbols: &mut [u32]) -> Vec<&mut [u32]> {
    let mut tasks = Vec::new();
    while symbols.len() > TASK {
        let Some(length) = symbols[TASK..].iter().position(|&symbol| symbol == SEPARATOR) else { break };
        let (task, rest) = symbols.split_at_mut(TASK + length);
        tasks.push(task);
        symbols = rest;
    }
    tasks.push(symbols);
    tasks
}
