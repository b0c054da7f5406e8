//! What can go wrong in training.

use std::fmt;

/// Why a vocabulary was not learned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrainError(Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Empty,
    VocabTooSmall { found: usize, needed: usize, of: String },
    TooLarge { what: &'static str, found: usize, limit: usize },
    Argument(String),
    Interrupted,
}

impl TrainError {
    pub(super) const fn empty() -> Self {
        Self(Kind::Empty)
    }

    pub(super) fn vocab_too_small(found: usize, needed: usize, of: impl Into<String>) -> Self {
        Self(Kind::VocabTooSmall { found, needed, of: of.into() })
    }

    pub(super) const fn too_large(what: &'static str, found: usize, limit: usize) -> Self {
        Self(Kind::TooLarge { what, found, limit })
    }

    pub(super) fn argument(message: impl Into<String>) -> Self {
        Self(Kind::Argument(message.into()))
    }

    /// What an observer returns to end the training.
    #[must_use]
    pub const fn interrupted() -> Self {
        Self(Kind::Interrupted)
    }

    /// Whether training ended because its observer said so.
    #[must_use]
    pub const fn is_interrupted(&self) -> bool {
        matches!(self.0, Kind::Interrupted)
    }
}

impl fmt::Display for TrainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Empty => f.write_str("there is no text to learn from: the corpus is empty"),
            Kind::VocabTooSmall { found, needed, of } => {
                write!(f, "a vocabulary of {found} tokens is too small: {of} alone are {needed}")
            }
            Kind::TooLarge { what, found, limit } => write!(f, "{what}: found {found}, at most {limit} are supported"),
            Kind::Argument(message) => f.write_str(message),
            Kind::Interrupted => f.write_str("training was interrupted"),
        }
    }
}

impl std::error::Error for TrainError {}
