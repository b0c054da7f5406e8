//! The o200k family: `prefix? Upper* lower+ contraction?`, short numbers, ` ?other [\r\n/]*`.
//!
//! A word is `[Ub]*[lb]+` or else `[Ub]+[lb]*`, where U is upper case, l lower case and b both: caseless letters and
//! marks. In a run of letters this comes down to three rules. After an l and any b, a U starts a word. A run of U
//! with a b before it starts a word if no letter follows it: `[lb]+` must end the word before, and gives it up. Any
//! other U goes on.
//!
//! Kimi's pattern is of the family: runs of `\p{Han}` are pieces, and words have none.

use std::marker::PhantomData;

use super::bits::{after, before_one, below, flood, groups_of_three, last, pop, whole};
use super::classes::{Alphabet, CASELESS, HAN, LETTER, LOWER, MARK, NEWLINE, NUMBER, UPPER, WHITE};
use super::family::{Family, Space, SpaceCarry, View, contraction, space_starts};
use super::han::{HanCarry, han_runs};
use super::source::{BLOCK, Masks, Without};

/// Letters and marks that are not upper case.
const NOT_UPPER: u8 = LOWER | CASELESS | MARK;
/// Letters that contractions are of.
const CASED: u8 = UPPER | LOWER;

/// A pattern of the family. If the alphabet has [`HAN`], runs of it are pieces.
#[derive(Debug, Clone, Copy)]
pub(super) struct O200k<A> {
    pub(super) alphabet: PhantomData<A>,
    /// Whether up to three numbers make a piece, or one.
    pub(super) three_digits: bool,
    /// Whether a contraction belongs to the word before.
    pub(super) contractions: bool,
    /// Whether slashes may stand among the newlines after others.
    pub(super) slash_tail: bool,
}

/// What a block leaves to the next.
#[derive(Clone, Copy, Default)]
pub(super) struct Carry {
    word: u64,
    /// Caseless letters and marks of words that have not come to their lower-case part.
    early: u64,
    /// Letters after which an upper-case letter starts a word.
    late: u64,
    others: OthersCarry,
    /// Whitespace that a word takes as its prefix.
    white: u64,
    /// How many more numbers the open group takes.
    digits: u32,
    /// Bytes and ends of contractions, as bits of the next block.
    attached: u64,
    ends: u64,
    spaces: SpaceCarry,
    han: HanCarry,
}

/// The part of [`Carry`] that runs of others need.
#[derive(Clone, Copy, Default)]
struct OthersCarry {
    blank: u64,
    other: u64,
    /// The first character of a run of others that a word may take as its prefix.
    prefix: u64,
    tail: u64,
}

/// Runs of `[^\s\p{L}\p{N}]`.
#[derive(Clone, Copy)]
struct Others {
    /// All their characters, but for those in tails.
    other: u64,
    /// Run starts that no space precedes.
    free: u64,
    /// `free`, all bytes.
    prefix: u64,
    /// The `[\r\n/]*` after a run.
    tail: u64,
}

impl<A: Alphabet> O200k<A> {
    /// The structure of `other`, which has the slashes of tails.
    #[inline(always)]
    fn others<M: Masks>(self, carry: OthersCarry, here: &M, other: u64) -> Others {
        let newline = here.class::<NEWLINE>();
        let may_follow = if self.slash_tail { newline | here.slash() } else { newline };
        let seeds = newline & after(other, carry.other) | may_follow & carry.tail;
        let tail = flood(may_follow, seeds);
        let other = other & !tail;
        let free = other & !after(other, carry.other) & !after(here.blank(), carry.blank);
        Others { other, free, prefix: whole(free, here.continuation(), carry.prefix), tail }
    }

    /// Runs of others, and the marks in words. A mark belongs to the run of others before it, unless that is a
    /// single character that a word can take as its prefix.
    #[inline(always)]
    fn others_and_marks<M: Masks>(self, carry: OthersCarry, here: &Without<'_, M>) -> (Others, u64) {
        let mark = here.class::<MARK>();
        let other = !(here.class::<{ LETTER | MARK | NUMBER | WHITE | NEWLINE }>() | here.excluded());
        let found = self.others(carry, here, other);
        if mark & marks_of_others(carry, &found) == 0 {
            return (found, mark);
        }
        self.others_with_marks(carry, here, other, found)
    }

    /// [`O200k::others_and_marks`] where there are marks among the others.
    #[cold]
    fn others_with_marks<M: Masks>(
        self,
        carry: OthersCarry,
        here: &M,
        mut other: u64,
        mut found: Others,
    ) -> (Others, u64) {
        let mut mark = here.class::<MARK>();
        loop {
            // What is found is right up to the first of these; then its run of marks is others, and all after it
            // may change.
            let moved = mark & marks_of_others(carry, &found);
            if moved == 0 {
                return (found, mark);
            }
            let run = flood(mark, moved & moved.wrapping_neg());
            other |= run;
            mark &= !run;
            found = self.others(carry, here, other);
        }
    }

