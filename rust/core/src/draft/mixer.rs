//! Online logistic mixing: several sources' probabilities for a candidate become one estimate of its acceptance.

use super::quantize::squash;

/// Inputs of the mixer: one per source, a constant, and flags.
pub(super) const INPUTS: usize = 8;

/// The sources' opinions of one candidate: logits, zero where a source has none.
pub(super) type Inputs = [f32; INPUTS];

/// Two sets of weights, each chosen by a class of the situation; their sum weighs the inputs.
#[derive(Debug, Clone)]
pub(super) struct Mixer {
    weights: Vec<Inputs>,
    /// Where the second family of sets begins.
    second: usize,
    rate: f32,
}

/// Which sets of weights a candidate uses.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Classes {
    pub(super) first: u16,
    pub(super) second: u16,
}

impl Mixer {
    pub(super) fn new(first: &[Inputs], second: &[Inputs], rate: f32) -> Self {
        Self { weights: [first, second].concat(), second: first.len(), rate }
    }

    pub(super) fn weights(&self) -> &[Inputs] {
        &self.weights
    }

    pub(super) fn set_weights(&mut self, weights: &[Inputs]) {
        if weights.len() == self.weights.len() {
            self.weights.copy_from_slice(weights);
        }
    }

    /// The logit of a candidate.
    #[inline]
    fn dot(&self, inputs: &Inputs, classes: Classes) -> f32 {
        let (Some(a), Some(b)) =
            (self.weights.get(usize::from(classes.first)), self.weights.get(self.second + usize::from(classes.second)))
        else {
            return 0.0;
        };
        // Summed as a tree, which the compiler may do in vectors.
        let p: Inputs = std::array::from_fn(|i| (a[i] + b[i]) * inputs[i]);
        ((p[0] + p[4]) + (p[1] + p[5])) + ((p[2] + p[6]) + (p[3] + p[7]))
    }

    /// The estimated probability that the candidate is accepted.
    #[inline]
    pub(super) fn probability(&self, inputs: &Inputs, classes: Classes) -> f32 {
        squash(self.dot(inputs, classes))
    }

    /// Moves the weights towards what happened: one step of gradient descent on the coding cost.
    pub(super) fn learn(&mut self, inputs: &Inputs, classes: Classes, accepted: f32) {
        let step = (accepted - self.probability(inputs, classes)) * self.rate;
        for set in [usize::from(classes.first), self.second + usize::from(classes.second)] {
            if let Some(weights) = self.weights.get_mut(set) {
                for (weight, input) in weights.iter_mut().zip(inputs) {
                    *weight += step * input;
                }
            }
        }
    }
}
