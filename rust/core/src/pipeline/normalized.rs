//! A text that is rewritten step by step and knows where each part of it came from.

use super::component::Pattern;
use super::forms::Form;
use super::normalize;
use super::rewrite::Tracked;
use super::split::Events;
use crate::pretokenize::SplitError;
use crate::spec::SplitBehavior;
use std::ops::Range;

/// A text before and after rewriting, for components that users write themselves.
///
/// ```
/// use tokengrove::pipeline::NormalizedString;
/// let mut text = NormalizedString::new(" Été ");
/// text.strip(true, true);
/// text.lowercase();
/// assert_eq!(text.normalized(), "été");
/// assert_eq!(text.original(), " Été ");
/// assert_eq!(text.slice(2..3).map(|part| part.original().to_owned()), Some("t".to_owned()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NormalizedString {
    original: String,
    /// Spans count from the beginning of `original`.
    pub(super) current: Tracked<'static>,
    /// Where `original` begins in the text that this is a part of.
    shift: usize,
}

/// A normalization form of Unicode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnicodeForm {
    /// Canonical composition.
    Nfc,
    /// Canonical decomposition.
    Nfd,
    /// Compatibility composition.
    Nfkc,
    /// Compatibility decomposition.
    Nfkd,
}

impl NormalizedString {
    /// A text as it is.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        let original = text.into();
        Self { current: Tracked::owned(original.clone()), original, shift: 0 }
    }

    /// The same original with another state.
    pub(super) fn with(&self, current: Tracked<'static>) -> Self {
        Self { original: self.original.clone(), current, shift: self.shift }
    }

    /// The text as it is now.
    #[must_use]
    pub fn normalized(&self) -> &str {
        &self.current.text
    }

    /// The text as it was.
    #[must_use]
    pub fn original(&self) -> &str {
        &self.original
    }

    /// Where the original lies in the text that this is a part of, in bytes.
    #[must_use]
    pub fn offsets_original(&self) -> (usize, usize) {
        (self.shift, self.shift + self.original.len())
    }

    /// Where in that text bytes of the normalized text come from.
    #[must_use]
    pub fn span(&self, range: Range<usize>) -> (usize, usize) {
        let (start, end) = if range.is_empty() { (range.start, range.end) } else { self.current.span(range) };
        (self.shift + start, self.shift + end)
    }

    /// Part of the text, by bytes of its normalized form; `None` if there are no such bytes or a character would be cut.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Option<Self> {
        let text = self.current.text.get(range.clone())?;
        let (start, end) = if range.is_empty() { (range.start, range.end) } else { self.current.span(range.clone()) };
        let start = floor(&self.original, start);
        let end = ceil(&self.original, end).max(start);
        Some(Self {
            original: self.original.get(start..end).unwrap_or_default().to_owned(),
            current: self.current.part(range, text, start),
            shift: self.shift + start,
        })
    }

    /// Brings the text to a normalization form.
    pub fn normalize(&mut self, form: UnicodeForm) {
        let form = match form {
            UnicodeForm::Nfc => Form::Nfc,
            UnicodeForm::Nfd => Form::Nfd,
            UnicodeForm::Nfkc => Form::Nfkc,
            UnicodeForm::Nfkd => Form::Nfkd,
        };
        self.current.rewrite(|text, rewriter| form.rewrite(text, rewriter));
    }

    /// Makes every character lower case.
    pub fn lowercase(&mut self) {
        self.current.rewrite(normalize::lowercase);
    }

    /// Makes every character upper case.
    pub fn uppercase(&mut self) {
        self.current.rewrite(|text, rewriter| normalize::spell(text, char::to_uppercase, rewriter));
    }

    /// Removes white space at the ends.
    pub fn strip(&mut self, left: bool, right: bool) {
        self.current.rewrite(|text, rewriter| normalize::strip(text, left, right, rewriter));
    }

    /// Removes the characters for which `keep` is false.
    ///
    /// # Errors
    /// Those of `keep`; the text is then as it was.
    pub fn filter<E>(&mut self, mut keep: impl FnMut(char) -> Result<bool, E>) -> Result<(), E> {
        let mut kept = Vec::with_capacity(self.current.text.len());
        for c in self.current.text.chars() {
            kept.push(keep(c)?);
        }
        self.current.rewrite(|text, rewriter| {
            for (c, keep) in text.chars().zip(kept) {
                if keep { rewriter.keep(c.len_utf8()) } else { rewriter.remove(c.len_utf8()) }
            }
        });
        Ok(())
    }

    /// Replaces each character.
    ///
    /// # Errors
    /// Those of `map`; the text is then as it was.
    pub fn map<E>(&mut self, mut map: impl FnMut(char) -> Result<char, E>) -> Result<(), E> {
        let mut new = Vec::with_capacity(self.current.text.len());
        for c in self.current.text.chars() {
            new.push(map(c)?);
        }
        self.current.rewrite(|_, rewriter| new.into_iter().for_each(|c| rewriter.replace(c)));
        Ok(())
    }

    /// Puts text before the first character, if there is one.
    pub fn prepend(&mut self, prefix: &str) {
        self.current.rewrite(|text, rewriter| {
            normalize::prepend(prefix, text, rewriter);
            rewriter.keep(text.len() - text.chars().next().map_or(0, char::len_utf8));
        });
    }

    /// Puts text behind the last character.
    pub fn append(&mut self, suffix: &str) {
        self.current.rewrite(|text, rewriter| {
            rewriter.keep(text.len());
            suffix.chars().for_each(|c| rewriter.insert(c));
        });
    }

    /// Removes everything.
    pub fn clear(&mut self) {
        self.current.rewrite(|text, rewriter| rewriter.remove(text.len()));
    }

    /// Replaces every match.
    ///
    /// # Errors
    /// If the regular expression gives up.
    pub fn replace(&mut self, pattern: &Pattern, content: &str) -> Result<(), SplitError> {
        let Some(matcher) = &pattern.0 else { return Ok(()) };
        self.current.rewrite(|text, rewriter| normalize::replace(text, matcher, content, rewriter))
    }

    /// Splits at the matches of a pattern. Parts may be empty.
    ///
    /// # Errors
    /// If the regular expression gives up.
    pub fn split(&self, pattern: &Pattern, behavior: SplitBehavior) -> Result<Vec<Self>, SplitError> {
        let mut events = Events::default();
        if let Some(matcher) = &pattern.0 {
            matcher.for_each(&self.current.text, |found| events.found(found))?;
        }
        let mut pieces = Vec::new();
        events.finish(self.current.text.len(), behavior, false, &mut pieces);
        Ok(pieces.into_iter().filter_map(|piece| self.slice(piece)).collect())
    }
}

