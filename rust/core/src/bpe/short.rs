//! The merge loop itself, for pieces of few symbols, one or several at a time.
//!
//! Positions live in a 64-bit set, and an order and its position in one word, so that the next merge is a minimum over a
//! small array. Looking a pair up mostly waits for memory; so a lookup is begun in one step, and finished in the next. Several
//! pieces that take steps in turn wait at the same time.

use crate::merges::PairTable;

/// The most symbols that fit.
pub(crate) const MOST: usize = 64;

/// No pair, or no symbol, at a position.
const NONE: u32 = u32::MAX;
const POSITION_BITS: u32 = MOST.trailing_zeros();
const POSITION: u32 = (1 << POSITION_BITS) - 1;

/// A piece of up to [`MOST`] symbols while it is merged.
#[derive(Debug, Clone)]
pub(crate) struct Short {
    symbols: [u32; MOST],
    /// By position: the order of what the symbol there and the next merge into, above the position itself.
    candidates: [u32; MOST],
    /// By position in `asked`: where the table is searched for the symbol there and the next.
    places: [u32; MOST],
    asked: u64,
    /// Positions of symbols; the others have been merged into one before.
    live: u64,
    len: usize,
}

impl Default for Short {
    fn default() -> Self {
        Self { symbols: [NONE; MOST], candidates: [NONE; MOST], places: [0; MOST], asked: 0, live: 0, len: 0 }
    }
}

impl Short {
    /// Forgets the piece before.
    #[inline(always)]
    pub(crate) const fn clear(&mut self) {
        self.len = 0;
    }

    /// Appends a symbol; false if there is no room.
    #[inline(always)]
    pub(crate) fn push(&mut self, symbol: u32) -> bool {
        let Some(place) = self.symbols.get_mut(self.len) else { return false };
        *place = symbol;
        self.len += 1;
        true
    }

    /// Merges until no pair merges. O(symbols x merges).
    #[inline(always)]
    pub(crate) fn merge(&mut self, pairs: &PairTable) {
        self.begin(pairs);
        while self.step(pairs) {}
    }

    /// What is left after merging, in order.
    #[inline(always)]
    pub(crate) const fn tokens(&self) -> Tokens<'_> {
        Tokens { symbols: &self.symbols, live: self.live }
    }

    /// Asks for every two neighbours.
    #[inline(always)]
    pub(crate) fn begin(&mut self, pairs: &PairTable) {
        let len = self.len.min(MOST);
        self.asked = 0;
        self.live = if len == MOST { u64::MAX } else { (1 << len) - 1 };
        for right in 1..len {
            let (left, at) = (self.symbols[right - 1], right - 1);
            match pairs.get_low(left, self.symbols[right]) {
                Some(product) => self.candidates[at] = pack(product, at),
                None => self.ask(at, left, self.symbols[right], pairs),
            }
        }
        // The minimum is taken over whole groups of lanes.
        let end = len.next_multiple_of(LANES).min(MOST);
        if let Some(rest) = self.candidates.get_mut(len.saturating_sub(1)..end) {
            rest.fill(NONE);
        }
    }

    /// Finishes the lookups under way and makes one merge; false if there is none to make.
    #[inline(always)]
    pub(crate) fn step(&mut self, pairs: &PairTable) -> bool {
        self.learn(pairs);
        let best = self.lowest();
        if best == NONE {
            return false;
        }
        self.join((best & POSITION) as usize, best >> POSITION_BITS, pairs);
        true
    }

    /// Begins to look up the symbol at `at` and the next.
    #[inline(always)]
    fn ask(&mut self, at: usize, left: u32, right: u32, pairs: &PairTable) {
        let place = pairs.place(left, right);
        pairs.prefetch(place);
        self.candidates[at] = NONE;
        self.places[at] = place;
        self.asked |= 1 << at;
    }

    /// Takes the answers.
    #[inline(always)]
    fn learn(&mut self, pairs: &PairTable) {
        while self.asked != 0 {
            let at = self.asked.trailing_zeros() as usize % MOST;
            self.asked &= self.asked - 1;
            let next = (self.live & (u64::MAX - 1) << at).trailing_zeros() as usize % MOST;
            let product = pairs.find(self.places[at], self.symbols[at], self.symbols[next]);
            self.candidates[at] = pack(product, at);
        }
    }

    /// The pair to merge next: the lowest order, of equals the leftmost.
    #[inline(always)]
    fn lowest(&self) -> u32 {
        let groups = self.len.div_ceil(LANES);
        let mut lowest = [NONE; LANES];
        for group in self.candidates.chunks_exact(LANES).take(groups) {
            for (least, &candidate) in lowest.iter_mut().zip(group) {
                *least = candidate.min(*least);
            }
        }
        lowest.into_iter().fold(NONE, u32::min)
    }

    /// Replaces the symbols at `at` and the next position by their product, and asks for its neighbours.
    #[inline(always)]
    fn join(&mut self, at: usize, product: u32, pairs: &PairTable) {
        let at = at % MOST;
        let behind = self.live & (u64::MAX - 1) << at;
        let next = behind.trailing_zeros() as usize % MOST;
        let beyond = behind & behind.wrapping_sub(1);
        let before = self.live & ((1 << at) - 1);
        self.live &= !(1 << next);
        self.symbols[at] = product;
        self.candidates[next] = NONE;
        self.candidates[at] = NONE;
        if beyond != 0 {
            self.ask(at, product, self.symbols[beyond.trailing_zeros() as usize % MOST], pairs);
        }
        if before != 0 {
            let left = before.ilog2() as usize % MOST;
            self.ask(left, self.symbols[left], product, pairs);
        }
    }
}

