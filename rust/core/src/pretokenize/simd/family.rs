//! What a pattern family is to the scanner, and the rules that several families share.

use super::bits::{after, before, before_one, last, pop};
use super::classes::{Alphabet, NEWLINE, Standard, WHITE};
use super::source::{BLOCK, Masks};

/// A family of patterns: from the masks of a block, of its neighbours and carries, where its pieces start.
///
/// A scan begins at a piece start, and what precedes a piece start never matters: the carries are zero there.
pub(super) trait Family: Copy {
    /// The kinds of characters it tells apart.
    type Alphabet: Alphabet;
    /// What a block leaves to the next.
    type Carry: Copy + Default;

    /// The character that stands for the end of the text: text that ends so is split as if infinitely many
    /// followed.
    fn padding(self) -> u8;
    /// The piece starts of the block `here`.
    fn starts<H: Masks, N: Masks>(self, carry: &mut Self::Carry, here: &H, next: &N, view: View<'_>) -> u64;
    /// Where the masks of the block did not tell, as `starts` has left it: from the first of these bytes on nothing
    /// holds, and the automaton goes on.
    #[inline(always)]
    fn unsure(_: &Self::Carry) -> u64 {
        0
    }
}

/// The text, for the few rules that look further than the next block or at the bytes themselves.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    /// The text from where the scan began.
    pub(super) text: &'a [u8],
    /// Where the block begins in it.
    pub(super) base: usize,
}

impl<'a> View<'a> {
    /// The text from a position relative to the block; empty beyond the end.
    #[inline(always)]
    pub(super) fn from(self, at: usize) -> &'a [u8] {
        self.text.get(self.base + at..).unwrap_or_default()
    }

    /// The class byte of the first character that is in none of `kinds` and begins at or after a position relative
    /// to the block.
    #[cold]
    pub(super) fn first_outside<A: Alphabet>(self, mut at: usize, kinds: u8) -> Option<u8> {
        while self.from(at).first().is_some_and(|byte| byte & 0xC0 == 0x80) {
            at += 1;
        }
        loop {
            match A::TABLES.first(self.from(at)) {
                (_, 0) => return None,
                (class, length) if class & kinds != 0 => at += length,
                (class, _) => return Some(class),
            }
        }
    }
}

/// How many bytes the contraction has that the apostrophe at the start of `text` begins, or 0:
/// `'s 'd 'm 't 'll 've 're`.
#[inline(always)]
pub(super) fn contraction(text: &[u8], ignore_case: bool) -> usize {
    let fold = if ignore_case { 0x20 } else { 0 };
    let [_, first, rest @ ..] = text else { return 0 };
    let second = rest.first().copied().unwrap_or(0);
    match first | fold {
        b's' | b'd' | b'm' | b't' => 2,
        b'l' if second | fold == b'l' => 3,
        b'v' | b'r' if second | fold == b'e' => 3,
        // U+017F is an s where case does not matter.
        _ if ignore_case && (*first, second) == (0xC5, 0xBF) => 3,
        _ => 0,
    }
}

/// The whitespace of a block.
#[derive(Clone, Copy)]
pub(super) struct Space {
    /// `\s` other than newlines.
    pub(super) white: u64,
    /// `[\r\n]`.
    pub(super) newline: u64,
    /// Bytes that continue a character of any kind.
    pub(super) continuation: u64,
    /// Bytes above 0x7F.
    pub(super) wide: u64,
    /// Characters that are to whitespace before them what the end of the text is.
    pub(super) edge: u64,
}

impl Space {
    #[inline(always)]
    pub(super) fn of<M: Masks>(block: &M) -> Self {
        Self::with_edge(block, 0)
    }

    #[inline(always)]
    pub(super) fn with_edge<M: Masks>(block: &M, edge: u64) -> Self {
        Self {
            edge,
            white: block.class::<WHITE>(),
            newline: block.class::<NEWLINE>(),
            continuation: block.continuation(),
            wide: block.wide(),
        }
    }

    #[inline(always)]
    pub(super) const fn any(&self) -> u64 {
        self.white | self.newline
    }

    /// First bytes of the characters in `spaces` that a character other than whitespace follows, but for edges.
    #[inline(always)]
    pub(super) fn before_text(&self, next: &Self, spaces: u64) -> u64 {
        let (ink, next_ink) = (!(self.any() | self.edge), !(next.any() | next.edge));
        let found = spaces & before_one(ink, next_ink);
        let wide = spaces & self.wide;
        if wide == 0 {
            return found;
        }
        let firsts = wide & !self.continuation;
        // A wide space has two or three bytes: the second of three is followed by a continuation byte.
        let third = before(self.continuation, next.continuation, 2);
        found & !wide | firsts & !third & before(ink, next_ink, 2) | firsts & third & before(ink, next_ink, 3)
    }
}

/// What a block leaves to the next about whitespace.
#[derive(Clone, Copy, Default)]
pub(super) struct SpaceCarry {
    any: u64,
    white: u64,
    newline: u64,
}

/// Piece starts in whitespace, by `\s*[\r\n]+|\s+(?!\S)|\s+` with `tail` the newlines (and what may stand among
/// them) that the piece before takes.
///
/// A run of whitespace is one piece up to its last newline; the rest is another, but for its last character where
/// text follows.
#[inline(always)]
pub(super) fn space_starts(
    carry: &mut SpaceCarry,
    here: &Space,
    next: &Space,
    tail: u64,
    view: View<'_>,
    newline_ends: bool,
) -> u64 {
    let (white, any) = (here.white, here.any());
    let newline = here.newline & !tail;
    let runs = white & !after(white, carry.white);
    let mut starts = runs | newline & !after(any, carry.any) | here.before_text(next, white);
    // A run that ends with the block is followed by what follows the run of the next block.
    let follows = next.newline | u64::from(next.white == u64::MAX);
    let to_newline = white & (here.newline >> 1 | follows >> ((!next.white).trailing_zeros() % 64) << 63);
    let between = runs & after(newline, carry.newline);
    if to_newline != 0 && between != 0 {
        let masks = [white, here.newline, next.white, next.newline];
        starts &= !before_newline(between, masks, view, newline_ends);
    }
    *carry = SpaceCarry { any: last(any), white: last(white), newline: last(newline) };
    starts
}

/// Those of some starts of runs of `white` whose run a newline follows; `masks` are `white` and newlines, of this
/// block and the next.
#[inline(never)]
fn before_newline(
    mut runs: u64,
    [white, newline, next_white, next_newline]: [u64; 4],
    view: View<'_>,
    newline_ends: bool,
) -> u64 {
    let mut found = 0;
    while runs != 0 {
        let (at, rest) = pop(runs);
        runs = rest;
        let end = at + (!(white >> at)).trailing_zeros();
        let next_end = (!next_white).trailing_zeros();
        let before = if end < 64 {
            newline >> end & 1 != 0
        } else if next_end < 64 {
            next_newline >> next_end & 1 != 0
        } else {
            view.first_outside::<Standard>(2 * BLOCK, WHITE).map_or(newline_ends, |class| class == NEWLINE)
        };
        if before {
            found |= 1 << at;
        }
    }
    found
}
