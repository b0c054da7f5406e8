//! The encoding of every prefix of a text that grows byte by byte.

use super::{Bpe, Neighbours};
use crate::trie::{ROOT, VocabTrie};

/// No token ends here.
const NONE: u32 = u32::MAX;

/// The last token of the encoding of every prefix of a piece, under appending and rewinding.
///
/// Without its last token the encoding of a prefix is the encoding of a shorter one, so last tokens are enough to know all
/// encodings: they are a tree with a node for each prefix. The last token of a prefix is the one token that ends there and
/// is [compatible](Neighbours::compatible) with the last token of the prefix before it. Merges alone decide here, as for
/// vocabularies without pretokenizer.
///
/// ```
/// use tokengrove::{bpe::{Bpe, PrefixEncoder}, spec::{BpeSpec, MergeRule, Symbols, TokenTable}};
/// let mut tokens = TokenTable::default();
/// for byte in 0..=255 {
///     tokens.push(&[byte], u32::from(byte));
/// }
/// tokens.push(b"ab", 256);
/// let spec = BpeSpec { tokens, merges: MergeRule::Ranks, symbols: Symbols::Bytes, ignore_merges: false };
/// let mut prefixes = PrefixEncoder::new(&Bpe::new(&spec)?);
/// prefixes.extend(b"abc");
/// assert_eq!(prefixes.encoding(3), [256, u32::from(b'c')]);
/// assert_eq!(prefixes.encoding(1), [u32::from(b'a')]);
/// prefixes.rewind(1);
/// prefixes.extend(b"a");
/// assert_eq!(prefixes.encoding(2), [97, 97]);
/// # Ok::<(), tokengrove::bpe::BpeError>(())
/// ```
#[derive(Debug, Clone)]
pub struct PrefixEncoder {
    trie: VocabTrie,
    neighbours: Neighbours,
    /// By length of the prefix: number of the last token, and where it starts.
    last: Vec<(u32, usize)>,
    /// Starts whose tokens may go on, with the node each has come to; by prefix, one after the other.
    open: Vec<(usize, u32)>,
    /// By length of the prefix: where its part of `open` ends.
    open_ends: Vec<usize>,
}

impl PrefixEncoder {
    /// Starts with the empty prefix.
    #[must_use]
    pub fn new(bpe: &Bpe) -> Self {
        let neighbours = Neighbours::new(bpe);
        let reachable = |id: &u32| neighbours.number(*id).is_some();
        let trie = VocabTrie::new(bpe.vocab().table().iter().filter(|(_, id)| reachable(id)));
        Self { trie, neighbours, last: vec![(NONE, 0)], open: vec![(0, ROOT)], open_ends: vec![1] }
    }

    /// The number of bytes so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.last.len() - 1
    }

    /// Whether there are no bytes yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.last.len() == 1
    }

    /// Appends bytes. O(tokens that go on) a byte, which is three or four in usual text.
    pub fn extend(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.push(byte);
        }
    }

    fn push(&mut self, byte: u8) {
        let end = self.last.len();
        let from = self.open_ends.len().checked_sub(2).map_or(0, |before| self.open_ends[before]);
        let mut found = (NONE, 0);
        for index in from..self.open.len() {
            let (start, node) = self.open[index];
            let Some(node) = self.trie.child(node, byte) else { continue };
            for &id in self.trie.ids(self.trie.exact(node)) {
                let Some(number) = self.neighbours.number(id) else { continue };
                let before = self.last[start].0;
                if start == 0 || before != NONE && self.neighbours.compatible(before, number) {
                    found = (number, start);
                }
            }
            if self.trie.has_children(node) {
                self.open.push((start, node));
            }
        }
        if found.0 != NONE {
            self.open.push((end, ROOT));
        }
        self.last.push(found);
        self.open_ends.push(self.open.len());
    }

    /// Goes back to a shorter prefix; a longer one is left as it is. O(1).
    pub fn rewind(&mut self, len: usize) {
        if len < self.len() {
            self.last.truncate(len + 1);
            self.open_ends.truncate(len + 1);
            self.open.truncate(self.open_ends[len]);
        }
    }

    /// Id and start of the last token of a prefix, by its length; `None` for the empty prefix, beyond the end, and where the
    /// prefix ends inside a symbol.
    #[must_use]
    pub fn last_token(&self, len: usize) -> Option<(u32, usize)> {
        let &(number, start) = self.last.get(len)?;
        Some((self.neighbours.id(number)?, start))
    }

    /// The ids of a prefix, by its length; empty where [`PrefixEncoder::last_token`] is `None`. O(len).
    #[must_use]
    pub fn encoding(&self, len: usize) -> Vec<u32> {
        let mut ids = Vec::new();
        let mut at = len;
        while let Some((id, start)) = self.last_token(at) {
            ids.push(id);
            at = start;
        }
        ids.reverse();
        ids
    }
}
