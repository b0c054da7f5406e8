//! What can go wrong with a pattern.

use std::fmt;

/// Why a pattern or a name was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternError(String);

/// A pattern as messages show it: all of an ordinary one, the beginning of a very long one.
fn shown(pattern: &str) -> String {
    const LONGEST: usize = 400;
    match pattern.char_indices().nth(LONGEST) {
        None => format!("{pattern:?}"),
        Some((end, _)) => format!("{:?}... ({} bytes)", &pattern[..end], pattern.len()),
    }
}

impl PatternError {
    pub(super) fn invalid(pattern: &str, reason: &fancy_regex::Error) -> Self {
        Self(format!("pattern {}: {reason}", shown(pattern)))
    }

    pub(super) fn unknown_name(name: &str, known: &[&str]) -> Self {
        Self(format!("no pretokenizer is named {name:?}; known names: {}", known.join(", ")))
    }

    pub(super) fn instruction_set(found: &str, allowed: &str) -> Self {
        Self(format!("TOKENGROVE_SIMD is {found:?}; on this processor it may be {allowed}"))
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl std::error::Error for PatternError {}

/// Why a text could not be split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitError {
    reason: Reason,
    at: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Reason {
    /// The pattern, and what the engine said.
    GaveUp(String, String),
    TooLong,
}

impl SplitError {
    pub(super) fn gave_up(pattern: &str, at: usize, reason: &fancy_regex::Error) -> Self {
        Self { reason: Reason::GaveUp(pattern.to_owned(), reason.to_string()), at }
    }

    pub(super) const fn too_long(at: usize) -> Self {
        Self { reason: Reason::TooLong, at }
    }

    /// The byte of the text at which the search stood.
    #[must_use]
    pub const fn at(&self) -> usize {
        self.at
    }
}

impl fmt::Display for SplitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Reason::GaveUp(pattern, reason) => {
                write!(f, "pattern {} gave up on the text at byte {}: {reason}", shown(pattern), self.at)
            }
            Reason::TooLong => {
                write!(f, "the piece of text at byte {} is longer than the {} bytes allowed", self.at, u32::MAX)
            }
        }
    }
}
impl std::error::Error for SplitError {}
