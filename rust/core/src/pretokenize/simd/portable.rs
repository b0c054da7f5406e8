//! Masks by plain 64-bit arithmetic.

use super::classes::KINDS;
use super::nibbles::{APOSTROPHES, BLANK, DIGITS, HIGH, LETTERS, LOW, NEWLINES, SLASHES, WHITES};
use super::source::{Ascii, BLOCK, Planar, Planes, Source, WINDOW, flatten_bits};

/// The path that every processor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Portable;

impl Planar for Portable {
    #[inline(always)]
    fn by_kind(self, class_bytes: &[u8; BLOCK]) -> [u64; KINDS] {
        masks(class_bytes)
    }
}

impl Source for Portable {
    type Block = Planes;

    #[inline(always)]
    fn nothing(self) -> Planes {
        Planes::NOTHING
    }

    #[inline(always)]
    fn classify(self, window: &[u8; WINDOW], before: &Planes) -> Planes {
        let mut products = [0; BLOCK];
        for (product, byte) in products.iter_mut().zip(window) {
            *product = LOW[usize::from(byte & 15)] & HIGH[usize::from(byte >> 4)];
        }
        let kinds: [u64; 8] = masks(&products);
        let kind = |bits: u8| (0..8).filter(|bit| bits >> bit & 1 != 0).fold(0, |all, bit| all | kinds[bit]);
        let bits: [u64; 8] = masks(window.first_chunk().unwrap_or(&[0; BLOCK]));
        let ascii = Ascii {
            letters: kind(LETTERS),
            lower_case: bits[5],
            digits: kind(DIGITS),
            white: kind(WHITES),
            newlines: kind(NEWLINES),
            blank: kind(BLANK),
            apostrophe: kind(APOSTROPHES),
            slash: kind(SLASHES),
            wide: bits[7],
            first: bits[6],
        };
        Planes::new(&ascii, window, before, self)
    }

    #[inline(always)]
    fn flatten(self, mask: u64, base: u32, out: &mut [u32; BLOCK]) -> usize {
        flatten_bits(mask, base, out)
    }
}

/// The mask of each bit of 64 bytes.
#[inline(always)]
fn masks<const BITS: usize>(bytes: &[u8; BLOCK]) -> [u64; BITS] {
    let mut masks = [0; BITS];
    for (i, eight) in bytes.chunks_exact(8).enumerate() {
        let word = u64::from_le_bytes(*eight.first_chunk().unwrap_or(&[0; 8]));
        let turned = transpose(word);
        for (bit, mask) in masks.iter_mut().enumerate() {
            *mask |= (turned >> (8 * bit) & 0xFF) << (8 * i);
        }
    }
    masks
}

/// Eight bytes as a matrix of bits, transposed: byte `i` of the result is bit `i` of each byte.
#[inline(always)]
const fn transpose(word: u64) -> u64 {
    // Swap single bits across the diagonals of squares of two, then of four, then of eight.
    let swap = (word ^ word >> 7) & 0x00AA_00AA_00AA_00AA;
    let word = word ^ swap ^ swap << 7;
    let swap = (word ^ word >> 14) & 0x0000_CCCC_0000_CCCC;
    let word = word ^ swap ^ swap << 14;
    let swap = (word ^ word >> 28) & 0x0000_0000_F0F0_F0F0;
    word ^ swap ^ swap << 28
}

#[cfg(test)]
mod tests {
    use super::transpose;

    #[test]
    fn transposing_moves_each_bit() {
        for byte in 0..8 {
            for bit in 0..8 {
                assert_eq!(transpose(1 << (8 * byte + bit)), 1 << (8 * bit + byte));
            }
        }
    }
}
