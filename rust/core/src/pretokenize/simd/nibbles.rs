//! ASCII classes as products of the two halves of a byte: for instruction sets that shuffle tables of 16 entries.
//!
//! `LOW[low half] & HIGH[high half]` has at most one bit set, which tells what the character is; case is another
//! bit of the byte itself.

/// `@A-O`, `` `a-o `` without the first: half of the letters.
const LETTERS_A: u8 = 1;
/// `P-Z`, `p-z`.
const LETTERS_P: u8 = 1 << 1;
/// Letters of either case.
pub(super) const LETTERS: u8 = LETTERS_A | LETTERS_P;
/// `0-9`.
pub(super) const DIGITS: u8 = 1 << 2;
/// U+0020.
pub(super) const BLANK: u8 = 1 << 3;
/// Tab, vertical tab, form feed.
const CONTROLS: u8 = 1 << 4;
/// White characters that are no newlines.
pub(super) const WHITES: u8 = BLANK | CONTROLS;
/// `\r \n`.
pub(super) const NEWLINES: u8 = 1 << 5;
/// The apostrophe.
pub(super) const APOSTROPHES: u8 = 1 << 6;
/// The slash.
pub(super) const SLASHES: u8 = 1 << 7;

/// By the low half of a byte.
pub(super) static LOW: [u8; 16] = {
    let mut low = [0; 16];
    let mut i = 0;
    while i < 16 {
        low[i] = (if i >= 1 { LETTERS_A } else { 0 })
            | (if i <= 0xA { LETTERS_P } else { 0 })
            | (if i <= 9 { DIGITS } else { 0 })
            | (if i == 0 { BLANK } else { 0 })
            | (if matches!(i, 0x9 | 0xB | 0xC) { CONTROLS } else { 0 })
            | (if matches!(i, 0xA | 0xD) { NEWLINES } else { 0 })
            | (if i == 7 { APOSTROPHES } else { 0 })
            | (if i == 0xF { SLASHES } else { 0 });
        i += 1;
    }
    low
};

/// By the high half of a byte; nothing beyond ASCII.
pub(super) static HIGH: [u8; 16] = {
    let mut high = [0; 16];
    high[0] = CONTROLS | NEWLINES;
    high[2] = BLANK | APOSTROPHES | SLASHES;
    high[3] = DIGITS;
    high[4] = LETTERS_A;
    high[5] = LETTERS_P;
    high[6] = LETTERS_A;
    high[7] = LETTERS_P;
    high
};

/// Tells lower-case letters from upper-case ones.
pub(super) const LOWER_CASE: u8 = 0x20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pretokenize::simd::classes::{self, Alphabet, Standard};

    #[test]
    fn products_equal_the_class_table() {
        for byte in 0..=u8::MAX {
            let bits = LOW[usize::from(byte & 15)] & HIGH[usize::from(byte >> 4)];
            let lower = byte & LOWER_CASE != 0;
            let kind = match bits {
                0 | APOSTROPHES | SLASHES => 0,
                LETTERS_A | LETTERS_P if lower => classes::LOWER,
                LETTERS_A | LETTERS_P => classes::UPPER,
                DIGITS => classes::NUMBER,
                BLANK | CONTROLS => classes::WHITE,
                NEWLINES => classes::NEWLINE,
                _ => panic!("{byte:#x} has bits {bits:#b}"),
            };
            let expected = if byte < 0x80 { Standard::TABLES.first(&[byte]).0 } else { 0 };
            assert_eq!(kind, expected, "{byte:#x}");
            assert_eq!(bits == BLANK, byte == b' ');
            assert_eq!(bits == APOSTROPHES, byte == b'\'');
            assert_eq!(bits == SLASHES, byte == b'/');
        }
    }
}
