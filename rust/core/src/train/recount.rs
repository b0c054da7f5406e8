//! Counting all pairs of a corpus whose symbols have one place each.

use super::corpus::{Corpus, SEPARATOR};
use super::learner::Candidate;
use super::pairs::{Pair, PairTable};
use rayon::prelude::*;

/// Up to that many ids, pairs are counted in a square.
const SQUARE: usize = 1 << 10;
/// With fewer symbols, threads cost more than they bring.
const PARALLEL_FROM: usize = 1 << 16;

/// The pairs that are frequent enough, with their places.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) threshold: u64,
    pub(super) candidates: Vec<Candidate>,
    pub(super) lists: Vec<u32>,
}

/// Finds the pairs with a count of at least a threshold, which is chosen when the largest count is known, and that are
/// allowed. Ids are below `ids`.
pub(super) fn pairs(
    corpus: &Corpus,
    ids: usize,
    threshold: impl FnOnce(u64) -> u64,
    mut allow: impl FnMut(Pair) -> bool,
) -> Found {
    let square = ids <= SQUARE;
    let counts = if square { count_in_square(corpus, ids) } else { count_in_tables(corpus) };
    let most = counts.iter().map(|&(_, count)| count).max().unwrap_or(0);
    let threshold = threshold(most);
    let mut kept: Vec<(Pair, u64)> =
        counts.into_iter().filter(|&(pair, count)| count >= threshold && allow(pair)).collect();
    kept.sort_unstable_by_key(|&(pair, _)| pair);
    let (starts, lists) = if square { list_by_square(corpus, ids, &kept) } else { list_by_table(corpus, &kept) };
    let candidates = kept.iter().zip(starts.windows(2)).map(|(&(pair, count), ends)| {
        let len = u32::try_from(ends[1] - ends[0]).unwrap_or(u32::MAX);
        Candidate { count, pair, start: ends[0], len }
    });
    Found { threshold, candidates: candidates.collect(), lists }
}

/// Threads to use: those of the pool that this runs in.
fn threads(corpus: &Corpus) -> usize {
    match rayon::current_thread_index() {
        Some(_) if corpus.symbols.len() >= PARALLEL_FROM => rayon::current_num_threads(),
        _ => 1,
    }
}

fn count_in_square(corpus: &Corpus, ids: usize) -> Vec<(Pair, u64)> {
    // One more row and column for the separator.
    let side = ids + 1;
    let mut square = vec![0_u64; side * side];
    for (range, count) in corpus.stretches() {
        for pair in corpus.symbols[range].windows(2) {
            let cell = &mut square[(pair[0] as usize).min(ids) * side + (pair[1] as usize).min(ids)];
            *cell = cell.saturating_add(count);
        }
    }
    let cells = square.iter().enumerate().map(|(cell, &count)| (cell / side, cell % side, count));
    cells.filter(|&(left, right, count)| count > 0 && left < ids && right < ids).map(named).collect()
}

/// A cell of the square as a pair.
#[allow(clippy::cast_possible_truncation, reason = "ids are below 2^30")]
const fn named((left, right, count): (usize, usize, u64)) -> (Pair, u64) {
    (Pair::new(left as u32, right as u32), count)
}

/// Each thread reads everything and counts its share of the pairs, so that no two have the same pair.
fn count_in_tables(corpus: &Corpus) -> Vec<(Pair, u64)> {
    let threads = threads(corpus) as u64;
    let share = |thread: u64| {
        let mut table = PairTable::with_capacity(corpus.symbols.len() / 16);
        for (range, count) in corpus.stretches() {
            for pair in corpus.symbols[range].windows(2) {
                if pair[0] == SEPARATOR || pair[1] == SEPARATOR {
                    continue;
                }
                let pair = Pair::new(pair[0], pair[1]);
                if threads == 1 || (pair.hash() & 0xFFFF) % threads == thread {
                    table.add(pair, count);
                }
            }
        }
        table.iter().collect::<Vec<_>>()
    };
    if threads == 1 { share(0) } else { (0..threads).into_par_iter().map(share).flatten_iter().collect() }
}

