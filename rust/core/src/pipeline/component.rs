//! Single components at work, for callers that run a chain themselves.

use super::decode::DecoderChain;
use super::error::CompileError;
use super::normalize::Normalization;
use super::normalized::NormalizedString;
use super::pattern::Matcher;
use super::pretokenized::PreTokenizedString;
use super::split::{self, Stage};
use crate::pretokenize::{Dialect, SplitError};
use crate::spec;

/// A compiled normalizer.
#[derive(Debug)]
pub struct Normalizer(Normalization);

impl Normalizer {
    /// Compiles a normalizer.
    ///
    /// # Errors
    /// If a pattern is not a regular expression or a character map is broken.
    pub fn new(normalizer: &spec::Normalizer) -> Result<Self, CompileError> {
        Normalization::new(Some(normalizer)).map(Self)
    }

    /// Normalizes a text.
    ///
    /// # Errors
    /// If a regular expression gives up.
    pub fn normalize(&self, text: &mut NormalizedString) -> Result<(), SplitError> {
        self.0.tracked(&mut text.current)
    }

    /// The normalized form of a text.
    ///
    /// # Errors
    /// If a regular expression gives up.
    pub fn normalize_str(&self, text: &str) -> Result<String, SplitError> {
        self.0.plain(text).map(std::borrow::Cow::into_owned)
    }
}

/// A compiled pre-tokenizer.
#[derive(Debug)]
pub struct PreTokenizer(Vec<Stage>);

impl PreTokenizer {
    /// Compiles a pre-tokenizer.
    ///
    /// # Errors
    /// If a pattern is not a regular expression.
    pub fn new(pre_tokenizer: &spec::PreTokenizer) -> Result<Self, CompileError> {
        split::stages(pre_tokenizer).map(Self)
    }

    /// Splits what has no tokens yet.
    ///
    /// # Errors
    /// If a regular expression gives up.
    pub fn pre_tokenize(&self, text: &mut PreTokenizedString) -> Result<(), SplitError> {
        text.split(|_, part| {
            let mut current = part.current.clone();
            let pieces = split::run(&self.0, &mut current)?;
            let whole = part.with(current);
            Ok(pieces.into_iter().filter_map(|piece| whole.slice(piece)).collect())
        })
    }
}

/// A compiled decoder.
#[derive(Debug)]
pub struct Decoder(DecoderChain);

impl Decoder {
    /// Compiles a decoder.
    ///
    /// # Errors
    /// If a pattern is not a regular expression.
    pub fn new(decoder: &spec::Decoder) -> Result<Self, CompileError> {
        DecoderChain::new(decoder).map(Self)
    }

    /// The text of token strings.
    #[must_use]
    pub fn decode(&self, tokens: Vec<String>) -> String {
        self.decode_chain(tokens).concat()
    }

    /// The strings that the next decoder of a chain gets.
    #[must_use]
    pub fn decode_chain(&self, tokens: Vec<String>) -> Vec<String> {
        self.0.run(tokens)
    }
}

/// A pattern to look for in a [`NormalizedString`].
#[derive(Debug)]
pub struct Pattern(pub(super) Option<Matcher>);

impl Pattern {
    /// This very text; the empty text is found nowhere.
    #[must_use]
    pub fn literal(text: &str) -> Self {
        Self((!text.is_empty()).then(|| Matcher::new(&spec::Pattern::Literal(text.to_owned())).ok()).flatten())
    }

    /// A regular expression in the dialect of Oniguruma.
    ///
    /// # Errors
    /// If it is not one.
    pub fn regex(pattern: &str) -> Result<Self, CompileError> {
        Matcher::regex(pattern, Dialect::HuggingFace).map(|matcher| Self(Some(matcher)))
    }
}
