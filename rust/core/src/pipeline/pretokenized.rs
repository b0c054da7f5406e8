//! A text in parts, some of them with tokens: what pre-tokenizers and models work on, for callers that run a chain themselves.

use super::normalized::NormalizedString;
use crate::encoding::{Encoding, NO_WORD, Tokens};
use crate::offsets::CharIndex;

/// A token of a part, with its bytes in the part's normalized text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The id.
    pub id: u32,
    /// The string.
    pub value: String,
    /// The bytes.
    pub offsets: (usize, usize),
}

/// Part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// The text.
    pub text: NormalizedString,
    /// Its tokens, once it has some. Then it is not split any more.
    pub tokens: Option<Vec<Token>>,
}

/// A text in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreTokenizedString {
    original: String,
    splits: Vec<Split>,
}

impl PreTokenizedString {
    /// A text in one part.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let split = Split { text: NormalizedString::new(text), tokens: None };
        Self { original: text.to_owned(), splits: vec![split] }
    }

    /// The text as it was.
    #[must_use]
    pub fn original(&self) -> &str {
        &self.original
    }

    /// The parts in order.
    #[must_use]
    pub fn splits(&self) -> &[Split] {
        &self.splits
    }

    /// Replaces every part without tokens by what `f` makes of it, given its number. Empty parts are left out.
    ///
    /// # Errors
    /// Those of `f`; the text is then as it was.
    pub fn split<E>(
        &mut self,
        mut f: impl FnMut(usize, &NormalizedString) -> Result<Vec<NormalizedString>, E>,
    ) -> Result<(), E> {
        self.split_and_tokenize(|number, text| {
            let parts = f(number, text)?;
            Ok(parts.into_iter().map(|text| Split { text, tokens: None }).collect())
        })
    }

    /// The same where `f` may also say the tokens of a part.
    ///
    /// # Errors
    /// Those of `f`; the text is then as it was.
    pub fn split_and_tokenize<E>(
        &mut self,
        mut f: impl FnMut(usize, &NormalizedString) -> Result<Vec<Split>, E>,
    ) -> Result<(), E> {
        let mut splits = Vec::with_capacity(self.splits.len());
        for (number, split) in self.splits.iter().enumerate() {
            if split.tokens.is_some() {
                splits.push(split.clone());
                continue;
            }
            let parts = f(number, &split.text)?;
            splits.extend(parts.into_iter().filter(|part| !part.text.normalized().is_empty()));
        }
        self.splits = splits;
        Ok(())
    }

    /// Rewrites every part without tokens.
    ///
    /// # Errors
    /// Those of `f`; parts before are then rewritten.
    pub fn normalize<E>(&mut self, mut f: impl FnMut(&mut NormalizedString) -> Result<(), E>) -> Result<(), E> {
        let open = self.splits.iter_mut().filter(|split| split.tokens.is_none());
        open.map(|split| &mut split.text).try_for_each(&mut f)
    }

    /// Gives every part without tokens those that `f` finds.
    ///
    /// # Errors
    /// Those of `f`; parts before then have tokens.
    pub fn tokenize<E>(&mut self, mut f: impl FnMut(&NormalizedString) -> Result<Vec<Token>, E>) -> Result<(), E> {
        for split in self.splits.iter_mut().filter(|split| split.tokens.is_none()) {
            split.tokens = Some(f(&split.text)?);
        }
        Ok(())
    }

    /// An encoding of all tokens, or `None` if a part has none yet. `word` is the word of all of them; else each part is one.
    #[must_use]
    pub fn to_encoding(&self, type_id: u32, word: Option<u32>) -> Option<Encoding> {
        let index = CharIndex::new(&self.original);
        let narrow = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let (mut ids, mut strings, mut words, mut offsets) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (number, split) in (0..NO_WORD).zip(&self.splits) {
            for token in split.tokens.as_ref()? {
                let (start, end) = split.text.span(token.offsets.0..token.offsets.1);
                let (start, end) = index.span(start, end);
                ids.push(token.id);
                strings.push(token.value.clone());
                words.push(word.unwrap_or(number));
                offsets.push([narrow(start), narrow(end)]);
            }
        }
        Some(Encoding::of_text(ids, type_id, Tokens::listed(strings), words, offsets))
    }
}
