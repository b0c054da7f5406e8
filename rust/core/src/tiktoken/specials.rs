//! A fixed set of special tokens and the search for the first of them in a text.

use aho_corasick::{AhoCorasick, BuildError, Input, MatchKind};

/// A set of special tokens, frozen for searching.
///
/// The leftmost match counts; of several that start at the same place, the longest.
#[derive(Debug)]
pub struct Specials {
    automaton: AhoCorasick,
    tokens: Vec<(Box<str>, u32)>,
}

/// One special token found in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpecialMatch<'a> {
    /// Where it starts, in bytes.
    pub start: usize,
    /// Where it ends, in bytes.
    pub end: usize,
    /// The id it was given.
    pub id: u32,
    /// Its text.
    pub token: &'a str,
}

impl Specials {
    /// Freezes a set of tokens with their ids.
    ///
    /// # Errors
    /// If the tokens together are too long for an automaton (gigabytes).
    pub fn new<S: AsRef<str>>(tokens: impl IntoIterator<Item = (S, u32)>) -> Result<Self, BuildError> {
        let tokens: Vec<(Box<str>, u32)> = tokens.into_iter().map(|(token, id)| (token.as_ref().into(), id)).collect();
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(tokens.iter().map(|(token, _)| token.as_bytes()))?;
        Ok(Self { automaton, tokens })
    }

    /// The first special token that starts at or after byte `from`.
    #[must_use]
    pub fn find(&self, text: &str, from: usize) -> Option<SpecialMatch<'_>> {
        if self.tokens.is_empty() || from > text.len() {
            return None;
        }
        let found = self.automaton.find(Input::new(text).range(from..))?;
        let (token, id) = self.tokens.get(found.pattern().as_usize())?;
        Some(SpecialMatch { start: found.start(), end: found.end(), id: *id, token })
    }

    /// Whether the set has no token.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The tokens and their ids, in the order given.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, u32)> {
        self.tokens.iter().map(|(token, id)| (&**token, *id))
    }
}

#[cfg(test)]
mod tests {
    use super::Specials;

    #[test]
    fn leftmost_then_longest() {
        let specials = Specials::new([("<a>", 1), ("<a>b", 2), ("b<", 3)]).expect("small");
        let found = specials.find("x<a>b<", 0).expect("present");
        assert_eq!((found.start, found.end, found.id, found.token), (1, 5, 2, "<a>b"));
        assert_eq!(specials.find("x<a>b<", 2).map(|m| m.id), Some(3));
        assert_eq!(specials.find("x<a>b<", 6), None);
        assert_eq!(specials.find("x<a>b<", 7), None);
    }

    #[test]
    fn empty_set_finds_nothing() {
        let specials = Specials::new(std::iter::empty::<(&str, u32)>()).expect("empty");
        assert_eq!(specials.find("abc", 0), None);
    }
}
