//! Long texts in parts that can be encoded apart: over several threads, or with pauses.

use super::encode::EncodeOptions;
use super::error::EncodeError;
use super::model::Model;
use super::segment::Segmenter;
use super::template::Item;
use super::tokenizer::Tokenizer;
use crate::pretokenize::Pretokenizer;
use std::ops::Range;

/// A part of a text: an added token, or text whose ids depend on nothing around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    range: Range<usize>,
    token: Option<usize>,
}

impl Part {
    /// Where it lies in the text, in bytes.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }
}

/// How far a cut is looked for, in bytes. A text without one for so long is rare, and better left whole than searched again.
const REACH: usize = 1 << 16;

impl Tokenizer {
    /// Cuts a text into parts of about `size` bytes each whose ids, one after the other, are the ids of the text.
    ///
    /// A part may be longer where no cut is proven to be safe, and shorter at an added token. `None` if the text cannot be
    /// cut at all: it would be rewritten, the tokenizer has no compiled pretokenizer, or tokens come around the text.
    #[must_use]
    pub fn parts(&self, text: &str, options: EncodeOptions<'_>, size: usize) -> Option<Vec<Part>> {
        let pretokenizer = self.cutter(text, options)?;
        let size = size.max(1);
        let mut segments = Vec::new();
        self.added.segments(text, options.allowed, &mut segments);
        let mut parts = Vec::with_capacity(segments.len() + text.len() / size);
        for segment in segments {
            let Range { mut start, end } = segment.range;
            if segment.token.is_none() {
                while let Some(cut) = first_cut(pretokenizer, &text[..end], start.saturating_add(size)) {
                    parts.push(Part { range: start..cut, token: None });
                    start = cut;
                }
            }
            parts.push(Part { range: start..end, token: segment.token });
        }
        Some(parts)
    }

    /// Appends the ids of a part that [`Tokenizer::parts`] gave for the same text and options.
    ///
    /// # Errors
    /// If part of the text would be lost.
    pub fn encode_part_into(
        &self,
        text: &str,
        part: &Part,
        options: EncodeOptions<'_>,
        out: &mut Vec<u32>,
    ) -> Result<(), EncodeError> {
        if let Some(token) = part.token.and_then(|index| self.added.tokens().get(index)) {
            out.push(token.id);
            return Ok(());
        }
        let range = text.get(part.range.clone()).unwrap_or_default();
        self.model
            .with_scratch(|work| work.encode_text(range, options.unrepresentable, out))
            .map_err(|error| self.located(error, text.as_bytes()))
    }

    /// The pretokenizer that knows where a text can be cut, if no other component has a say in it.
    pub(super) fn cutter(&self, text: &str, options: EncodeOptions<'_>) -> Option<&Pretokenizer> {
        let (Segmenter::Fast, Model::Encoder { encoder, .. }) = (&self.segmenter, &self.model) else { return None };
        let bare = !options.add_special_tokens || self.template == [Item::Text];
        let plain = bare && !self.asks_for_origin && !self.added.has_normalized();
        let pretokenizer = encoder.pretokenizer();
        (plain && pretokenizer.machine().is_some() && self.normalization.keeps_parts(text)).then_some(pretokenizer)
    }
}

/// The first safe cut at or after a position and before the end of the text.
fn first_cut(pretokenizer: &Pretokenizer, text: &str, from: usize) -> Option<usize> {
    let until = text.len().min(from.saturating_add(REACH));
    (from..until).find(|&at| pretokenizer.is_safe_cut(text, at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::AllowedSpecials;
    use crate::pipeline::samples::{texts, tokenizer};
    use proptest::prelude::*;
    use std::sync::LazyLock;

    static COMPILED: LazyLock<[Tokenizer; 3]> =
        LazyLock::new(|| ["gpt2", "cl100k_base", "o200k_base"].map(|pattern| tokenizer(Some(pattern), "<|a|> the")));

    proptest! {
        #[test]
        fn parts_give_the_ids_of_the_whole(text in texts(60), size in 0_usize..40, all: bool) {
            let allowed = if all { AllowedSpecials::all() } else { AllowedSpecials::none() };
            let options = EncodeOptions { allowed: &allowed, ..EncodeOptions::default() };
            for tokenizer in &*COMPILED {
                let parts = tokenizer.parts(&text, options, size).expect("a compiled pattern");
                let (mut ids, mut end) = (Vec::new(), 0);
                for part in &parts {
                    prop_assert_eq!(part.range().start, end);
                    end = part.range().end;
                    tokenizer.encode_part_into(&text, part, options, &mut ids).expect("every byte has a token");
                }
                prop_assert_eq!(end, text.len());
                prop_assert_eq!(ids, tokenizer.encode(&text, options).expect("every byte has a token"));
            }
        }
    }

    #[test]
    fn parts_are_about_as_long_as_asked() {
        let text = "the quick brown fox ".repeat(1000);
        let parts =
            tokenizer(Some("o200k_base"), "<|a|> the").parts(&text, EncodeOptions::default(), 100).expect("compiled");
        assert!(parts.len() > 150);
        assert!(parts.iter().all(|part| part.range().len() < 110));
        let one = "a".repeat(100_000);
        assert_eq!(
            tokenizer(Some("o200k_base"), "<|a|> the").parts(&one, EncodeOptions::default(), 100).map(|p| p.len()),
            Some(1)
        );
    }

    #[test]
    fn what_cannot_be_cut_is_left_whole() {
        for pattern in [None, Some("a+|b")] {
            assert_eq!(tokenizer(pattern, "<|a|> the").parts("the quick", EncodeOptions::default(), 1), None);
        }
    }
}
