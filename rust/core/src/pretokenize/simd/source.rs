//! Where masks come from: the interface of the instruction sets, and what those without a byte shuffle of
//! 64 entries share.

use super::bits::pop;
use super::classes::{Alphabet, Ascii, BEYOND_ASCII, KINDS};

/// Bytes per block.
pub(super) const BLOCK: usize = 64;
/// Bytes a classifier sees: a block and what completes a character that begins in it.
pub(super) const WINDOW: usize = BLOCK + 3;

/// An instruction set. A value exists only where the processor has it.
pub(super) trait Source: Copy {
    /// What is known of a block.
    type Block: Masks;

    /// Classifies the first 64 bytes of `window`; `before` is the block before it.
    fn classify<A: Alphabet>(self, window: &[u8; WINDOW], before: &Self::Block) -> Self::Block;

    /// The block before a text: it has no characters.
    fn nothing(self) -> Self::Block;

    /// Writes `base` plus the index of each bit to `out`, lowest first; returns how many there are. Entries of
    /// `out` beyond them may be overwritten.
    fn flatten(self, mask: u64, base: u32, out: &mut [u32; BLOCK]) -> usize;
}

/// Masks of the characters of a block.
pub(super) trait Masks: Copy {
    /// Characters of any of the given kinds, a union of the alphabet's.
    fn class<const KIND: u8>(&self) -> u64;
    /// Spaces: U+0020 alone.
    fn blank(&self) -> u64;
    /// Apostrophes: U+0027 alone.
    fn apostrophe(&self) -> u64;
    /// Slashes.
    fn slash(&self) -> u64;
    /// Bytes that continue a character.
    fn continuation(&self) -> u64;
    /// Bytes above 0x7F.
    fn wide(&self) -> u64;
}

/// The masks of a block that is known to be all ASCII: what need not be computed is a constant.
#[derive(Clone, Copy)]
pub(super) struct OnlyAscii<'a, M>(pub(super) &'a M);

impl<M: Masks> Masks for OnlyAscii<'_, M> {
    #[inline(always)]
    fn class<const KIND: u8>(&self) -> u64 {
        if KIND & !BEYOND_ASCII == 0 { 0 } else { self.0.class::<KIND>() }
    }

    #[inline(always)]
    fn blank(&self) -> u64 {
        self.0.blank()
    }

    #[inline(always)]
    fn apostrophe(&self) -> u64 {
        self.0.apostrophe()
    }

    #[inline(always)]
    fn slash(&self) -> u64 {
        self.0.slash()
    }

    #[inline(always)]
    fn continuation(&self) -> u64 {
        0
    }

    #[inline(always)]
    fn wide(&self) -> u64 {
        0
    }
}

/// The masks of a block with some characters left out of all classes.
#[derive(Clone, Copy)]
pub(super) struct Without<'a, M>(pub(super) &'a M, pub(super) u64);

impl<M> Without<'_, M> {
    /// What is left out.
    #[inline(always)]
    pub(super) const fn excluded(&self) -> u64 {
        self.1
    }
}

impl<M: Masks> Masks for Without<'_, M> {
    #[inline(always)]
    fn class<const KIND: u8>(&self) -> u64 {
        self.0.class::<KIND>() & !self.1
    }

    #[inline(always)]
    fn blank(&self) -> u64 {
        self.0.blank()
    }

    #[inline(always)]
    fn apostrophe(&self) -> u64 {
        self.0.apostrophe()
    }

    #[inline(always)]
    fn slash(&self) -> u64 {
        self.0.slash()
    }

    #[inline(always)]
    fn continuation(&self) -> u64 {
        self.0.continuation()
    }

    #[inline(always)]
    fn wide(&self) -> u64 {
        self.0.wide()
    }
}

/// Bytes of the longest character.
const LONGEST: usize = 4;

/// Masks computed one by one, for classifiers that look characters beyond ASCII up in turn.
#[derive(Clone, Copy)]
pub(super) struct Planes {
    /// By kind: bit `1 << kind` of the class byte.
    kinds: [u64; KINDS],
    blank: u64,
    apostrophe: u64,
    slash: u64,
    continuation: u64,
    wide: u64,
    /// Class bytes for the first bytes of the next block, if they continue a character of this one.
    open: [u8; LONGEST],
}

