//! Masks by AVX-512 with VBMI2: all characters of a block are classified by shuffles of tables of 64 entries.

use super::classes::{self, Alphabet, MIXED, Table};
use super::source::{BLOCK, Masks, Source, WINDOW};
use std::arch::x86_64::{
    __m128i, __m512i, _mm512_add_epi32, _mm512_castsi512_si128, _mm512_cmpeq_epi8_mask, _mm512_cmpge_epu8_mask,
    _mm512_cvtepu8_epi32, _mm512_extracti32x4_epi32, _mm512_load_si512, _mm512_loadu_si512,
    _mm512_mask_cmpeq_epi8_mask, _mm512_mask_permutex2var_epi8, _mm512_mask_permutexvar_epi8,
    _mm512_maskz_compress_epi8, _mm512_movepi8_mask, _mm512_permutex2var_epi8, _mm512_set1_epi8, _mm512_set1_epi32,
    _mm512_setzero_si512, _mm512_storeu_si512, _mm512_test_epi8_mask,
};

/// Proof that the processor has the instructions of this module.
///
/// Every `unsafe` block below that calls an intrinsic relies on it: [`Avx512::detect`] alone makes one, and every
/// method takes one, or a [`Block`], which only [`Source::classify`] and [`Source::nothing`] make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Avx512(());

impl Avx512 {
    /// The proof, if it is true here.
    pub(super) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512vbmi")
            && is_x86_feature_detected!("avx512vbmi2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("popcnt");
        has.then_some(Self(()))
    }
}

// No closures below: they would not always be inlined into code for AVX-512.

/// 64 bytes with their class bytes.
#[derive(Clone, Copy)]
pub(super) struct Block {
    bytes: __m512i,
    classes: __m512i,
    wide: u64,
    continuation: u64,
}

/// 0 to 63.
static IOTA: Table = Table({
    let mut table = [0; 64];
    let mut i = 0;
    while i < 64 {
        table[i as usize] = i;
        i += 1;
    }
    table
});

/// The index before each byte's, into this block followed by the one before it.
static PREVIOUS: Table = Table({
    let mut table = [127; 64];
    let mut i = 1;
    while i < 64 {
        table[i as usize] = i - 1;
        i += 1;
    }
    table
});

/// A table as a vector.
#[inline(always)]
fn vector(_: Avx512, table: &Table) -> __m512i {
    // SAFETY: the processor has AVX-512F (proof); `Table` is 64 bytes, aligned to 64.
    unsafe { _mm512_load_si512(table.0.as_ptr().cast()) }
}

