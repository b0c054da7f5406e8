//! The distinct pieces of a text as one array of symbols.
//!
//! Pieces lie one after the other, most frequent first, so that a position tells the count; a separator stands before, between
//! and behind them. A symbol that merging makes covers the places of its parts: its first and its last place hold its id, and
//! those between hold [`COVERED`]. So both neighbours of a symbol are found from its place alone, nothing ever moves, and the
//! list of the places of a pair stays true until its symbols are merged away.

use super::error::TrainError;

/// Between pieces.
pub(super) const SEPARATOR: u32 = u32::MAX;
/// Inside a symbol of several places.
pub(super) const COVERED: u32 = u32::MAX - 1;
/// Ids are below.
pub(super) const MAX_IDS: u32 = 1 << 30;

/// Pieces of one count, from a place on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) start: u32,
    pub(super) count: u64,
}

/// Pieces and their counts; see the module documentation.
#[derive(Debug, Clone, Default)]
pub(super) struct Corpus {
    /// The symbols.
    pub(super) symbols: Vec<u32>,
    /// Decreasing counts, increasing places; a last one is beyond the end.
    pub(super) runs: Vec<Run>,
}

/// Counts up to here are sorted by counting.
const COUNTED: usize = 1 << 14;

/// Lays out pieces, given as symbols, in the order of their counts. Takes each piece twice: first its length.
pub(super) struct Layout {
    /// By count: places needed, then where the next piece goes.
    places: Vec<usize>,
    /// Counts of [`COUNTED`] and more, with the places needed.
    frequent: Vec<(u64, usize)>,
    corpus: Corpus,
}

impl Layout {
    /// Begins; `lengths` calls its argument with the length and the count of each piece.
    pub(super) fn new(lengths: impl FnOnce(&mut dyn FnMut(usize, u64))) -> Result<Self, TrainError> {
        let mut places = vec![0; COUNTED];
        let mut frequent: Vec<(u64, usize)> = Vec::new();
        lengths(&mut |len, count| match usize::try_from(count).ok().filter(|&count| count < COUNTED) {
            Some(count) => places[count] += len + 1,
            None => frequent.push((count, len + 1)),
        });
        frequent.sort_unstable_by(|a, b| b.cmp(a));
        frequent.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            kept.1 += if same { next.1 } else { 0 };
            same
        });
        let mut runs = Vec::new();
        let mut at = 1;
        let mut place = |count: u64, places: &mut usize| {
            runs.push((at, count));
            at += std::mem::replace(places, at);
        };
        for (count, places) in &mut frequent {
            place(*count, places);
        }
        for (count, places) in places.iter_mut().enumerate().rev().filter(|(_, places)| **places > 0) {
            place(count as u64, places);
        }
        let total = at;
        let too_large = || TrainError::too_large("symbols of distinct pieces", total, MAX_PLACES);
        if total > MAX_PLACES {
            return Err(too_large());
        }
        let run = |(start, count)| Some(Run { start: u32::try_from(start).ok()?, count });
        let mut runs: Vec<Run> = runs.into_iter().map(run).collect::<Option<_>>().ok_or_else(too_large)?;
        runs.push(Run { start: u32::MAX, count: 0 });
        let symbols = vec![SEPARATOR; total];
        Ok(Self { places, frequent, corpus: Corpus { symbols, runs } })
    }

    /// Where the symbols of a piece of that length and count are to be written.
    pub(super) fn piece(&mut self, len: usize, count: u64) -> &mut [u32] {
        let place = if let Some(count) = usize::try_from(count).ok().filter(|&count| count < COUNTED) {
            &mut self.places[count]
        } else {
            let at = self.frequent.partition_point(|&(other, _)| other > count);
            &mut self.frequent[at].1
        };
        let start = *place;
        *place += len + 1;
        &mut self.corpus.symbols[start..start + len]
    }

    /// The corpus, when all pieces are written.
    pub(super) fn finish(self) -> Corpus {
        self.corpus
    }
}

/// Places that 32 bits number.
const MAX_PLACES: usize = u32::MAX as usize - 1;

/// Looks counts up for places that mostly increase.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counts<'a> {
    runs: &'a [Run],
    at: usize,
}

impl<'a> Counts<'a> {
    pub(super) const fn new(runs: &'a [Run]) -> Self {
        Self { runs, at: 0 }
    }

    /// The count of the piece at a place. Amortised O(1) for increasing places, O(log runs) otherwise.
    #[inline]
    pub(super) fn at(&mut self, place: u32) -> u64 {
        if self.runs[self.at].start <= place && place < self.runs[self.at + 1].start {
            return self.runs[self.at].count;
        }
        self.search(place)
    }

    fn search(&mut self, place: u32) -> u64 {
        if self.runs[self.at].start > place {
            self.at = 0;
        }
        let mut step = 1;
        while self.at + step < self.runs.len() && self.runs[self.at + step].start <= place {
            self.at += step;
            step *= 2;
        }
        let end = (self.at + step).min(self.runs.len());
        self.at += self.runs[self.at..end].partition_point(|run| run.start <= place) - 1;
        self.runs[self.at].count
    }
}

