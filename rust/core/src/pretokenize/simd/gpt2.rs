//! The GPT-2 family: ` ?letters`, ` ?numbers`, ` ?other`, whitespace with newlines as any other, contractions in
//! lower case; or with numbers split off first.

use std::marker::PhantomData;

use super::bits::{after, before_one, groups_of_three, last, pop};
use super::classes::{Alphabet, LETTER, NUMBER};
use super::family::{Family, Space, View, contraction};
use super::source::{BLOCK, Masks};

/// A pattern of the family, with an alphabet for what counts as a number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gpt2<A> {
    pub(super) numbers: Numbers,
    pub(super) alphabet: PhantomData<A>,
}

/// What is a piece of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbers {
    /// A run of them, with a space before.
    Run,
    /// Each, split off before all else: what stands between numbers is split as if it were the whole text.
    One,
    /// Up to three, split off likewise.
    Three,
}

/// What a block leaves to the next.
#[derive(Clone, Copy, Default)]
pub(super) struct Carry {
    letter: u64,
    number: u64,
    other: u64,
    blank: u64,
    space: u64,
    /// How many more numbers the open group takes.
    digits: u32,
    /// Ends of contractions, and the letters in them, as bits of the next block.
    ends: u64,
    inside: u64,
}

impl<A: Alphabet> Family for Gpt2<A> {
    type Alphabet = A;
    type Carry = Carry;

    #[inline(always)]
    fn padding(self) -> u8 {
        b' '
    }

    #[inline(always)]
    fn starts<H: Masks, N: Masks>(self, carry: &mut Carry, here: &H, next: &N, view: View<'_>) -> u64 {
        let (letter, number, blank) = (here.class::<LETTER>(), here.class::<NUMBER>(), here.blank());
        let (edge, next_edge) = match self.numbers {
            Numbers::Run => (0, 0),
            Numbers::One | Numbers::Three => (number, next.class::<NUMBER>()),
        };
        let (space, next_space) = (Space::with_edge(here, edge), Space::with_edge(next, next_edge));
        let any = space.any();
        let other = !(letter | number | any);
        let mut runs = letter & !after(letter, carry.letter) | other & !after(other, carry.other);
        let mut starts = 0;
        match self.numbers {
            Numbers::Run => runs |= number & !after(number, carry.number),
            Numbers::One => starts = number & !here.continuation(),
            Numbers::Three => (starts, carry.digits) = groups_of_three(number, here.continuation(), carry.digits),
        }
        // A run begins a piece unless a space before it did.
        let free = runs & !after(blank, carry.blank);
        starts |= free | any & !after(any, carry.space) | space.before_text(&next_space, any);
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