/// The character boundary at or before a byte.
fn floor(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The character boundary at or after a byte.
fn ceil(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &NormalizedString, pattern: &str, behavior: SplitBehavior) -> Vec<(String, (usize, usize))> {
        let parts = text.split(&Pattern::literal(pattern), behavior).expect("a literal does not give up");
        parts.into_iter().map(|part| (part.normalized().to_owned(), part.offsets_original())).collect()
    }

    #[test]
    fn parts_know_where_they_come_from() {
        let mut text = NormalizedString::new("Hey  there");
        text.replace(&Pattern::regex(" +").expect("valid"), "-").expect("short");
        assert_eq!(text.normalized(), "Hey-there");
        let found = parts(&text, "-", SplitBehavior::Removed);
        assert_eq!(found, [("Hey".to_owned(), (0, 3)), ("there".to_owned(), (5, 10))]);
        text.prepend("▁");
        text.append("!");
        assert_eq!(text.normalized(), "▁Hey-there!");
        assert_eq!(text.slice(0..3).map(|part| part.offsets_original()), Some((0, 1)));
        assert_eq!(text.slice(0..1), None);
        text.clear();
        assert_eq!(text.normalized(), "");
    }

    #[test]
    fn characters_are_filtered_and_mapped() {
        let mut text = NormalizedString::new("añb");
        text.filter(|c| Ok::<_, ()>(c != 'a')).expect("never fails");
        text.map(|c| Ok::<_, ()>(if c == 'b' { 'ü' } else { c })).expect("never fails");
        text.uppercase();
        assert_eq!(text.normalized(), "ÑÜ");
        assert_eq!(text.span(0..2), (1, 3));
        assert_eq!(text.map(|_| Err::<char, _>("no")), Err("no"));
        assert_eq!(text.normalized(), "ÑÜ");
    }
}
