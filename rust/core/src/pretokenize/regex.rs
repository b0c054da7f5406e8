//! Splitting by any pattern, on a general regex engine.

use std::ops::Range;

use fancy_regex::{Regex, RegexBuilder};

use super::oniguruma;
use super::{Dialect, Gaps, PatternError, PieceEnds, SplitError};

/// How many steps back the engine may take for one match before it gives up.
const BACKTRACK_LIMIT: usize = 1_000_000;

/// A compiled pattern of either dialect.
///
/// The engine is fancy-regex, which is what tiktoken uses; oniguruma's syntax and anchors are emulated by it.
#[derive(Debug)]
pub struct Splitter {
    regex: Regex,
    gaps: Gaps,
    pattern: String,
}

impl Splitter {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// If the pattern is not a valid regular expression.
    pub fn new(pattern: &str, dialect: Dialect, gaps: Gaps) -> Result<Self, PatternError> {
        let oniguruma = dialect == Dialect::HuggingFace;
        let translated = if oniguruma { oniguruma::translate(pattern) } else { pattern.to_owned() };
        let regex = RegexBuilder::new(&translated)
            .oniguruma_mode(oniguruma)
            .multi_line(oniguruma)
            .backtrack_limit(BACKTRACK_LIMIT)
            .build()
            .map_err(|reason| PatternError::invalid(pattern, &reason))?;
        Ok(Self { regex, gaps, pattern: pattern.to_owned() })
    }

    /// The pattern.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// The matches in `text`, left to right, that do not overlap; empty ones too, except right after a match.
    pub fn matches<'t>(&self, text: &'t str) -> impl Iterator<Item = Result<Range<usize>, SplitError>> + use<'_, 't> {
        let mut search = Search { at: 0, last_end: None };
        std::iter::from_fn(move || search.next(self, text).transpose())
    }

    /// Appends piece ends; see [`Pretokenizer::pieces`](super::Pretokenizer::pieces).
    ///
    /// # Errors
    /// If the engine gives up, or a piece is longer than 4 GiB.
    pub fn pieces(&self, text: &str, from: usize, buffer: &mut PieceEnds) -> Result<usize, SplitError> {
        let mut at = from;
        // An empty match here has been dealt with before, or splits nothing from the start of the text.
        let mut search = Search { at: from, last_end: Some(from) };
        while at < text.len() && buffer.room() > 0 {
            let found = search.next(self, text)?.unwrap_or(text.len()..text.len());
            for (end, is_match) in [(found.start, false), (found.end, true)] {
                if end == at || buffer.room() == 0 {
                    continue;
                }
                let Ok(offset) = u32::try_from(end - from) else {
                    return if at > from { Ok(at) } else { Err(SplitError::too_long(at)) };
                };
                if !is_match && self.gaps == Gaps::Drop {
                    buffer.dropped.push(u32::try_from(buffer.ends.len()).unwrap_or(u32::MAX));
                }
                buffer.ends.push(offset);
                at = end;
            }
        }
        Ok(at)
    }
}

/// Where a search for the next match stands.
struct Search {
    at: usize,
    last_end: Option<usize>,
}

impl Search {
    /// The next match that is not an empty one at the end of the match before.
    fn next(&mut self, splitter: &Splitter, text: &str) -> Result<Option<Range<usize>>, SplitError> {
        while self.at <= text.len() {
            let found = splitter
                .regex
                .find_from_pos(text, self.at)
                .map_err(|reason| SplitError::gave_up(splitter.pattern(), self.at, &reason))?;
            let Some(found) = found else {
                self.at = text.len() + 1;
                return Ok(None);
            };
            let again = found.start() == found.end() && self.last_end == Some(found.end());
            self.at = found.end();
            if found.start() == found.end() {
                self.at += text[found.end()..].chars().next().map_or(1, char::len_utf8);
            }
            self.last_end = Some(found.end());
            if !again {
                return Ok(Some(found.range()));
            }
        }
        Ok(None)
    }
}
