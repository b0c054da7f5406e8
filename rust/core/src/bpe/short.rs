//! The merge loop itself, for pieces of few symbols, several at a time.
//!
//! Positions live in a 64-bit set, and an order and its position in one word, so that the next merge is a minimum over a
//! small array. Looking a pair up mostly waits for memory; so a lookup is begun with one merge, and finished before the next,
//! and several pieces take turns. Which way a step goes cannot be foreseen, so it has no branches: a symbol before the first
//! and one behind the last, which merge with nothing, make all steps alike.

use crate::merges::{PairTable, SENTINEL};

/// Positions of a piece of the usual kind, which is merged fastest.
pub(crate) const USUAL: usize = 16;
/// Positions of the longest kind: a word has a bit for each.
pub(crate) const LONGER: usize = 64;

pub(crate) type Usual = Short<USUAL>;
pub(crate) type Longer = Short<LONGER>;

const POSITION_BITS: u32 = 6;
const POSITION: u32 = (1 << POSITION_BITS) - 1;
/// Candidates from here on are none.
const NO_CANDIDATE: u32 = 1 << 31;
/// Positions whose minimum is taken side by side.
const LANES: usize = 8;

/// A piece of up to `N` - 2 symbols while it is merged. `N` is a power of two, at least [`LANES`] and at most 64.
#[derive(Debug, Clone)]
pub(crate) struct Short<const N: usize> {
    /// From position 1 on, between sentinels.
    symbols: [u32; N],
    /// By position: the order of what the symbol there and the next merge into, above the position itself.
    candidates: [u32; N],
    /// Positions of symbols and sentinels; the others have been merged into one before.
    live: u64,
    len: usize,
    /// The two lookups that the last merge began.
    asked: [Lookup; 2],
    /// Positions whose lookups `begin` began, and their places.
    unanswered: u64,
    places: [u32; N],
}

/// A pair that is looked up: the positions of both, and where the table is searched for it.
#[derive(Debug, Clone, Copy, Default)]
struct Lookup {
    left: u32,
    right: u32,
    place: u32,
}

impl<const N: usize> Default for Short<N> {
    fn default() -> Self {
        Self {
            symbols: [SENTINEL; N],
            candidates: [NO_CANDIDATE; N],
            live: 0,
            len: 0,
            asked: Default::default(),
            unanswered: 0,
            places: [0; N],
        }
    }
}

impl<const N: usize> Short<N> {
    /// Forgets the piece before.
    #[inline(always)]
    pub(crate) const fn clear(&mut self) {
        self.len = 0;
    }

    /// Appends a symbol; false if there is no room.
    #[inline(always)]
    pub(crate) fn push(&mut self, symbol: u32) -> bool {
        if self.len + 2 >= N {
            return false;
        }
        self.len += 1;
        self.symbols[self.len % N] = symbol;
        true
    }

    /// Merges until no pair merges. O(symbols x merges).
    #[inline(always)]
    pub(crate) fn merge(&mut self, pairs: &PairTable) {
        self.begin(pairs);
        self.learn(pairs);
        while self.step(pairs) {
            self.learn(pairs);
        }
    }

    /// What is left after merging, in order.
    #[inline(always)]
    pub(crate) const fn tokens(&self) -> Tokens<'_, N> {
        Tokens { symbols: &self.symbols, live: self.live & !1 & !(1 << (self.len + 1)) }
    }

    /// Asks for every two neighbours.
    #[inline(always)]
    pub(crate) fn begin(&mut self, pairs: &PairTable) {
        let len = self.len;
        self.live = u64::MAX >> (62 - len).min(63);
        self.symbols[(len + 1) % N] = SENTINEL;
        self.candidates = [NO_CANDIDATE; N];
        self.asked = Default::default();
        self.unanswered = 0;
        for at in 1..len {
            let (left, right) = (self.symbols[at % N], self.symbols[(at + 1) % N]);
            if let Some(product) = pairs.get_low(left, right) {
                self.candidates[at % N] = pack(product, at);
            } else {
                let place = pairs.place(left, right);
                pairs.prefetch(place);
                self.places[at % N] = place;
                self.unanswered |= 1 << at;
            }
        }
    }

    /// Finishes the lookups under way.
    #[inline(always)]
    pub(crate) fn learn(&mut self, pairs: &PairTable) {
        if self.unanswered != 0 {
            self.learn_all(pairs);
        }
        for lookup in self.asked {
            let (left, right) = (self.symbols[lookup.left as usize % N], self.symbols[lookup.right as usize % N]);
            let product = pairs.find(lookup.place, left, right);
            self.candidates[lookup.left as usize % N] = pack(product, lookup.left as usize);
        }
    }

    /// Makes one merge; false if there is none to make.
    #[inline(always)]
    pub(crate) fn step(&mut self, pairs: &PairTable) -> bool {
        let best = self.lowest();
        if best >= NO_CANDIDATE {
            return false;
        }
        self.join((best & POSITION) as usize, best >> POSITION_BITS, pairs);
        true
    }

    /// Takes the answers that `begin` asked for. All symbols still stand side by side.
    #[inline(never)]
    fn learn_all(&mut self, pairs: &PairTable) {
        while self.unanswered != 0 {
            let at = self.unanswered.trailing_zeros() as usize;
            self.unanswered &= self.unanswered - 1;
            let product = pairs.find(self.places[at % N], self.symbols[at % N], self.symbols[(at + 1) % N]);
            self.candidates[at % N] = pack(product, at);
        }
    }

    /// The pair to merge next: the lowest order, of equals the leftmost.
    #[inline(always)]
    fn lowest(&self) -> u32 {
        let groups = if N <= 2 * LANES { N / LANES } else { (self.len + 1).div_ceil(LANES) };
        let mut lowest = [NO_CANDIDATE; LANES];
        for group in self.candidates.chunks_exact(LANES).take(groups) {
            for (least, &candidate) in lowest.iter_mut().zip(group) {
                *least = candidate.min(*least);
            }
        }
        lowest.into_iter().fold(NO_CANDIDATE, u32::min)
    }

    /// Replaces the symbols at `at` and the next position by their product, and asks for its neighbours.
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation, reason = "positions are below 64")]
    fn join(&mut self, at: usize, product: u32, pairs: &PairTable) {
        let at = at % N;
        let behind = self.live & (u64::MAX - 1) << at;
        let next = behind.trailing_zeros() as usize % N;
        let beyond = (behind & behind.wrapping_sub(1)).trailing_zeros() as usize % N;
        // The sentinel at 0 stands before every symbol; `| 1` says so.
        let before = (self.live & ((1 << at) - 1) | 1).ilog2() as usize % N;
        self.live &= !(1 << next);
        self.symbols[at] = product;
        self.candidates[next] = NO_CANDIDATE;
        let ask = |left: usize, right: usize| {
            let place = pairs.place(self.symbols[left], self.symbols[right]);
            Lookup { left: left as u32, right: right as u32, place }
        };
        self.asked = [ask(before, at), ask(at, beyond)];
        for lookup in self.asked {
            pairs.prefetch(lookup.place);
        }
    }
}

