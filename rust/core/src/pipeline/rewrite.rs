//! Rewriting text while remembering, if asked, where each byte of it came from.
//!
//! A rewriting walks over the old text and tells a [`Rewriter`] what becomes of it, in four moves: keep, replace, insert,
//! remove. The rules for spans are those of Hugging Face tokenizers: a replacement has the span of the character it
//! replaces, an insertion that of the character before it, and removed characters leave no trace.

use std::borrow::Cow;
use std::ops::Range;

/// Bytes of the original text that a byte of the current text comes from.
pub(super) type Span = (usize, usize);

/// Where the bytes of a text come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Spans {
    /// Nobody wants to know.
    Unwanted,
    /// The text is a stretch of the original as it is.
    Identity,
    /// A span for each byte.
    Bytes(Vec<Span>),
}

/// A text and, where offsets are wanted, where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tracked<'a> {
    pub(super) text: Cow<'a, str>,
    spans: Spans,
    /// Where in the original the text begins.
    origin: usize,
    /// Bytes of the original's first character, if the text begins there.
    first: usize,
}

impl<'a> Tracked<'a> {
    /// A stretch of the original as it is, beginning at `origin`.
    pub(super) fn new(text: &'a str, origin: usize) -> Self {
        let first = if origin == 0 { first_len(text) } else { 0 };
        Self { text: Cow::Borrowed(text), spans: Spans::Identity, origin, first }
    }

    /// A text of its own as it is.
    pub(super) fn owned(text: String) -> Self {
        let first = first_len(&text);
        Self { text: Cow::Owned(text), spans: Spans::Identity, origin: 0, first }
    }

    /// Part of the text as a text of its own, whose spans count from `from` in the original.
    pub(super) fn part(&self, range: Range<usize>, text: &str, from: usize) -> Tracked<'static> {
        let spans: Vec<Span> = range
            .map(|at| self.span(at..at + 1))
            .map(|(start, end)| (start.saturating_sub(from), end.saturating_sub(from)))
            .collect();
        let first = if from == 0 { self.first } else { 0 };
        Tracked { text: Cow::Owned(text.to_owned()), spans: Spans::Bytes(spans), origin: 0, first }
    }

    /// A text of which nobody asks where it comes from.
    pub(super) const fn untracked(text: &'a str) -> Self {
        Self { text: Cow::Borrowed(text), spans: Spans::Unwanted, origin: 0, first: 0 }
    }

    /// The original bytes that a range of the text comes from; meaningless if the text is untracked.
    pub(super) fn span(&self, range: Range<usize>) -> Span {
        self.spans.of(self.origin, range)
    }

    /// Whether a range of the text comes from the original's beginning: from its first character, or any byte of that.
    pub(super) fn is_at_start(&self, range: Range<usize>) -> bool {
        self.span(range).0 < self.first.max(1)
    }

    /// Part of the text.
    pub(super) fn slice(&self, range: Range<usize>) -> Tracked<'_> {
        let origin = self.span(range.clone()).0;
        let spans = match &self.spans {
            Spans::Bytes(spans) => Spans::Bytes(spans[range.clone()].to_vec()),
            other => other.clone(),
        };
        Tracked { text: Cow::Borrowed(&self.text[range]), spans, origin, first: self.first }
    }

    /// Rewrites the whole text.
    pub(super) fn rewrite<R>(&mut self, rewriting: impl FnOnce(&str, &mut Rewriter<'_>) -> R) -> R {
        let mut rewriter = Rewriter::new(&self.text, &self.spans, self.origin);
        let result = rewriting(&self.text, &mut rewriter);
        let Rewriter { new, new_spans, .. } = rewriter;
        self.text = Cow::Owned(new);
        self.spans = new_spans.map_or(Spans::Unwanted, Spans::Bytes);
        result
    }
}

fn first_len(text: &str) -> usize {
    text.chars().next().map_or(0, char::len_utf8)
}

impl Spans {
    fn of(&self, origin: usize, range: Range<usize>) -> Span {
        match self {
            Self::Bytes(spans) => match spans.get(range) {
                Some([first, .., last]) => (first.0, last.1),
                Some([only]) => *only,
                _ => (origin, origin),
            },
            Self::Unwanted | Self::Identity => (origin + range.start, origin + range.end),
        }
    }
}

