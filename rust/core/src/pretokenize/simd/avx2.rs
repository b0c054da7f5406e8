//! Masks by AVX2: ASCII by shuffles, characters beyond ASCII one by one.

use super::classes::{Alphabet, Ascii, KINDS};
use super::nibbles::{APOSTROPHES, BLANK, DIGITS, HIGH, LETTERS, LOW, LOWER_CASE, NEWLINES, SLASHES, WHITES};
use super::source::{BLOCK, Planar, Planes, Source, WINDOW, flatten_bits};
use std::arch::x86_64::{
    __m256i, _mm_loadu_si128, _mm256_and_si256, _mm256_broadcastsi128_si256, _mm256_cmpeq_epi8, _mm256_loadu_si256,
    _mm256_movemask_epi8, _mm256_set1_epi8, _mm256_shuffle_epi8, _mm256_srli_epi16,
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

/// Two vectors of 32 bytes.
#[derive(Clone, Copy)]
struct Halves(__m256i, __m256i);

// No closures below: they would not always be inlined into code for AVX2.
#[expect(clippy::unused_self, reason = "it is the proof")]
impl Avx2 {
    /// 64 bytes.
    #[inline(always)]
    fn load(self, bytes: &[u8; BLOCK]) -> Halves {
        let (low, high) = bytes.split_at(BLOCK / 2);
        // SAFETY: the processor has AVX2 (proof); both loads are of 32 bytes of slices of that length.
        unsafe { Halves(_mm256_loadu_si256(low.as_ptr().cast()), _mm256_loadu_si256(high.as_ptr().cast())) }
    }

    /// A table, twice.
    #[inline(always)]
    fn table(self, table: &[u8; 16]) -> __m256i {
        // SAFETY: the processor has AVX2 (proof); the load is of 16 bytes of an array of that length.
        unsafe { _mm256_broadcastsi128_si256(_mm_loadu_si128(table.as_ptr().cast())) }
    }

    /// What 32 bytes are, by the products of their halves.
    #[inline(always)]
    fn kinds(self, bytes: __m256i) -> __m256i {
        let (low, high) = (self.table(&LOW), self.table(&HIGH));
        // SAFETY: the processor has AVX2 (proof).
        unsafe {
            let upper_half = _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), _mm256_set1_epi8(15));
            // A byte beyond ASCII shuffles in zero: its top bit is set.
            _mm256_and_si256(_mm256_shuffle_epi8(low, bytes), _mm256_shuffle_epi8(high, upper_half))
        }
    }

    /// Bytes equal to one.
    #[inline(always)]
    fn equal(self, vectors: Halves, byte: u8) -> u64 {
        // SAFETY: the processor has AVX2 (proof).
        let (low, high) = unsafe {
            let byte = _mm256_set1_epi8(byte.cast_signed());
            let equal = Halves(_mm256_cmpeq_epi8(vectors.0, byte), _mm256_cmpeq_epi8(vectors.1, byte));
            (_mm256_movemask_epi8(equal.0), _mm256_movemask_epi8(equal.1))
        };
        u64::from(high.cast_unsigned()) << 32 | u64::from(low.cast_unsigned())
    }

    /// Bytes whose bits and `bits` meet.
    #[inline(always)]
    fn any(self, vectors: Halves, bits: u8) -> u64 {
        // SAFETY: the processor has AVX2 (proof).
        let common = unsafe {
            let bits = _mm256_set1_epi8(bits.cast_signed());
            Halves(_mm256_and_si256(vectors.0, bits), _mm256_and_si256(vectors.1, bits))
        };
        !self.equal(common, 0)
    }
}

impl Planar for Avx2 {
    #[inline(always)]
    fn by_kind(self, class_bytes: &[u8; BLOCK]) -> [u64; KINDS] {
        let class_bytes = self.load(class_bytes);
        let mut kinds = [0; KINDS];
        for (kind, mask) in kinds.iter_mut().enumerate() {
            *mask = self.any(class_bytes, 1 << kind);
        }
        kinds
    }
}

impl Source for Avx2 {
    type Block = Planes;

    #[inline(always)]
    fn nothing(self) -> Planes {
        Planes::NOTHING
    }

    #[inline(always)]
    fn classify<A: Alphabet>(self, window: &[u8; WINDOW], before: &Planes) -> Planes {
        let bytes = self.load(window.first_chunk().unwrap_or(&[0; BLOCK]));
        let kinds = Halves(self.kinds(bytes.0), self.kinds(bytes.1));
        let ascii = Ascii {
            letters: self.any(kinds, LETTERS),
            lower_case: self.any(bytes, LOWER_CASE),
            digits: self.any(kinds, DIGITS),
            white: self.any(kinds, WHITES),
            newlines: self.any(kinds, NEWLINES),
            blank: self.any(kinds, BLANK),
            apostrophe: self.any(kinds, APOSTROPHES),
            slash: self.any(kinds, SLASHES),
            printable: self.any(bytes, 0x60) & !self.equal(bytes, 0x7F),
            wide: self.any(bytes, 0x80),
            first: self.any(bytes, 0x40),
        };
        Planes::new::<A, Self>(&ascii, window, before, self)
    }

    #[inline(always)]
    fn flatten(self, mask: u64, base: u32, out: &mut [u32; BLOCK]) -> usize {
        flatten_bits(mask, base, out)
    }
}
