//! Encoding step by step, for chains with components that are not ours.

use super::added::{AllowedSpecials, Segment};
use super::error::EncodeError;
use super::full::FullEncoder;
use super::lengths::Lengths;
use super::model::Unrepresentable;
use super::normalized::NormalizedString;
use super::pretokenized::{PreTokenizedString, Split, Token};
use std::convert::Infallible;

impl FullEncoder {
    /// Finds added tokens in what has no tokens yet: those that are looked for in the text as given, or, where `normalized`,
    /// those that are looked for in normalized text.
    pub fn find_added(&self, text: &mut PreTokenizedString, allowed: &AllowedSpecials, normalized: bool) {
        let added = &self.tokenizer().added;
        let split = |_, part: &NormalizedString| {
            let mut segments = Vec::new();
            if normalized {
                added.normalized_segments(part.normalized(), allowed, &mut segments);
            } else {
                added.segments(part.normalized(), allowed, &mut segments);
            }
            let split = |Segment { range, token }: Segment| {
                let text = part.slice(range)?;
                let tokens = token.map(|index| {
                    let value = text.normalized().to_owned();
                    vec![Token { id: added.tokens()[index].id, offsets: (0, value.len()), value }]
                });
                Some(Split { text, tokens })
            };
            Ok::<_, Infallible>(segments.into_iter().filter_map(split).collect())
        };
        match text.split_and_tokenize(split) {
            Ok(()) => {}
            Err(never) => match never {},
        }
    }

    /// The tokens of one piece, as the model alone finds them.
    ///
    /// # Errors
    /// If part of the piece would be lost and may not.
    pub fn tokenize(&self, piece: &str, policy: Unrepresentable) -> Result<Vec<Token>, EncodeError> {
        let (mut ids, mut lengths) = (Vec::new(), Lengths::default());
        self.tokenizer()
            .model
            .with_scratch(|work| work.encode_piece_with_lengths(piece, policy, &mut ids, &mut lengths))?;
        let strings = self.strings();
        let mut at = 0;
        let tokens = ids.into_iter().zip(lengths.0).map(|(id, length)| {
            let start = at;
            at += length;
            Token { id, value: strings.string(id).unwrap_or_default().into_owned(), offsets: (start, at) }
        });
        Ok(tokens.collect())
    }
}
