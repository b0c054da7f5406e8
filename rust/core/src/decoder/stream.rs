//! Decoding while ids arrive.

use super::utf8::take_decided;
use super::{Decoder, JoinState, TokenBytes, UnknownTokenError};

/// Turns ids into text as they come.
///
/// Each step returns the text that no later token can change: a character is returned with the token that completes it
/// and never in parts; bytes that can no longer become a character are returned as U+FFFD. The pieces and the end
/// concatenate to what decoding the whole sequence with replacement gives.
///
/// The stream borrows nothing, so that it can be kept beside the tokenizer; every call must be given the same decoder.
#[derive(Debug, Clone, Default)]
pub struct DecodeStream {
    join: JoinState,
    pending: Vec<u8>,
    tokens: usize,
    /// For decoders that only know whole sequences: all ids, and how much of their text has been returned.
    whole: Option<Whole>,
}

#[derive(Debug, Clone, Default)]
struct Whole {
    ids: Vec<u32>,
    text: String,
    returned: usize,
}

impl DecodeStream {
    /// A stream at the beginning of a text.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The text that the next token completes; often empty in the middle of a character.
    ///
    /// # Errors
    /// If `id` is not a token's; the stream is then as it was.
    pub fn step(&mut self, decoder: &Decoder, id: u32) -> Result<String, UnknownTokenError> {
        decoder.push(id, self.tokens, &mut self.join, &mut self.pending)?;
        self.tokens += 1;
        let mut text = String::new();
        take_decided(&mut self.pending, false, &mut text);
        Ok(text)
    }

    /// As [`DecodeStream::step`], for decoders that are no joining of bytes per token: `decode` gives the text of a whole
    /// sequence. O(length of the sequence so far).
    ///
    /// Text is returned once the next token has left it as it was.
    ///
    /// # Errors
    /// If `id` is not a token's; the stream is then as it was.
    pub fn step_whole(
        &mut self,
        id: u32,
        tokens: &TokenBytes,
        decode: impl FnOnce(&[u32]) -> String,
    ) -> Result<String, UnknownTokenError> {
        if tokens.get(id).is_none() {
            return Err(UnknownTokenError::new(id, self.tokens, tokens.max_id()));
        }
        self.tokens += 1;
        let whole = self.whole.get_or_insert_default();
        whole.ids.push(id);
        let text = decode(&whole.ids);
        let stable = common_prefix(&whole.text, &text);
        let new = text.get(whole.returned..stable).unwrap_or_default().to_owned();
        whole.returned += new.len();
        whole.text = text;
        Ok(new)
    }

    /// Counts a token that is skipped, so that positions in errors stay right.
    pub const fn skip(&mut self) {
        self.tokens += 1;
    }

    /// What is left when no token follows: an unfinished character is returned as U+FFFD.
    pub fn finish(&mut self) -> String {
        Decoder::finish(&mut self.join, &mut self.pending);
        let mut text = String::new();
        take_decided(&mut self.pending, true, &mut text);
        if let Some(whole) = &self.whole {
            text.push_str(whole.text.get(whole.returned..).unwrap_or_default());
        }
        *self = Self::new();
        text
    }
}

/// Bytes that two texts share at the beginning, in whole characters.
fn common_prefix(a: &str, b: &str) -> usize {
    a.chars().zip(b.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum()
}
