//! Byte-pair encoding of one piece.
//!
//! [`Bpe`] takes the fastest exact way: a lookup of the whole piece where the format says so, then backtracking
//! (linear), or a heap (O(n log n)) for merge lists whose order contradicts itself. The merge loop as it is usually written is
//! kept as the oracle of the tests.

mod backtrack;
mod build;
mod error;
mod heap;
mod longest;
mod prefix;
#[cfg(test)]
mod reference;
mod symbols;
#[cfg(test)]
mod tests;

pub use error::BpeError;

use crate::id::TokenId;
use crate::spec::{BpeSpec, MergeRule, Symbols};
use crate::vocab::Vocab;
use backtrack::Match;
use build::{ListedPairs, RankPairs, Tables};
use symbols::{Run, SymbolSet};

/// Working memory of one encoding thread; reuse it between calls.
#[derive(Debug, Default)]
pub struct Scratch {
    backtrack: backtrack::Scratch,
    matches: Vec<Match>,
    tokens: Vec<u32>,
    symbols: Vec<(u32, u32)>,
}

/// A frozen BPE model.
///
/// ```
/// use tokengrove::{bpe::{Bpe, Scratch}, spec::{BpeSpec, MergeRule, Symbols, TokenTable}};
/// let mut tokens = TokenTable::default();
/// for byte in 0..=255 {
///     tokens.push(&[byte], u32::from(byte));
/// }
/// tokens.push(b"ab", 256);
/// let spec = BpeSpec { tokens, merges: MergeRule::Ranks, symbols: Symbols::Bytes, ignore_merges: false };
/// let mut ids = Vec::new();
/// Bpe::new(&spec)?.encode_piece(b"abc", &mut Scratch::default(), &mut ids);
/// assert_eq!(ids, [256, u32::from(b'c')]);
/// # Ok::<(), tokengrove::bpe::BpeError>(())
/// ```
#[derive(Debug)]
pub struct Bpe {
    vocab: Vocab,
    symbols: SymbolSet,
    /// Whether a piece that is a token is that token whatever the merges say.
    whole_pieces: bool,
    method: Method,
}

#[derive(Debug)]
enum Method {
    /// Backtracking; `ids` by order.
    Backtrack { tables: Box<Tables>, ids: Vec<u32> },
    /// The heap over listed merges, or over ranks.
    Heap(Option<ListedPairs>),
}

impl Bpe {
    /// Builds a model. O(bytes of the vocabulary), expected.
    ///
    /// # Errors
    /// If ids repeat, a byte has no token in a rank vocabulary, or a merge names or makes an unknown token.
    pub fn new(spec: &BpeSpec) -> Result<Self, BpeError> {
        let vocab = Vocab::new(spec.tokens.clone())?;
        if spec.symbols == Symbols::Bytes
            && spec.merges == MergeRule::Ranks
            && let Some(byte) = (0..=255u8).find(|&b| vocab.entry(&[b]).is_none())
        {
            return Err(BpeError::missing_byte(byte));
        }
        let listed = match &spec.merges {
            MergeRule::Ranks => None,
            MergeRule::Pairs(pairs) => Some(build::listed_pairs(&vocab, pairs)?),
        };
        let symbols = SymbolSet::new(&spec.symbols, &vocab);
        let method = match build::tables(&vocab, &symbols, listed.as_ref()) {
            None => Method::Heap(listed),
            Some(tables) => {
                let ids = tables.entries.iter().map(|&e| vocab.table().get(e as usize).map_or(0, |t| t.1)).collect();
                Method::Backtrack { tables: Box::new(tables), ids }
            }
        };
        let whole_pieces = spec.ignore_merges || spec.merges == MergeRule::Ranks;
        Ok(Self { vocab, symbols, whole_pieces, method })
    }

    /// The vocabulary.
    #[must_use]
    pub const fn vocab(&self) -> &Vocab {
        &self.vocab
    }

