//! Greedy merging, fast: what runs unless a merge spells a token that is known already.
//!
//! Four ideas make it fast and small.
//!
//! * **Epochs.** Only pairs with a count of at least a threshold are kept track of. Counts only fall as long as every merge
//!   makes a new token, so no other pair can matter before all of these are used up; then the threshold falls too, and the
//!   pairs are counted anew. Most pairs of a text are rare, and are never entered anywhere.
//! * **Places.** Every pair that is kept has the list of its places. A merge looks at these alone.
//! * **Sums by neighbour.** What a merge of `a b` adds to `x ab` it takes from `x a`. So it suffices to sum up by neighbour,
//!   in an array indexed by id, and to touch the table of pairs once for each neighbour.
//! * **Lazy order.** The queue holds counts as they were; one that has fallen is put back when it comes up.
//!
//! Source of the lazy queue and of counting by occurrence: common to all BPE trainers, see `trainer.rs` of Hugging Face
//! tokenizers. The rest is ours.

use super::corpus::{COVERED, Corpus, Counts, SEPARATOR};
use super::error::TrainError;
use super::options::{Goal, Phase, Progress};
use super::pairs::{Pair, PairTable};
use super::recount::{self, Found};
use super::vocabulary::{Limits, Vocabulary};
use super::{Merge, Observe, SoFar};
use crate::prefetch;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Merges between two calls of the observer.
const OBSERVE_EVERY: usize = 64;
/// Places asked for ahead.
const AHEAD: usize = 12;

/// A pair in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) count: u64,
    pub(super) pair: Pair,
    /// Its places: a range of the lists.
    pub(super) start: usize,
    pub(super) len: u32,
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        self.count.cmp(&other.count).then_with(|| other.pair.cmp(&self.pair))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The vocabulary is full, or no pair is left that is frequent enough.
    Finished,
    /// The next merge spells a known token; nothing that was done can be trusted to hold for that case.
    Repeated,
}

/// What merges add to pairs, by neighbour.
#[derive(Debug, Default)]
struct Side {
    sums: Vec<Sum>,
    touched: Vec<u32>,
    places: Vec<(u32, u32)>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    count: u64,
    /// Number of places, then where the next one is written.
    places: usize,
}

impl Side {
    #[inline]
    fn add(&mut self, neighbour: u32, count: u64, place: u32) {
        let sum = &mut self.sums[neighbour as usize];
        if sum.places == 0 {
            self.touched.push(neighbour);
        }
        sum.count += count;
        sum.places += 1;
        self.places.push((neighbour, place));
    }
}

/// The state of learning.
pub(super) struct Learner<'a> {
    corpus: Corpus,
    vocabulary: &'a mut Vocabulary,
    merges: &'a mut Vec<Merge>,
    goal: &'a Goal,
    limits: Limits<'a>,
    /// Places of a symbol, by id.
    spans: Vec<u32>,
    table: PairTable,
    queue: BinaryHeap<Candidate>,
    lists: Vec<u32>,
    sides: [Side; 2],
    threshold: u64,
    /// Whether a merge that spells a known token ends the run.
    distinct: bool,
}

/// Marks a neighbour whose pair is not kept.
const UNKEPT: usize = usize::MAX;

impl<'a> Learner<'a> {
    pub(super) fn new(
        corpus: Corpus,
        vocabulary: &'a mut Vocabulary,
        merges: &'a mut Vec<Merge>,
        goal: &'a Goal,
        distinct: bool,
    ) -> Self {
        Self {
            corpus,
            limits: Limits::new(goal.max_length, &goal.rule),
            vocabulary,
            merges,
            goal,
            spans: Vec::new(),
            table: PairTable::with_capacity(0),
            queue: BinaryHeap::new(),
            lists: Vec::new(),
            sides: Default::default(),
            threshold: u64::MAX,
            distinct,
        }
    }

