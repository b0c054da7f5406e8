//! What can go wrong when a tokenizer is built or used.

use crate::bpe::BpeError;
use crate::pretokenize::PatternError;
use std::fmt;

/// A specification that does not make a tokenizer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompileError(Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Model(BpeError),
    Pattern(PatternError),
    DuplicateId { first: String, second: String, id: u32 },
    TooLarge { what: &'static str, found: usize, limit: usize },
    Component { place: String, found: String, allowed: String },
}

impl CompileError {
    pub(crate) fn duplicate_id(first: impl Into<String>, second: impl Into<String>, id: u32) -> Self {
        Self(Kind::DuplicateId { first: first.into(), second: second.into(), id })
    }

    pub(crate) const fn too_large(what: &'static str, found: usize, limit: usize) -> Self {
        Self(Kind::TooLarge { what, found, limit })
    }

    pub(crate) fn component(place: impl Into<String>, found: impl Into<String>, allowed: impl Into<String>) -> Self {
        Self(Kind::Component { place: place.into(), found: found.into(), allowed: allowed.into() })
    }
}

impl From<BpeError> for CompileError {
    fn from(error: BpeError) -> Self {
        Self(Kind::Model(error))
    }
}

impl From<PatternError> for CompileError {
    fn from(error: PatternError) -> Self {
        Self(Kind::Pattern(error))
    }
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Model(error) => error.fmt(f),
            Kind::Pattern(error) => error.fmt(f),
            Kind::DuplicateId { first, second, id } => {
                write!(f, "tokens {first} and {second} both have id {id}: an id must stand for one token")
            }
            Kind::TooLarge { what, found, limit } => write!(f, "{what}: found {found}, at most {limit} are supported"),
            Kind::Component { place, found, allowed } => write!(f, "{place}: found {found}, expected {allowed}"),
        }
    }
}

impl std::error::Error for CompileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            Kind::Model(error) => Some(error),
            Kind::Pattern(error) => Some(error),
            _ => None,
        }
    }
}

/// Text that the vocabulary cannot represent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodeError {
    found: String,
    at: usize,
}

impl EncodeError {
    pub(crate) fn new(found: impl Into<String>, at: usize) -> Self {
        Self { found: found.into(), at }
    }

    /// The byte offset in the text.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.at
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} at byte {} has no token: the vocabulary has neither byte tokens nor an unknown token for it",
            self.found, self.at
        )
    }
}

impl std::error::Error for EncodeError {}

/// A name in a set of allowed special tokens that is no special token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecialTokenError {
    name: String,
}

impl SpecialTokenError {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for SpecialTokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a special token of this tokenizer", self.name)
    }
}

impl std::error::Error for SpecialTokenError {}