    /// The contractions that belong to the word before them: all their bytes, and the ends of pieces after them.
    #[inline(always)]
    fn attach_contractions<H: Masks, N: Masks>(
        carry: &mut Carry,
        here: &H,
        next: &N,
        word: u64,
        view: View<'_>,
    ) -> (u64, u64) {
        let (mut attached, mut ends) = (carry.attached, carry.ends);
        (carry.attached, carry.ends) = (0, 0);
        let cased = before_one(here.class::<CASED>(), next.class::<CASED>());
        let mut candidates = here.apostrophe() & after(word, carry.word) & cased;
        while candidates != 0 {
            let (at, rest) = pop(candidates);
            candidates = rest;
            // Where a contraction has just ended there is no word before.
            if ends >> at & 1 == 0 {
                let length = contraction(view.from(at as usize), true);
                let end = at as usize + length;
                if length != 0 {
                    let bytes = below(length);
                    attached |= bytes << at;
                    if end < BLOCK {
                        ends |= 1 << end;
                    } else {
                        carry.attached = below(end - BLOCK);
                        carry.ends = 1 << (end - BLOCK);
                    }
                }
            }
        }
        (attached, ends)
    }
}

/// Where a mark would belong to the run of others before it.
#[inline(always)]
const fn marks_of_others(carry: OthersCarry, found: &Others) -> u64 {
    after(found.other & !found.prefix, carry.other & !carry.prefix)
}

impl<A: Alphabet> Family for O200k<A> {
    type Alphabet = A;
    type Carry = Carry;

    #[inline(always)]
    fn padding(self) -> u8 {
        b' '
    }

    #[inline(always)]
    fn starts<H: Masks, N: Masks>(self, carry: &mut Carry, here: &H, next: &N, view: View<'_>) -> u64 {
        let han = if A::HAS_HAN { han_runs(&mut carry.han, here) } else { 0 };
        let (here, next) = (&Without(here, han), &Without(next, if A::HAS_HAN { next.class::<HAN>() } else { 0 }));
        let (upper, lower, number) = (here.class::<UPPER>(), here.class::<LOWER>(), here.class::<NUMBER>());
        let (space, next_space) = (Space::of(here), Space::of(next));
        let (others, mark) = self.others_and_marks(carry.others, here);
        let both = here.class::<CASELESS>() | mark;
        let word = upper | lower | both;
        let word_runs = word & !after(word, carry.word);
        let prefixed = after(others.prefix | space.white, carry.others.prefix | carry.white);
        let (attached, ends) =
            if self.contractions { Self::attach_contractions(carry, here, next, word, view) } else { (0, 0) };
        // Case. The letter after a contraction begins a word, whatever the letters in it.
        let late = lower | flood(both, both & after(lower, carry.late) & !ends);
        let early = both & !late;
        let han_runs = han & !after(han, carry.han.run);
        carry.han.run = last(han);
        let mut starts = han_runs | others.free | word_runs & !prefixed | upper & after(late, carry.late);
        let upper_after_early = upper & after(early, carry.early);
        if upper_after_early != 0 {
            let masks = [upper, here.class::<NOT_UPPER>(), next.class::<UPPER>(), next.class::<NOT_UPPER>()];
            starts |= not_before_letter::<A>(upper_after_early, masks, view);
        }
        starts = starts & !attached | ends;
        starts |= space_starts(&mut carry.spaces, &space, &next_space, others.tail, view, false);
        starts |= if self.three_digits {
            let (groups, open) = groups_of_three(number, space.continuation, carry.digits);
            carry.digits = open;
            groups
        } else {
            number & !space.continuation
        };
        carry.word = last(word);
        carry.early = last(early);
        carry.late = last(late);
        carry.white = last(space.white);
        carry.others = OthersCarry {
            blank: last(here.blank()),
            other: last(others.other),
            prefix: last(others.prefix),
            tail: last(others.tail),
        };
        starts
    }

    #[inline(always)]
    fn unsure(carry: &Carry) -> u64 {
        carry.han.unsure
    }
}

/// Those of some starts of runs of upper-case letters whose run no other letter or mark follows; `masks` are
/// upper-case letters and the others, of this block and the next.
#[inline(never)]
fn not_before_letter<A: Alphabet>(
    mut runs: u64,
    [upper, other, next_upper, next_other]: [u64; 4],
    view: View<'_>,
) -> u64 {
    let mut found = 0;
    while runs != 0 {
        let (at, rest) = pop(runs);
        runs = rest;
        let end = at + (!(upper >> at)).trailing_zeros();
        let next_end = (!next_upper).trailing_zeros();
        let letter = if end < 64 {
            other >> end & 1 != 0
        } else if next_end < 64 {
            next_other >> next_end & 1 != 0
        } else {
            let class = view.first_outside::<A>(2 * BLOCK, UPPER).unwrap_or(0);
            class & NOT_UPPER != 0 && !(A::HAS_HAN && class & HAN != 0)
        };
        if !letter {
            found |= 1 << at;
        }
    }
    found
}
