//! Byte-pair encoding of one piece.
//!
//! [`Bpe`] takes the fastest exact way: a lookup of the whole piece where the format says so, then backtracking
//! (linear), or a heap (O(n log n)) for merge lists whose order contradicts itself. The merge loop as it is usually written is
//! kept as the oracle of the tests.

mod backtrack;
mod build;
mod chars;
mod error;
mod heap;
mod longest;
mod neighbours;
mod prefix;
mod prefix_encoder;
#[cfg(test)]
mod reference;
mod short;
mod starts;
mod symbols;
mod tables;
#[cfg(test)]
mod tests;
mod times;

pub use error::BpeError;
pub use neighbours::Neighbours;
pub use prefix_encoder::PrefixEncoder;

use crate::id::TokenId;
use crate::spec::{BpeSpec, MergeRule, Symbols};
use crate::vocab::Vocab;
use backtrack::Match;
use build::{ListedPairs, RankPairs};
use short::{Longer, Several, Usual};
use symbols::{Run, SymbolSet};
use tables::Tables;

/// Pieces of more bytes are left to backtracking, whose tables take long to make: few texts have such pieces.
const HEAP_MOST: usize = 1024;

/// Working memory of one encoding thread; reuse it between calls.
#[derive(Debug, Default)]
pub struct Scratch {
    usual: Usual,
    longer: Longer,
    several_usual: Several<{ short::USUAL }>,
    several_longer: Several<{ short::LONGER }>,
    /// Numbers of pieces that are too long for the usual kind.
    later: Vec<usize>,
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
    /// The order of the tokens is that of their merges.
    Ordered(Box<Tables>),
    /// It is not: the heap over listed merges, or over ranks.
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
        let method = match build::tables(&vocab, &symbols, &spec.symbols, listed.as_ref()) {
            Some(tables) => Method::Ordered(Box::new(tables)),
            None => Method::Heap(listed),
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
        matches!(self.method, Method::Ordered(_))
    }

    /// Every merge that encoding can make, as (left, right, product) ids in the order in which they take precedence.
    ///
    /// For rank vocabularies these are reconstructed from the ranks. Merges of a list that can never happen are left out.
    /// `None` if the vocabulary's ranks contradict any such order (see [`Bpe::is_linear`]).
    #[must_use]
    pub fn merges(&self) -> Option<Vec<(TokenId, TokenId, TokenId)>> {
        let Method::Ordered(tables) = &self.method else { return None };
        let id = |order: u32| TokenId(tables.ids[order as usize]);
        let splits = (0u32..).zip(&tables.merges.splits);
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

    /// Encodes the pieces with numbers below `count`, faster than one by one; `done` takes the number and the ids of each, in
    /// any order.
    ///
    /// Pieces that are long or hold symbols that are no tokens are left out, all of them if the model has no fast way.
    #[inline(never)]
    pub(crate) fn encode_several<'a>(
        &self,
        count: usize,
        piece: impl Fn(usize) -> &'a [u8],
        scratch: &mut Scratch,
        mut done: impl FnMut(usize, &[u32]),
    ) {
        let Method::Ordered(tables) = &self.method else { return };
        if self.symbols.are_bytes() && !self.symbols.is_complete() {
            return;
        }
        let starts = &tables.starts;
        let unmade = |piece: &[u8]| self.whole_pieces && tables.unreachable.contains_key(piece);
        let Scratch { several_usual, several_longer, later, tokens: ids, .. } = scratch;
        later.clear();
        let mut numbers = 0..count;
        several_usual.merge(
            &tables.merges.pairs,
            |short| {
                numbers.find(|&number| {
                    let fits = starts.fill(piece(number), short);
                    if !fits {
                        later.push(number);
                    }
                    fits && !unmade(piece(number))
                })
            },
            |number, tokens| done(number, tables.ids_of(tokens, ids)),
        );
        let mut numbers = later.iter().copied();
        several_longer.merge(
            &tables.merges.pairs,
            |short| numbers.find(|&number| starts.fill(piece(number), short) && !unmade(piece(number))),
            |number, tokens| done(number, tables.ids_of(tokens, ids)),
        );
    }

    /// Tokens in the order of their merges, as (bytes, id): pieces that are encoded as one token.
    pub(crate) fn reachable(&self) -> impl DoubleEndedIterator<Item = (&[u8], u32)> {
        let entries = match &self.method {
            Method::Ordered(tables) => &tables.entries[..],
            Method::Heap(_) => &[],
        };
        entries.iter().filter_map(|&entry| self.vocab.table().get(entry as usize))
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
            Method::Ordered(tables) => {
                if whole
                    && !tables.unreachable.is_empty()
                    && let Some(&entry) = tables.unreachable.get(run)
                {
                    out.extend(self.vocab.table().get(entry as usize).map(|t| t.1));
                } else if tables.starts.fill(run, &mut scratch.usual) {
                    scratch.usual.merge(&tables.merges.pairs);
                    out.extend(scratch.usual.tokens().map(|order| tables.ids[order as usize]));
                } else if tables.starts.fill(run, &mut scratch.longer) {
                    scratch.longer.merge(&tables.merges.pairs);
                    out.extend(scratch.longer.tokens().map(|order| tables.ids[order as usize]));
                } else {
                    self.encode_long(run, tables, scratch, out);
                }
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

    /// Encodes known symbols that are too many for [`Short`]; a token that is all of them has been ruled out or is made by merges.
    #[inline(never)]
    fn encode_long(&self, run: &[u8], tables: &Tables, scratch: &mut Scratch, out: &mut Vec<u32>) {
        if run.len() > HEAP_MOST
            && let Some(backtrack) = tables.backtrack(&self.vocab)
        {
            scratch.matches.clear();
            let complete = backtrack.encode(run, &tables.merges, &mut scratch.backtrack, &mut scratch.matches);
            debug_assert!(complete, "known symbols always have an encoding");
            out.extend(scratch.matches.iter().map(|t| tables.ids[t.order() as usize]));
            return;
        }
        scratch.tokens.clear();
        self.symbols.entries(&self.vocab, run, &mut scratch.symbols);
        for symbol in &mut scratch.symbols {
            symbol.0 = tables.order_of_symbol(symbol.0).unwrap_or(0);
        }
        heap::merge(run, &scratch.symbols, &tables.merges.pairs, &mut scratch.tokens);
        out.extend(scratch.tokens.iter().map(|&order| tables.ids[order as usize]));
    }
}
