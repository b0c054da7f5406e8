//! The vocabulary: id <-> bytes, in one slab.

use crate::hash;
use crate::hugepage::Words;
use crate::id::TokenId;
use crate::spec::TokenTable;
use std::fmt;

/// No entry.
const EMPTY: u32 = u32::MAX;

/// A free slot of the table from bytes to entries.
const FREE: u64 = u64::MAX;

/// Stands for lengths of so many bytes or more.
const LONG: u8 = u8::MAX;

/// More entries than this are refused; merge tables pack token indices in 21 bits.
pub const MAX_TOKENS: usize = (1 << 21) - 2;

/// An immutable vocabulary.
///
/// Bytes -> entry is one hash probe into a table of entry numbers; id -> entry is an array when ids are dense and a binary
/// search when a file has few tokens with huge ids, so that memory is proportional to the number of tokens.
///
/// ```
/// use tokengrove::{id::TokenId, spec::TokenTable, vocab::Vocab};
/// let mut table = TokenTable::default();
/// table.push(b"a", 0);
/// table.push(b"ab", 7);
/// let vocab = Vocab::new(table)?;
/// assert_eq!(vocab.bytes(TokenId(7)), Some(&b"ab"[..]));
/// assert_eq!(vocab.id(b"ab"), Some(TokenId(7)));
/// # Ok::<(), tokengrove::vocab::VocabError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Vocab {
    table: TokenTable,
    /// Entry in the low half, the low half of the hash above it: most probes for absent bytes end without a look at them.
    slots: Words,
    shift: u32,
    seed: u64,
    by_id: ById,
    /// By id: the number of bytes, or [`LONG`]; empty if ids are not dense.
    lengths: Box<[u8]>,
    longest: usize,
    max_id: u32,
}

#[derive(Debug, Clone)]
enum ById {
    Dense(Vec<u32>),
    Sorted(Vec<(u32, u32)>),
}

impl Vocab {
    /// Builds the lookup tables. O(bytes).
    ///
    /// # Errors
    /// If two entries have the same id, an entry has no bytes, or there are more than [`MAX_TOKENS`] entries.
    pub fn new(table: TokenTable) -> Result<Self, VocabError> {
        if table.len() > MAX_TOKENS {
            return Err(VocabError(Kind::TooMany(table.len())));
        }
        let bits = (table.len().max(4) * 2).next_power_of_two().trailing_zeros();
        let seed = hash::process_seed();
        let by_id = index_ids(&table)?;
        let lengths = match &by_id {
            ById::Dense(entries) => vec![0; entries.len()].into(),
            ById::Sorted(_) => Box::default(),
        };
        let mut vocab = Self {
            slots: Words::filled(FREE, 1 << bits),
            shift: 64 - bits,
            seed,
            by_id,
            lengths,
            longest: 0,
            max_id: 0,
            table,
        };
        for entry in 0..vocab.table.len() {
            let Some((bytes, id)) = vocab.table.get(entry) else { break };
            if bytes.is_empty() {
                return Err(VocabError(Kind::EmptyToken(id)));
            }
            vocab.longest = vocab.longest.max(bytes.len());
            vocab.max_id = vocab.max_id.max(id);
            if let Some(length) = vocab.lengths.get_mut(id as usize) {
                *length = u8::try_from(bytes.len()).unwrap_or(LONG);
            }
            if vocab.table.is_encodable(entry) {
                vocab.insert(entry);
            }
        }
        Ok(vocab)
    }

    /// Enters an entry unless one with the same bytes is there: the first of several surfaces is the one encoded to.
    fn insert(&mut self, entry: usize) {
        let Some((bytes, _)) = self.table.get(entry) else { return };
        let hash = hash::bytes(self.seed, bytes);
        if let Err(slot) = self.probe(bytes, hash) {
            self.slots[slot] = (hash << 32) | entry as u64;
        }
    }

