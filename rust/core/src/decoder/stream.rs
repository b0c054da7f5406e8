//! Decoding while ids arrive.

use super::utf8::take_decided;
use super::{Decoder, JoinState, UnknownTokenError};

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

    /// Counts a token that is skipped, so that positions in errors stay right.
    pub const fn skip(&mut self) {
        self.tokens += 1;
    }

    /// What is left when no token follows: an unfinished character is returned as U+FFFD.
    pub fn finish(&mut self) -> String {
        Decoder::finish(&mut self.join, &mut self.pending);
        let mut text = String::new();
        take_decided(&mut self.pending, true, &mut text);
        *self = Self::new();
        text
    }
}
