//! The exponential function over blocks, in a form that compilers turn into vector instructions.
//!
//! It is compiled for several instruction sets. All do the same additions and multiplications in the same order, so that
//! results do not depend on the machine.

use super::row::Logit;
use std::f64::consts::LOG2_E;

/// ln 2 in two parts; the first has enough trailing zeros that its products with exponents are exact.
const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// Adding it rounds to an integer, which then stands in the low bits.
const ROUND: f64 = 6_755_399_441_055_744.0;
/// Below this the result is zero: it would be subnormal.
const SMALLEST: f64 = -708.0;

/// 1/n! for n from 13 down to 2.
const TERMS: [f64; 12] = [
    1.0 / 6_227_020_800.0,
    1.0 / 479_001_600.0,
    1.0 / 39_916_800.0,
    1.0 / 3_628_800.0,
    1.0 / 362_880.0,
    1.0 / 40_320.0,
    1.0 / 5_040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    1.0 / 2.0,
];

/// e^x for x of at most 0, to within 4e-16 relative; 0 below -708.
#[inline(always)]
#[allow(clippy::suboptimal_flops, reason = "a fused instruction is a function call where the processor lacks it")]
fn exp(x: f64) -> f64 {
    let clamped = if x > SMALLEST { x } else { SMALLEST };
    let shifted = clamped * LOG2_E + ROUND;
    let exponent = shifted - ROUND;
    let rest = (clamped - exponent * LN2_HIGH) - exponent * LN2_LOW;
    let mut series = TERMS[0];
    for term in &TERMS[1..] {
        series = series * rest + term;
    }
    let mantissa = 1.0 + rest + rest * rest * series;
    let scaled = f64::from_bits(mantissa.to_bits().wrapping_add(shifted.to_bits() << 52));
    if x > SMALLEST { scaled } else { 0.0 }
}

/// Numbers that are looked at together.
pub(super) type Block = [f64; 64];

/// Gives e^(logit - largest), at most 1, for each logit, and 0 for those whose bit is 0.
pub(super) type Weigh<T> = fn(&[T; 64], largest: f64, kept: u64, &mut Block);

/// The fastest way on this processor; all give the same bits.
pub(super) fn fastest<T: Logit>() -> Weigh<T> {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq") {
            // SAFETY: the processor has the instructions that the function is compiled for.
            return |logits, largest, kept, weights| unsafe { avx512(logits, largest, kept, weights) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has the instructions that the function is compiled for.
            return |logits, largest, kept, weights| unsafe { avx2(logits, largest, kept, weights) };
        }
    }
    portable
}

#[inline(always)]
fn portable<T: Logit>(logits: &[T; 64], largest: f64, kept: u64, weights: &mut Block) {
    for (weight, &logit) in weights.iter_mut().zip(logits) {
        let relative = logit.into() - largest;
        *weight = exp(if relative < 0.0 { relative } else { 0.0 });
    }
    if kept != u64::MAX {
        keep(weights, kept);
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq")]
fn avx512<T: Logit>(logits: &[T; 64], largest: f64, kept: u64, weights: &mut Block) {
    portable(logits, largest, kept, weights);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2<T: Logit>(logits: &[T; 64], largest: f64, kept: u64, weights: &mut Block) {
    portable(logits, largest, kept, weights);
}

/// Clears the numbers whose bit is 0.
#[inline(always)]
pub(super) fn keep(block: &mut Block, bits: u64) {
    for (bit, x) in (0..64u64).zip(block) {
        *x = f64::from_bits(x.to_bits() & (bits >> bit & 1).wrapping_neg());
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "the same bits are expected")]
mod tests {
    use super::*;

    fn exponentials(logits: &[f64; 64]) -> Block {
        let mut weights = [0.0; 64];
        portable(logits, 0.0, u64::MAX, &mut weights);
        weights
    }

    #[test]
    fn it_is_the_exponential_function() {
        let mut x = 0.0;
        while x > -707.9 {
            let found = exponentials(&[x; 64])[7];
            let expected = f64::exp(x);
            assert!((found - expected).abs() <= 4e-16 * expected, "{x}: {found} is not {expected}");
            x -= 0.013_7;
        }
        let mut block = [f64::NEG_INFINITY; 64];
        (block[0], block[1], block[2]) = (0.0, -800.0, -0.0);
        assert_eq!(exponentials(&block)[..4], [1.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn every_instruction_set_gives_the_same_bits() {
        let mut ways: Vec<Weigh<f32>> = vec![fastest()];
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX2.
            ways.push(|logits, largest, kept, weights| unsafe { avx2(logits, largest, kept, weights) });
        }
        let (mut largest, mut kept) = (30.0, u64::MAX);
        for step in 0..30_000_u16 {
            let logits: [f32; 64] = std::array::from_fn(|at| {
                let place = u16::try_from(at).expect("small");
                30.0 - f32::from(step) * 0.0237 - f32::from(place) * 0.000_37
            });
            let mut expected = [0.5; 64];
            portable(&logits, largest, kept, &mut expected);
            for way in &ways {
                let mut found = [0.25; 64];
                way(&logits, largest, kept, &mut found);
                assert_eq!(found.map(f64::to_bits), expected.map(f64::to_bits), "{step}");
            }
            largest -= 0.001;
            kept = kept.rotate_left(7) ^ u64::from(step);
        }
    }

    #[test]
    fn what_is_not_kept_is_zero() {
        let mut block = [0.0; 64];
        portable(&[-0.5_f64; 64], 0.0, 1 << 63 | 0b101, &mut block);
        let kept: Vec<usize> = (0..64).filter(|&at| block[at] > 0.0).collect();
        assert_eq!(kept, [0, 2, 63]);
        assert!(block.iter().all(|&x| x == 0.0 || x == f64::exp(-0.5)));
    }
}
