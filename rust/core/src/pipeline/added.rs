//! Added tokens: found in the text before the model sees it.

use super::error::{CompileError, SpecialTokenError};
use crate::spec::{AddedToken, AddedTokenPolicy};
use aho_corasick::{AhoCorasick, Input, MatchKind};
use std::collections::HashMap;
use std::ops::Range;

/// The special tokens that a call accepts in its text.
#[derive(Debug, Clone, Default)]
pub struct AllowedSpecials(pub(crate) Allowed);

#[derive(Debug, Clone, Default)]
pub(crate) enum Allowed {
    #[default]
    Nothing,
    Everything,
    /// Everything, but only in these bytes of the input, which are in order.
    Within(Box<[Range<usize>]>),
    Some {
        /// By index of the added token.
        allowed: Box<[bool]>,
        /// Finds the allowed tokens alone, where the policy asks for that.
        finder: Option<Finder>,
    },
}

impl AllowedSpecials {
    /// None: special tokens in the text are text.
    #[must_use]
    pub const fn none() -> Self {
        Self(Allowed::Nothing)
    }

    /// All of them, but only where they lie in one of these ranges of bytes, which must be in order and apart.
    #[must_use]
    pub(crate) fn within(ranges: Vec<Range<usize>>) -> Self {
        Self(Allowed::Within(ranges.into()))
    }

    /// Whether it matters where in the input a special token is found.
    pub(crate) const fn asks_for_place(&self) -> bool {
        matches!(self.0, Allowed::Within(_))
    }

    /// All of them.
    #[must_use]
    pub const fn all() -> Self {
        Self(Allowed::Everything)
    }
}

/// Finds tokens in text, leftmost first and of those the longest.
#[derive(Debug, Clone)]
pub(crate) struct Finder {
    automaton: AhoCorasick,
    /// The added token of each pattern.
    tokens: Box<[usize]>,
}

impl Finder {
    /// A finder of the given patterns, or `None` without patterns.
    fn new<'a>(patterns: impl Iterator<Item = (usize, &'a str)>) -> Result<Option<Self>, CompileError> {
        let (tokens, contents): (Vec<usize>, Vec<&str>) = patterns.unzip();
        if tokens.is_empty() {
            return Ok(None);
        }
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(&contents)
            .map_err(|error| CompileError::component("added tokens", error.to_string(), "fewer or shorter tokens"))?;
        Ok(Some(Self { automaton, tokens: tokens.into() }))
    }
}

/// A stretch of text: ordinary, or an added token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Segment {
    /// Where.
    pub(crate) range: Range<usize>,
    /// Index of the added token.
    pub(crate) token: Option<usize>,
}

/// The added tokens of a tokenizer.
#[derive(Debug)]
pub(crate) struct AddedTokens {
    tokens: Vec<AddedToken>,
    by_content: HashMap<Box<str>, usize>,
    /// Of tokens looked for in normalized text: the form looked for, by index.
    forms: Vec<(usize, String)>,
    /// Ids of all, in order.
    ids: Vec<u32>,
    /// Ids of the special tokens, in order.
    special_ids: Vec<u32>,
    policy: AddedTokenPolicy,
    /// Tokens looked for in the text as given.
    raw: Option<Finder>,
    /// Tokens looked for, in normalized form, in the normalized text.
    normalized: Option<Finder>,
}

