//! Masks by AVX2: ASCII by shuffles, characters beyond ASCII one by one.

use super::classes::KINDS;
use super::nibbles::{APOSTROPHES, BLANK, DIGITS, HIGH, LETTERS, LOW, LOWER_CASE, NEWLINES, SLASHES, WHITES};
use super::source::{Ascii, BLOCK, Planes, Source, WINDOW, flatten_bits};
use std::arch::x86_64::{
    __m256i, _mm_loadu_si128, _mm256_and_si256, _mm256_broadcastsi128_si256, _mm256_cmpeq_epi8, _mm256_loadu_si256,
    _mm256_movemask_epi8, _mm256_set1_epi8, _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_srli_epi16,
};

/// Proof that the processor has the instructions of this module.
///
/// Every `unsafe` block below that calls an intrinsic relies on it: [`Avx2::detect`] alone makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Avx2(());

impl Avx2 {
    /// The proof, if it is true here.
    pub(super) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("popcnt");
        has.then_some(Self(()))
    }
}

/// 32 bytes: what they are, and whether each is lower case, as masks.
struct Half {
    bytes: __m256i,
    kinds: __m256i,
}

impl Half {
    #[inline(always)]
    fn load(_: Avx2, bytes: &[u8; BLOCK / 2]) -> Self {
        // SAFETY: the processor has AVX2 (proof); the loads are of 32 and 16 bytes of arrays of that size.
        unsafe {
            let bytes = _mm256_loadu_si256(bytes.as_ptr().cast());
            let table = |table: &[u8; 16]| _mm256_broadcastsi128_si256(_mm_loadu_si128(table.as_ptr().cast()));
            let high = _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), _mm256_set1_epi8(15));
            // A byte beyond ASCII shuffles in zero: its top bit is set.
            let kinds =
                _mm256_and_si256(_mm256_shuffle_epi8(table(&LOW), bytes), _mm256_shuffle_epi8(table(&HIGH), high));
            Self { bytes, kinds }
        }
    }

    /// Bytes whose bits of `vector` and of `bits` meet.
    #[inline(always)]
    fn any(_: Avx2, vector: __m256i, bits: u8) -> u32 {
        // SAFETY: the processor has AVX2 (proof).
        unsafe {
            let none = _mm256_cmpeq_epi8(
                _mm256_and_si256(vector, _mm256_set1_epi8(bits.cast_signed())),
                _mm256_setzero_si256(),
            );
            !_mm256_movemask_epi8(none).cast_unsigned()
        }
    }
}

impl Source for Avx2 {
    type Block = Planes;

    #[inline(always)]
    fn nothing(self) -> Planes {
        Planes::NOTHING
    }

    #[inline(always)]
    fn classify(self, window: &[u8; WINDOW], before: &Planes) -> Planes {
        let half = |at: usize| {
            let bytes = window.get(at..).and_then(<[u8]>::first_chunk);
            Half::load(self, bytes.unwrap_or(&[0; BLOCK / 2]))
        };
        let (low, high) = (half(0), half(BLOCK / 2));
        let kind = |bits| {
            let (low, high) = (Half::any(self, low.kinds, bits), Half::any(self, high.kinds, bits));
            u64::from(high) << 32 | u64::from(low)
        };
        let byte = |bits| {
            let (low, high) = (Half::any(self, low.bytes, bits), Half::any(self, high.bytes, bits));
            u64::from(high) << 32 | u64::from(low)
        };
        let ascii = Ascii {
            letters: kind(LETTERS),
            lower_case: byte(LOWER_CASE),
            digits: kind(DIGITS),
            white: kind(WHITES),
            newlines: kind(NEWLINES),
            blank: kind(BLANK),
            apostrophe: kind(APOSTROPHES),
            slash: kind(SLASHES),
            wide: byte(0x80),
            first: byte(0x40),
        };
        Planes::new(&ascii, window, before, |class_bytes| {
            let half = |at: usize| {
                let bytes = class_bytes.get(at..).and_then(<[u8]>::first_chunk);
                Half::load(self, bytes.unwrap_or(&[0; BLOCK / 2])).bytes
            };
            let (low, high) = (half(0), half(BLOCK / 2));
            let mut kinds = [0; KINDS];
            for (kind, mask) in kinds.iter_mut().enumerate() {
                let (low, high) = (Half::any(self, low, 1 << kind), Half::any(self, high, 1 << kind));
                *mask = u64::from(high) << 32 | u64::from(low);
            }
            kinds
        })
    }

    #[inline(always)]
    fn flatten(self, mask: u64, base: u32, out: &mut [u32; BLOCK]) -> usize {
        flatten_bits(mask, base, out)
    }
}
