//! Text to [`Encoding`]s: ids with everything that Hugging Face tokenizers says about them.

use super::encode::EncodeOptions;
use super::error::EncodeError;
use super::locate::Found;
use super::tokenizer::Tokenizer;
use crate::encoding::{Encoding, TokenStrings, Tokens, blanks};
use crate::offsets::CharCursor;
use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

/// One input: a text, or a text that was split before.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// A text.
    Text(&'a str),
    /// Words, each of which is encoded on its own; offsets count in each from 0.
    Words(&'a [&'a str]),
}

/// What shall be known of each token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Everything.
    Full,
    /// The id alone: strings are empty, offsets 0, and no token is in a word.
    Ids,
}

/// Makes [`Encoding`]s of one tokenizer.
#[derive(Debug, Clone)]
pub struct FullEncoder {
    tokenizer: Arc<Tokenizer>,
    strings: Arc<Strings>,
}

impl FullEncoder {
    /// Of a tokenizer.
    #[must_use]
    pub fn new(tokenizer: Arc<Tokenizer>) -> Self {
        let strings = Arc::new(Strings { tokenizer: Arc::clone(&tokenizer), blanks: OnceLock::new() });
        Self { tokenizer, strings }
    }

    /// The tokenizer.
    #[must_use]
    pub const fn tokenizer(&self) -> &Arc<Tokenizer> {
        &self.tokenizer
    }

    /// The strings of its tokens.
    #[must_use]
    pub fn strings(&self) -> Arc<dyn TokenStrings> {
        Arc::clone(&self.strings) as Arc<dyn TokenStrings>
    }

    /// Encodes one input. What a post-processor adds is not added here.
    ///
    /// # Errors
    /// If part of the text would be lost; see [`Unrepresentable`](super::Unrepresentable).
    pub fn encode(
        &self,
        input: Input<'_>,
        type_id: u32,
        detail: Detail,
        options: EncodeOptions<'_>,
    ) -> Result<Encoding, EncodeError> {
        let options = EncodeOptions { add_special_tokens: false, ..options };
        if detail == Detail::Ids {
            let mut ids = Vec::new();
            match input {
                Input::Text(text) => self.tokenizer.encode_into(text, options, &mut ids)?,
                Input::Words(words) => {
                    words.iter().try_for_each(|word| self.tokenizer.encode_into(word, options, &mut ids))?;
                }
            }
            return Ok(Encoding::of_ids(ids));
        }
        let mut found = Found::default();
        let mut offsets = Vec::new();
        let located = |error: EncodeError, text: &str| self.tokenizer.located(error, text.as_bytes());
        match input {
            Input::Text(text) => {
                self.tokenizer.locate_text(text, options, &mut found).map_err(|error| located(error, text))?;
                to_chars(text, &found, 0, &mut offsets);
            }
            Input::Words(words) => {
                for (number, word) in (0..).zip(words) {
                    let from = found.ids.len();
                    found.restart();
                    self.tokenizer.locate_text(word, options, &mut found).map_err(|error| located(error, word))?;
                    found.pieces[from..].fill(number);
                    to_chars(word, &found, from, &mut offsets);
                }
            }
        }
        let Found { ids, pieces, added, .. } = found;
        let same = |at: usize, text: &str| self.strings.string(ids[at]).is_some_and(|string| string == text);
        let others: Vec<(usize, Box<str>)> = added
            .into_iter()
            .filter(|(at, text)| !same(*at, text))
            .map(|(at, text)| (at, text.into_boxed_str()))
            .collect();
        let tokens = Tokens::new(ids.len(), self.strings(), others);
        Ok(Encoding::of_text(ids, type_id, tokens, pieces, offsets))
    }
}

/// Appends the spans of tokens from `from` on, in characters.
fn to_chars(text: &str, found: &Found, from: usize, out: &mut Vec<[u32; 2]>) {
    let narrow = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    let spans = &found.spans[from..];
    if text.is_ascii() {
        out.extend(spans.iter().map(|&(start, end)| [narrow(start), narrow(end)]));
        return;
    }
    let mut index = CharCursor::new(text);
    out.extend(spans.iter().map(|&(start, end)| {
        let (start, end) = index.span(start, end);
        [narrow(start), narrow(end)]
    }));
}

/// The strings of a tokenizer's tokens.
#[derive(Debug)]
struct Strings {
    tokenizer: Arc<Tokenizer>,
    /// White space around the strings, by id, made when first asked for.
    blanks: OnceLock<Box<[(u8, u8)]>>,
}

/// Ids up to here have their white space in a table.
const TABLE: usize = 1 << 21;

impl TokenStrings for Strings {
    fn string(&self, id: u32) -> Option<Cow<'_, str>> {
        self.tokenizer.vocabulary_string(id).or_else(|| self.tokenizer.token_string(id)).map(Cow::Owned)
    }

    fn blanks(&self, id: u32) -> (usize, usize) {
        let direct = |id: u32| self.string(id).map_or((0, 0), |string| blanks(&string));
        let table = self.blanks.get_or_init(|| {
            let size = self.tokenizer.max_token_id().map_or(0, |max| (max as usize + 1).min(TABLE));
            let narrow = |count: usize| u8::try_from(count).unwrap_or(u8::MAX);
            (0..u32::MAX).take(size).map(|id| (narrow(direct(id).0), narrow(direct(id).1))).collect()
        });
        match table.get(id as usize) {
            Some(&(before, after)) if before < u8::MAX && after < u8::MAX => (before.into(), after.into()),
            _ => direct(id),
        }
    }
}
