//! Why no cover rules exist for a tokenizer.

use std::fmt;

/// Why the valid encodings of a tokenizer cannot be followed byte by byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoverError(String);

impl CoverError {
    /// Something that the tokenizer has, and what is supported instead.
    #[must_use]
    pub fn unsupported(found: impl fmt::Display, allowed: impl fmt::Display) -> Self {
        Self(format!("the tokenizer has {found}; its valid encodings can be followed byte by byte only with {allowed}"))
    }

    pub(super) fn added(what: &str) -> Self {
        Self::unsupported(format_args!("added tokens in ordinary text that {what}"), "fewer or simpler ones")
    }
}

impl fmt::Display for CoverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CoverError {}
