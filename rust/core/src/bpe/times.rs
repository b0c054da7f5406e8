//! Merges in the order in which they happen, for any ranks.
//!
//! Where every token has a higher rank than its parts, ranks are that order. Some vocabularies break this: `abc` may have a
//! lower rank than `ab`, and then it is made right after `ab`, before all merges of higher rank than `ab`. While nothing merges
//! across the ends of a stretch of text its merges depend on nothing else, so the time of a token is that of its own merges:
//! the highest rank among them first, then the highest of those behind it, and so on. Compared as lists these times are the
//! order in which any text merges, each token comes after its parts, and all that is said of orders in
//! [`merges`](crate::merges) holds, with one exception: where two neighbours hold the same merge and tokens made from it
//! have lower ranks than it, the left one's are made before the right one's merge, which one order for all places cannot
//! say. Such pairs (`bbb` twice, if `bbb` comes before `bb`) may be judged wrongly.

use super::heap::Pairs;
use super::symbols::SymbolSet;
use crate::merges::{Merges, PairTable, SYMBOL};
use crate::vocab::Vocab;

/// Entries, which is what tokens are called before they have an order.
type Entry = u32;

/// In place of parts: the token is not made by merges.
const UNREACHED: (Entry, Entry) = (Entry::MAX, 0);

/// The merges by time, and the entry of each order.
pub(super) fn merges_by_time(vocab: &Vocab, symbols: &SymbolSet, pairs: &impl Pairs) -> (Merges, Vec<Entry>) {
    let splits = splits(vocab, symbols, pairs);
    let length = |entry: Entry| vocab.table().get(entry as usize).map_or(0, |token| token.0.len());
    // Parts are shorter than what they make.
    let reached = (0u32..).zip(&splits).filter(|(_, split)| **split != UNREACHED);
    let mut ordered: Vec<Entry> = reached.map(|(entry, _)| entry).collect();
    ordered.sort_by_key(|&entry| length(entry));
    let mut times: Vec<Vec<u32>> = vec![Vec::new(); splits.len()];
    for &entry in &ordered {
        let (left, right) = splits[entry as usize];
        if splits[entry as usize] != SYMBOL {
            let mut time = times[left as usize].clone().max(times[right as usize].clone());
            let bytes = vocab.table().get(entry as usize).map_or(&[][..], |token| token.0);
            let rank = pairs.merge_of(left, right, bytes).map_or(u32::MAX, |merge| merge.0);
            while time.last().is_some_and(|&before| before <= rank) {
                time.pop();
            }
            time.push(rank);
            times[entry as usize] = time;
        }
    }
    ordered.sort_by(|&a, &b| (&times[a as usize], a).cmp(&(&times[b as usize], b)));
    (numbered(&ordered, &splits), ordered)
}

/// By entry: the two parts, [`SYMBOL`] or [`UNREACHED`].
fn splits(vocab: &Vocab, symbols: &SymbolSet, pairs: &impl Pairs) -> Vec<(Entry, Entry)> {
    let mut parts = Vec::new();
    let mut split = |entry: Entry, bytes: &[u8]| {
        if !vocab.table().is_encodable(entry as usize) || vocab.entry(bytes) != Some(entry) {
            UNREACHED
        } else if symbols.is_symbol(bytes) {
            SYMBOL
        } else if symbols.entries(vocab, bytes, &mut parts) {
            last_merge(bytes, &mut parts, pairs, entry).unwrap_or(UNREACHED)
        } else {
            UNREACHED
        }
    };
    (0u32..).zip(vocab.table().iter()).map(|(entry, (bytes, _))| split(entry, bytes)).collect()
}

/// The splits by order.
fn numbered(ordered: &[Entry], splits: &[(Entry, Entry)]) -> Merges {
    let mut orders = vec![0; splits.len()];
    for (order, &entry) in (0u32..).zip(ordered) {
        orders[entry as usize] = order;
    }
    let mut pairs = PairTable::with_capacity(ordered.len());
    let mut by_order = Vec::with_capacity(ordered.len());
    for (order, &entry) in (0u32..).zip(ordered) {
        let (left, right) = splits[entry as usize];
        if splits[entry as usize] == SYMBOL {
            by_order.push(SYMBOL);
        } else {
            let parts = (orders[left as usize], orders[right as usize]);
            by_order.push(parts);
            pairs.insert(parts.0, parts.1, order);
        }
    }
    Merges::new(by_order, pairs)
}

/// The merge that makes a token of its own bytes in the end, as the two parts; `None` if they do not become the token.
/// O(n^2).
///
/// `parts` are the symbols of `bytes`, each with its end.
fn last_merge(bytes: &[u8], parts: &mut Vec<(Entry, u32)>, pairs: &impl Pairs, token: Entry) -> Option<(Entry, Entry)> {
    let mut last = None;
    while parts.len() > 1 {
        let candidates = (1..parts.len()).filter_map(|at| {
            let start = at.checked_sub(2).map_or(0, |before| parts[before].1);
            let joined = &bytes[start as usize..parts[at].1 as usize];
            let (rank, product) = pairs.merge_of(parts[at - 1].0, parts[at].0, joined)?;
            Some((rank, at, product))
        });
        let (_, at, product) = candidates.min()?;
        last = Some((parts[at - 1].0, parts[at].0));
        parts[at - 1] = (product, parts[at].1);
        parts.remove(at);
    }
    last.filter(|_| parts.first().is_some_and(|part| part.0 == token))
}
