//! Greedy merging exactly as `BpeTrainer` of Hugging Face tokenizers 0.23 does it, in every corner: what runs when a merge
//! spells a token that is known already.
//!
//! Then the count of a pair can rise again, and what `BpeTrainer` does depends on how it keeps its books:
//!
//! * what a merge itself consumes is never taken off the count of its pair;
//! * a pair that a merge makes is queued with the count it has then, and with the pieces where that merge made it, even if
//!   the pair is queued already with other pieces;
//! * a queued count is brought up to date only when it comes up;
//! * a pair merges only in the pieces it was queued with;
//! * where `max_token_length` keeps some of the places of a pair from being counted, its count can fall below zero, and such a
//!   pair comes before all others: the count is read as a number without a sign.
//!
//! Source: the behaviour of `tokenizers/src/models/bpe/trainer.rs` and `word.rs`, written anew. This takes several times as
//! long as [`learner`](super::learner), which gives the same where no token is spelled twice.

use super::corpus::Corpus;
use super::error::TrainError;
use super::options::{Goal, MaxLength, Phase, Progress};
use super::pairs::Pair;
use super::vocabulary::{Limits, Vocabulary};
use super::{Merge, Observe, SoFar};
use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};

const OBSERVE_EVERY: usize = 64;

/// A pair in the queue, with the pieces it was queued for.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    /// As it was when the pair was queued; below zero it is large, see the module documentation.
    count: u64,
    pair: Pair,
    /// Among entries that are otherwise alike, the older one comes first.
    age: usize,
    pieces: Vec<u32>,
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        let order = self.count.cmp(&other.count).then_with(|| other.pair.cmp(&self.pair));
        order.then_with(|| other.age.cmp(&self.age))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A symbol and the number of initial symbols it was made of where it stands.
type Symbol = (u32, u32);
type Map<V> = HashMap<Pair, V, foldhash::fast::RandomState>;

/// The state of learning.
struct Books<'a> {
    pieces: Vec<Vec<Symbol>>,
    counts: Vec<i64>,
    pairs: Map<i64>,
    queue: BinaryHeap<Entry>,
    queued: usize,
    limits: Limits<'a>,
}

/// Learns until the goal is reached.
///
/// # Errors
/// If the observer says so.
pub(super) fn run(
    corpus: &Corpus,
    vocabulary: &mut Vocabulary,
    merges: &mut Vec<Merge>,
    goal: &Goal,
    observe: &mut dyn Observe,
) -> Result<(), TrainError> {
    let mut books = Books::new(corpus, vocabulary, goal);
    let lowest = goal.min_frequency.max(1);
    let mut string = Vec::new();
    while vocabulary.distinct() < goal.vocab_size {
        let Some(mut best) = books.queue.pop() else { break };
        let signed = books.pairs[&best.pair];
        let count = signed.cast_unsigned();
        if best.count != count {
            best.count = count;
            books.queue.push(best);
            continue;
        }
        if count < lowest {
            break;
        }
        let (left, right) = best.pair.parts();
        vocabulary.joined(left, right, &mut string);
        let units = vocabulary.units(left) + vocabulary.units(right);
        let token = vocabulary.id(&string).unwrap_or_else(|| vocabulary.push(&string, units));
        merges.push(Merge { left, right, token, count: signed.max(0).cast_unsigned() });
        books.merge(&best, token, vocabulary);
        if merges.len().is_multiple_of(OBSERVE_EVERY) {
            let progress = Progress { phase: Phase::Learn, tokens: vocabulary.distinct(), goal: goal.vocab_size };
            observe.progress(progress, SoFar { vocabulary, merges, resumable: false })?;
        }
    }
    Ok(())
}

impl<'a> Books<'a> {
    fn new(corpus: &Corpus, vocabulary: &Vocabulary, goal: &'a Goal) -> Self {
        let symbol = |&id: &u32| (id, vocabulary.units(id).max(1));
        let mut books = Self {
            pieces: Vec::new(),
            counts: Vec::new(),
            pairs: Map::default(),
            queue: BinaryHeap::new(),
            queued: 0,
            limits: Limits::new(goal.max_length, &goal.rule),
        };
        let mut made: Map<Vec<u32>> = Map::default();
        for (number, (piece, count)) in (0_u32..).zip(corpus.pieces()) {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            for pair in piece.windows(2).map(|pair| Pair::new(pair[0], pair[1])) {
                let sum = books.pairs.entry(pair).or_default();
                *sum = sum.saturating_add(count);
                note(&mut made, pair, number);
            }
            books.pieces.push(piece.iter().map(symbol).collect());
            books.counts.push(count);
        }
        books.enqueue(made, vocabulary);
        books
    }

    /// Queues pairs for the pieces where they were made.
    fn enqueue(&mut self, made: Map<Vec<u32>>, vocabulary: &Vocabulary) {
        for (pair, pieces) in made {
            let count = self.pairs[&pair];
            let (left, right) = pair.parts();
            if count > 0 && self.limits.allow_string(vocabulary, left, right) {
                self.queued += 1;
                self.queue.push(Entry { count: count.cast_unsigned(), pair, age: self.queued, pieces });
            }
        }
    }

    /// Merges a pair in the pieces that it was queued for.
    fn merge(&mut self, best: &Entry, token: u32, vocabulary: &Vocabulary) {
        let (left, right) = best.pair.parts();
        let mut made: Map<Vec<u32>> = Map::default();
        for &number in &best.pieces {
            let count = self.counts[number as usize];
            let mut piece = std::mem::take(&mut self.pieces[number as usize]);
            let mut at = 0;
            let mut kept = 0;
            while at < piece.len() {
                if piece[at].0 != left || piece.get(at + 1).is_none_or(|next| next.0 != right) {
                    piece[kept] = piece[at];
                    (kept, at) = (kept + 1, at + 1);
                    continue;
                }
                let joined = (token, piece[at].1 + piece[at + 1].1);
                if kept > 0 {
                    let before = piece[kept - 1];
                    self.change(Pair::new(before.0, left), -count);
                    if self.meets(before, joined) {
                        self.change(Pair::new(before.0, token), count);
                        note(&mut made, Pair::new(before.0, token), number);
                    }
                }
                if let Some(&after) = piece.get(at + 2) {
                    self.change(Pair::new(right, after.0), -count);
                    if self.meets(joined, after) {
                        self.change(Pair::new(token, after.0), count);
                        note(&mut made, Pair::new(token, after.0), number);
                    }
                }
                piece[kept] = joined;
                (kept, at) = (kept + 1, at + 2);
            }
            piece.truncate(kept);
            self.pieces[number as usize] = piece;
        }
        self.enqueue(made, vocabulary);
    }

    fn change(&mut self, pair: Pair, by: i64) {
        let sum = self.pairs.entry(pair).or_default();
        *sum = sum.saturating_add(by);
    }

    /// Whether two symbols that now stand side by side count as a pair.
    fn meets(&self, left: Symbol, right: Symbol) -> bool {
        match self.limits.max_length {
            MaxLength::Compatible(limit) => ((left.1 + right.1) as usize) < limit,
            MaxLength::Unlimited | MaxLength::Bytes(_) => true,
        }
    }
}

/// Adds a piece to those where a pair was made.
fn note(made: &mut Map<Vec<u32>>, pair: Pair, piece: u32) {
    let pieces = made.entry(pair).or_default();
    if pieces.last() != Some(&piece) {
        pieces.push(piece);
    }
}