    /// The entry with these bytes, or the free slot where it would be.
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "both halves of a slot are taken apart here")]
    fn probe(&self, bytes: &[u8], hash: u64) -> Result<u32, usize> {
        let mut slot = (hash >> self.shift) as usize;
        loop {
            let found = self.slots[slot];
            if found == FREE {
                return Err(slot);
            }
            let entry = found as u32;
            if (found >> 32) as u32 == hash as u32 && self.table.get(entry as usize).is_some_and(|(b, _)| b == bytes) {
                return Ok(entry);
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
    }

    /// The entry with these bytes that encoding may produce. Expected O(bytes).
    #[inline]
    pub(crate) fn entry(&self, bytes: &[u8]) -> Option<u32> {
        self.probe(bytes, hash::bytes(self.seed, bytes)).ok()
    }

    /// The entry with this id.
    pub(crate) fn entry_of_id(&self, id: u32) -> Option<u32> {
        match &self.by_id {
            ById::Dense(entries) => entries.get(id as usize).copied().filter(|&e| e != EMPTY),
            ById::Sorted(pairs) => pairs.binary_search_by_key(&id, |p| p.0).ok().map(|i| pairs[i].1),
        }
    }

    /// The id that encoding gives these bytes, if they are a token. Expected O(bytes).
    #[must_use]
    pub fn id(&self, bytes: &[u8]) -> Option<TokenId> {
        let entry = self.entry(bytes)?;
        self.table.get(entry as usize).map(|(_, id)| TokenId(id))
    }

    /// The bytes of a token. O(1) for dense ids, O(log n) otherwise.
    #[must_use]
    pub fn bytes(&self, id: TokenId) -> Option<&[u8]> {
        let entry = self.entry_of_id(id.0)?;
        self.table.get(entry as usize).map(|(bytes, _)| bytes)
    }

    /// The number of bytes of a token; 0 if there is none with this id.
    #[inline]
    pub(crate) fn length(&self, id: u32) -> usize {
        match self.lengths.get(id as usize) {
            Some(&length) if length < LONG => length.into(),
            _ => self.bytes(TokenId(id)).map_or(0, <[u8]>::len),
        }
    }

    /// The entries as they were given.
    #[must_use]
    pub const fn table(&self) -> &TokenTable {
        &self.table
    }

    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether the vocabulary is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// The largest id, 0 if empty.
    #[must_use]
    pub const fn max_id(&self) -> TokenId {
        TokenId(self.max_id)
    }

    /// Length in bytes of the longest token.
    #[must_use]
    pub const fn longest(&self) -> usize {
        self.longest
    }
}

fn index_ids(table: &TokenTable) -> Result<ById, VocabError> {
    let max = table.iter().map(|(_, id)| id).max().unwrap_or(0) as usize;
    if max < table.len() * 4 + (1 << 16) {
        let mut entries = vec![EMPTY; max + 1];
        for (entry, (_, id)) in (0u32..).zip(table.iter()) {
            if std::mem::replace(&mut entries[id as usize], entry) != EMPTY {
                return Err(VocabError(Kind::DuplicateId(id)));
            }
        }
        return Ok(ById::Dense(entries));
    }
    let mut pairs: Vec<(u32, u32)> = (0u32..).zip(table.iter()).map(|(entry, (_, id))| (id, entry)).collect();
    pairs.sort_unstable();
    match pairs.windows(2).find(|w| w[0].0 == w[1].0) {
        Some(twice) => Err(VocabError(Kind::DuplicateId(twice[0].0))),
        None => Ok(ById::Sorted(pairs)),
    }
}

/// Why a token table is not a vocabulary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VocabError(Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    DuplicateId(u32),
    EmptyToken(u32),
    TooMany(usize),
}

impl fmt::Display for VocabError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Kind::DuplicateId(id) => write!(f, "id {id} is given to more than one token"),
            Kind::EmptyToken(id) => write!(f, "token {id} has no bytes"),
            Kind::TooMany(found) => write!(f, "{found} tokens found, at most {MAX_TOKENS} are allowed"),
        }
    }
}

impl std::error::Error for VocabError {}