/// The 64 bytes of the window from `skip` on.
#[inline(always)]
fn bytes(_: Avx512, window: &[u8; WINDOW], skip: usize) -> __m512i {
    let bytes = &window[skip..skip + BLOCK];
    // SAFETY: the processor has AVX-512F (proof); the slice is 64 bytes long.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

/// Stores 16 indexes, each plus `base`.
#[inline(always)]
fn store(_: Avx512, indexes: __m128i, base: __m512i, out: &mut [u32]) {
    let Some(out) = out.first_chunk_mut::<16>() else { return };
    // SAFETY: the processor has AVX-512F (proof); the store is of 16 entries of an array of that length.
    unsafe {
        let positions = _mm512_add_epi32(_mm512_cvtepu8_epi32(indexes), base);
        _mm512_storeu_si512(out.as_mut_ptr().cast(), positions);
    }
}

/// Those bytes of `mask` that equal `byte`.
#[inline(always)]
fn like(_: Avx512, mask: u64, bytes: __m512i, byte: u8) -> u64 {
    // SAFETY: the processor has AVX-512F and BW (proof).
    unsafe { _mm512_mask_cmpeq_epi8_mask(mask, bytes, _mm512_set1_epi8(byte.cast_signed())) }
}

impl Source for Avx512 {
    type Block = Block;

    #[inline(always)]
    fn nothing(self) -> Block {
        // SAFETY: the processor has AVX-512F (proof).
        let zero = unsafe { _mm512_setzero_si512() };
        Block { bytes: zero, classes: zero, wide: 0, continuation: 0 }
    }

    #[inline(always)]
    fn classify<A: Alphabet>(self, window: &[u8; WINDOW], before: &Block) -> Block {
        let v = bytes(self, window, 0);
        // SAFETY: the processor has AVX-512F, BW and VBMI (proof).
        let (wide, classes) = unsafe {
            let ascii =
                _mm512_permutex2var_epi8(vector(self, &A::TABLES.ascii[0]), v, vector(self, &A::TABLES.ascii[1]));
            (_mm512_movepi8_mask(v), ascii)
        };
        if wide == 0 {
            return Block { bytes: v, classes, wide, continuation: 0 };
        }
        // SAFETY: as above.
        let (leads, four) = unsafe {
            let leads = wide & _mm512_test_epi8_mask(v, _mm512_set1_epi8(0x40));
            (leads, _mm512_cmpge_epu8_mask(v, _mm512_set1_epi8(0xF0_u8.cast_signed())))
        };
        let continuation = wide & !leads;
        let mut classes = classify_leads::<A>(self, window, v, classes, leads);
        // SAFETY: as above.
        unsafe {
            let previous = vector(self, &PREVIOUS);
            // Each pass hands a character's class byte one byte further.
            classes = _mm512_mask_permutex2var_epi8(classes, continuation, previous, before.classes);
            classes = _mm512_mask_permutex2var_epi8(classes, continuation, previous, before.classes);
            if four != 0 || continuation & 7 == 7 {
                classes = _mm512_mask_permutex2var_epi8(classes, continuation, previous, before.classes);
            }
        }
        Block { bytes: v, classes, wide, continuation }
    }

    #[inline(always)]
    fn flatten(self, mask: u64, base: u32, out: &mut [u32; BLOCK]) -> usize {
        let count = mask.count_ones() as usize;
        // SAFETY: the processor has AVX-512F and VBMI2 (proof).
        unsafe {
            let indexes = _mm512_maskz_compress_epi8(mask, vector(self, &IOTA));
            let base = _mm512_set1_epi32(base.cast_signed());
            store(self, _mm512_castsi512_si128(indexes), base, &mut out[..16]);
            store(self, _mm512_extracti32x4_epi32::<1>(indexes), base, &mut out[16..32]);
            if count > 32 {
                store(self, _mm512_extracti32x4_epi32::<2>(indexes), base, &mut out[32..48]);
                store(self, _mm512_extracti32x4_epi32::<3>(indexes), base, &mut out[48..]);
            }
        }
        count
    }
}

/// Sets the class bytes of all bytes in `leads`, which begin characters beyond ASCII; those of bytes that continue
/// characters are left arbitrary.
#[inline(always)]
fn classify_leads<A: Alphabet>(
    proof: Avx512,
    window: &[u8; WINDOW],
    v: __m512i,
    ascii: __m512i,
    leads: u64,
) -> __m512i {
    let second = bytes(proof, window, 1);
    let third = bytes(proof, window, 2);
    // SAFETY: the processor has AVX-512F, BW and VBMI (proof), here and below.
    let (mixed, mut classes, mut pending) = unsafe {
        let mixed = _mm512_set1_epi8(MIXED.cast_signed());
        let classes = _mm512_mask_permutexvar_epi8(ascii, leads, v, vector(proof, &A::TABLES.leads));
        (mixed, classes, _mm512_mask_cmpeq_epi8_mask(leads, classes, mixed))
    };
    // Each round settles the first character that is left, and all that share its block of 64 characters,
    // or its first byte where that leads to blocks of one kind.
    while pending != 0 {
        let at = pending.trailing_zeros() as usize % BLOCK;
        let [b0, b1, b2] = [window[at], window[at + 1], window[at + 2]];
        // SAFETY: as above.
        unsafe {
            let mut same = like(proof, pending, v, b0);
            let last = match classes::length(b0) {
                3 => {
                    let row = &A::TABLES.rows[usize::from(b0 & 15)];
                    if row.0[usize::from(b1 & 63)] != MIXED {
                        classes = _mm512_mask_permutexvar_epi8(classes, same, second, vector(proof, row));
                        pending = _mm512_mask_cmpeq_epi8_mask(pending, classes, mixed);
                        continue;
                    }
                    same = like(proof, same, second, b1);
                    third
                }
                4 => {
                    same = like(proof, like(proof, same, second, b1), third, b2);
                    bytes(proof, window, 3)
                }
                _ => second,
            };
            let table = vector(proof, A::TABLES.block_of([b0, b1, b2]));
            classes = _mm512_mask_permutexvar_epi8(classes, same, last, table);
            pending &= !same;
        }
    }
    classes
}

impl Block {
    #[inline(always)]
    fn equal(&self, byte: u8) -> u64 {
        // SAFETY: the processor has AVX-512F and BW (a `Block` exists).
        unsafe { _mm512_cmpeq_epi8_mask(self.bytes, _mm512_set1_epi8(byte.cast_signed())) }
    }
}

impl Masks for Block {
    #[inline(always)]
    fn class<const KIND: u8>(&self) -> u64 {
        // SAFETY: the processor has AVX-512F and BW (a `Block` exists).
        unsafe { _mm512_test_epi8_mask(self.classes, _mm512_set1_epi8(KIND.cast_signed())) }
    }

    #[inline(always)]
    fn blank(&self) -> u64 {
        self.equal(b' ')
    }

    #[inline(always)]
    fn apostrophe(&self) -> u64 {
        self.equal(b'\'')
    }

    #[inline(always)]
    fn slash(&self) -> u64 {
        self.equal(b'/')
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
