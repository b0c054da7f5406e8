//! The GPT-2 family: ` ?letters`, ` ?numbers`, ` ?other`, whitespace with newlines as any other, contractions in
//! lower case.

use super::bits::{after, before_one, last, pop};
use super::classes::{LETTER, NUMBER};
use super::family::{Family, Space, View, contraction};
use super::source::{BLOCK, Masks};

/// The pattern of the family.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gpt2;

/// What a block leaves to the next.
#[derive(Clone, Copy, Default)]
pub(super) struct Carry {
    letter: u64,
    number: u64,
    other: u64,
    blank: u64,
    space: u64,
    /// Ends of contractions, and the letters in them, as bits of the next block.
    ends: u64,
    inside: u64,
}

impl Family for Gpt2 {
    type Carry = Carry;

    #[inline(always)]
    fn padding(self) -> u8 {
        b' '
    }

    #[inline(always)]
    fn starts<H: Masks, N: Masks>(self, carry: &mut Carry, here: &H, next: &N, view: View<'_>) -> u64 {
        let (letter, number, blank) = (here.class::<LETTER>(), here.class::<NUMBER>(), here.blank());
        let (space, next_space) = (Space::of(here), Space::of(next));
        let any = space.any();
        let other = !(letter | number | any);
        let runs = letter & !after(letter, carry.letter)
            | number & !after(number, carry.number)
            | other & !after(other, carry.other);
        // A run begins a piece unless a space before it did.
        let free = runs & !after(blank, carry.blank);
        let mut starts = free | any & !after(any, carry.space) | space.before_text(&next_space, any);
        starts = starts & !carry.inside | carry.ends;
        (carry.inside, carry.ends) = (0, 0);
        let mut candidates = here.apostrophe() & free & before_one(letter, next.class::<LETTER>());
        while candidates != 0 {
            let (at, rest) = pop(candidates);
            candidates = rest;
            let length = contraction(view.from(at as usize), false);
            if length != 0 {
                let end = at as usize + length;
                clear_and_set(&mut starts, &mut carry.inside, &mut carry.ends, at as usize + 1, end);
            }
        }
        carry.letter = last(letter);
        carry.number = last(number);
        carry.other = last(other);
        carry.blank = last(blank);
        carry.space = last(any);
        starts
    }
}

/// Makes `inside` no start and `end` one; positions beyond the block go to the next.
#[inline(always)]
fn clear_and_set(starts: &mut u64, next_inside: &mut u64, next_ends: &mut u64, inside: usize, end: usize) {
    if inside < BLOCK {
        *starts &= !(1 << inside);
    } else {
        *next_inside |= 1;
    }
    if end < BLOCK {
        *starts |= 1 << end;
    } else {
        *next_ends |= 1 << (end - BLOCK);
    }
}
