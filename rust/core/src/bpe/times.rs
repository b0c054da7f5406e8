//! When each merge happens, and which tokens can stand side by side, for any ranks.
//!
//! Merging takes the pair of lowest rank, of several the leftmost. As long as nothing merges across a border, the merges on
//! each side of it are those of that side alone: two *runs*. All that matters is how they mix, and that is simple, even where
//! a token comes before its own parts in rank (`abc` before `ab`, as in some vocabularies): of the two next merges the lower
//! one is taken, the left one if they are equal. So a merge waits for the highest rank among those of its run up to it, its
//! *phase*, and runs mix phase by phase, each phase of the left run before the same phase of the right one. Runs of parts mix
//! to the run of their product in the same way, so the phase of a token is the highest rank among all merges inside it.
//!
//! Where two tokens meet, the *right spine* of the left one (its right part, the right part of that, ...) faces the *left
//! spine* of the right one. The two tokens are not the encoding of their bytes exactly if some `x` of the one spine and `y` of
//! the other merge while both are there: if the rank of their pair is lower than that of some merge that happens in that
//! time, or equal to one of the right run. Let `x` end in `u`, the token above it. What happens meanwhile in the left run is
//!
//! - if the phase of `u` is higher than that of `x`: a merge whose rank is the phase of `u`, and none of higher rank;
//! - if it is the same: the merge to `u` alone, since its left part was finished in the same phase of a run further left.
//!
//! Let `y` end in `w`. The same holds, but that a right part of `w` of the same phase as `y` comes after it, with a merge of
//! that rank. And the run on the other side does nothing higher in that time: if it did, the border would have changed
//! before. So each token has two numbers, [`Made::before_left`] and [`Made::before_right`], below which the pairs that its
//! outer part takes part in come before it.
//!
//! If every token comes after its parts, rank, phase and both numbers are one: the order of the token.

use super::heap::Pairs;
use super::symbols::SymbolSet;
use crate::merges::{Merges, PairTable, SYMBOL};
use crate::vocab::Vocab;

/// Entries, which is what tokens are called before they are numbered.
type Entry = u32;

/// How a token is made; tokens are given by number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Made {
    /// The two parts, or [`SYMBOL`].
    pub(super) parts: (u32, u32),
    /// The place of the last merge among all by rank, from 1; 0 for symbols.
    pub(super) rank: u32,
    /// The highest rank among all merges inside; 0 for symbols.
    pub(super) phase: u32,
    /// Pairs of the right part with what stands to the right come before this token if their rank is below this.
    pub(super) before_left: u32,
    /// Pairs of the left part with what stands to the left come before this token if their rank is below this.
    pub(super) before_right: u32,
}

/// Tokens in an order in which phases increase and parts come before products.
#[derive(Debug, Clone)]
pub(super) struct Times {
    /// By number.
    pub(super) made: Vec<Made>,
    /// By two numbers: that of the product. Has the pairs that are the parts of some token; no others ever meet.
    pub(super) pairs: PairTable,
    /// By number.
    pub(super) entries: Vec<Entry>,
}

impl Times {
    /// For tokens whose order is that of their merges: they keep their order as number.
    pub(super) fn in_order(merges: &Merges, entries: &[Entry]) -> Self {
        let made = |(order, &parts): (u32, &(u32, u32))| {
            let time = if parts == SYMBOL { 0 } else { order };
            Made { parts, rank: time, phase: time, before_left: time, before_right: time + 1 }
        };
        let made = (0u32..).zip(&merges.splits).map(made).collect();
        Self { made, pairs: merges.pairs.clone(), entries: entries.to_vec() }
    }

    /// For any ranks. O(merges of all tokens).
    pub(super) fn new(vocab: &Vocab, symbols: &SymbolSet, pairs: &impl Pairs) -> Self {
        let mut entries = Vec::new();
        let mut merges: Vec<Option<Last>> = Vec::with_capacity(vocab.len());
        let (mut parts, mut joins) = (Vec::new(), Vec::new());
        let singles = symbols.are_bytes().then(|| std::array::from_fn::<_, 256, _>(|byte| single(vocab, byte)));
        let entries_of = |bytes: &[u8], parts: &mut Vec<(Entry, u32)>| match &singles {
            None => symbols.entries(vocab, bytes, parts),
            Some(singles) => {
                let part = |(byte, end): (&u8, u32)| Some((singles[usize::from(*byte)]?, end));
                parts.clear();
                parts.extend(bytes.iter().zip(1..).map_while(part));
                parts.len() == bytes.len()
            }
        };
        for (entry, (bytes, _)) in (0u32..).zip(vocab.table().iter()) {
            let encodable = vocab.table().is_encodable(entry as usize) && vocab.entry(bytes) == Some(entry);
            let symbol = encodable && symbols.is_symbol(bytes);
            let known = encodable && !symbol && entries_of(bytes, &mut parts);
            let last = if known { last_merge(bytes, &mut parts, &mut joins, pairs, entry) } else { None };
            if symbol || last.is_some() {
                entries.push(entry);
            }
            merges.push(last);
        }
        let ranks = places_by_rank(&merges);
        let length = |entry: Entry| vocab.table().get(entry as usize).map_or(0, |token| token.0.len());
        // Parts are shorter than what they make.
        entries.sort_by_key(|&entry| length(entry));
        let mut phases = vec![0; merges.len()];
        for &entry in &entries {
            if let Some(Last { parts: (left, right), .. }) = merges[entry as usize] {
                phases[entry as usize] = ranks[entry as usize].max(phases[left as usize]).max(phases[right as usize]);
            }
        }
        entries.sort_by_key(|&entry| (phases[entry as usize], length(entry), entry));
        Self::numbered(entries, &merges, &ranks, &phases)
    }

