//! Where masks come from: the interface of the instruction sets, and what those without a byte shuffle of
//! 64 entries share.

use super::classes::{self, KINDS};

/// Bytes per block.
pub(super) const BLOCK: usize = 64;
/// Bytes a classifier sees: a block and what completes a character that begins in it.
pub(super) const WINDOW: usize = BLOCK + 3;

/// An instruction set. A value exists only where the processor has it.
pub(super) trait Source: Copy {
    /// What is known of a block.
    type Block: Masks;

    /// Classifies the first 64 bytes of `window`; `before` is the block before it.
    fn classify(self, window: &[u8; WINDOW], before: &Self::Block) -> Self::Block;

    /// The block before a text: it has no characters.
    fn nothing(self) -> Self::Block;

    /// Writes `base` plus the index of each bit to `out`, lowest first; returns how many there are. Entries of
    /// `out` beyond them may be overwritten.
    fn flatten(self, mask: u64, base: u32, out: &mut [u32; BLOCK]) -> usize;
}

/// Masks of the characters of a block.
pub(super) trait Masks: Copy {
    /// Characters of the given kinds, a union of the bits of [`classes`].
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

/// The ASCII characters of a block, and where there are others.
pub(super) struct Ascii {
    pub(super) letters: u64,
    /// Where the bit is set that tells lower-case letters from upper-case ones; elsewhere it means nothing.
    pub(super) lower_case: u64,
    pub(super) digits: u64,
    /// Whitespace but for newlines.
    pub(super) white: u64,
    pub(super) newlines: u64,
    pub(super) blank: u64,
    pub(super) apostrophe: u64,
    pub(super) slash: u64,
    /// Bytes above 0x7F.
    pub(super) wide: u64,
}

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
    /// The class byte of a character that the next block completes, and how many bytes of it are there.
    open: (u8, u32),
}

impl Planes {
    /// The masks of a block before any text.
    pub(super) const NOTHING: Self =
        Self { kinds: [0; KINDS], blank: 0, apostrophe: 0, slash: 0, continuation: 0, wide: 0, open: (0, 0) };

    /// Adds the characters beyond ASCII; `before` is the block before.
    #[inline(always)]
    pub(super) fn new(ascii: &Ascii, window: &[u8; WINDOW], before: &Self) -> Self {
        let mut planes = Self {
            blank: ascii.blank,
            apostrophe: ascii.apostrophe,
            slash: ascii.slash,
            wide: ascii.wide,
            ..Self::NOTHING
        };
        planes.add(classes::UPPER, ascii.letters & !ascii.lower_case);
        planes.add(classes::LOWER, ascii.letters & ascii.lower_case);
        planes.add(classes::NUMBER, ascii.digits);
        planes.add(classes::WHITE, ascii.white);
        planes.add(classes::NEWLINE, ascii.newlines);
        if ascii.wide != 0 {
            planes.add_wide(window, before.open);
        }
        planes
    }

    /// Adds characters of a class.
    #[inline(always)]
    fn add(&mut self, class: u8, span: u64) {
        if let Some(kind) = self.kinds.get_mut(class.trailing_zeros() as usize) {
            *kind |= span;
        }
    }

    /// Adds the characters beyond ASCII.
    fn add_wide(&mut self, window: &[u8; WINDOW], (open_class, open_bytes): (u8, u32)) {
        let open = (1 << open_bytes) - 1;
        self.add(open_class, open);
        let mut firsts = 0;
        let mut rest = self.wide & !open;
        while rest != 0 {
            let at = rest.trailing_zeros();
            let i = at as usize % BLOCK;
            let (class, length) = classes::first(&window[i..]);
            let span = ((1 << length) - 1) << at;
            firsts |= 1 << at;
            rest &= !span;
            self.add(class, span);
            if i + length > BLOCK {
                self.open = (class, (i + length - BLOCK) as u32);
            }
        }
        self.continuation = self.wide & !firsts;
    }
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
