//! Growing a draft tree best first.

use super::candidates::Candidates;
use super::recycling::{Draft, Recycling, Sequence, Standing};
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// A candidate that may become a node.
#[derive(Debug, Clone, Copy)]
struct Offer {
    /// The bits of the path's probability above, the number of the offer below: likelier first, then older first.
    order: u64,
    token: u32,
    parent: u32,
}

impl PartialEq for Offer {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

impl Eq for Offer {}

impl PartialOrd for Offer {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Offer {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order.cmp(&other.order)
    }
}

/// How many offers there are of each magnitude: so many classes to an octave, this many octaves.
const CLASSES: usize = 128;
const CLASS_SHIFT: u32 = 21;

/// Working memory of the search.
#[derive(Debug, Clone, Default)]
pub(super) struct Search {
    heap: BinaryHeap<Offer>,
    standings: Vec<Standing>,
    /// Offers on the heap by magnitude of their probability, 0 being the likeliest.
    magnitudes: Vec<u32>,
    made: u32,
    /// Offers of this magnitude or less likely ones cannot become nodes any more.
    hopeless: usize,
}

impl Search {
    /// Adds to a draft that holds its root the `budget` nodes with the largest products of estimated probabilities along
    /// their paths. For estimates that are true no tree of that size has more accepted tokens on average (Chen et al. 2024).
    pub(super) fn grow(
        &mut self,
        source: &Recycling,
        sequence: &Sequence,
        budget: usize,
        candidates: &mut Candidates,
        draft: &mut Draft,
    ) {
        self.heap.clear();
        self.standings.clear();
        self.magnitudes.clear();
        self.magnitudes.resize(CLASSES, 0);
        (self.made, self.hopeless) = (0, CLASSES);
        let mut parent = 0;
        let mut above = source.standing(sequence);
        for left in (1..=budget).rev() {
            let path = draft.probabilities[parent];
            let mut standing = above;
            if magnitude(path.to_bits()) < self.hopeless {
                if parent > 0 {
                    standing = source.step(sequence, &above, draft.tokens[parent]);
                }
                candidates.collect(&source.evidence(sequence, &standing, parent == 0));
                for (id, inputs, classes) in candidates.iter() {
                    if self.offer(path * source.mixer.probability(inputs, classes), id, parent) {
                        source.prefetch_child(&standing, id);
                    }
                }
                self.give_up(left);
            }
            // Where a node stands is asked for by its children alone, and there are none if it was given up.
            self.standings.push(standing);
            let Some(best) = self.heap.pop() else { return };
            #[allow(clippy::cast_possible_truncation, reason = "32 bits are left after the shift")]
            let bits = (best.order >> 32) as u32;
            self.magnitudes[magnitude(bits)] -= 1;
            parent = draft.len();
            draft.push(best.token, i32::try_from(best.parent).unwrap_or(0), f32::from_bits(bits));
            above = self.standings[best.parent as usize];
        }
    }

    /// Puts a candidate on the heap, unless it is out of reach.
    #[inline]
    fn offer(&mut self, probability: f32, token: u32, parent: usize) -> bool {
        let bits = probability.to_bits();
        let magnitude = magnitude(bits);
        if magnitude >= self.hopeless {
            return false;
        }
        self.magnitudes[magnitude] += 1;
        self.made += 1;
        let order = u64::from(bits) << 32 | u64::from(u32::MAX - self.made);
        self.heap.push(Offer { order, token, parent: u32::try_from(parent).unwrap_or(0) });
        true
    }

    /// Finds out which magnitudes cannot be reached with `left` nodes to place, as there are likelier offers enough.
    fn give_up(&mut self, left: usize) {
        let mut likelier = 0;
        for (magnitude, &offers) in self.magnitudes.iter().enumerate().take(self.hopeless) {
            likelier += offers as usize;
            if likelier >= left {
                self.hopeless = magnitude + 1;
                return;
            }
        }
    }
}

/// The class of a probability in [0, 1] by size: 0 for the largest.
#[inline]
fn magnitude(bits: u32) -> usize {
    let one = 1.0_f32.to_bits() >> CLASS_SHIFT;
    (one.saturating_sub(bits >> CLASS_SHIFT) as usize).min(CLASSES - 1)
}
