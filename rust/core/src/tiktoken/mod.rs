//! What tiktoken's `CoreBPE` does on top of an [`Encoder`]: special tokens chosen per call, tokens looked up both ways, and text
//! that ends in the middle of a word ([`RankEncoding::encode_with_unstable`]) or of a character
//! ([`RankEncoding::encode_bytes`]).
//!
//! The functions follow tiktoken 0.14 result for result. They are here, in pure Rust, so that the bindings only convert.

mod long;
mod order;
mod pieces;
mod specials;
#[cfg(test)]
mod tests;
mod unstable;

use std::collections::HashMap;
use std::fmt;
use std::sync::OnceLock;

use aho_corasick::BuildError;

use crate::bpe::{Bpe, BpeError};
use crate::decoder::TokenBytes;
use crate::encoder::{Encoder, Scratch};
use crate::pretokenize::{Dialect, Gaps, PatternError, Pretokenizer, SplitError};
use crate::spec::{BpeSpec, MergeRule, Symbols, TokenTable};
use crate::vocab::Vocab;
use order::ByteOrder;

pub use long::LongText;
pub use pieces::split;
pub use specials::{SpecialMatch, Specials};
pub use unstable::Unstable;

/// Why an encoding could not be built.
#[derive(Debug)]
pub struct EncodingError(Kind);

#[derive(Debug)]
enum Kind {
    Bpe(BpeError),
    Pattern(PatternError),
    Specials(BuildError),
    TooLarge,
}

impl EncodingError {
    /// Whether the pattern is at fault, and not the tokens.
    #[must_use]
    pub const fn is_pattern(&self) -> bool {
        matches!(self.0, Kind::Pattern(_))
    }
}

impl fmt::Display for EncodingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Bpe(error) => error.fmt(f),
            Kind::Pattern(error) => error.fmt(f),
            Kind::Specials(error) => write!(f, "special tokens: {error}"),
            Kind::TooLarge => f.write_str("the tokens together have 4 GiB or more"),
        }
    }
}

impl std::error::Error for EncodingError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            Kind::Bpe(error) => Some(error),
            Kind::Pattern(error) => Some(error),
            Kind::Specials(error) => Some(error),
            Kind::TooLarge => None,
        }
    }
}

/// Compiles a pattern as tiktoken takes it: what it does not match is dropped.
///
/// # Errors
/// If the pattern is not a regular expression.
pub fn compile(pattern: &str) -> Result<Pretokenizer, PatternError> {
    Pretokenizer::from_pattern_with(pattern, Dialect::Tiktoken, Gaps::Drop)
}

/// A rank vocabulary with its encoder and special tokens.
///
/// A scratch given to its methods should come from [`Encoder::with_scratch`].
#[derive(Debug)]
pub struct RankEncoding {
    encoder: Encoder,
    /// All special tokens but an empty one, which would be found everywhere.
    specials: Specials,
    special_ids: HashMap<Box<[u8]>, u32>,
    /// The bytes of every token, special ones included.
    tokens: TokenBytes,
    /// Made when first needed: encoding and decoding do without.
    order: OnceLock<ByteOrder>,
}

impl RankEncoding {
    /// Builds an encoding.
    ///
    /// # Errors
    /// If two tokens share an id, one of the 256 bytes has no token, or the pattern is not a regular expression.
    pub fn new<'a>(
        tokens: TokenTable,
        special_tokens: impl IntoIterator<Item = (&'a str, u32)>,
        pattern: &str,
    ) -> Result<Self, EncodingError> {
        let pretokenizer = compile(pattern).map_err(|e| EncodingError(Kind::Pattern(e)))?;
        let named: Vec<(&str, u32)> = special_tokens.into_iter().collect();
        let found = named.iter().copied().filter(|(token, _)| !token.is_empty());
        let specials = Specials::new(found).map_err(|e| EncodingError(Kind::Specials(e)))?;
        let spec = BpeSpec { tokens, merges: MergeRule::Ranks, symbols: Symbols::Bytes, ignore_merges: false };
        let bpe = Bpe::new(&spec).map_err(|e| EncodingError(Kind::Bpe(e)))?;
        // Of several tokens with one id an ordinary one counts, else the first special one.
        let special = named.iter().rev().map(|(token, id)| (*id, token.as_bytes()));
        let ordinary = bpe.vocab().table().iter().map(|(bytes, id)| (id, bytes));
        let tokens = TokenBytes::new(special.chain(ordinary)).ok_or(EncodingError(Kind::TooLarge))?;
        let special_ids = named.iter().map(|(token, id)| (token.as_bytes().into(), *id)).collect();
        let encoder = Encoder::new(bpe, pretokenizer);
        Ok(Self { encoder, specials, special_ids, tokens, order: OnceLock::new() })
    }

