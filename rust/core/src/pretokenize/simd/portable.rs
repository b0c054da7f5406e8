//! Masks by plain 64-bit arithmetic.

use super::classes::{self, Alphabet, Ascii, KINDS, Standard};
use super::source::{BLOCK, Planar, Planes, Source, WINDOW, flatten_bits};

/// The path that every processor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Portable;

/// What [`SPREAD`] tells of a character, by the byte of its entries.
const UPPER: usize = 0;
const LOWER: usize = 1;
const NUMBER: usize = 2;
const WHITE: usize = 3;
const NEWLINE: usize = 4;
const BLANK: usize = 5;
const APOSTROPHE: usize = 6;
const SLASH: usize = 7;

/// For each byte value: byte `i` is 1 if it is an ASCII character of kind `i` above.
static SPREAD: [u64; 256] = {
    let mut spread = [0; 256];
    let mut byte = 0;
    while byte < 0x80 {
        let class = Standard::TABLES.ascii[byte >> 6].0[byte & 63];
        let kinds = [
            class == classes::UPPER,
            class == classes::LOWER,
            class == classes::NUMBER,
            class == classes::WHITE,
            class == classes::NEWLINE,
            byte == b' ' as usize,
            byte == b'\'' as usize,
            byte == b'/' as usize,
        ];
        let mut kind = 0;
        while kind < kinds.len() {
            spread[byte] |= (kinds[kind] as u64) << (8 * kind);
            kind += 1;
        }
        byte += 1;
    }
    spread
};

impl Planar for Portable {
    #[inline(always)]
    fn by_kind(self, class_bytes: &[u8; BLOCK]) -> [u64; KINDS] {
        let words = words(class_bytes);
        let mut kinds = [0; KINDS];
        for (kind, mask) in (0..).zip(&mut kinds) {
            *mask = with_bit(words, kind);
        }
        kinds
    }
}

impl Source for Portable {
    type Block = Planes;

    #[inline(always)]
    fn nothing(self) -> Planes {
        Planes::NOTHING
    }

    #[inline(always)]
    fn classify<A: Alphabet>(self, window: &[u8; WINDOW], before: &Planes) -> Planes {
        let words = words(window.first_chunk().unwrap_or(&[0; BLOCK]));
        let (mut kinds, mut any) = ([0; 8], 0);
        for i in 0..8 {
            kinds[i] = spread(words[i]);
            any |= words[i];
        }
        let kinds = transpose(kinds);
        let mut ascii = Ascii {
            letters: kinds[UPPER] | kinds[LOWER],
            lower_case: kinds[LOWER],
            digits: kinds[NUMBER],
            white: kinds[WHITE],
            newlines: kinds[NEWLINE],
            blank: kinds[BLANK],
            apostrophe: kinds[APOSTROPHE],
            slash: kinds[SLASH],
            printable: (with_bit(words, 5) | with_bit(words, 6)) & !equal(words, 0x7F),
            wide: 0,
            first: 0,
        };
        if any & 0x8080_8080_8080_8080 != 0 {
            (ascii.wide, ascii.first) = (with_bit(words, 7), with_bit(words, 6));
        }
        Planes::new::<A, Self>(&ascii, window, before, self)
    }

    #[inline(always)]
    fn flatten(self, mask: u64, base: u32, out: &mut [u32; BLOCK]) -> usize {
        flatten_bits(mask, base, out)
    }
}

/// The bytes, eight in a word.
#[inline(always)]
fn words(bytes: &[u8; BLOCK]) -> [u64; 8] {
    let mut words = [0; 8];
    for i in 0..8 {
        words[i] = u64::from_le_bytes(*bytes[8 * i..].first_chunk().unwrap_or(&[0; 8]));
    }
    words
}

/// The kinds of eight characters: bit `j` of byte `i` tells whether character `j` is of kind `i`.
#[inline(always)]
fn spread(word: u64) -> u64 {
    let at = |place: u32| SPREAD[(word >> (8 * place) & 0xFF) as usize] << place;
    (at(0) | at(1)) | (at(2) | at(3)) | ((at(4) | at(5)) | (at(6) | at(7)))
}

/// The mask of the bytes that have a bit.
#[inline(always)]
const fn with_bit(words: [u64; 8], bit: u32) -> u64 {
    let mut mask = 0;
    let mut i = 0;
    while i < 8 {
        // The product puts the low bits of the bytes side by side in the top byte; no two of its terms meet.
        let low_bits = words[i] >> bit & 0x0101_0101_0101_0101;
        mask |= low_bits.wrapping_mul(0x0102_0408_1020_4080) >> 56 << (8 * i);
        i += 1;
    }
    mask
}

/// The mask of the bytes that equal an ASCII character; of others it means nothing.
#[inline(always)]
const fn equal(mut words: [u64; 8], byte: u8) -> u64 {
    let mut i = 0;
    while i < 8 {
        let differences = words[i] ^ (byte as u64).wrapping_mul(0x0101_0101_0101_0101);
        // The top bit of a byte of the sum is clear if its low seven bits do not differ; no carry leaves a byte.
        words[i] = !((differences & 0x7F7F_7F7F_7F7F_7F7F).wrapping_add(0x7F7F_7F7F_7F7F_7F7F));
        i += 1;
    }
    with_bit(words, 7)
}

/// Byte `i` of word `j` becomes byte `j` of word `i`.
#[inline(always)]
const fn transpose(mut words: [u64; 8]) -> [u64; 8] {
    words = swap::<4>(words, 0x0000_0000_FFFF_FFFF);
    words = swap::<2>(words, 0x0000_FFFF_0000_FFFF);
    swap::<1>(words, 0x00FF_00FF_00FF_00FF)
}

/// Swaps blocks of `DISTANCE` bytes between words `DISTANCE` apart: the upper ones, which `low` leaves out, of the
/// first with the lower ones of the second.
#[inline(always)]
const fn swap<const DISTANCE: usize>(mut words: [u64; 8], low: u64) -> [u64; 8] {
    let mut i = 0;
    while i < 8 {
        if i & DISTANCE == 0 {
            let other = i + DISTANCE;
            let differences = (words[i] >> (8 * DISTANCE) ^ words[other]) & low;
            words[other] ^= differences;
            words[i] ^= differences << (8 * DISTANCE);
        }
        i += 1;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::transpose;

    #[test]
    fn transposing_moves_each_byte() {
        for word in 0..8 {
            for byte in 0..8 {
                let (mut before, mut after) = ([0; 8], [0; 8]);
                before[word] = 0xA5 << (8 * byte);
                after[byte] = 0xA5 << (8 * word);
                assert_eq!(transpose(before), after);
            }
        }
    }
}
