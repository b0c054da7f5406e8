//! The cl100k family: `prefix? letters`, short numbers, ` ?other [\r\n]*`, contractions in any case.

use super::bits::{after, before_one, flood, groups_of_three, last, pop, whole};
use super::classes::{LETTER, NUMBER, Standard};
use super::family::{Family, Space, SpaceCarry, View, contraction, space_starts};
use super::source::{BLOCK, Masks};

/// A pattern of the family. `WORD` is the kinds that words are of: [`LETTER`], or with marks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cl100k<const WORD: u8 = LETTER> {
    /// Whether up to three numbers make a piece, or one.
    pub(super) three_digits: bool,
    /// Whether whitespace that ends the text is one piece even if there is a newline in it (`\s++$`).
    pub(super) closing_space: bool,
}

/// What a block leaves to the next.
#[derive(Clone, Copy, Default)]
pub(super) struct Carry {
    word: u64,
    other: u64,
    blank: u64,
    /// The first character of a run of others that a word may take as its prefix.
    prefix: u64,
    /// Whitespace that a word takes as its prefix.
    white: u64,
    tail: u64,
    /// How many more numbers the open group takes.
    digits: u32,
    /// Ends of contractions, as bits of the next block.
    ends: u64,
    spaces: SpaceCarry,
}

impl<const WORD: u8> Family for Cl100k<WORD> {
    type Alphabet = Standard;
    type Carry = Carry;

    #[inline(always)]
    fn padding(self) -> u8 {
        if self.closing_space { b'\n' } else { b' ' }
    }

    #[inline(always)]
    fn starts<H: Masks, N: Masks>(self, carry: &mut Carry, here: &H, next: &N, view: View<'_>) -> u64 {
        let (word, number, blank) = (here.class::<WORD>(), here.class::<NUMBER>(), here.blank());
        let (space, next_space) = (Space::of(here), Space::of(next));
        let other = !(word | number | space.any());
        let after_other = after(other, carry.other);
        // A run of others begins a piece unless a space before it did.
        let free = other & !after_other & !after(blank, carry.blank);
        let prefix = whole(free, space.continuation, carry.prefix);
        let word_runs = word & !after(word, carry.word);
        let mut starts = free | word_runs & !after(prefix | space.white, carry.prefix | carry.white);
        // Newlines after others belong to them.
        let tail = flood(space.newline, space.newline & (after_other | carry.tail));
        starts |= space_starts(&mut carry.spaces, &space, &next_space, tail, view, self.closing_space);
        starts |= if self.three_digits {
            let (groups, open) = groups_of_three(number, space.continuation, carry.digits);
            carry.digits = open;
            groups
        } else {
            number & !space.continuation
        };
        starts |= carry.ends;
        carry.ends = 0;
        let mut candidates = here.apostrophe() & free & before_one(word, next.class::<WORD>());
        while candidates != 0 {
            let (at, rest) = pop(candidates);
            candidates = rest;
            let length = contraction(view.from(at as usize), true);
            let end = at as usize + length;
            if length != 0 && end < BLOCK {
                starts |= 1 << end;
            } else if length != 0 {
                carry.ends |= 1 << (end - BLOCK);
            }
        }
        carry.word = last(word);
        carry.other = last(other);
        carry.blank = last(blank);
        carry.prefix = last(prefix);
        carry.white = last(space.white);
        carry.tail = last(tail);
        starts
    }
}
