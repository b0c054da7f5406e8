//! What encoding reads, indexed by order.

use super::backtrack::{Backtrack, Match};
use super::chars::Chars;
use super::longest::Builder;
use super::short::Short;
use super::starts::Starts;
use crate::merges::{Merges, SYMBOL};
use crate::spec::Symbols;
use crate::vocab::Vocab;
use std::collections::HashMap;
use std::sync::OnceLock;

/// A vocabulary whose tokens are ordered as their merges are.
#[derive(Debug)]
pub(super) struct Tables {
    pub(super) merges: Merges,
    /// By order: the entry in the vocabulary.
    pub(super) entries: Vec<u32>,
    /// By order: the id.
    pub(super) ids: Vec<u32>,
    /// Tokens that no merges make, with their entries; they are still whole pieces where the format says so.
    pub(super) unreachable: HashMap<Box<[u8]>, u32, foldhash::fast::RandomState>,
    /// Where merging starts.
    pub(super) starts: FirstSymbols,
    /// Made for the first piece that is long enough: most texts have none, and making it takes half as long as loading.
    backtrack: OnceLock<Option<Backtrack>>,
}

impl Tables {
    /// `unreachable` are the entries of tokens that no merges make.
    pub(super) fn new(
        vocab: &Vocab,
        symbols: &Symbols,
        entries: Vec<u32>,
        unreachable: impl Iterator<Item = u32>,
        merges: Merges,
    ) -> Self {
        let ids = entries.iter().map(|&entry| vocab.table().get(entry as usize).map_or(0, |t| t.1)).collect();
        let unreachable = unreachable.map(|entry| (bytes(vocab, entry).into(), entry)).collect();
        let starts = match symbols {
            Symbols::Bytes => FirstSymbols::Bytes(starts(vocab, &entries, &merges)),
            Symbols::Chars { .. } => FirstSymbols::Chars(chars(vocab, &entries, &merges)),
        };
        Self { merges, entries, ids, unreachable, starts, backtrack: OnceLock::new() }
    }

    /// The ids of orders, in memory that is used again.
    #[inline(always)]
    pub(super) fn ids_of<'a>(&self, orders: impl Iterator<Item = u32>, ids: &'a mut Vec<u32>) -> &'a [u32] {
        ids.clear();
        ids.extend(orders.map(|order| self.ids[order as usize]));
        ids
    }

    /// The order of a symbol, given as its entry; symbols have the lowest orders, in the order of the vocabulary.
    pub(super) fn order_of_symbol(&self, entry: u32) -> Option<u32> {
        let symbols = self.merges.splits.partition_point(|&split| split == SYMBOL);
        let order = self.entries.get(..symbols)?.binary_search(&entry).ok()?;
        u32::try_from(order).ok()
    }

    /// The automaton for long pieces; `None` if the vocabulary outgrows it.
    pub(super) fn backtrack(&self, vocab: &Vocab) -> Option<&Backtrack> {
        self.backtrack.get_or_init(|| self.new_backtrack(vocab)).as_ref()
    }

    fn new_backtrack(&self, vocab: &Vocab) -> Option<Backtrack> {
        let length = self.entries.iter().map(|&entry| bytes(vocab, entry).len()).sum();
        let mut trie = Builder::with_capacity(self.entries.len(), length);
        for (order, &entry) in (0u32..).zip(&self.entries) {
            if !trie.insert(bytes(vocab, entry), order) {
                return None;
            }
        }
        let matched = |order: u32| match self.entries.get(order as usize) {
            Some(&entry) => Match::new(order, bytes(vocab, entry).len()).0,
            None => Match::NONE.0,
        };
        let shorter = trie.link(self.entries.len()).into_iter().map(matched).collect();
        Some(Backtrack { longest: trie.freeze(matched), shorter })
    }
}

/// What a piece consists of before the first merge.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "a model has one")]
pub(super) enum FirstSymbols {
    /// Bytes, or characters where that makes no difference.
    Bytes(Starts),
    /// Characters.
    Chars(Chars),
}

impl FirstSymbols {
    /// Splits `piece` into symbols; false if they are too many, or one is no token. O(n).
    #[inline(always)]
    pub(super) fn fill<const N: usize>(&self, piece: &[u8], symbols: &mut Short<N>) -> bool {
        match self {
            Self::Bytes(starts) => starts.fill(piece, symbols),
            Self::Chars(chars) => chars.fill(piece, symbols),
        }
    }
}

fn bytes(vocab: &Vocab, entry: u32) -> &[u8] {
    vocab.table().get(entry as usize).map_or(&[], |(bytes, _)| bytes)
}

/// The orders of the symbols.
fn symbols(merges: &Merges) -> impl Iterator<Item = u32> {
    (0u32..).zip(&merges.splits).filter(|(_, split)| **split == SYMBOL).map(|(order, _)| order)
}

fn chars(vocab: &Vocab, entries: &[u32], merges: &Merges) -> Chars {
    let char_of = |order: u32| std::str::from_utf8(bytes(vocab, entries[order as usize])).ok()?.chars().next();
    Chars::new(symbols(merges).filter_map(|order| Some((char_of(order)?, order))))
}

fn starts(vocab: &Vocab, entries: &[u32], merges: &Merges) -> Starts {
    let token = |order: u32| bytes(vocab, entries[order as usize]);
    let mut orders = [u32::MAX; 256];
    for order in symbols(merges) {
        if let [byte] = token(order) {
            orders[usize::from(*byte)] = order;
        }
    }
    let made = (0u32..).zip(&merges.splits).filter(|(_, split)| **split != SYMBOL);
    Starts::new(&orders, made.map(|(order, split)| (order, token(split.0), token(split.1))))
}
