//! The exponential function over blocks, in a form that compilers turn into vector instructions.

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

/// Replaces each x, of at most 0, by e^x.
#[inline]
pub(super) fn exp_block(block: &mut [f64; 64]) {
    for x in block.iter_mut() {
        *x = exp(*x);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_exponential_function() {
        let mut x = 0.0;
        while x > -707.9 {
            let mut block = [x; 64];
            exp_block(&mut block);
            let expected = f64::exp(x);
            assert!((block[7] - expected).abs() <= 4e-16 * expected, "{x}: {} is not {expected}", block[7]);
            x -= 0.013_7;
        }
        let mut block = [f64::NEG_INFINITY; 64];
        (block[0], block[1], block[2]) = (0.0, -800.0, -0.0);
        exp_block(&mut block);
        assert_eq!(block[..4], [1.0, 0.0, 1.0, 0.0]);
    }
}