    /// From what is known of each entry, and the entries in order.
    fn numbered(entries: Vec<Entry>, merges: &[Option<Last>], ranks: &[u32], phases: &[u32]) -> Self {
        let mut numbers = vec![0; merges.len()];
        let mut pairs = PairTable::with_capacity(entries.len());
        let mut made = Vec::with_capacity(entries.len());
        for (number, &entry) in (0u32..).zip(&entries) {
            numbers[entry as usize] = number;
            let Some(Last { parts: (left, right), .. }) = merges[entry as usize] else {
                made.push(Made { parts: SYMBOL, rank: 0, phase: 0, before_left: 0, before_right: 0 });
                continue;
            };
            let (rank, phase) = (ranks[entry as usize], phases[entry as usize]);
            let (left_phase, right_phase) = (phases[left as usize], phases[right as usize]);
            let before_left = if phase > right_phase { phase } else { rank };
            let before_right = if phase > left_phase || right_phase == left_phase { phase } else { rank } + 1;
            let parts = (numbers[left as usize], numbers[right as usize]);
            pairs.insert(parts.0, parts.1, number);
            made.push(Made { parts, rank, phase, before_left, before_right });
        }
        Self { made, pairs, entries }
    }

    /// Whether `left` followed by `right`, given by number, encodes to just these two tokens.
    ///
    /// Goes back in time and looks at each pair that faced the border. O(depth of the two tokens).
    pub(super) fn compatible(&self, left: u32, right: u32) -> bool {
        let (mut left, mut right, mut limit) = (left, right, u32::MAX);
        loop {
            if let Some(product) = self.pairs.get(left, right)
                && self.made[product as usize].rank < limit
            {
                return false;
            }
            let (above_left, above_right) = (&self.made[left as usize], &self.made[right as usize]);
            if above_left.phase > above_right.phase {
                (limit, left) = (above_left.before_left, above_left.parts.1);
            } else if above_right.parts == SYMBOL {
                // Symbols come before every merge: the left one is one too.
                return true;
            } else {
                (limit, right) = (above_right.before_right, above_right.parts.0);
            }
        }
    }
}

/// The entry of a byte.
fn single(vocab: &Vocab, byte: usize) -> Option<Entry> {
    vocab.entry(&[u8::try_from(byte).ok()?])
}

/// The merge that makes a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Last {
    rank: u32,
    parts: (Entry, Entry),
}

/// By entry: the place of its merge among all by rank, from 1. Every merge has a rank of its own.
fn places_by_rank(merges: &[Option<Last>]) -> Vec<u32> {
    let mut by_rank: Vec<(u32, usize)> =
        merges.iter().enumerate().filter_map(|(entry, last)| Some(((*last)?.rank, entry))).collect();
    by_rank.sort_unstable();
    let mut places = vec![0; merges.len()];
    for (place, (_, entry)) in (1..).zip(by_rank) {
        places[entry] = place;
    }
    places
}

/// The last of the merges that make a token of its own bytes; `None` if they do not. O(n^2), but only O(n) pairs are looked up.
///
/// `parts` are the symbols of `bytes`, each with its end. `joins` is working memory: for each pair of neighbours rank and
/// product of their merge.
fn last_merge(
    bytes: &[u8],
    parts: &mut Vec<(Entry, u32)>,
    joins: &mut Vec<Option<(u32, Entry)>>,
    pairs: &impl Pairs,
    token: Entry,
) -> Option<Last> {
    let join = |parts: &[(Entry, u32)], at: usize| {
        let start = at.checked_sub(1).map_or(0, |before| parts[before].1);
        let joined = &bytes[start as usize..parts[at + 1].1 as usize];
        pairs.merge_of(parts[at].0, parts[at + 1].0, joined)
    };
    joins.clear();
    joins.extend((1..parts.len()).map(|right| join(parts, right - 1)));
    let mut last = None;
    while parts.len() > 1 {
        let candidates = joins.iter().enumerate().filter_map(|(at, join)| Some((join.as_ref()?.0, at)));
        let (rank, at) = candidates.min()?;
        let (_, product) = joins[at]?;
        last = Some(Last { rank, parts: (parts[at].0, parts[at + 1].0) });
        parts[at] = (product, parts[at + 1].1);
        parts.remove(at + 1);
        joins.remove(at);
        if at > 0 {
            joins[at - 1] = join(parts, at - 1);
        }
        if at < joins.len() {
            joins[at] = join(parts, at);
        }
    }
    last.filter(|_| parts.first().is_some_and(|part| part.0 == token))
}
