//! The three splits of DeepSeek-V3: `\p{N}{1,3}`, then runs of the CJK ranges, then words with or without a character
//! before them, others and whitespace.
//!
//! What stands between numbers, and each run of the CJK ranges, is split as if it were the whole text. Characters that
//! no alternative matches (controls and their like) are pieces in runs, but for the last before a word, which begins
//! it.

use super::bits::{after, before_one, flood, groups_of_three, last};
use super::classes::{Alphabet, Ascii, KINDS, NUMBER, Tables};
use super::family::{Family, Space, SpaceCarry, View, space_starts};
use super::source::Masks;
use crate::unicode::ClassSet;

/// `[\p{L}\p{M}]`.
const WORD: u8 = 1;
/// `[\p{P}\p{S}]`.
const PUNCT: u8 = 1 << 1;
/// `[一-龥぀-ゟ゠-ヿ]`, besides one of the others or none.
const CJK: u8 = 1 << 2;

/// The kinds above.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kinds;

impl Alphabet for Kinds {
    const TABLES: &'static Tables = &Tables::new(&[
        ClassSet::LETTER.or(ClassSet::MARK),
        ClassSet::PUNCT,
        ClassSet::CJK,
        ClassSet::NONE,
        ClassSet::NUMBER,
        ClassSet::WHITE.minus(ClassSet::NEWLINE),
        ClassSet::NEWLINE,
        ClassSet::NONE,
    ]);

    #[inline(always)]
    fn ascii(ascii: &Ascii) -> [u64; KINDS] {
        let punct = ascii.printable & !(ascii.letters | ascii.digits | ascii.blank | ascii.wide);
        [ascii.letters, punct, 0, 0, ascii.digits, ascii.white, ascii.newlines, 0]
    }
}

/// The pattern.
#[derive(Debug, Clone, Copy)]
pub(super) struct DeepSeek;

/// What a block leaves to the next.
#[derive(Clone, Copy, Default)]
pub(super) struct Carry {
    word: u64,
    punct: u64,
    other: u64,
    cjk: u64,
    blank: u64,
    white: u64,
    /// ASCII punctuation that ASCII letters may follow in the same piece.
    lone: u64,
    /// Letters of such a piece.
    lone_word: u64,
    tail: u64,
    /// How many more numbers the open group takes.
    digits: u32,
    spaces: SpaceCarry,
    /// Not for the next block: see [`Family::unsure`].
    unsure: u64,
}

impl Family for DeepSeek {
    type Alphabet = Kinds;
    type Carry = Carry;

    #[inline(always)]
    fn padding(self) -> u8 {
        b' '
    }

    #[inline(always)]
    fn starts<H: Masks, N: Masks>(self, carry: &mut Carry, here: &H, next: &N, view: View<'_>) -> u64 {
        let (word, punct, cjk) = (here.class::<WORD>(), here.class::<PUNCT>(), here.class::<CJK>());
        let (number, ascii) = (here.class::<NUMBER>(), !here.wide());
        let space = Space::with_edge(here, number | cjk);
        let next_space = Space::with_edge(next, next.class::<{ NUMBER | CJK }>());
        let other = !(word | punct | number | space.any());
        // Where a run of the CJK ranges begins or ends, nothing goes on.
        let same = !(cjk ^ after(cjk, carry.cjk));
        let free = punct & !(same & after(punct | here.blank(), carry.punct | carry.blank));
        let lone = free & ascii;
        let letters = word & ascii;
        let lone_word = flood(letters, letters & (after(lone, carry.lone) | carry.lone_word));
        let after_lone_word = after(lone_word, carry.lone_word);
        let goes_on = same & after(word | space.white | other, carry.word | carry.white | carry.other);
        let mut starts = free | other & !(same & after(other, carry.other));
        starts |= word & !(goes_on | lone_word) | word & !ascii & after_lone_word;
        // The last of several others begins the word after it; where it is no ASCII, that is rare.
        let next_word = next.class::<WORD>() & !next.class::<CJK>();
        starts |= other & ascii & before_one(word & !cjk, next_word);
        carry.unsure = other & !ascii & !space.continuation & after(other, carry.other);
        let rest_punct = punct & !cjk;
        let tail = flood(space.newline, space.newline & (after(rest_punct, carry.punct & !carry.cjk) | carry.tail));
        starts |= space_starts(&mut carry.spaces, &space, &next_space, tail, view, false);
        let (groups, open) = groups_of_three(number, space.continuation, carry.digits);
        carry.word = last(word);
        carry.punct = last(punct);
        carry.other = last(other);
        carry.cjk = last(cjk);
        carry.blank = last(here.blank());
        carry.white = last(space.white);
        carry.lone = last(lone);
        carry.lone_word = last(lone_word);
        carry.tail = last(tail);
        carry.digits = open;
        starts | groups
    }

    #[inline(always)]
    fn unsure(carry: &Carry) -> u64 {
        carry.unsure
    }
}
