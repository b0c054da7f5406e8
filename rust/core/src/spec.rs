//! Plain data between the file loaders and the compiler: what a tokenizer file says, before anything is built from it.

pub mod base64;
mod byte_alphabet;
mod chain;
mod json;
mod resize;

pub use byte_alphabet::{byte_to_char, bytes_to_text, char_to_byte, occurs_in_text, text_to_bytes};
pub use chain::{
    AddedToken, Decoder, Normalizer, Pattern, PostProcessor, PreTokenizer, PrependScheme, SplitBehavior, TemplatePiece,
    TemplateToken,
};
pub use json::NotInFormat;
pub use resize::ResizeError;

/// The largest token id that is accepted: ids also have to fit the signed 32-bit integers of model code.
pub const MAX_TOKEN_ID: u32 = i32::MAX.unsigned_abs();

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

    /// Bytes of all entries together.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.slab.len()
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
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], u32)> {
        (0..self.len()).map(|i| {
            let start = if i == 0 { 0 } else { self.ends[i - 1] };
            (&self.slab[start..self.ends[i]], self.ids[i])
        })
    }

    /// The two first entries (in order of id) that have the same id, if any have.
    #[must_use]
    pub fn first_duplicate_id(&self) -> Option<(usize, usize)> {
        if self.ids.is_sorted_by(|a, b| a < b) {
            return None;
        }
        let mut order: Vec<usize> = (0..self.ids.len()).collect();
        order.sort_by_key(|&index| self.ids[index]);
        order.windows(2).find(|pair| self.ids[pair[0]] == self.ids[pair[1]]).map(|pair| (pair[0], pair[1]))
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

/// How text is cut into pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segmentation {
    /// Not at all: the whole text is one piece.
    Whole,
    /// A pattern by name or a regular expression in tiktoken's dialect; text it does not match is a piece of its own
    /// (tiktoken drops it).
    Tiktoken(String),
    /// A chain of `tokenizer.json` components.
    Chain(PreTokenizer),
}

/// How token strings of the file relate to bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alphabet {
    /// The file holds bytes.
    Raw,
    /// The file writes each byte as one character of GPT-2's byte alphabet; tokens with other characters are kept as
    /// their UTF-8 bytes and marked as not encodable.
    ByteLevel,
    /// The file holds text; a token's bytes are its UTF-8.
    Text,
}

/// How added tokens are found in text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddedTokenPolicy {
    /// Only allowed tokens are looked for (tiktoken); in normalized text, as they are written (SentencePiece).
    AllowedOnly,
    /// All are looked for, and a match that is not allowed is text (Hugging Face `encode_special_tokens`); in normalized
    /// text, in normalized form.
    SkipDisallowed,
}

/// Rules about symbols that few models have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SymbolOptions {
    /// Put before every symbol of a piece but the first.
    pub continuing_subword_prefix: String,
    /// Put after the last symbol of a piece.
    pub end_of_word_suffix: String,
    /// Whether characters fall back to byte tokens although the vocabulary has not all 256 of them.
    pub partial_byte_fallback: bool,
    /// Whether merges are left out at random.
    pub dropout: Option<Dropout>,
}

/// The probability, from 0 to 1, that a merge is left out (BPE-dropout, Provilkov et al. 2020).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dropout {
    bits: u32,
}

impl Dropout {
    /// A probability; `None` if it is not one.
    #[must_use]
    pub fn new(probability: f32) -> Option<Self> {
        (0.0..=1.0).contains(&probability).then_some(Self { bits: probability.to_bits() })
    }

    /// The probability.
    #[must_use]
    pub const fn probability(self) -> f32 {
        f32::from_bits(self.bits)
    }
}

impl SymbolOptions {
    /// Whether none of them applies.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Everything a tokenizer file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenizerSpec {
    /// The BPE model.
    pub model: BpeSpec,
    /// Its less common rules; with any of them, the model works on characters and not on bytes.
    pub symbol_options: SymbolOptions,
    /// How its token strings relate to bytes.
    pub alphabet: Alphabet,
    /// Rewriting of the text.
    pub normalizer: Option<Normalizer>,
    /// Cutting into pieces.
    pub segmentation: Segmentation,
    /// Tokens found in the text before all this.
    pub added_tokens: Vec<AddedToken>,
    /// How those are found.
    pub added_token_policy: AddedTokenPolicy,
    /// Ids put around the text's.
    pub post_processor: Option<PostProcessor>,
    /// From tokens to text; without one, token bytes are concatenated for [`Alphabet::Raw`] and token strings joined by
    /// spaces otherwise.
    pub decoder: Option<Decoder>,
    /// The file's truncation settings as JSON: kept for saving, and not applied.
    pub truncation: Option<String>,
    /// The file's padding settings as JSON: kept for saving, and not applied.
    pub padding: Option<String>,
}

impl TokenizerSpec {
    /// A rank vocabulary over raw bytes, as tiktoken has it.
    #[must_use]
    pub fn from_ranks(tokens: TokenTable, pattern: Option<&str>, special_tokens: Vec<AddedToken>) -> Self {
        Self {
            model: BpeSpec { tokens, merges: MergeRule::Ranks, symbols: Symbols::Bytes, ignore_merges: true },
            symbol_options: SymbolOptions::default(),
            alphabet: Alphabet::Raw,
            normalizer: None,
            segmentation: pattern.map_or(Segmentation::Whole, |p| Segmentation::Tiktoken(p.to_owned())),
            added_tokens: special_tokens,
            added_token_policy: AddedTokenPolicy::AllowedOnly,
            post_processor: None,
            decoder: None,
            truncation: None,
            padding: None,
        }
    }
}