/// A source of [`Planes`].
pub(super) trait Planar: Copy {
    /// The masks of class bytes, one for each bit.
    ///
    /// A method and no closure, which would not always be inlined into code for the instruction set.
    fn by_kind(self, class_bytes: &[u8; BLOCK]) -> [u64; KINDS];
}

impl Planes {
    /// The masks of a block before any text.
    pub(super) const NOTHING: Self =
        Self { kinds: [0; KINDS], blank: 0, apostrophe: 0, slash: 0, continuation: 0, wide: 0, open: [0; LONGEST] };

    /// Adds the characters beyond ASCII to the others; `before` is the block before.
    #[inline(always)]
    pub(super) fn new<A: Alphabet, P: Planar>(ascii: &Ascii, window: &[u8; WINDOW], before: &Self, source: P) -> Self {
        let mut planes = Self {
            kinds: A::ascii(ascii),
            blank: ascii.blank,
            apostrophe: ascii.apostrophe,
            slash: ascii.slash,
            wide: ascii.wide,
            ..Self::NOTHING
        };
        if ascii.wide != 0 {
            let firsts = ascii.wide & ascii.first;
            planes.continuation = ascii.wide & !firsts;
            let class_bytes = wide_classes::<A>(window, firsts, before.open);
            let (here, next) = class_bytes.split_at(BLOCK);
            planes.open.copy_from_slice(next);
            let wide = source.by_kind(here.first_chunk().unwrap_or(&[0; BLOCK]));
            for (plane, wide) in planes.kinds.iter_mut().zip(wide) {
                *plane |= wide & ascii.wide;
            }
        }
        planes
    }
}

/// The class bytes of the characters beyond ASCII that begin at `firsts`, for all their bytes, and for the first
/// bytes of the next block; those of ASCII characters are arbitrary. `open` is what the block before leaves.
#[inline]
fn wide_classes<A: Alphabet>(window: &[u8; WINDOW], mut firsts: u64, open: [u8; LONGEST]) -> [u8; BLOCK + LONGEST] {
    let mut class_bytes = [0; BLOCK + LONGEST];
    class_bytes[..LONGEST].copy_from_slice(&open);
    while firsts != 0 {
        let (at, rest) = pop(firsts);
        firsts = rest;
        let at = at as usize % BLOCK;
        // The longest character is written; what is too much is written over or arbitrary.
        let Some(bytes) = window[at..].first_chunk() else { break };
        class_bytes[at..at + LONGEST].fill(A::TABLES.of(*bytes));
    }
    class_bytes
}

impl Masks for Planes {
    #[inline(always)]
    fn class<const KIND: u8>(&self) -> u64 {
        let mut mask = 0;
        for (kind, plane) in self.kinds.iter().enumerate() {
            if KIND >> kind & 1 != 0 {
                mask |= plane;
            }
        }
        mask
    }

    #[inline(always)]
    fn blank(&self) -> u64 {
        self.blank
    }

    #[inline(always)]
    fn apostrophe(&self) -> u64 {
        self.apostrophe
    }

    #[inline(always)]
    fn slash(&self) -> u64 {
        self.slash
    }

    #[inline(always)]
    fn continuation(&self) -> u64 {
        self.continuation
    }

    #[inline(always)]
    fn wide(&self) -> u64 {
        self.wide
    }
}

/// [`Source::flatten`] without vectors.
#[inline(always)]
pub(super) fn flatten_bits(mut mask: u64, base: u32, out: &mut [u32; BLOCK]) -> usize {
    let count = mask.count_ones() as usize;
    // Four at a time: the loop's exit is then well predicted. Once the mask is empty the index is 64, unused.
    let mut slots = out.chunks_exact_mut(4);
    while mask != 0 {
        let Some(four) = slots.next() else { break };
        for slot in four {
            *slot = base.wrapping_add(mask.trailing_zeros());
            mask &= mask.wrapping_sub(1);
        }
    }
    count
}
