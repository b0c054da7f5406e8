//! Text from several sources in one call: special tokens come only from those that are trusted.

use super::added::AllowedSpecials;
use super::encode::EncodeOptions;
use super::error::EncodeError;
use super::model::Unrepresentable;
use super::tokenizer::Tokenizer;
use std::ops::Range;

impl Tokenizer {
    /// The ids of segments that together are one text. A special token is found only where all of it lies in trusted
    /// segments; what an untrusted segment says is text, also together with its neighbours. Otherwise nothing depends on where
    /// the segments meet.
    ///
    /// # Errors
    /// If part of the text would be lost.
    pub fn encode_segments(
        &self,
        segments: &[(&str, bool)],
        add_special_tokens: bool,
        unrepresentable: Unrepresentable,
    ) -> Result<Vec<u32>, EncodeError> {
        let mut text = String::with_capacity(segments.iter().map(|segment| segment.0.len()).sum());
        let mut trusted: Vec<Range<usize>> = Vec::new();
        for &(segment, is_trusted) in segments {
            let start = text.len();
            text.push_str(segment);
            if !is_trusted || segment.is_empty() {
                continue;
            }
            match trusted.last_mut() {
                Some(last) if last.end == start => last.end = text.len(),
                _ => trusted.push(start..text.len()),
            }
        }
        let allowed = AllowedSpecials::within(trusted);
        self.encode(&text, EncodeOptions { add_special_tokens, allowed: &allowed, unrepresentable })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::compile;
    use crate::spec::{AddedToken, TokenTable, TokenizerSpec};

    fn tokenizer() -> Tokenizer {
        let mut table = TokenTable::default();
        for byte in 0..=255_u8 {
            table.push(&[byte], u32::from(byte));
        }
        table.push(b"ab", 256);
        let special = vec![AddedToken::special("<s>", 300), AddedToken::special("s><s", 301)];
        compile(TokenizerSpec::from_ranks(table, Some("gpt2"), special)).expect("a complete vocabulary")
    }

    fn ids(segments: &[(&str, bool)]) -> Vec<u32> {
        tokenizer().encode_segments(segments, false, Unrepresentable::Error).expect("every byte has a token")
    }

    fn bytes(text: &str) -> Vec<u32> {
        text.bytes().map(u32::from).collect()
    }

    #[test]
    fn special_tokens_come_from_trusted_text_alone() {
        assert_eq!(ids(&[("<s>", true), ("<s>", false)]), [vec![300], bytes("<s>")].concat());
        assert_eq!(ids(&[("<", true), ("s>", true)]), [300]);
        assert_eq!(ids(&[("<s", false), (">", true)]), bytes("<s>"));
        assert_eq!(ids(&[("<s", true), (">", false)]), bytes("<s>"));
        // The match of the untrusted text would hide the trusted token behind it.
        assert_eq!(ids(&[("s>", false), ("<s>", true)]), [bytes("s>"), vec![300]].concat());
    }

    #[test]
    fn seams_leave_no_trace() {
        assert_eq!(ids(&[("a", true), ("b", false)]), [256]);
        assert_eq!(ids(&[("", true), ("a", false), ("", true), ("b", true)]), [256]);
        assert!(ids(&[]).is_empty());
    }
}