/// Receives a rewriting, move by move, from the beginning of the old text to its end.
#[derive(Debug)]
pub(super) struct Rewriter<'a> {
    old: &'a str,
    old_spans: &'a Spans,
    origin: usize,
    at: usize,
    new: String,
    new_spans: Option<Vec<Span>>,
}

impl<'a> Rewriter<'a> {
    /// Of a text of which nobody asks where it comes from.
    pub(super) fn untracked(old: &'a str) -> Self {
        Self::new(old, &Spans::Unwanted, 0)
    }

    fn new(old: &'a str, old_spans: &'a Spans, origin: usize) -> Self {
        let capacity = old.len() + old.len() / 8;
        let new_spans = (*old_spans != Spans::Unwanted).then(|| Vec::with_capacity(capacity));
        Self { old, old_spans, origin, at: 0, new: String::with_capacity(capacity), new_spans }
    }

    /// Length of the new text so far.
    pub(super) fn len(&self) -> usize {
        self.new.len()
    }

    /// The next `len` bytes of the old text stay as they are.
    pub(super) fn keep(&mut self, len: usize) {
        let range = self.at..self.at + len;
        self.new.push_str(self.old.get(range.clone()).unwrap_or_default());
        match (&mut self.new_spans, self.old_spans) {
            (Some(new), Spans::Bytes(old)) => new.extend_from_slice(old.get(range).unwrap_or_default()),
            (Some(new), _) => new.extend(range.map(|at| (self.origin + at, self.origin + at + 1))),
            (None, _) => {}
        }
        self.at += len;
    }

    /// `c` comes in place of the next old character.
    pub(super) fn replace(&mut self, c: char) {
        let start = self.at;
        self.remove_chars(1);
        self.push(c, start..self.at);
    }

    /// `c` comes in between.
    pub(super) fn insert(&mut self, c: char) {
        let before = self.old.get(..self.at).and_then(|text| text.chars().next_back()).map_or(0, char::len_utf8);
        self.push(c, self.at - before..self.at);
    }

    /// `c` comes in place of byte `index` of the next old character, which stays the next one.
    pub(super) fn insert_for_byte(&mut self, c: char, index: usize) {
        self.push(c, self.at + index..self.at + index + 1);
    }

    /// The next `len` bytes of the old text go.
    pub(super) const fn remove(&mut self, len: usize) {
        self.at += len;
    }

    /// The next `count` characters of the old text go.
    pub(super) fn remove_chars(&mut self, count: usize) {
        let rest = self.old.get(self.at..).unwrap_or_default();
        self.at += rest.chars().take(count).map(char::len_utf8).sum::<usize>();
    }

    /// Goes on at another place of the old text, as the beginning of a text of its own.
    pub(super) fn restart(&mut self, at: usize) {
        self.at = at;
    }

    fn push(&mut self, c: char, from: Range<usize>) {
        self.new.push(c);
        if let Some(new) = &mut self.new_spans {
            new.resize(self.new.len(), self.old_spans.of(self.origin, from));
        }
    }

    /// The new text.
    pub(super) fn finish(self) -> String {
        self.new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_follow_the_moves() {
        let moves = |_: &str, rewriter: &mut Rewriter<'_>| {
            rewriter.insert('▁');
            rewriter.replace('e');
            rewriter.insert('\u{301}');
            rewriter.remove(1);
            rewriter.insert('+');
            rewriter.keep(2);
        };
        let mut tracked = Tracked::new("é-ab", 1);
        tracked.rewrite(moves);
        assert_eq!(tracked.text, "▁e\u{301}+ab");
        let spans = [(1, 1), (1, 1), (1, 1), (1, 3), (1, 3), (1, 3), (3, 4), (4, 5), (5, 6)];
        assert_eq!(tracked.spans, Spans::Bytes(spans.to_vec()));
        assert_eq!(tracked.span(3..7), (1, 4));
        assert!(!tracked.is_at_start(0..3));
        let slice = tracked.slice(6..9);
        assert_eq!((&*slice.text, slice.origin, slice.spans.clone()), ("+ab", 3, Spans::Bytes(spans[6..].to_vec())));

        let mut plain = Tracked::untracked("é-ab");
        plain.rewrite(moves);
        assert_eq!((plain.text, plain.spans), (tracked.text.clone(), Spans::Unwanted));
    }
}
