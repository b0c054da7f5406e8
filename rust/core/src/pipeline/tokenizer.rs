//! The tokenizer: frozen, and safe to share between threads.

use super::added::{AddedTokens, AllowedSpecials};
use super::error::{EncodeError, SpecialTokenError};
use crate::decoder::{DecodeStream, Decoder, UnknownTokenError, valid_and_invalid_runs};
use crate::encoder::{Encoder, Scratch};
use crate::spec::{AddedToken, TokenizerSpec};

/// How a text is encoded.
#[derive(Debug, Clone, Copy)]
pub struct EncodeOptions<'a> {
    /// Whether to add what the post-processor adds, such as a beginning-of-sequence token.
    pub add_special_tokens: bool,
    /// Which special tokens of the text become their ids; others are ordinary text.
    pub allowed: &'a AllowedSpecials,
}

impl Default for EncodeOptions<'_> {
    fn default() -> Self {
        const NONE: &AllowedSpecials = &AllowedSpecials::none();
        Self { add_special_tokens: false, allowed: NONE }
    }
}

/// What [`compile`](super::compile) puts together.
pub(super) struct Parts {
    pub(super) encoder: Encoder,
    pub(super) added: AddedTokens,
    pub(super) decoder: Decoder,
    pub(super) spec: TokenizerSpec,
}

/// A frozen tokenizer.
///
/// All methods take `&self`, and any number of threads may share one without a lock: working memory is pooled.
#[derive(Debug)]
pub struct Tokenizer {
    encoder: Encoder,
    added: AddedTokens,
    decoder: Decoder,
    spec: TokenizerSpec,
    by_bytes: std::sync::OnceLock<Vec<u32>>,
}

impl Tokenizer {
    pub(super) fn from_parts(parts: Parts) -> Self {
        let Parts { encoder, added, decoder, spec } = parts;
        Self { encoder, added, decoder, spec, by_bytes: std::sync::OnceLock::new() }
    }

    /// The ids of a text.
    ///
    /// # Errors
    /// If the vocabulary has no token for some character and no unknown token.
    pub fn encode(&self, text: &str, options: EncodeOptions<'_>) -> Result<Vec<u32>, EncodeError> {
        let mut out = Vec::new();
        self.encode_into(text, options, &mut out)?;
        Ok(out)
    }

    /// Appends the ids of a text.
    ///
    /// # Errors
    /// If the vocabulary has no token for some character and no unknown token.
    pub fn encode_into(&self, text: &str, options: EncodeOptions<'_>, out: &mut Vec<u32>) -> Result<(), EncodeError> {
        self.encoder.with_scratch(|scratch| self.encode_run(text, options, scratch, out))
    }

    fn encode_run(
        &self,
        text: &str,
        options: EncodeOptions<'_>,
        scratch: &mut Scratch,
        out: &mut Vec<u32>,
    ) -> Result<(), EncodeError> {
        let mut segments = Vec::new();
        self.added.segments(text, options.allowed, &mut segments);
        for segment in segments {
            match segment.token {
                Some(index) => out.push(self.added.tokens()[index].id),
                None => self.encoder.encode_ordinary(&text[segment.range], scratch, out),
            }
        }
        Ok(())
    }

    /// Appends the ids of bytes that need not be UTF-8: maximal valid runs are encoded as text, and each maximal invalid
    /// run is one piece of raw bytes.
    ///
    /// # Errors
    /// If the vocabulary has no token for some character or byte and no unknown token.
    pub fn encode_bytes_into(
        &self,
        bytes: &[u8],
        options: EncodeOptions<'_>,
        out: &mut Vec<u32>,
    ) -> Result<(), EncodeError> {
        self.encoder.with_scratch(|scratch| {
            for run in valid_and_invalid_runs(bytes) {
                match run {
                    Ok(text) => self.encode_run(text, options, scratch, out)?,
                    Err(invalid) => self.encoder.encode_piece(invalid, scratch, out),
                }
            }
            Ok(())
        })
    }

    /// The bytes that ids stand for.
    ///
    /// # Errors
    /// If an id is not a token's.
    pub fn decode_bytes(&self, ids: &[u32], skip_special_tokens: bool) -> Result<Vec<u8>, UnknownTokenError> {
        if skip_special_tokens {
            self.decoder.decode(ids.iter().copied().filter(|&id| !self.is_special(id)))
        } else {
            self.decoder.decode(ids.iter().copied())
        }
    }

    /// The text that ids stand for; bytes that are no UTF-8 become U+FFFD.
    ///
    /// # Errors
    /// If an id is not a token's.
    pub fn decode(&self, ids: &[u32], skip_special_tokens: bool) -> Result<String, UnknownTokenError> {
        let bytes = self.decode_bytes(ids, skip_special_tokens)?;
        Ok(String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()))
    }

    /// The text that the next id of a stream completes.
    ///
    /// # Errors
    /// If the id is not a token's; the stream is then as it was.
    pub fn step(
        &self,
        stream: &mut DecodeStream,
        id: u32,
        skip_special_tokens: bool,
    ) -> Result<String, UnknownTokenError> {
        if skip_special_tokens && self.is_special(id) {
            stream.skip();
            return Ok(String::new());
        }
        stream.step(&self.decoder, id)
    }

    /// The bytes that a token stands for.
    #[must_use]
    pub fn token_bytes(&self, id: u32) -> Option<&[u8]> {
        self.decoder.tokens().get(id)
    }

    /// The id of the token with these bytes: a special token's if its text is meant, else the one that encoding gives.
    #[must_use]
    pub fn token_to_id(&self, bytes: &[u8]) -> Option<u32> {
        if let Some(token) = std::str::from_utf8(bytes).ok().and_then(|text| self.added.by_content(text)) {
            return Some(token.id);
        }
        let tokens = &self.spec.model.tokens;
        let order = self.by_bytes.get_or_init(|| {
            let count = u32::try_from(tokens.len()).unwrap_or(u32::MAX);
            let mut order: Vec<u32> = (0..count).collect();
            order.sort_by_key(|&index| tokens.get(index as usize));
            order
        });
        let at = order.partition_point(|&i| tokens.get(i as usize).is_some_and(|token| token.0 < bytes));
        let (found, id) = tokens.get(*order.get(at)? as usize)?;
        (found == bytes).then_some(id)
    }

    /// The number of tokens, added tokens included.
    #[must_use]
    pub fn vocab_size(&self) -> usize {
        self.decoder.tokens().len()
    }

    /// The largest id, or `None` without tokens.
    #[must_use]
    pub fn max_token_id(&self) -> Option<u32> {
        self.decoder.tokens().max_id()
    }

    /// All added tokens, special or not.
    #[must_use]
    pub fn added_tokens(&self) -> &[AddedToken] {
        self.added.tokens()
    }

    /// The special tokens.
    pub fn special_tokens(&self) -> impl Iterator<Item = (&str, u32)> {
        self.added.tokens().iter().filter(|token| token.special).map(|token| (token.content.as_str(), token.id))
    }

    /// Whether an id is a special token's.
    #[must_use]
    pub fn is_special(&self, id: u32) -> bool {
        self.added.is_special(id)
    }

    /// The set of the named special tokens, for [`EncodeOptions::allowed`].
    ///
    /// # Errors
    /// If a name is no special token.
    pub fn allow<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Result<AllowedSpecials, SpecialTokenError> {
        self.added.allow(names)
    }

    /// What the tokenizer was built from.
    #[must_use]
    pub const fn spec(&self) -> &TokenizerSpec {
        &self.spec
    }
}