/// Where each of the kept pairs' lists starts, and the lists.
type Lists = (Vec<usize>, Vec<u32>);

fn list_by_square(corpus: &Corpus, ids: usize, kept: &[(Pair, u64)]) -> Lists {
    let side = ids + 1;
    let mut numbers = vec![u32::MAX; side * side];
    for (number, (pair, _)) in (0_u32..).zip(kept) {
        let (left, right) = pair.parts();
        numbers[left as usize * side + right as usize] = number;
    }
    list(corpus, kept.len(), |left, right| {
        let number = numbers[(left as usize).min(ids) * side + (right as usize).min(ids)];
        (number != u32::MAX).then_some(number)
    })
}

fn list_by_table(corpus: &Corpus, kept: &[(Pair, u64)]) -> Lists {
    let mut numbers = PairTable::with_capacity(kept.len());
    for (number, (pair, _)) in (1_u64..).zip(kept) {
        numbers.add(*pair, number);
    }
    list(corpus, kept.len(), |left, right| {
        // A pair with the separator is never in the table, nor is the mark of a free entry ever asked for.
        let number = if right == SEPARATOR { 0 } else { numbers.get(Pair::new(left, right)) };
        u32::try_from(number).ok()?.checked_sub(1)
    })
}

/// Lists the places of pairs by their number, in increasing order each.
#[allow(clippy::cast_possible_truncation, reason = "places are below 2^32")]
fn list(corpus: &Corpus, pairs: usize, number: impl Fn(u32, u32) -> Option<u32>) -> Lists {
    let symbols = corpus.symbols.windows(2).enumerate();
    let numbered = || symbols.clone().filter_map(|(place, pair)| Some((place as u32, number(pair[0], pair[1])?)));
    let mut starts = vec![0; pairs + 1];
    numbered().for_each(|(_, number)| starts[number as usize + 1] += 1);
    for at in 1..starts.len() {
        starts[at] += starts[at - 1];
    }
    let mut next = starts.clone();
    let mut lists = vec![0; starts[pairs]];
    for (place, number) in numbered() {
        let next = &mut next[number as usize];
        lists[*next] = place;
        *next += 1;
    }
    (starts, lists)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::corpus::{Counts, Layout};

    #[test]
    fn square_and_tables_agree() {
        let pieces: Vec<(Vec<u32>, u64)> = (0..3000_u32)
            .map(|i| ((0..=i % 11).map(|j| (i * 7 + j * j * 5) % 97 % 13).collect(), u64::from(i % 50 + 1)))
            .collect();
        let mut layout = Layout::new(|add| pieces.iter().for_each(|(piece, count)| add(piece.len(), *count))).unwrap();
        for (piece, count) in &pieces {
            layout.piece(piece.len(), *count).copy_from_slice(piece);
        }
        let corpus = layout.finish();
        let run = |ids| pairs(&corpus, ids, |most| most / 3, |pair| pair != Pair::new(1, 1));
        let (square, tables) = (run(13), run(SQUARE + 1));
        assert_eq!(
            (square.threshold, &square.candidates, &square.lists),
            (tables.threshold, &tables.candidates, &tables.lists)
        );
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let parallel = pool.install(|| run(SQUARE + 1));
        assert_eq!((&parallel.candidates, &parallel.lists), (&tables.candidates, &tables.lists));
        for candidate in &square.candidates {
            let places = &square.lists[candidate.start..][..candidate.len as usize];
            let mut counts = Counts::new(&corpus.runs);
            let total: u64 = places.iter().map(|&place| counts.at(place)).sum();
            assert_eq!(total, candidate.count);
            assert!(places.is_sorted());
            let (left, right) = candidate.pair.parts();
            assert!(places.iter().all(|&place| corpus.symbols[place as usize..][..2] == [left, right]));
        }
    }
}