    /// Learns until the goal is reached.
    ///
    /// # Errors
    /// If the observer says so.
    pub(super) fn run(&mut self, observe: &mut dyn Observe) -> Result<Outcome, TrainError> {
        let lowest = self.goal.min_frequency.max(1);
        let first = self.merges.len();
        let mut begun = Vec::new();
        while self.vocabulary.len() < self.goal.vocab_size && self.threshold > lowest {
            begun.push(self.merges.len());
            self.begin_epoch(first, lowest);
            while self.vocabulary.len() < self.goal.vocab_size {
                let Some(best) = self.queue.pop() else { break };
                let count = self.table.get(best.pair);
                if count < best.count {
                    if count >= self.threshold {
                        self.queue.push(Candidate { count, ..best });
                    }
                    continue;
                }
                if !self.merge(best) {
                    return Ok(Outcome::Repeated);
                }
                if self.merges.len().is_multiple_of(OBSERVE_EVERY) {
                    self.observe(observe)?;
                }
            }
        }
        self.observe(observe)?;
        Ok(Outcome::Finished)
    }

    fn observe(&self, observe: &mut dyn Observe) -> Result<(), TrainError> {
        let progress = Progress { phase: Phase::Learn, tokens: self.vocabulary.len(), goal: self.goal.vocab_size };
        let so_far = SoFar { vocabulary: self.vocabulary, merges: self.merges, resumable: true };
        observe.progress(progress, so_far)
    }

    /// Counts the pairs that there are now and queues those over a new threshold.
    fn begin_epoch(&mut self, first: usize, lowest: u64) {
        if self.merges.len() > first {
            self.corpus.compact(&self.spans);
        }
        self.spans.clear();
        self.spans.resize(self.vocabulary.len().max(self.goal.vocab_size), 1);
        for side in &mut self.sides {
            side.sums.resize(self.spans.len(), Sum::default());
        }
        let done = &self.merges[first..];
        let wanted = self.goal.vocab_size - self.vocabulary.len();
        let old = self.threshold;
        self.lists = Vec::new();
        let (vocabulary, limits) = (&*self.vocabulary, &mut self.limits);
        let threshold = |most: u64| next_threshold(done, wanted, most, old).max(lowest);
        let found = recount::pairs(&self.corpus, vocabulary.len(), threshold, |pair| {
            let (left, right) = pair.parts();
            limits.allow(vocabulary, left, right)
        });
        let Found { threshold, candidates, lists } = found;
        self.threshold = threshold;
        self.lists = lists;
        self.table = PairTable::with_capacity(candidates.len() * 2);
        for candidate in &candidates {
            self.table.add(candidate.pair, candidate.count);
        }
        self.queue = BinaryHeap::from(candidates);
    }

    /// Merges a pair wherever it stands; false if that spells a known token.
    fn merge(&mut self, best: Candidate) -> bool {
        let (a, b) = best.pair.parts();
        let mut string = Vec::new();
        self.vocabulary.joined(a, b, &mut string);
        if self.distinct && self.vocabulary.id(&string).is_some() {
            return false;
        }
        let units = self.vocabulary.units(a) + self.vocabulary.units(b);
        let new = self.vocabulary.push(&string, units);
        self.merges.push(Merge { left: a, right: b, token: new, count: best.count });
        self.spans[new as usize] = self.spans[a as usize] + self.spans[b as usize];
        self.table.set(best.pair, 0);
        self.join(best, new);
        self.settle(a, b, new);
        true
    }

