//! Why a file could not be read.

use std::fmt;

/// Where in a file something was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A line, counted from one.
    Line(usize),
    /// A line and a column, both counted from one.
    LineColumn(usize, usize),
    /// A byte offset, counted from zero.
    Offset(usize),
    /// The path of a field, as in `model.merges[3]`.
    Field(String),
    /// The file as a whole.
    Whole,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, ", line {line}"),
            Self::LineColumn(line, column) => write!(f, ", line {line}, column {column}"),
            Self::Offset(at) => write!(f, ", byte {at}"),
            Self::Field(path) => write!(f, ", {path}"),
            Self::Whole => Ok(()),
        }
    }
}

/// A file that a loader refused: which format it was read as, where, what was found and what is allowed there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadError {
    format: &'static str,
    place: Place,
    found: String,
    allowed: String,
}

/// What a file with another kind of model is told.
pub(crate) const BPE_ONLY: &str = "a model of type BPE";

/// How much of the offending input an error quotes.
const QUOTED_CHARS: usize = 60;

impl LoadError {
    pub(crate) fn new(
        format: &'static str,
        place: Place,
        found: impl Into<String>,
        allowed: impl Into<String>,
    ) -> Self {
        Self { format, place, found: found.into(), allowed: allowed.into() }
    }

    /// The format that the file was read as.
    #[must_use]
    pub const fn format(&self) -> &'static str {
        self.format
    }

    /// Where the problem is.
    #[must_use]
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// What was found there.
    #[must_use]
    pub fn found(&self) -> &str {
        &self.found
    }

    /// Whether the file describes a tokenizer of another kind, which no change of the file would make loadable.
    #[must_use]
    pub fn is_other_model(&self) -> bool {
        self.allowed == BPE_ONLY
    }

    /// What is allowed there.
    #[must_use]
    pub fn allowed(&self) -> &str {
        &self.allowed
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}: found {}, expected {}", self.format, self.place, self.found, self.allowed)
    }
}

impl std::error::Error for LoadError {}

/// The beginning of some input as it can be shown in a message.
pub(crate) fn quoted(bytes: &[u8]) -> String {
    let head = &bytes[..bytes.len().min(QUOTED_CHARS * 4)];
    let text = String::from_utf8_lossy(head);
    let mut shown: String = text.chars().take(QUOTED_CHARS).collect();
    if text.chars().count() > QUOTED_CHARS || head.len() < bytes.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}
