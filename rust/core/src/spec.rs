//! Plain data between the file loaders and the compiler: what a tokenizer file says, before anything is built from it.

/// Token bytes and ids in one slab, in file order.
///
/// Several entries may have the same bytes (duplicate surfaces) and ids may have gaps. Entries that are not `encodable`
/// can be decoded but are never produced by merging (for example a raw control character in a byte-level vocabulary).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenTable {
    slab: Vec<u8>,
    ends: Vec<usize>,
    ids: Vec<u32>,
    not_encodable: Vec<usize>,
}

impl TokenTable {
    /// An empty table with room for `tokens` entries of `bytes` bytes together.
    #[must_use]
    pub fn with_capacity(tokens: usize, bytes: usize) -> Self {
        Self {
            slab: Vec::with_capacity(bytes),
            ends: Vec::with_capacity(tokens),
            ids: Vec::with_capacity(tokens),
            not_encodable: Vec::new(),
        }
    }

    /// Appends a token.
    pub fn push(&mut self, bytes: &[u8], id: u32) {
        self.slab.extend_from_slice(bytes);
        self.ends.push(self.slab.len());
        self.ids.push(id);
    }

    /// Appends a token that decodes to `bytes` but that no merge produces.
    pub fn push_not_encodable(&mut self, bytes: &[u8], id: u32) {
        self.not_encodable.push(self.ids.len());
        self.push(bytes, id);
    }

    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether the table has no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Bytes and id of entry `index`, or `None` beyond the end.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<(&[u8], u32)> {
        let end = *self.ends.get(index)?;
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        Some((&self.slab[start..end], self.ids[index]))
    }

    /// All entries in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], u32)> {
        (0..self.len()).map(|i| {
            let start = if i == 0 { 0 } else { self.ends[i - 1] };
            (&self.slab[start..self.ends[i]], self.ids[i])
        })
    }

    /// Whether merging may produce entry `index`.
    #[must_use]
    pub fn is_encodable(&self, index: usize) -> bool {
        self.not_encodable.binary_search(&index).is_err()
    }
}

/// Which adjacent pairs merge, and in which order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MergeRule {
    /// A pair merges if its concatenation is a token; lower id first (tiktoken).
    Ranks,
    /// The listed pairs of ids merge, earlier first, into the token of their concatenated bytes (Hugging Face).
    Pairs(Vec<(u32, u32)>),
}

/// What a piece is cut into before the first merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Symbols {
    /// Single bytes; every byte must be a token.
    Bytes,
    /// Unicode scalars that are tokens; others become their bytes' fallback tokens, or the unknown token.
    Chars {
        /// Ids of the tokens `<0x00>` to `<0xFF>`, if the vocabulary has all of them and uses them.
        byte_fallback: Option<Box<[u32; 256]>>,
        /// Id of the unknown token.
        unknown: Option<u32>,
        /// Whether a run of unknown characters gives one unknown token.
        fuse_unknown: bool,
    },
}

/// A BPE model as a file states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BpeSpec {
    /// The vocabulary without added tokens.
    pub tokens: TokenTable,
    /// The merges.
    pub merges: MergeRule,
    /// The initial symbols.
    pub symbols: Symbols,
    /// Whether a whole piece that is a token is that token, whatever the merges say.
    pub ignore_merges: bool,
}