impl AddedTokens {
    /// Prepares the search; `normalize` gives the form in which a normalized token is looked for, if the policy says so.
    pub(crate) fn new(
        tokens: Vec<AddedToken>,
        policy: AddedTokenPolicy,
        normalize: impl Fn(&str) -> String,
    ) -> Result<Self, CompileError> {
        let raw = Finder::new(
            tokens.iter().enumerate().filter(|(_, t)| !t.normalized).map(|(i, t)| (i, t.content.as_str())),
        )?;
        let form = |token: &AddedToken| match policy {
            AddedTokenPolicy::AllowedOnly => token.content.clone(),
            AddedTokenPolicy::SkipDisallowed => normalize(&token.content),
        };
        let forms: Vec<(usize, String)> =
            tokens.iter().enumerate().filter(|(_, t)| t.normalized).map(|(i, t)| (i, form(t))).collect();
        let found = forms.iter().filter(|(_, form)| !form.is_empty());
        let normalized = Finder::new(found.map(|(i, form)| (*i, form.as_str())))?;
        let by_content = tokens.iter().enumerate().map(|(i, t)| (t.content.as_str().into(), i)).collect();
        let mut special_ids: Vec<u32> = tokens.iter().filter(|t| t.special).map(|t| t.id).collect();
        special_ids.sort_unstable();
        let mut ids: Vec<u32> = tokens.iter().map(|t| t.id).collect();
        ids.sort_unstable();
        Ok(Self { tokens, by_content, forms, ids, special_ids, policy, raw, normalized })
    }

    pub(crate) fn tokens(&self) -> &[AddedToken] {
        &self.tokens
    }

    /// Ids and the forms in which decoding writes them: normalized, for tokens that are looked for in normalized text.
    pub(crate) fn decoded_forms(&self) -> impl Iterator<Item = (u32, &str)> {
        let raw = self.tokens.iter().filter(|token| !token.normalized).map(|token| (token.id, token.content.as_str()));
        raw.chain(self.forms.iter().map(|(index, form)| (self.tokens[*index].id, form.as_str())))
    }

    /// Whether an id is an added token's.
    pub(crate) fn has_id(&self, id: u32) -> bool {
        self.ids.binary_search(&id).is_ok()
    }

    /// Whether what is found in a text stays found whatever text follows, and changes nothing around it: tokens are looked for
    /// as they are, none is part of another, and none swallows white space.
    pub(crate) fn are_apart(&self) -> bool {
        let plain = |token: &AddedToken| !(token.lstrip || token.rstrip || token.single_word || token.normalized);
        let holds_another = |token: &AddedToken| {
            let text = token.content.as_str();
            let inner = [text.get(1..), text.get(..text.len().saturating_sub(1))];
            inner.into_iter().flatten().any(|part| self.raw.as_ref().is_some_and(|raw| raw.automaton.is_match(part)))
        };
        self.tokens.iter().all(|token| plain(token) && !holds_another(token))
    }

    /// Length in bytes of the longest added token.
    pub(crate) fn longest(&self) -> usize {
        self.tokens.iter().map(|token| token.content.len()).max().unwrap_or(0)
    }

    pub(crate) fn by_content(&self, content: &str) -> Option<&AddedToken> {
        self.by_content.get(content).map(|&index| &self.tokens[index])
    }

    pub(crate) fn is_special(&self, id: u32) -> bool {
        self.special_ids.binary_search(&id).is_ok()
    }

    /// Whether any token is looked for in normalized text.
    pub(crate) const fn has_normalized(&self) -> bool {
        self.normalized.is_some()
    }

    /// The set of the named special tokens.
    pub(crate) fn allow<'a>(
        &self,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<AllowedSpecials, SpecialTokenError> {
        let mut allowed = vec![false; self.tokens.len()].into_boxed_slice();
        for name in names {
            match self.by_content.get(name) {
                Some(&index) if self.tokens[index].special => allowed[index] = true,
                _ => return Err(SpecialTokenError::new(name)),
            }
        }
        if !allowed.contains(&true) {
            return Ok(AllowedSpecials::none());
        }
        let finder = match self.policy {
            AddedTokenPolicy::SkipDisallowed => None,
            // Subsets of a set that compiled compile.
            AddedTokenPolicy::AllowedOnly => Finder::new(
                self.tokens
                    .iter()
                    .enumerate()
                    .filter(|(i, t)| !t.normalized && (allowed[*i] || !t.special))
                    .map(|(i, t)| (i, t.content.as_str())),
            )
            .unwrap_or(None),
        };
        Ok(AllowedSpecials(Allowed::Some { allowed, finder }))
    }