/// Positions whose minimum is taken side by side.
const LANES: usize = 8;

#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "positions are below 64")]
fn pack(product: Option<u32>, at: usize) -> u32 {
    product.map_or(NONE, |order| order << POSITION_BITS | at as u32)
}

/// Pieces merged in turn.
const ABREAST: usize = 8;

/// Several pieces on their way, each with the number it was given.
#[derive(Debug, Default)]
pub(crate) struct Several {
    pieces: [Short; ABREAST],
    numbers: [usize; ABREAST],
}

impl Several {
    /// Merges many pieces: `next` fills in a piece and gives its number, or `None` when there are no more; `done` takes the
    /// number and the tokens of each, in any order.
    #[inline(always)]
    pub(crate) fn merge(
        &mut self,
        pairs: &PairTable,
        mut next: impl FnMut(&mut Short) -> Option<usize>,
        mut done: impl FnMut(usize, Tokens<'_>),
    ) {
        let mut busy = 0;
        for (piece, number) in self.pieces.iter_mut().zip(&mut self.numbers) {
            let Some(given) = next(piece) else { break };
            *number = given;
            piece.begin(pairs);
            busy += 1;
        }
        while busy > 0 {
            let mut at = 0;
            while at < busy {
                let piece = &mut self.pieces[at];
                if piece.step(pairs) {
                    at += 1;
                    continue;
                }
                done(self.numbers[at], piece.tokens());
                if let Some(given) = next(piece) {
                    self.numbers[at] = given;
                    piece.begin(pairs);
                    at += 1;
                } else {
                    busy -= 1;
                    self.pieces.swap(at, busy);
                    self.numbers.swap(at, busy);
                }
            }
        }
    }
}

/// The tokens of a piece.
#[derive(Debug, Clone)]
pub(crate) struct Tokens<'a> {
    symbols: &'a [u32; MOST],
    live: u64,
}

impl Tokens<'_> {
    /// The tokens, if they are two.
    pub(crate) fn pair(mut self) -> Option<(u32, u32)> {
        self.next().zip(self.next()).filter(|_| self.live == 0)
    }
}

impl Iterator for Tokens<'_> {
    type Item = u32;

    #[inline(always)]
    fn next(&mut self) -> Option<u32> {
        if self.live == 0 {
            return None;
        }
        let at = self.live.trailing_zeros() as usize % MOST;
        self.live &= self.live - 1;
        Some(self.symbols[at])
    }
}
