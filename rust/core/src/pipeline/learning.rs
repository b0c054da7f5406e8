//! The pieces of a text as a model gets them: what learning a vocabulary counts.

use super::encode::pattern_pieces;
use super::error::EncodeError;
use super::model::Unrepresentable;
use super::rewrite::Tracked;
use super::segment::{PieceForm, Segmenter};
use super::split;
use super::tokenizer::Tokenizer;
use crate::decoder::valid_and_invalid_runs;
use crate::pretokenize::{PieceEnds, Pretokenizer};
use crate::spec::text_to_bytes;

impl Tokenizer {
    /// Calls `f` with runs of pieces as the model gets them, normalized: the text that holds them, where the first piece
    /// begins, and the ends of all, relative to that. Added tokens are not looked for; text that a pattern does not match is
    /// left out; maximal runs of bytes that are no UTF-8 are pieces.
    ///
    /// # Errors
    /// If a regular expression gives up on the text.
    pub fn for_each_run(&self, input: &[u8], f: &mut impl FnMut(&[u8], usize, &[u32])) -> Result<(), EncodeError> {
        if let Ok(text) = std::str::from_utf8(input) {
            return self.runs_of_text(text, f);
        }
        for run in valid_and_invalid_runs(input) {
            match run {
                Ok(text) => self.runs_of_text(text, f)?,
                Err(invalid) => one(invalid, f),
            }
        }
        Ok(())
    }

    /// The same for text.
    ///
    /// # Errors
    /// If a regular expression gives up on the text.
    pub fn runs_of_text(&self, text: &str, f: &mut impl FnMut(&[u8], usize, &[u32])) -> Result<(), EncodeError> {
        if self.asks_for_origin {
            let mut tracked = Tracked::new(text, 0);
            self.normalization.tracked(&mut tracked)?;
            return self.runs_of_stages(tracked, f);
        }
        let text = self.normalization.plain(text)?;
        match &self.segmenter {
            Segmenter::Fast => match self.model.pretokenizer() {
                Some(pretokenizer) => {
                    let mut buffer = PieceEnds::default();
                    let mut at = 0;
                    while at < text.len() {
                        buffer.clear();
                        let next = pretokenizer.try_pieces(&text, at, &mut buffer)?;
                        f(text.as_bytes(), at, &buffer.ends);
                        at = next;
                    }
                }
                None => one(text.as_bytes(), f),
            },
            Segmenter::Pattern(pretokenizer) => {
                for piece in pattern_pieces(pretokenizer, &text, 0, Unrepresentable::Drop)? {
                    one(&text.as_bytes()[piece], f);
                }
            }
            Segmenter::Stages { .. } => self.runs_of_stages(Tracked::untracked(&text), f)?,
        }
        Ok(())
    }

    fn runs_of_stages(
        &self,
        mut tracked: Tracked<'_>,
        f: &mut impl FnMut(&[u8], usize, &[u32]),
    ) -> Result<(), EncodeError> {
        let Segmenter::Stages { stages, form } = &self.segmenter else { return Ok(()) };
        let mut bytes = Vec::new();
        for piece in split::run(stages, &mut tracked)? {
            let piece = &tracked.text[piece];
            bytes.clear();
            match form {
                PieceForm::ByteAlphabet if text_to_bytes(piece, &mut bytes) => one(&bytes, f),
                _ => one(piece.as_bytes(), f),
            }
        }
        Ok(())
    }

    /// The pretokenizer, if it is compiled and gets the text as it is: then a text may be cut where
    /// [`Pretokenizer::is_safe_cut`] says so.
    #[must_use]
    pub fn cutting_pretokenizer(&self) -> Option<&Pretokenizer> {
        let plain = self.normalization.is_empty() && matches!(self.segmenter, Segmenter::Fast);
        self.model.pretokenizer().filter(|pretokenizer| plain && pretokenizer.machine().is_some())
    }
}

/// One piece as a run; pieces of 4 GiB do not occur, as texts are not that long.
fn one(piece: &[u8], f: &mut impl FnMut(&[u8], usize, &[u32])) {
    if let Ok(len @ 1..) = u32::try_from(piece.len()) {
        f(piece, 0, &[len]);
    }
}