    /// Writes the new symbol wherever the pair stands, and sums up by neighbour.
    #[allow(clippy::cast_possible_truncation, reason = "places are below 2^32")]
    fn join(&mut self, best: Candidate, new: u32) {
        let (a, b) = best.pair.parts();
        let (a_span, b_span) = (self.spans[a as usize] as usize, self.spans[b as usize] as usize);
        let symbols = self.corpus.symbols.as_mut_slice();
        let mut counts = Counts::new(&self.corpus.runs);
        let [before, after] = &mut self.sides;
        let places = &self.lists[best.start..best.start + best.len as usize];
        for (i, &place) in places.iter().enumerate() {
            if let Some(&ahead) = places.get(i + AHEAD) {
                prefetch::line(symbols, ahead as usize);
            }
            let at = place as usize;
            let middle = at + a_span;
            // The pair may have been merged away since its place was listed.
            if symbols[at] != a || symbols[middle] != b {
                continue;
            }
            let end = middle + b_span;
            let (left, right) = (symbols[at - 1], symbols[end]);
            let count = counts.at(place);
            symbols[middle - 1] = COVERED;
            symbols[middle] = COVERED;
            symbols[at] = new;
            symbols[end - 1] = new;
            if left != SEPARATOR {
                before.add(left, count, place - self.spans[left as usize]);
            }
            if right != SEPARATOR {
                after.add(right, count, place);
            }
        }
    }

    /// Brings the counts of the pairs around `a b`, which became `new`, up to date, and queues those that are new.
    fn settle(&mut self, a: u32, b: u32, new: u32) {
        let [mut before, mut after] = std::mem::take(&mut self.sides);
        for &left in &before.touched {
            let count = before.sums[left as usize].count;
            if left == new {
                // `ab ab`: the first was counted as `ab a` when the second was still apart.
                let sum = &mut after.sums[a as usize];
                sum.count = sum.count.saturating_sub(count);
                self.table.subtract(Pair::new(b, a), count);
            } else {
                self.table.subtract(Pair::new(left, a), count);
            }
            let sum = &mut before.sums[left as usize];
            sum.places = self.enter(Pair::new(left, new), count, sum.places);
        }
        for &right in &after.touched {
            let Sum { count, places } = after.sums[right as usize];
            self.table.subtract(Pair::new(b, right), count);
            after.sums[right as usize].places = self.enter(Pair::new(new, right), count, places);
        }
        for side in [&mut before, &mut after] {
            for (neighbour, place) in side.places.drain(..) {
                let next = &mut side.sums[neighbour as usize].places;
                if *next != UNKEPT {
                    self.lists[*next] = place;
                    *next += 1;
                }
            }
            for neighbour in side.touched.drain(..) {
                side.sums[neighbour as usize] = Sum::default();
            }
        }
        self.sides = [before, after];
    }

    /// Enters a pair that a merge made, if it is kept; returns where its places are to be written.
    fn enter(&mut self, pair: Pair, count: u64, places: usize) -> usize {
        let (left, right) = pair.parts();
        if count < self.threshold || !self.limits.allow(self.vocabulary, left, right) {
            return UNKEPT;
        }
        let start = self.lists.len();
        self.lists.resize(start + places, 0);
        self.table.add(pair, count);
        let len = u32::try_from(places).unwrap_or(u32::MAX);
        self.queue.push(Candidate { count, pair, start, len });
        start
    }
}

/// Which counts are kept track of next: as few as reach the end, going by the counts so far. Counts fall as a power of the
/// number of merges, roughly; too high a guess costs one more epoch and nothing else.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a guess, and the cast of a float saturates"
)]
fn next_threshold(done: &[Merge], wanted: usize, most: u64, old: u64) -> u64 {
    /// The first epoch keeps counts down to this part of the largest.
    const FIRST: u64 = 1 << 10;
    const MARGIN: f64 = 0.7;
    let [.., last] = done else { return (most / FIRST).min(old / 2) };
    let part = done.len() / 4;
    let slope = (done[part].count as f64 / last.count as f64).ln() / (done.len() as f64 / (part + 1) as f64).ln();
    let ratio = done.len() as f64 / (done.len() + wanted) as f64;
    let guess = MARGIN * last.count as f64 * ratio.powf(slope.clamp(0.5, 4.0));
    (guess as u64).min(old / 2)
}
