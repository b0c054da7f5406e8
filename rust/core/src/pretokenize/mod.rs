//! Splitting text into the pieces that BPE works on.

use std::fmt;

/// Whose regular-expression semantics a pattern has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// fancy-regex, as tiktoken uses it.
    Tiktoken,
    /// Oniguruma, as Hugging Face tokenizers uses it.
    HuggingFace,
}

/// What happens to text that a pattern does not match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Gaps {
    /// It is a piece of its own.
    Keep,
    /// It is dropped, as tiktoken does.
    Drop,
}

/// A bounded buffer of piece ends, relative to where the scan began.
#[derive(Debug)]
pub struct PieceEnds {
    /// The ends, increasing.
    pub ends: Vec<u32>,
    /// How many ends one scan may produce.
    pub capacity: usize,
}

impl Default for PieceEnds {
    fn default() -> Self {
        Self { ends: Vec::with_capacity(2048), capacity: 1024 }
    }
}

/// Why a pattern was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternError(String);

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl std::error::Error for PatternError {}

/// A frozen pretokenizer.
#[derive(Debug, Clone)]
pub struct Pretokenizer {
    regex: Option<fancy_regex::Regex>,
}

impl Pretokenizer {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// If the pattern is not a valid regular expression.
    pub fn from_pattern(pattern: &str, _dialect: Dialect) -> Result<Self, PatternError> {
        let regex = fancy_regex::Regex::new(pattern).map_err(|e| PatternError(format!("pattern {pattern:?}: {e}")))?;
        Ok(Self { regex: Some(regex) })
    }

    /// No split at all: the whole text is one piece.
    #[must_use]
    pub const fn whole() -> Self {
        Self { regex: None }
    }

    /// Appends piece ends relative to `from`, up to the buffer's capacity; returns the position after the last piece.
    pub fn pieces(&self, text: &str, from: usize, buffer: &mut PieceEnds) -> usize {
        let Some(regex) = &self.regex else {
            buffer.ends.push(u32::try_from(text.len() - from).unwrap_or(u32::MAX));
            return text.len();
        };
        let mut at = from;
        while at < text.len() && buffer.ends.len() < buffer.capacity {
            let end = match regex.find_from_pos(text, at) {
                Ok(Some(m)) if m.start() == at && m.end() > at => m.end(),
                Ok(Some(m)) if m.start() > at => m.start(),
                _ => text.len(),
            };
            buffer.ends.push(u32::try_from(end - from).unwrap_or(u32::MAX));
            at = end;
        }
        at
    }
}