impl Corpus {
    /// Stretches of pieces of one count, each with its separators on both sides, and the count.
    pub(super) fn stretches(&self) -> impl Iterator<Item = (std::ops::Range<usize>, u64)> + '_ {
        self.runs.windows(2).map(|pair| {
            let end = (pair[1].start as usize).min(self.symbols.len());
            (pair[0].start as usize - 1..end, pair[0].count)
        })
    }

    /// The pieces as they are now, each with its count.
    pub(super) fn pieces(&self) -> impl Iterator<Item = (&[u32], u64)> {
        self.stretches().flat_map(|(range, count)| {
            let inside = &self.symbols[range.start + 1..range.end.max(range.start + 1)];
            inside
                .split(|&symbol| symbol == SEPARATOR)
                .filter(|piece| !piece.is_empty())
                .map(move |piece| (piece, count))
        })
    }

    /// Gives each symbol one place again, and drops pieces of one symbol. `spans` is the number of places by id.
    #[allow(clippy::cast_possible_truncation, reason = "places only become fewer")]
    pub(super) fn compact(&mut self, spans: &[u32]) {
        let mut to = 1;
        let mut runs: Vec<Run> = Vec::with_capacity(self.runs.len());
        for pair in 0..self.runs.len() - 1 {
            let count = self.runs[pair].count;
            let end = (self.runs[pair + 1].start as usize).min(self.symbols.len());
            let (mut at, first, mut start) = (self.runs[pair].start as usize, to, to);
            while at < end {
                let symbol = self.symbols[at];
                self.symbols[to] = symbol;
                to += 1;
                at += if symbol == SEPARATOR { 1 } else { spans[symbol as usize] as usize };
                if symbol == SEPARATOR {
                    // A piece of one symbol has no pair.
                    to = if to - start <= 2 { start } else { to };
                    start = to;
                }
            }
            if to > first {
                runs.push(Run { start: first as u32, count });
            }
        }
        runs.push(Run { start: u32::MAX, count: 0 });
        self.symbols.truncate(to);
        self.symbols.shrink_to_fit();
        self.runs = runs;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corpus(pieces: &[(&[u32], u64)]) -> Corpus {
        let mut layout = Layout::new(|add| pieces.iter().for_each(|(piece, count)| add(piece.len(), *count))).unwrap();
        for (piece, count) in pieces {
            layout.piece(piece.len(), *count).copy_from_slice(piece);
        }
        layout.finish()
    }

    #[test]
    fn pieces_lie_in_order_of_their_counts() {
        let pieces: [(&[u32], u64); 6] =
            [(&[1, 2], 3), (&[4], 1 << 40), (&[5, 6, 7], 3), (&[8, 9], 1 << 20), (&[7, 7], 1 << 40), (&[1], 1)];
        let corpus = corpus(&pieces);
        let found: Vec<_> = corpus.pieces().collect();
        let expected: [(&[u32], u64); 6] =
            [(&[4], 1 << 40), (&[7, 7], 1 << 40), (&[8, 9], 1 << 20), (&[1, 2], 3), (&[5, 6, 7], 3), (&[1], 1)];
        assert_eq!(found, expected);
        let mut counts = Counts::new(&corpus.runs);
        for (place, &symbol) in (0_u32..).zip(&corpus.symbols).filter(|(_, symbol)| **symbol != SEPARATOR) {
            let expected: Vec<u64> =
                pieces.iter().filter(|piece| piece.0.contains(&symbol)).map(|piece| piece.1).collect();
            assert!(expected.contains(&counts.at(place)), "place {place}");
        }
        assert_eq!((counts.at(1), counts.at(16), counts.at(3)), (1 << 40, 1, 1 << 40));
    }

    #[test]
    fn compacting_keeps_the_symbols_and_drops_single_ones() {
        let mut corpus = corpus(&[(&[1, 2, 3], 9), (&[4, 5], 9), (&[6, 7, 8, 9], 2), (&[6], 1)]);
        // 4 5 becomes 10, 7 8 9 becomes 11.
        let at = corpus.symbols.iter().position(|&symbol| symbol == 4).unwrap();
        corpus.symbols[at..at + 2].copy_from_slice(&[10, 10]);
        let at = corpus.symbols.iter().position(|&symbol| symbol == 7).unwrap();
        corpus.symbols[at..at + 3].copy_from_slice(&[11, COVERED, 11]);
        let mut spans = vec![1; 12];
        spans[10] = 2;
        spans[11] = 3;
        corpus.compact(&spans);
        let expected: [(&[u32], u64); 2] = [(&[1, 2, 3], 9), (&[6, 11], 2)];
        assert_eq!(corpus.pieces().collect::<Vec<_>>(), expected);
    }
}