    /// Cuts raw text at the tokens that are looked for there.
    pub(crate) fn segments(&self, text: &str, allowed: &AllowedSpecials, out: &mut Vec<Segment>) {
        let finder = match (&allowed.0, self.policy) {
            (Allowed::Some { finder, .. }, AddedTokenPolicy::AllowedOnly) => finder.as_ref(),
            (Allowed::Nothing, AddedTokenPolicy::AllowedOnly) if self.tokens.iter().all(|t| t.special) => None,
            _ => self.raw.as_ref(),
        };
        self.find(finder, text, allowed, |range| (range.start, range.end), out);
    }

    /// Cuts normalized text at the tokens that are looked for there.
    pub(crate) fn normalized_segments(&self, text: &str, allowed: &AllowedSpecials, out: &mut Vec<Segment>) {
        self.find(self.normalized.as_ref(), text, allowed, |range| (range.start, range.end), out);
    }

    /// The same for text of which `place` says where in the input it comes from.
    pub(crate) fn placed_segments(
        &self,
        text: &str,
        allowed: &AllowedSpecials,
        place: impl Fn(Range<usize>) -> (usize, usize),
        out: &mut Vec<Segment>,
    ) {
        self.find(self.normalized.as_ref(), text, allowed, place, out);
    }

    fn find(
        &self,
        finder: Option<&Finder>,
        text: &str,
        allowed: &AllowedSpecials,
        place: impl Fn(Range<usize>) -> (usize, usize),
        out: &mut Vec<Segment>,
    ) {
        let (mut done, mut from) = (0, 0);
        let next = |from: usize| {
            let finder = finder?;
            let found = finder.automaton.find(Input::new(text).range(from..))?;
            Some((finder.tokens[found.pattern()], found))
        };
        while let Some((index, found)) = next(from) {
            from = found.end();
            let token = &self.tokens[index];
            if token.special && !is_allowed(allowed, index, || place(found.range())) {
                if allowed.asks_for_place() {
                    // A token that may be found might begin inside one that may not.
                    from = found.start() + 1;
                }
                continue;
            }
            let (mut start, mut end) = (found.start(), found.end());
            if token.single_word && (ends_with_word(&text[..start]) || starts_with_word(&text[end..])) {
                continue;
            }
            if token.lstrip {
                start = text[..start].trim_end().len().max(done);
            }
            if token.rstrip {
                end = text.len() - text[end..].trim_start().len();
            }
            if done < start {
                out.push(Segment { range: done..start, token: None });
            }
            // A token before may have swallowed this one, as white space.
            if start < end {
                out.push(Segment { range: start..end, token: Some(index) });
            }
            done = end;
        }
        if done < text.len() {
            out.push(Segment { range: done..text.len(), token: None });
        }
    }
}

fn is_allowed(allowed: &AllowedSpecials, index: usize, place: impl FnOnce() -> (usize, usize)) -> bool {
    match &allowed.0 {
        Allowed::Within(ranges) => {
            let (start, end) = place();
            let at = ranges.partition_point(|range| range.end < end);
            ranges.get(at).is_some_and(|range| range.start <= start && end <= range.end)
        }
        Allowed::Nothing => false,
        Allowed::Everything => true,
        Allowed::Some { allowed, .. } => allowed.get(index).copied().unwrap_or(false),
    }
}

fn ends_with_word(text: &str) -> bool {
    text.chars().next_back().is_some_and(is_word)
}

fn starts_with_word(text: &str) -> bool {
    text.chars().next().is_some_and(is_word)
}

/// `\w` of the regular expressions that the reference library asks. The standard library would not do: it follows another
/// version of Unicode, and disagrees about the newest letters.
fn is_word(c: char) -> bool {
    use std::sync::LazyLock;
    static WORD: LazyLock<Option<fancy_regex::Regex>> = LazyLock::new(|| fancy_regex::Regex::new(r"\A\w\z").ok());
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || c == '_';
    }
    WORD.as_ref().is_some_and(|word| word.is_match(c.encode_utf8(&mut [0; 4])).unwrap_or(false))
}
