//! Masks by plain 64-bit arithmetic.

use super::nibbles::{APOSTROPHES, BLANK, DIGITS, HIGH, LETTERS, LOW, NEWLINES, SLASHES, WHITES};
use super::source::{Ascii, BLOCK, Planes, Source, WINDOW, flatten_bits};

/// The path that every processor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Portable;

impl Source for Portable {
    type Block = Planes;

    #[inline(always)]
    fn nothing(self) -> Planes {
        Planes::NOTHING
    }

    #[inline(always)]
    fn classify(self, window: &[u8; WINDOW], before: &Planes) -> Planes {
        let mut kinds = [0; 8];
        let (mut lower_case, mut wide) = (0, 0);
        for (i, eight) in window[..BLOCK].chunks_exact(8).enumerate() {
            let eight = eight.first_chunk().unwrap_or(&[0; 8]);
            let shift = 8 * i;
            let word = u64::from_le_bytes(*eight);
            lower_case |= top_bits(word << 2) << shift;
            wide |= top_bits(word) << shift;
            let products = eight.map(|byte| LOW[usize::from(byte & 15)] & HIGH[usize::from(byte >> 4)]);
            let products = u64::from_le_bytes(products);
            for (bit, kind) in kinds.iter_mut().enumerate() {
                *kind |= top_bits(products << (7 - bit)) << shift;
            }
        }
        let kind = |bits: u8| (0..8).filter(|bit| bits >> bit & 1 != 0).fold(0, |all, bit| all | kinds[bit]);
        let ascii = Ascii {
            letters: kind(LETTERS),
            lower_case,
            digits: kind(DIGITS),
            white: kind(WHITES),
            newlines: kind(NEWLINES),
            blank: kind(BLANK),
            apostrophe: kind(APOSTROPHES),
            slash: kind(SLASHES),
            wide,
        };
        Planes::new(&ascii, window, before)
    }

    #[inline(always)]
    fn flatten(self, mask: u64, base: u32, out: &mut [u32; BLOCK]) -> usize {
        flatten_bits(mask, base, out)
    }
}

/// The top bit of each of eight bytes, as a number of eight bits.
#[inline(always)]
const fn top_bits(word: u64) -> u64 {
    // The product puts the bits side by side in the top byte; no two of its terms meet.
    (word >> 7 & 0x0101_0101_0101_0101).wrapping_mul(0x0102_0408_1020_4080) >> 56
}
