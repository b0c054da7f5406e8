//! Masks by plain 64-bit arithmetic.

use super::classes::{ASCII, KINDS};
use super::source::{BLOCK, Planes, Source, WINDOW, flatten_bits};

/// The path that every processor has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Portable;

impl Source for Portable {
    type Block = Planes;

    #[inline(always)]
    fn nothing(self) -> Planes {
        Planes::NOTHING
    }

    #[inline(always)]
    fn classify(self, window: &[u8; WINDOW], before: &Planes) -> Planes {
        let mut planes = Planes::NOTHING;
        for (i, eight) in window[..BLOCK].chunks_exact(8).enumerate() {
            let eight: &[u8; 8] = eight.try_into().unwrap_or(&[0; 8]);
            let shift = 8 * i;
            let word = u64::from_le_bytes(*eight);
            planes.wide |= top_bits(word) << shift;
            planes.blank |= equal_bytes(word, b' ') << shift;
            planes.apostrophe |= equal_bytes(word, b'\'') << shift;
            planes.slash |= equal_bytes(word, b'/') << shift;
            let classes = u64::from_le_bytes(eight.map(|byte| {
                let class = ASCII[usize::from(byte >> 6 & 1)].0[usize::from(byte & 63)];
                if byte < 0x80 { class } else { 0 }
            }));
            for (kind, plane) in planes.kinds.iter_mut().enumerate() {
                *plane |= top_bits(classes << (KINDS - kind)) << shift;
            }
        }
        planes.complete(window, before);
        planes
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

/// Which of eight bytes equal an ASCII character, as a number of eight bits.
#[inline(always)]
const fn equal_bytes(word: u64, byte: u8) -> u64 {
    let differences = word ^ (byte as u64).wrapping_mul(0x0101_0101_0101_0101);
    // No carry leaves a byte: the top bit of the sum tells whether any of the low seven bits differs.
    let low = (differences & 0x7F7F_7F7F_7F7F_7F7F).wrapping_add(0x7F7F_7F7F_7F7F_7F7F);
    top_bits(!(low | differences))
}
