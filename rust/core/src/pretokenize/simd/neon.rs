//! Masks by NEON: ASCII by table lookups, characters beyond ASCII one by one. Compiled only for targets that have NEON.

use super::classes::{Alphabet, Ascii, KINDS};
use super::nibbles::{APOSTROPHES, BLANK, DIGITS, HIGH, LETTERS, LOW, LOWER_CASE, NEWLINES, SLASHES, WHITES};
use super::source::{BLOCK, Planar, Planes, Source, WINDOW, flatten_bits};
use std::arch::aarch64::{
    uint8x16_t, vandq_u8, vceqq_u8, vdupq_n_u8, vgetq_lane_u64, vld1q_u8, vpaddq_u8, vqtbl1q_u8, vreinterpretq_u64_u8,
    vshrq_n_u8, vtstq_u8,
};

/// The NEON path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Neon;

/// Four vectors of 16 bytes.
type Quarters = [uint8x16_t; 4];

/// One bit per byte, in each group of eight.
static PLACES: [u8; 16] = [1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128];

#[inline(always)]
fn load(bytes: &[u8; 16]) -> uint8x16_t {
    // SAFETY: the module is compiled for targets with NEON alone; the load is of 16 bytes.
    unsafe { vld1q_u8(bytes.as_ptr()) }
}

/// The first 64 bytes.
#[inline(always)]
fn quarters(bytes: &[u8]) -> Quarters {
    let mut quarters = [load(&[0; 16]); 4];
    for (quarter, bytes) in quarters.iter_mut().zip(bytes.chunks_exact(16)) {
        *quarter = load(bytes.first_chunk().unwrap_or(&[0; 16]));
    }
    quarters
}

/// What 64 bytes are, by the products of their halves.
#[inline(always)]
fn kinds(bytes: &Quarters) -> Quarters {
    let mut kinds = *bytes;
    for quarter in &mut kinds {
        // SAFETY: the module is compiled for targets with NEON alone.
        unsafe {
            let low = vqtbl1q_u8(load(&LOW), vandq_u8(*quarter, vdupq_n_u8(15)));
            // The table of high halves has nothing beyond ASCII.
            *quarter = vandq_u8(low, vqtbl1q_u8(load(&HIGH), vshrq_n_u8::<4>(*quarter)));
        }
    }
    kinds
}

/// All bits of the bytes that equal one, and none of the others.
#[inline(always)]
fn equal(bytes: &Quarters, byte: u8) -> Quarters {
    let mut equal = *bytes;
    for quarter in &mut equal {
        // SAFETY: the module is compiled for targets with NEON alone.
        *quarter = unsafe { vceqq_u8(*quarter, vdupq_n_u8(byte)) };
    }
    equal
}

/// Bytes whose bits and `bits` meet.
#[inline(always)]
fn any(quarters: &Quarters, bits: u8) -> u64 {
    let mut places = *quarters;
    // SAFETY: the module is compiled for targets with NEON alone.
    unsafe {
        for quarter in &mut places {
            *quarter = vandq_u8(vtstq_u8(*quarter, vdupq_n_u8(bits)), load(&PLACES));
        }
        // Three rounds of sums of neighbours: each byte of the result is the bits of eight bytes.
        let sums = vpaddq_u8(vpaddq_u8(places[0], places[1]), vpaddq_u8(places[2], places[3]));
        vgetq_lane_u64::<0>(vreinterpretq_u64_u8(vpaddq_u8(sums, sums)))
    }
}

impl Planar for Neon {
    #[inline(always)]
    fn by_kind(self, class_bytes: &[u8; BLOCK]) -> [u64; KINDS] {
        let class_bytes = quarters(class_bytes);
        let mut kinds = [0; KINDS];
        for (kind, mask) in kinds.iter_mut().enumerate() {
            *mask = any(&class_bytes, 1 << kind);
        }
        kinds
    }
}

impl Source for Neon {
    type Block = Planes;

    #[inline(always)]
    fn nothing(self) -> Planes {
        Planes::NOTHING
    }

    #[inline(always)]
    fn classify<A: Alphabet>(self, window: &[u8; WINDOW], before: &Planes) -> Planes {
        let bytes = quarters(window);
        let kinds = kinds(&bytes);
        let ascii = Ascii {
            letters: any(&kinds, LETTERS),
            lower_case: any(&bytes, LOWER_CASE),
            digits: any(&kinds, DIGITS),
            white: any(&kinds, WHITES),
            newlines: any(&kinds, NEWLINES),
            blank: any(&kinds, BLANK),
            apostrophe: any(&kinds, APOSTROPHES),
            slash: any(&kinds, SLASHES),
            printable: any(&bytes, 0x60) & !any(&equal(&bytes, 0x7F), u8::MAX),
            wide: any(&bytes, 0x80),
            first: any(&bytes, 0x40),
        };
        Planes::new::<A, Self>(&ascii, window, before, self)
    }

    #[inline(always)]
    fn flatten(self, mask: u64, base: u32, out: &mut [u32; BLOCK]) -> usize {
        flatten_bits(mask, base, out)
    }
}
