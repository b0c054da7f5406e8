//! From a specification to the tables of [`Backtrack`], or to the reason why they do not apply.

use super::backtrack::Match;
use super::error::BpeError;
use super::heap::{self, Pairs};
use super::short::{Longer, Usual};
use super::symbols::SymbolSet;
use super::tables::Tables;
use crate::merges::{Merges, PairTable, SENTINEL, SYMBOL};
use crate::spec::Symbols;
use crate::vocab::Vocab;
use std::collections::HashMap;

/// (left, right) entries -> (rank, product entry), as the file lists them.
pub(super) type ListedPairs = HashMap<(u32, u32), (u32, u32), foldhash::fast::RandomState>;

/// Rank vocabularies: a pair merges if its concatenation is a token, the rank is the id.
#[derive(Debug)]
pub(super) struct RankPairs<'a>(pub(super) &'a Vocab);

impl Pairs for RankPairs<'_> {
    fn merge_of(&self, _: u32, _: u32, bytes: &[u8]) -> Option<(u32, u32)> {
        let entry = self.0.entry(bytes)?;
        Some((self.0.table().get(entry as usize)?.1, entry))
    }
}

/// [`RankPairs`] with the tokens of two bytes in a table: half of all pairs asked for are two bytes.
#[derive(Debug)]
pub(super) struct TabledPairs<'a> {
    ranks: RankPairs<'a>,
    /// By both bytes: rank and entry.
    of_two: Box<[Option<(u32, u32)>]>,
}

impl<'a> TabledPairs<'a> {
    /// O(tokens).
    pub(super) fn new(vocab: &'a Vocab) -> Self {
        let mut of_two = vec![None; 1 << 16].into_boxed_slice();
        for (bytes, _) in vocab.table().iter() {
            if let &[first, second] = bytes {
                of_two[place(first, second)] = RankPairs(vocab).merge_of(0, 0, bytes);
            }
        }
        Self { ranks: RankPairs(vocab), of_two }
    }
}

impl Pairs for TabledPairs<'_> {
    fn merge_of(&self, left: u32, right: u32, bytes: &[u8]) -> Option<(u32, u32)> {
        match *bytes {
            [first, second] => self.of_two[place(first, second)],
            _ => self.ranks.merge_of(left, right, bytes),
        }
    }
}

const fn place(first: u8, second: u8) -> usize {
    (first as usize) << 8 | second as usize
}

/// The listed merges as entries of the vocabulary.
pub(super) fn listed_pairs(vocab: &Vocab, pairs: &[(u32, u32)]) -> Result<ListedPairs, BpeError> {
    let mut listed = ListedPairs::with_capacity_and_hasher(pairs.len(), foldhash::fast::RandomState::default());
    let mut joined = Vec::new();
    for (rank, &(left, right)) in (0u32..).zip(pairs) {
        let parts = vocab.entry_of_id(left).zip(vocab.entry_of_id(right));
        let (l, r) = parts.ok_or_else(|| BpeError::unknown_merge_part(rank, left, right))?;
        joined.clear();
        for part in [l, r] {
            joined.extend_from_slice(vocab.table().get(part as usize).map_or(&[][..], |(bytes, _)| bytes));
        }
        let product = vocab.entry(&joined).ok_or_else(|| BpeError::unknown_merge_product(rank, left, right))?;
        listed.insert((l, r), (rank, product));
    }
    Ok(listed)
}

/// Builds the backtracking tables.
///
/// The answer is `None` if some token is made by a merge that comes before a merge of one of its own parts (then the order
/// of the tokens does not tell the order of their merges) or the vocabulary outgrows the tables: then the heap does it.
pub(super) fn tables(
    vocab: &Vocab,
    symbols: &SymbolSet,
    kind: &Symbols,
    listed: Option<&ListedPairs>,
) -> Option<Tables> {
    if vocab.longest() > Match::LONGEST || vocab.len() >= SENTINEL as usize {
        return None;
    }
    let mut order = Order::new(vocab, symbols);
    let merges = match listed {
        Some(listed) => order.split_listed(listed),
        None => order.split_ranks(symbols),
    };
    let monotone = match listed {
        Some(listed) => order.unreached_stay_unreached(symbols, listed),
        None => order.unreached_stay_unreached(symbols, &RankPairs(vocab)),
    };
    monotone.then(|| order.finish(kind, merges))
}

const UNKNOWN: u32 = u32::MAX;

/// Tokens in the order of the merges that make them, while this is being found out.
struct Order<'a> {
    vocab: &'a Vocab,
    /// By order: entry.
    entries: Vec<u32>,
    /// By entry: order, or [`UNKNOWN`].
    position: Vec<u32>,
    /// By byte: the order of the symbol that it alone is.
    byte_orders: [u32; 256],
    /// Entries that are no symbols and were not reached.
    unreached: Vec<u32>,
}

impl<'a> Order<'a> {
    /// Symbols come first, in the order of the vocabulary.
    fn new(vocab: &'a Vocab, symbols: &SymbolSet) -> Self {
        let mut order = Self {
            vocab,
            entries: Vec::with_capacity(vocab.len()),
            position: vec![UNKNOWN; vocab.len()],
            byte_orders: [UNKNOWN; 256],
            unreached: Vec::new(),
        };
        for (entry, (bytes, _)) in (0u32..).zip(vocab.table().iter()) {
            if symbols.is_symbol(bytes)
                && vocab.table().is_encodable(entry as usize)
                && vocab.entry(bytes) == Some(entry)
            {
                let position = u32::try_from(order.entries.len()).unwrap_or(UNKNOWN);
                order.position[entry as usize] = position;
                order.entries.push(entry);
                if let [byte] = bytes {
                    order.byte_orders[usize::from(*byte)] = position;
                }
            }
        }
        order
    }