    /// The id of `piece` if it is encoded as one token without looking at merges.
    #[inline]
    #[must_use]
    pub fn whole_piece(&self, piece: &[u8]) -> Option<TokenId> {
        if self.whole_pieces && piece.len() <= self.vocab.longest() { self.vocab.id(piece) } else { None }
    }

    /// Whether pieces are encoded in linear time; false if the order of the merges contradicts itself (then O(n log n)).
    #[must_use]
    pub fn is_linear(&self) -> bool {
        matches!(self.method, Method::Backtrack { .. })
    }

    /// Every merge that encoding can make, as (left, right, product) ids in the order in which they take precedence.
    ///
    /// For rank vocabularies these are reconstructed from the ranks. Merges of a list that can never happen are left out.
    /// `None` if the vocabulary's ranks contradict any such order (see [`Bpe::is_linear`]).
    #[must_use]
    pub fn merges(&self) -> Option<Vec<(TokenId, TokenId, TokenId)>> {
        let Method::Backtrack { tables, ids } = &self.method else { return None };
        let id = |order: u32| TokenId(ids[order as usize]);
        let splits = (0u32..).zip(&tables.backtrack.merges.splits);
        Some(
            splits
                .filter(|(_, s)| **s != crate::merges::SYMBOL)
                .map(|(order, s)| (id(s.0), id(s.1), id(order)))
                .collect(),
        )
    }

    /// Appends the ids of one piece. Linear, or O(n log n) if not [`Bpe::is_linear`].
    #[inline]
    pub fn encode_piece(&self, piece: &[u8], scratch: &mut Scratch, out: &mut Vec<u32>) {
        if self.symbols.is_complete() {
            self.encode_known(piece, self.whole_pieces, scratch, out);
        } else {
            self.encode_runs(piece, scratch, out);
        }
    }

    /// Encodes a piece that may hold symbols that are no tokens.
    fn encode_runs(&self, piece: &[u8], scratch: &mut Scratch, out: &mut Vec<u32>) {
        if let Some(id) = self.whole_piece(piece) {
            out.push(id.0);
            return;
        }
        let mut unknown = false;
        for run in self.symbols.runs(piece) {
            match run {
                Run::Known(run) => {
                    self.encode_known(run, false, scratch, out);
                    unknown = false;
                }
                Run::Unknown(symbol) => unknown = self.symbols.push_unknown(symbol, unknown, out),
            }
        }
    }

    /// Encodes bytes that are all symbols of the vocabulary; `whole` tells whether a token that is all of them wins over merges.
    #[inline]
    fn encode_known(&self, run: &[u8], whole: bool, scratch: &mut Scratch, out: &mut Vec<u32>) {
        match &self.method {
            Method::Backtrack { tables, ids } => {
                let first = tables.backtrack.first(run);
                if first.is_none() {
                    return;
                }
                if first.length() == run.len() {
                    out.push(ids[first.order() as usize]);
                    return;
                }
                if whole
                    && !tables.unreachable.is_empty()
                    && let Some(&entry) = tables.unreachable.get(run)
                {
                    out.extend(self.vocab.table().get(entry as usize).map(|t| t.1));
                    return;
                }
                scratch.matches.clear();
                let complete = tables.backtrack.encode(run, first, &mut scratch.backtrack, &mut scratch.matches);
                debug_assert!(complete, "known symbols always have an encoding");
                out.extend(scratch.matches.iter().map(|t| ids[t.order() as usize]));
            }
            Method::Heap(_) if whole && let Some(id) = self.whole_piece(run) => out.push(id.0),
            Method::Heap(listed) => {
                scratch.tokens.clear();
                self.symbols.entries(&self.vocab, run, &mut scratch.symbols);
                match listed {
                    Some(listed) => heap::merge(run, &scratch.symbols, listed, &mut scratch.tokens),
                    None => heap::merge(run, &scratch.symbols, &RankPairs(&self.vocab), &mut scratch.tokens),
                }
                out.extend(scratch.tokens.iter().filter_map(|&e| self.vocab.table().get(e as usize)).map(|t| t.1));
            }
        }
    }
}