#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "positions are below 64")]
const fn pack(product: u32, at: usize) -> u32 {
    // What is no product is beyond all others, also without its upper bits.
    product << POSITION_BITS | at as u32
}

/// Pieces merged in turn.
const ABREAST: usize = 8;

/// Several pieces on their way, each with the number it was given.
#[derive(Debug)]
pub(crate) struct Several<const N: usize> {
    pieces: [Short<N>; ABREAST],
    numbers: [usize; ABREAST],
}

impl<const N: usize> Default for Several<N> {
    fn default() -> Self {
        Self { pieces: std::array::from_fn(|_| Short::default()), numbers: [0; ABREAST] }
    }
}

impl<const N: usize> Several<N> {
    /// Merges many pieces: `next` fills in a piece and gives its number, or `None` when there are no more; `done` takes the
    /// number and the tokens of each, in any order.
    #[inline(always)]
    pub(crate) fn merge(
        &mut self,
        pairs: &PairTable,
        next: impl FnMut(&mut Short<N>) -> Option<usize>,
        done: impl FnMut(usize, Tokens<'_, N>),
    ) {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("bmi2") && is_x86_feature_detected!("lzcnt") {
            // SAFETY: the processor has these instructions; that was asked in the line before.
            unsafe { merge_avx2(self, pairs, next, done) };
            return;
        }
        self.merge_in_turn(pairs, next, done);
    }

    /// [`Several::merge`] for any processor: the safe twin of the one compiled for newer ones.
    #[inline(always)]
    pub(super) fn merge_in_turn(
        &mut self,
        pairs: &PairTable,
        mut next: impl FnMut(&mut Short<N>) -> Option<usize>,
        mut done: impl FnMut(usize, Tokens<'_, N>),
    ) {
        let mut busy = 0;
        for (piece, number) in self.pieces.iter_mut().zip(&mut self.numbers) {
            let Some(given) = next(piece) else { break };
            *number = given;
            piece.begin(pairs);
            busy += 1;
        }
        while busy > 0 {
            // Apart from the steps: a wide load right behind narrow stores would wait for them.
            for piece in self.pieces.iter_mut().take(busy) {
                piece.learn(pairs);
            }
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

/// [`Several::merge_in_turn`], compiled for newer processors: 7 to 16 % less time.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi2,lzcnt")]
fn merge_avx2<const N: usize>(
    several: &mut Several<N>,
    pairs: &PairTable,
    next: impl FnMut(&mut Short<N>) -> Option<usize>,
    done: impl FnMut(usize, Tokens<'_, N>),
) {
    several.merge_in_turn(pairs, next, done);
}

/// The tokens of a piece.
#[derive(Debug, Clone)]
pub(crate) struct Tokens<'a, const N: usize> {
    symbols: &'a [u32; N],
    live: u64,
}

impl<const N: usize> Tokens<'_, N> {
    /// The tokens, if they are two.
    pub(crate) fn pair(mut self) -> Option<(u32, u32)> {
        self.next().zip(self.next()).filter(|_| self.live == 0)
    }
}

impl<const N: usize> Iterator for Tokens<'_, N> {
    type Item = u32;

    #[inline(always)]
    fn next(&mut self) -> Option<u32> {
        if self.live == 0 {
            return None;
        }
        let at = self.live.trailing_zeros() as usize % N;
        self.live &= self.live - 1;
        Some(self.symbols[at])
    }
}