    fn bytes(&self, entry: u32) -> &'a [u8] {
        self.vocab.table().get(entry as usize).map_or(&[], |(bytes, _)| bytes)
    }

    /// Accepts a split found for `entry`: it gets the next order.
    fn reach(&mut self, entry: u32, split: (u32, u32), merges: &mut Merges) {
        let order = u32::try_from(self.entries.len()).unwrap_or(UNKNOWN);
        self.entries.push(entry);
        self.position[entry as usize] = order;
        merges.splits.push(split);
        merges.pairs.insert(split.0, split.1, order);
    }

    fn start_merges(&self) -> Merges {
        let mut splits = Vec::with_capacity(self.vocab.len());
        splits.resize(self.entries.len(), SYMBOL);
        Merges::new(splits, PairTable::with_capacity(self.vocab.len()))
    }

    /// Rank vocabularies: tokens in the order of their ids; each is split where its earlier tokens stand side by side.
    fn split_ranks(&mut self, symbols: &SymbolSet) -> Merges {
        let mut merges = self.start_merges();
        let mut scratch = SplitScratch::default();
        for entry in by_id(self.vocab) {
            let bytes = self.bytes(entry);
            if symbols.is_symbol(bytes) || !self.vocab.table().is_encodable(entry as usize) {
                continue;
            }
            match self.split_of(bytes, symbols, &merges.pairs, &mut scratch) {
                Some(split) => self.reach(entry, split, &mut merges),
                None => self.unreached.push(entry),
            }
        }
        merges
    }

    /// The two tokens that `bytes` encodes to under the merges so far, if it does.
    fn split_of(
        &self,
        bytes: &[u8],
        symbols: &SymbolSet,
        pairs: &PairTable,
        scratch: &mut SplitScratch,
    ) -> Option<(u32, u32)> {
        let SplitScratch { usual, longer, parts, merged } = scratch;
        usual.clear();
        if symbols.are_bytes() && bytes.iter().all(|&byte| usual.push(self.byte_orders[usize::from(byte)])) {
            usual.merge(pairs);
            return usual.tokens().pair();
        }
        if !symbols.entries(self.vocab, bytes, parts) {
            return None;
        }
        for part in &mut *parts {
            part.0 = self.position[part.0 as usize];
        }
        longer.clear();
        if parts.iter().all(|part| longer.push(part.0)) {
            longer.merge(pairs);
            return longer.tokens().pair();
        }
        merged.clear();
        heap::merge(bytes, parts, pairs, merged);
        if let [left, right] = merged[..] { Some((left, right)) } else { None }
    }

    /// Listed merges, in the order of the list; of several for one token the one that its own bytes lead to counts.
    fn split_listed(&mut self, listed: &ListedPairs) -> Merges {
        let mut merges = self.start_merges();
        let mut in_order: Vec<(u32, (u32, u32), u32)> =
            listed.iter().map(|(&pair, &(rank, product))| (rank, pair, product)).collect();
        in_order.sort_unstable();
        for &(_, (left, right), product) in &in_order {
            let (left, right) = (self.position[left as usize], self.position[right as usize]);
            if self.position[product as usize] == UNKNOWN
                && left != UNKNOWN
                && right != UNKNOWN
                && merges.compatible(left, right)
            {
                self.reach(product, (left, right), &mut merges);
            }
        }
        let mut products: Vec<u32> =
            in_order.iter().map(|m| m.2).filter(|&p| self.position[p as usize] == UNKNOWN).collect();
        products.sort_unstable();
        products.dedup();
        self.unreached = products;
        merges
    }

    /// Whether the tokens not reached in order are not reached by the real merge loop either.
    fn unreached_stay_unreached(&self, symbols: &SymbolSet, pairs: &impl Pairs) -> bool {
        let (mut parts, mut merged) = (Vec::new(), Vec::new());
        self.unreached.iter().all(|&entry| {
            let bytes = self.bytes(entry);
            if !symbols.entries(self.vocab, bytes, &mut parts) {
                return true;
            }
            merged.clear();
            heap::merge(bytes, &parts, pairs, &mut merged);
            merged != [entry]
        })
    }

    /// Leaves out what is not reachable.
    fn finish(self, kind: &Symbols, merges: Merges) -> Tables {
        let Self { vocab, entries, position, .. } = self;
        let unreachable = (0u32..).zip(&position).filter(|&(entry, &order)| {
            let bytes = vocab.table().get(entry as usize).map_or(&[][..], |(bytes, _)| bytes);
            order == UNKNOWN && vocab.entry(bytes) == Some(entry)
        });
        Tables::new(vocab, kind, entries, unreachable.map(|(entry, _)| entry), merges)
    }
}

/// Working memory of [`Order::split_of`].
#[derive(Default)]
struct SplitScratch {
    usual: Usual,
    longer: Longer,
    parts: Vec<(u32, u32)>,
    merged: Vec<u32>,
}

/// Entries by id.
fn by_id(vocab: &Vocab) -> Vec<u32> {
    let ids: Vec<u32> = vocab.table().iter().map(|(_, id)| id).collect();
    let mut entries: Vec<u32> = (0u32..).take(ids.len()).collect();
    if !ids.is_sorted() {
        entries.sort_unstable_by_key(|&e| ids[e as usize]);
    }
    entries
}
