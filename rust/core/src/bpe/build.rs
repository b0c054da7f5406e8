//! From a specification to the tables of [`Backtrack`], or to the reason why they do not apply.

use super::backtrack::{Backtrack, Match};
use super::error::BpeError;
use super::heap::{self, Pairs};
use super::longest::{Builder, NONE};
use super::symbols::SymbolSet;
use crate::merges::{Merges, PairTable, SYMBOL};
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

/// Everything encoding needs, indexed by order where backtracking applies.
#[derive(Debug)]
pub(super) struct Tables {
    pub(super) backtrack: Backtrack,
    /// By order: the entry in the vocabulary.
    pub(super) entries: Vec<u32>,
    /// Tokens that no merges make, with their entries; they are still whole pieces where the format says so.
    pub(super) unreachable: HashMap<Box<[u8]>, u32, foldhash::fast::RandomState>,
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
pub(super) fn tables(vocab: &Vocab, symbols: &SymbolSet, listed: Option<&ListedPairs>) -> Option<Tables> {
    if vocab.longest() > Match::LONGEST {
        return None;
    }
    let mut order = Order::new(vocab, symbols)?;
    let splits = match listed {
        Some(listed) => order.split_listed(listed),
        None => order.split_ranks(symbols),
    };
    let monotone = match listed {
        Some(listed) => order.unreached_stay_unreached(symbols, listed),
        None => order.unreached_stay_unreached(symbols, &RankPairs(vocab)),
    };
    monotone.then(|| order.finish(splits))
}

const UNKNOWN: u32 = u32::MAX;

/// Tokens in the order of the merges that make them, while this is being found out.
struct Order<'a> {
    vocab: &'a Vocab,
    /// By order: entry.
    entries: Vec<u32>,
    /// By entry: order, or [`UNKNOWN`].
    position: Vec<u32>,
    trie: Builder,
    /// By entry: the longest other token that is a prefix, or [`NONE`].
    shorter: Vec<u32>,
    /// Entries that are no symbols and were not reached.
    unreached: Vec<u32>,
    pairs: PairTable,
}

impl<'a> Order<'a> {
    fn new(vocab: &'a Vocab, symbols: &SymbolSet) -> Option<Self> {
        let count = vocab.len();
        let bytes = vocab.table().iter().map(|(b, _)| b.len()).sum();
        let mut trie = Builder::with_capacity(count, bytes);
        let mut entries = Vec::with_capacity(count);
        let mut position = vec![UNKNOWN; count];
        for (entry, (bytes, _)) in (0u32..).zip(vocab.table().iter()) {
            if vocab.table().is_encodable(entry as usize) {
                if !trie.insert(bytes, entry) {
                    return None;
                }
                if symbols.is_symbol(bytes) && vocab.entry(bytes) == Some(entry) {
                    position[entry as usize] = u32::try_from(entries.len()).unwrap_or(UNKNOWN);
                    entries.push(entry);
                }
            }
        }
        let shorter = trie.link(count);
        let pairs = PairTable::with_capacity(count);
        Some(Self { vocab, entries, position, trie, shorter, unreached: Vec::new(), pairs })
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

    fn start_merges(&mut self) -> Merges {
        let pairs = std::mem::replace(&mut self.pairs, PairTable::with_capacity(0));
        let mut splits = Vec::with_capacity(self.vocab.len());
        splits.resize(self.entries.len(), SYMBOL);
        Merges::new(splits, pairs)
    }

    /// Rank vocabularies: tokens in the order of their ids; each is split where its earlier tokens stand side by side.
    fn split_ranks(&mut self, symbols: &SymbolSet) -> Merges {
        let mut merges = self.start_merges();
        for entry in by_id(self.vocab) {
            let bytes = self.bytes(entry);
            if symbols.is_symbol(bytes) || !self.vocab.table().is_encodable(entry as usize) {
                continue;
            }
            match self.split_of(entry, bytes, &merges) {
                Some(split) => self.reach(entry, split, &mut merges),
                None => self.unreached.push(entry),
            }
        }
        merges
    }

    /// The two earlier tokens that `bytes` encodes to under the merges so far, if it does.
    fn split_of(&self, entry: u32, bytes: &[u8], merges: &Merges) -> Option<(u32, u32)> {
        let mut prefix = self.shorter[entry as usize];
        while prefix != NONE {
            let left = self.position[prefix as usize];
            if left != UNKNOWN
                && let Some(rest) = self.vocab.entry(&bytes[self.bytes(prefix).len()..])
            {
                let right = self.position[rest as usize];
                if right != UNKNOWN && merges.compatible(left, right) {
                    return Some((left, right));
                }
            }
            prefix = self.shorter[prefix as usize];
        }
        None
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

    /// Renames entries to orders and leaves out what is not reachable.
    fn finish(self, merges: Merges) -> Tables {
        let Self { vocab, entries, position, trie, shorter, .. } = self;
        let bytes = |entry: u32| vocab.table().get(entry as usize).map_or(&[][..], |(bytes, _)| bytes);
        let matched = |mut entry: u32| {
            while entry != NONE && position[entry as usize] == UNKNOWN {
                entry = shorter[entry as usize];
            }
            if entry == NONE { NONE } else { Match::new(position[entry as usize], bytes(entry).len()).0 }
        };
        let longest = trie.freeze(matched);
        let shorter = entries.iter().map(|&e| matched(shorter[e as usize])).collect();
        let unreachable = (0u32..)
            .zip(&position)
            .filter(|&(entry, &order)| order == UNKNOWN && vocab.entry(bytes(entry)) == Some(entry))
            .map(|(entry, _)| (bytes(entry).into(), entry))
            .collect();
        Tables { backtrack: Backtrack { longest, shorter, merges }, entries, unreachable }
    }
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
