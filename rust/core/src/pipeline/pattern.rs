//! Finding what a component looks for.

use super::error::CompileError;
use crate::pretokenize::regex::Splitter;
use crate::pretokenize::{Dialect, Gaps, SplitError};
use crate::spec::Pattern;
use memchr::memmem::Finder;
use std::ops::Range;

/// A compiled pattern.
#[derive(Debug)]
pub(super) enum Matcher {
    Literal(Box<Finder<'static>>),
    Regex(Box<Splitter>),
}

impl Matcher {
    pub(super) fn new(pattern: &Pattern) -> Result<Self, CompileError> {
        match pattern {
            Pattern::Literal(text) if !text.is_empty() => Ok(Self::Literal(Box::new(Finder::new(text).into_owned()))),
            // The empty text is found between all characters: what the engine does with it is what counts.
            Pattern::Literal(text) | Pattern::Regex(text) => Self::regex(text, Dialect::HuggingFace),
        }
    }

    pub(super) fn regex(pattern: &str, dialect: Dialect) -> Result<Self, CompileError> {
        Ok(Self::Regex(Box::new(Splitter::new(pattern, dialect, Gaps::Keep)?)))
    }

    /// Calls `found` with each match, left to right.
    pub(super) fn for_each(&self, text: &str, mut found: impl FnMut(Range<usize>)) -> Result<(), SplitError> {
        match self {
            Self::Literal(finder) => {
                let len = finder.needle().len();
                finder.find_iter(text.as_bytes()).for_each(|start| found(start..start + len));
            }
            Self::Regex(splitter) => {
                for range in splitter.matches(text) {
                    found(range?);
                }
            }
        }
        Ok(())
    }

    /// Whether nothing would be found, if that is cheap to say.
    pub(super) fn surely_absent(&self, text: &str) -> bool {
        match self {
            Self::Literal(finder) => finder.find(text.as_bytes()).is_none(),
            Self::Regex(_) => text.is_empty(),
        }
    }
}
