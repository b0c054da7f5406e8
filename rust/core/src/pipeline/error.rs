//! What can go wrong when a tokenizer is built or used.

use crate::bpe::BpeError;
use crate::pretokenize::{PatternError, SplitError};
use crate::spec::char_to_byte;
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

/// Text that cannot be encoded without losing some of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodeError {
    kind: EncodeKind,
    at: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum EncodeKind {
    Character(char),
    Byte(u8),
    Gap,
    TooSmall(usize),
    Split(SplitError),
}

impl EncodeError {
    /// A character without a token.
    pub(super) const fn character(c: char) -> Self {
        Self { kind: EncodeKind::Character(c), at: None }
    }

    /// A byte without a token.
    pub(super) const fn byte(byte: u8) -> Self {
        Self { kind: EncodeKind::Byte(byte), at: None }
    }

    /// Text that the pattern does not match.
    pub(super) const fn gap(at: usize) -> Self {
        Self { kind: EncodeKind::Gap, at: Some(at) }
    }

    /// A character that has more tokens than a chunk may have.
    pub(super) const fn too_small(max_tokens: usize, at: usize) -> Self {
        Self { kind: EncodeKind::TooSmall(max_tokens), at: Some(at) }
    }

    /// The same about a model that reads bytes by the characters of the byte alphabet: the byte, not its character, is what
    /// a user knows.
    pub(super) fn of_byte_alphabet(mut self) -> Self {
        if let EncodeKind::Character(c) = self.kind
            && let Some(byte) = char_to_byte(c)
        {
            self.kind = EncodeKind::Byte(byte);
        }
        self
    }

    /// The same, with the place in the input if it can be told.
    pub(super) fn located(mut self, input: &[u8]) -> Self {
        let mut buffer = [0; 4];
        self.at = match self.kind {
            EncodeKind::Character(c) => memchr::memmem::find(input, c.encode_utf8(&mut buffer).as_bytes()),
            EncodeKind::Byte(byte) => memchr::memchr(byte, input),
            EncodeKind::Gap | EncodeKind::TooSmall(_) | EncodeKind::Split(_) => self.at,
        };
        self
    }

    /// Whether the text is fine, and a limit on the number of tokens is too small for it.
    #[must_use]
    pub const fn is_limit(&self) -> bool {
        matches!(self.kind, EncodeKind::TooSmall(_))
    }

    /// The byte offset in the input, if it can be told.
    #[must_use]
    pub const fn position(&self) -> Option<usize> {
        self.at
    }
}

impl From<SplitError> for EncodeError {
    fn from(error: SplitError) -> Self {
        Self { kind: EncodeKind::Split(error), at: None }
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.at.map(|at| format!(" at byte {at}")).unwrap_or_default();
        let why = "the vocabulary has no token, no byte tokens and no unknown token for it";
        match &self.kind {
            EncodeKind::Character(c) => write!(f, "{c:?}{place} cannot be encoded: {why}"),
            EncodeKind::Byte(byte) => write!(f, "byte 0x{byte:02X}{place} cannot be encoded: {why}"),
            EncodeKind::Gap => write!(f, "the text{place} would be lost: the tokenizer's pattern does not match it"),
            EncodeKind::TooSmall(max) => {
                write!(f, "the character{place} has more than {max} tokens, the most a chunk may have")
            }
            EncodeKind::Split(error) => error.fmt(f),
        }
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
