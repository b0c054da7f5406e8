//! Probabilities in 16 bits, and the two curves of logistic mixing.

use std::sync::LazyLock;

/// A probability in 16 bits: the upper half of its `f32`, rounded.
///
/// That is a quantised logarithm with a relative step of 2⁻⁷, fine enough to average into and small enough for eight
/// candidates and their ids to share a cache line. Order and equality are those of the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
#[repr(transparent)]
pub struct Probability(u16);

/// The 16 bits of 1.0.
const ONE: u16 = 0x3F80;
/// The 16 bits of 2⁻²⁴, the smallest probability that is told apart from none.
const LEAST: u16 = 0x3380;

impl Probability {
    /// No probability at all: the value of an empty slot.
    pub const ZERO: Self = Self(0);

    /// The nearest quantised probability; 0 for NaN and negative numbers, 1 for numbers above.
    #[must_use]
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "16 bits are left after the shift")]
    pub fn from_value(value: f32) -> Self {
        let positive = if value > 0.0 { value.min(1.0) } else { 0.0 };
        Self(((positive.to_bits() + 0x8000) >> 16) as u16)
    }

    /// The nearest quantised probability to e to the power of `log`.
    #[must_use]
    #[inline]
    pub fn from_log(log: f32) -> Self {
        Self::from_value(if log.is_nan() { 0.0 } else { fast_exp(log.clamp(-20.0, 0.0)) })
    }

    /// The probability as a number in [0, 1].
    #[must_use]
    #[inline]
    pub fn value(self) -> f32 {
        f32::from_bits(u32::from(self.0) << 16)
    }

    /// The natural logarithm; negative infinity for zero.
    #[must_use]
    pub fn log(self) -> f32 {
        self.value().ln()
    }

    /// The logit, ln(p / (1 - p)), kept within ±[`STRETCH_LIMIT`]. One table access.
    #[must_use]
    #[inline]
    pub fn stretch(self) -> f32 {
        let index = usize::from(self.0.clamp(LEAST, ONE) - LEAST);
        STRETCH.get(index).copied().unwrap_or(STRETCH_LIMIT)
    }

    /// The bits, for files.
    #[must_use]
    pub(super) fn bits(self) -> u16 {
        self.0
    }

    /// From bits of a file, if they are those of a probability.
    pub(super) fn from_bits(bits: u16) -> Option<Self> {
        (bits <= ONE).then_some(Self(bits))
    }
}

/// Logits are kept within this distance of zero.
pub(super) const STRETCH_LIMIT: f32 = 8.0;

static STRETCH: LazyLock<Vec<f32>> = LazyLock::new(|| {
    (LEAST..=ONE)
        .map(|bits| {
            let p = Probability(bits).value();
            (p / (1.0 - p)).ln().clamp(-STRETCH_LIMIT, STRETCH_LIMIT)
        })
        .collect()
});

/// The logistic function, 1 / (1 + e^-x): the inverse of the logit.
#[inline]
pub(super) fn squash(x: f32) -> f32 {
    1.0 / (1.0 + fast_exp(-x.clamp(-12.0, 12.0)))
}

/// e to the power of `x` within 0.02 %, for |x| <= 20: the exponent's bits are made directly and a cubic fills in between.
#[inline]
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "both stay in range"
)]
fn fast_exp(x: f32) -> f32 {
    // Positive for every x allowed, so truncation is the floor.
    let scaled = x * std::f32::consts::LOG2_E + 127.0;
    let exponent = scaled as i32;
    let f = scaled - exponent as f32;
    // 2^f on [0, 1), exact at both ends.
    let fraction = 1.0 + f * (0.695_976_1 + f * (0.224_944_93 + f * 0.079_078_97));
    f32::from_bits((exponent as u32) << 23) * fraction
}

/// A number that is known to be below 256, in a byte.
#[inline]
pub(super) fn small(value: usize) -> u8 {
    u8::try_from(value).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        clippy::float_cmp,
        reason = "small numbers of a test"
    )]
    use super::{Probability, STRETCH_LIMIT, fast_exp, squash};

    #[test]
    fn quantising_is_within_the_stated_step_and_keeps_order() {
        let mut last = Probability::ZERO;
        for i in 1..=2000 {
            let p = (i as f32 / 2000.0).powi(3);
            let q = Probability::from_value(p);
            assert!((q.value() / p - 1.0).abs() <= 1.0 / 256.0, "{p} became {}", q.value());
            assert!(q >= last);
            last = q;
        }
        assert_eq!(Probability::from_value(1.0).value(), 1.0);
        for bad in [f32::NAN, -1.0, 0.0, f32::NEG_INFINITY] {
            assert_eq!(Probability::from_value(bad), Probability::ZERO);
        }
        assert_eq!(Probability::from_value(f32::INFINITY).value(), 1.0);
        assert_eq!(Probability::from_log(f32::NAN), Probability::ZERO);
    }

    #[test]
    fn stretch_is_the_clamped_logit() {
        for p in [1e-3_f32, 0.01, 0.25, 0.5, 0.75, 0.996_093_75] {
            let q = Probability::from_value(p);
            let exact = (q.value() / (1.0 - q.value())).ln();
            assert!((q.stretch() - exact).abs() < 1e-5);
        }
        assert_eq!(Probability::ZERO.stretch(), -STRETCH_LIMIT);
        assert_eq!(Probability::from_value(1.0).stretch(), STRETCH_LIMIT);
    }

    #[test]
    fn fast_exponential_and_squash_are_close() {
        for i in -1200..=1200 {
            let x = i as f32 / 100.0;
            assert!((fast_exp(x) / x.exp() - 1.0).abs() < 2e-4, "{x}");
            assert!((squash(x) - 1.0 / (1.0 + (-x).exp())).abs() < 1e-4);
        }
        assert!(squash(100.0) > 0.9999 && squash(-100.0) < 1e-4);
    }
}
