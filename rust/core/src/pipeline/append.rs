//! Ids that go on: more text behind ids that are there, and whether ids are those of their text.

use super::encode::EncodeOptions;
use super::error::EncodeError;
use super::tokenizer::Tokenizer;
use crate::decoder::UnknownTokenError;
use std::fmt;

/// Why text cannot be appended to ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppendError {
    /// An id is not a token's.
    Id(UnknownTokenError),
    /// Part of the text would be lost.
    Text(EncodeError),
}

impl fmt::Display for AppendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(error) => error.fmt(f),
            Self::Text(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for AppendError {}

impl Tokenizer {
    /// The ids of a text and more text behind it, from the ids of the text: those of encoding both together.
    ///
    /// `ids` must be what encoding gave for the text before, with the same options but without what a post-processor adds.
    /// Only the end of it is encoded again, from a cut that is proven to be safe; where there is none, all of it is.
    ///
    /// # Errors
    /// If an id is not a token's, or part of the text would be lost.
    pub fn encode_append(&self, ids: &[u32], text: &str, options: EncodeOptions<'_>) -> Result<Vec<u32>, AppendError> {
        let options = EncodeOptions { add_special_tokens: false, ..options };
        let (kept, mut tail) = self.settled(ids, text, options)?;
        tail.extend_from_slice(text.as_bytes());
        let mut all = ids[..kept].to_vec();
        self.encode_bytes_into(&tail, options, &mut all).map_err(AppendError::Text)?;
        Ok(all)
    }

    /// How many ids stay whatever follows, and the bytes of the others.
    fn settled(&self, ids: &[u32], text: &str, options: EncodeOptions<'_>) -> Result<(usize, Vec<u8>), AppendError> {
        let bytes_of = |ids: &[u32]| self.decode_bytes(ids, false).map_err(AppendError::Id);
        let everything = || Ok((0, bytes_of(ids)?));
        if self.asks_for_origin || !self.added.are_apart() {
            return everything();
        }
        // Behind an added token everything begins anew.
        let start = ids.iter().rposition(|&id| self.added.has_id(id)).map_or(0, |at| at + 1);
        let mut bytes = bytes_of(&ids[start..])?;
        let before = bytes.len();
        bytes.extend_from_slice(text.as_bytes());
        let Ok(joined) = String::from_utf8(bytes) else { return Ok((start, bytes_of(&ids[start..])?)) };
        let cut = self.cutter(&joined, options).and_then(|pretokenizer| {
            // Text that follows might complete an added token, so its length is left uncut.
            let mut at = before;
            let mut boundaries = ids[start..].iter().enumerate().rev().map(|(index, &id)| {
                at -= self.token_bytes(id).map_or(0, <[u8]>::len).min(at);
                (start + index, at)
            });
            boundaries
                .find(|&(_, at)| before - at >= self.added.longest() && at > 0 && pretokenizer.is_safe_cut(&joined, at))
        });
        let (kept, at) = cut.unwrap_or((start, 0));
        let mut tail = joined.into_bytes();
        tail.truncate(before);
        Ok((kept, tail.split_off(at)))
    }

    /// Whether ids are what encoding gives for the text that they decode to.
    ///
    /// # Errors
    /// If an id is not a token's.
    pub fn is_canonical(&self, ids: &[u32], options: EncodeOptions<'_>) -> Result<bool, UnknownTokenError> {
        let bytes = self.decode_bytes(ids, false)?;
        let mut again = Vec::with_capacity(ids.len());
        let options = EncodeOptions { add_special_tokens: false, ..options };
        Ok(self.encode_bytes_into(&bytes, options, &mut again).is_ok() && again == ids)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::AllowedSpecials;
    use crate::pipeline::samples::{texts, tokenizer};
    use proptest::prelude::*;
    use std::sync::LazyLock;

    static TOKENIZERS: LazyLock<Vec<Tokenizer>> = LazyLock::new(|| {
        let patterns = [None, Some("gpt2"), Some("o200k_base"), Some("cl100k_base")];
        let pairs = patterns.into_iter().flat_map(|pattern| [(pattern, "<|b|>"), (pattern, "<|a|> the")]);
        pairs.map(|(pattern, other_special)| tokenizer(pattern, other_special)).collect()
    });

    proptest! {
        #[test]
        fn appending_equals_encoding_the_whole(first in texts(30), second in texts(30), all: bool) {
            let allowed = if all { AllowedSpecials::all() } else { AllowedSpecials::none() };
            let options = EncodeOptions { allowed: &allowed, ..EncodeOptions::default() };
            for tokenizer in TOKENIZERS.iter() {
                let ids = tokenizer.encode(&first, options).expect("every byte has a token");
                let whole = tokenizer.encode(&format!("{first}{second}"), options).expect("every byte has a token");
                prop_assert_eq!(tokenizer.encode_append(&ids, &second, options), Ok(whole));
                prop_assert_eq!(tokenizer.is_canonical(&ids, options), Ok(true));
            }
        }
    }

    #[test]
    fn ids_that_encoding_does_not_give_are_not_canonical() {
        let tokenizer = &TOKENIZERS[2];
        let options = EncodeOptions::default();
        let spelled: Vec<u32> = b"the".iter().map(|&byte| u32::from(byte)).collect();
        assert_eq!(tokenizer.is_canonical(&spelled, options), Ok(false));
        assert!(tokenizer.is_canonical(&[5000], options).is_err());
        assert!(matches!(tokenizer.encode_append(&[5000], "a", options), Err(AppendError::Id(_))));
    }
}