    /// The encoder that this is made of.
    #[must_use]
    pub const fn encoder(&self) -> &Encoder {
        &self.encoder
    }

    /// The tokens without special ones.
    #[must_use]
    pub fn vocab(&self) -> &Vocab {
        self.encoder.bpe().vocab()
    }

    /// All special tokens but an empty one.
    #[must_use]
    pub const fn specials(&self) -> &Specials {
        &self.specials
    }

    /// The special tokens that `is_allowed` accepts, frozen for [`encode`](Self::encode).
    ///
    /// # Errors
    /// If the tokens are too large to search for.
    pub fn allow(&self, is_allowed: impl Fn(&str) -> bool) -> Result<Specials, EncodingError> {
        Specials::new(self.specials.iter().filter(|(token, _)| is_allowed(token)))
            .map_err(|e| EncodingError(Kind::Specials(e)))
    }

    /// Appends the ids of `text`. The special tokens in `allowed` are recognised, all others are ordinary text.
    ///
    /// # Errors
    /// If the pattern gives up on the text, see [`Pretokenizer::try_pieces`].
    pub fn encode(
        &self,
        text: &str,
        allowed: Option<&Specials>,
        scratch: &mut Scratch,
        out: &mut Vec<u32>,
    ) -> Result<(), SplitError> {
        let mut at = 0;
        while let Some(found) = allowed.and_then(|specials| specials.find(text, at)) {
            self.encoder.encode_ordinary(&text[at..found.start], scratch, out)?;
            out.push(found.id);
            at = found.end;
        }
        self.encoder.encode_ordinary(&text[at..], scratch, out)
    }

    /// Appends the ids of `piece` by merging alone: no pattern, no special tokens.
    pub fn encode_piece(&self, piece: &[u8], scratch: &mut Scratch, out: &mut Vec<u32>) {
        self.encoder.encode_piece(piece, scratch, out);
    }

    /// The id of a token, ordinary or special.
    #[must_use]
    pub fn token_id(&self, bytes: &[u8]) -> Option<u32> {
        self.vocab().id(bytes).map(|id| id.0).or_else(|| self.special_ids.get(bytes).copied())
    }

    /// The bytes of a token, ordinary or special; an ordinary token wins an id that both have.
    #[must_use]
    pub fn token_bytes(&self, id: u32) -> Option<&[u8]> {
        self.tokens.get(id)
    }

    /// The bytes of several tokens, joined.
    ///
    /// # Errors
    /// The first id that is no token.
    pub fn decode(&self, ids: &[u32]) -> Result<Vec<u8>, u32> {
        let mut bytes = Vec::new();
        self.tokens.append(ids, &mut bytes).map_err(|at| ids[at])?;
        Ok(bytes)
    }

    /// All tokens but the special ones with their ids, in byte order.
    #[must_use]
    pub fn sorted_tokens(&self) -> impl ExactSizeIterator<Item = (&[u8], u32)> {
        self.order().all(self.vocab())
    }

    /// The tokens that begin with `prefix`, in byte order.
    fn with_prefix(&self, prefix: &[u8]) -> impl ExactSizeIterator<Item = (&[u8], u32)> {
        self.order().with_prefix(self.vocab(), prefix)
    }

    fn order(&self) -> &ByteOrder {
        self.order.get_or_init(|| ByteOrder::new(self.vocab()))
    }
}
