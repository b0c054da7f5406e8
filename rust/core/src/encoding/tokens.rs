//! Token strings, looked up when somebody asks for them.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Knows the strings of the tokens that a model produces.
pub trait TokenStrings: fmt::Debug + Send + Sync {
    /// The string of a token, or `None` if there is no such token.
    fn string(&self, id: u32) -> Option<Cow<'_, str>>;

    /// How many characters of white space, `Ġ` included, that string begins and ends with.
    fn blanks(&self, id: u32) -> (usize, usize) {
        self.string(id).map_or((0, 0), |string| blanks(&string))
    }
}

/// How many characters of white space a string begins and ends with; the byte alphabet's space is one.
#[must_use]
pub fn blanks(string: &str) -> (usize, usize) {
    let blank = |c: &char| *c == 'Ġ' || c.is_whitespace();
    (string.chars().take_while(blank).count(), string.chars().rev().take_while(blank).count())
}

/// The strings of a sequence of tokens.
#[derive(Debug, Clone, Default)]
pub struct Tokens {
    len: usize,
    source: Option<Arc<dyn TokenStrings>>,
    /// Strings that are not what the source says, with their places, in order.
    others: Vec<(usize, Box<str>)>,
}

impl Tokens {
    /// Strings that a source knows, but for some.
    ///
    /// `others` are places and strings, in order of the places.
    #[must_use]
    pub fn new(len: usize, source: Arc<dyn TokenStrings>, others: Vec<(usize, Box<str>)>) -> Self {
        Self { len, source: Some(source), others }
    }

    /// Strings as they are.
    #[must_use]
    pub fn listed(strings: impl IntoIterator<Item = impl Into<Box<str>>>) -> Self {
        let others: Vec<(usize, Box<str>)> = strings.into_iter().map(Into::into).enumerate().collect();
        Self { len: others.len(), source: None, others }
    }

    /// Strings that are all empty.
    #[must_use]
    pub const fn unknown(len: usize) -> Self {
        Self { len, source: None, others: Vec::new() }
    }

    /// The number of tokens.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no token.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The source of the strings that are not listed.
    #[must_use]
    pub fn source(&self) -> Option<&Arc<dyn TokenStrings>> {
        self.source.as_ref()
    }

    /// The strings that are not the source's, with their places in order.
    #[must_use]
    pub fn others(&self) -> &[(usize, Box<str>)] {
        &self.others
    }

    /// The string at a place, whose token has this id.
    #[must_use]
    pub fn string(&self, at: usize, id: u32) -> Cow<'_, str> {
        if let Ok(found) = self.others.binary_search_by_key(&at, |other| other.0) {
            return Cow::Borrowed(&self.others[found].1);
        }
        self.source.as_ref().and_then(|source| source.string(id)).unwrap_or_default()
    }

    /// White space around the string at a place, as [`blanks`] counts it.
    #[must_use]
    pub fn blanks(&self, at: usize, id: u32) -> (usize, usize) {
        if !self.others.is_empty()
            && let Ok(found) = self.others.binary_search_by_key(&at, |other| other.0)
        {
            return blanks(&self.others[found].1);
        }
        self.source.as_ref().map_or((0, 0), |source| source.blanks(id))
    }

    /// All strings, of tokens with these ids.
    #[must_use]
    pub fn strings(&self, ids: &[u32]) -> Vec<Cow<'_, str>> {
        ids.iter().enumerate().map(|(at, &id)| self.string(at, id)).collect()
    }

    /// Part of the strings.
    pub(super) fn slice(&self, range: Range<usize>) -> Self {
        let from = self.others.partition_point(|other| other.0 < range.start);
        let until = self.others.partition_point(|other| other.0 < range.end);
        let others = self.others[from..until].iter().map(|(at, string)| (at - range.start, string.clone())).collect();
        Self { len: range.len(), source: self.source.clone(), others }
    }

    /// Appends strings; `ids` are those of all tokens before and `more_ids` those of the new ones.
    pub(super) fn append(&mut self, ids: &[u32], more: &Self, more_ids: &[u32]) {
        let same = match (&self.source, &more.source) {
            (Some(ours), Some(theirs)) => Arc::ptr_eq(ours, theirs),
            (_, None) => true,
            (None, Some(_)) => self.others.len() == self.len,
        };
        let from = self.len;
        self.len += more.len;
        if same {
            self.source = self.source.take().or_else(|| more.source.clone());
            self.others.extend(more.others.iter().map(|(at, string)| (from + at, string.clone())));
            return;
        }
        // Two sources: one is kept, and the strings of the other are written down.
        if self.source.is_none() {
            let strings = self.strings(ids).into_iter().map(|string| string.into_owned().into_boxed_str());
            self.others = strings.enumerate().collect();
            self.append_same(more, from);
        } else {
            let strings = more.strings(more_ids).into_iter().map(|string| string.into_owned().into_boxed_str());
            self.others.extend(strings.enumerate().map(|(at, string)| (from + at, string)));
        }
    }

    fn append_same(&mut self, more: &Self, from: usize) {
        self.source.clone_from(&more.source);
        self.others.extend(more.others.iter().map(|(at, string)| (from + at, string.clone())));
    }

    /// Puts the same string before or after all others some times.
    pub(super) fn pad(&mut self, count: usize, string: &str, before: bool) {
        let new = |from: usize| (from..from + count).map(|at| (at, Box::from(string)));
        if before {
            self.others.iter_mut().for_each(|other| other.0 += count);
            self.others.splice(0..0, new(0));
        } else {
            self.others.extend(new(self.len));
        }
        self.len += count;
    }
}
