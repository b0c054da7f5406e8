//! What can be wrong with a tokenizer or with logits.

use crate::cover::CoverError;
use std::fmt;

/// Why a tokenizer has no byte-level model in some mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VocabularyError(VocabularyKind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum VocabularyKind {
    Cover(CoverError),
    UnknownEnd { id: u32, width: usize },
}

impl VocabularyError {
    pub(super) const fn unknown_end(id: u32, width: usize) -> Self {
        Self(VocabularyKind::UnknownEnd { id, width })
    }

    /// Whether the tokenizer is of an unsupported kind, and not an argument wrong.
    #[must_use]
    pub const fn is_unsupported(&self) -> bool {
        matches!(self.0, VocabularyKind::Cover(_))
    }
}

impl From<CoverError> for VocabularyError {
    fn from(error: CoverError) -> Self {
        Self(VocabularyKind::Cover(error))
    }
}

impl fmt::Display for VocabularyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            VocabularyKind::Cover(error) => write!(f, "{error}; the mode \"all\" works with any tokenizer"),
            VocabularyKind::UnknownEnd { id, width } => {
                write!(f, "stop id {id} is not in the vocabulary, whose ids are 0 to {}", width.saturating_sub(1))
            }
        }
    }
}

impl std::error::Error for VocabularyError {}

/// Why logits cannot be used.
#[derive(Debug, Clone, PartialEq)]
pub struct LogitsError(LogitsKind);

#[derive(Debug, Clone, PartialEq)]
enum LogitsKind {
    Width { found: usize, allowed: usize },
    Value { id: usize, value: f64 },
    Nothing,
}

impl LogitsError {
    pub(super) const fn width(found: usize, allowed: usize) -> Self {
        Self(LogitsKind::Width { found, allowed })
    }

    pub(super) const fn value(id: usize, value: f64) -> Self {
        Self(LogitsKind::Value { id, value })
    }

    pub(super) const fn nothing() -> Self {
        Self(LogitsKind::Nothing)
    }
}

impl fmt::Display for LogitsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            LogitsKind::Width { found, allowed } => {
                write!(f, "the model gave {found} logits; the vocabulary has ids up to {}", allowed.saturating_sub(1))
            }
            LogitsKind::Value { id, value } => {
                write!(f, "the model gave the logit {value} for id {id}; logits are finite, or -inf for what cannot be")
            }
            LogitsKind::Nothing => f.write_str("the model gave -inf for every token that can follow"),
        }
    }
}

impl std::error::Error for LogitsError {}
