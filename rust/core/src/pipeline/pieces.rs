//! Where the pieces of a text lie, for people who want to look.

use super::added::{AllowedSpecials, Segment};
use super::encode::pattern_pieces;
use super::error::EncodeError;
use super::model::Unrepresentable;
use super::rewrite::{Span, Tracked};
use super::segment::Segmenter;
use super::split;
use super::tokenizer::Tokenizer;
use crate::decoder::valid_and_invalid_runs;
use crate::pretokenize::PieceEnds;

impl Tokenizer {
    /// The pieces into which an input is cut before tokens merge, as start and end in bytes of the input.
    ///
    /// An added token is a piece, and so is each maximal run of bytes that is no UTF-8. Where normalization rewrites text,
    /// a piece covers what it was made from: it may be empty, and what is removed lies in no piece. No token reaches over the
    /// border of two pieces. Working memory is up to 16 times the input where normalization or a chain of components
    /// is involved.
    ///
    /// # Errors
    /// If a regular expression gives up on the text.
    pub fn pieces(&self, input: &[u8], allowed: &AllowedSpecials) -> Result<Vec<(usize, usize)>, EncodeError> {
        let mut out = Vec::new();
        let mut at = 0;
        for run in valid_and_invalid_runs(input) {
            match run {
                Ok(text) => {
                    self.pieces_of_text(text, at, allowed, &mut out).map_err(|error| self.located(error, input))?;
                    at += text.len();
                }
                Err(invalid) => {
                    out.push((at, at + invalid.len()));
                    at += invalid.len();
                }
            }
        }
        Ok(out)
    }

    /// Appends the pieces of a text that begins at `at` in the input.
    fn pieces_of_text(
        &self,
        text: &str,
        at: usize,
        allowed: &AllowedSpecials,
        out: &mut Vec<Span>,
    ) -> Result<(), EncodeError> {
        let mut segments = Vec::new();
        self.added.segments(text, allowed, &mut segments);
        for Segment { range, token } in segments {
            if token.is_some() {
                out.push((at + range.start, at + range.end));
                continue;
            }
            let mut tracked = Tracked::new(&text[range.clone()], at + range.start);
            self.normalization.tracked(&mut tracked)?;
            let mut inner = Vec::new();
            self.added.normalized_segments(&tracked.text, allowed, &mut inner);
            for Segment { range, token } in inner {
                let part = tracked.slice(range);
                if token.is_some() {
                    out.push(part.span(0..part.text.len()));
                } else {
                    self.cut(part, out)?;
                }
            }
        }
        Ok(())
    }

    /// Appends the pieces of normalized text without added tokens.
    fn cut(&self, mut tracked: Tracked<'_>, out: &mut Vec<Span>) -> Result<(), EncodeError> {
        let pieces = match &self.segmenter {
            Segmenter::Fast => match self.model.pretokenizer() {
                Some(pretokenizer) => {
                    let mut buffer = PieceEnds::default();
                    let mut at = 0;
                    while at < tracked.text.len() {
                        buffer.clear();
                        let next = pretokenizer.try_pieces(&tracked.text, at, &mut buffer)?;
                        out.extend(buffer.ranges(at).map(|piece| tracked.span(piece)));
                        at = next;
                    }
                    return Ok(());
                }
                None => std::iter::once(0..tracked.text.len()).collect(),
            },
            Segmenter::Pattern(pretokenizer) => {
                pattern_pieces(pretokenizer, &tracked.text, tracked.span(0..0).0, Unrepresentable::Drop)?
            }
            Segmenter::Stages { stages, .. } => split::run(stages, &mut tracked)?,
        };
        out.extend(pieces.into_iter().map(|piece| tracked.span(piece)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::pipeline::{AllowedSpecials, Tokenizer, compile};
    use crate::spec::{AddedToken, TokenTable, TokenizerSpec};

    fn bytes_only(pattern: Option<&str>) -> Tokenizer {
        let mut tokens = TokenTable::default();
        for byte in 0..=255u8 {
            tokens.push(&[byte], u32::from(byte));
        }
        let added = vec![AddedToken::special("<|end|>", 256)];
        compile(TokenizerSpec::from_ranks(tokens, pattern, added)).expect("complete")
    }

    fn pieces(tokenizer: &Tokenizer, input: &[u8], allowed: &AllowedSpecials) -> Vec<Vec<u8>> {
        let pieces = tokenizer.pieces(input, allowed).expect("no regular expression gives up");
        pieces.into_iter().map(|(start, end)| input[start..end].to_vec()).collect()
    }

    #[test]
    fn a_pattern_cuts_and_special_tokens_and_broken_bytes_are_pieces() {
        let tokenizer = bytes_only(Some("gpt2"));
        let input = b"two words\xff\xfe<|end|> x";
        let none = AllowedSpecials::none();
        assert_eq!(
            pieces(&tokenizer, input, &none),
            [&b"two"[..], b" words", b"\xff\xfe", b"<|", b"end", b"|>", b" x"]
        );
        let all = tokenizer.allow(["<|end|>"]).expect("a special token");
        assert_eq!(pieces(&tokenizer, input, &all), [&b"two"[..], b" words", b"\xff\xfe", b"<|end|>", b" x"]);
    }

    #[test]
    fn without_a_pattern_the_text_is_one_piece() {
        assert_eq!(pieces(&bytes_only(None), b"one piece", &AllowedSpecials::none()), [b"one piece"]);
        assert!(pieces(&bytes_only(None), b"", &AllowedSpecials::none()).is_empty());
    }

    #[test]
    fn an_expression_of_the_user_cuts_too() {
        assert_eq!(
            pieces(&bytes_only(Some("[a-z]+|.")), b"ab1cd", &AllowedSpecials::none()),
            [&b"ab"[..], b"1", b"cd"]
        );
    }
}
