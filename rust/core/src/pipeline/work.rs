//! A model at work: pieces to ids.

use super::error::EncodeError;
use super::model::{Missing, Model, Unrepresentable};
use crate::encoder::Scratch;
use crate::pretokenize::PieceEnds;
use crate::spec::{bytes_to_text, text_to_bytes};

/// A model and its working memory.
pub(super) struct Work<'a> {
    pub(super) model: &'a Model,
    pub(super) scratch: Option<&'a mut Scratch>,
}

impl Work<'_> {
    /// Appends the ids of a text that the encoder cuts into pieces itself.
    pub(super) fn encode_text(
        &mut self,
        text: &str,
        policy: Unrepresentable,
        out: &mut Vec<u32>,
    ) -> Result<(), EncodeError> {
        let Model::Encoder { encoder, missing, .. } = self.model else {
            return self.encode_piece(text, policy, out);
        };
        if encoder.pretokenizer().machine().is_none() {
            return self.encode_piece(text, policy, out);
        }
        let Some(error) = missing.first_in_text(text) else {
            let Some(scratch) = &mut self.scratch else { return Ok(()) };
            return Ok(encoder.encode_ordinary(text, scratch, out)?);
        };
        if policy == Unrepresentable::Error {
            return Err(error);
        }
        // What is left out is left out of each piece: the pieces are those of the whole text.
        let mut buffer = PieceEnds::default();
        let mut at = 0;
        while at < text.len() {
            buffer.clear();
            let next = encoder.pretokenizer().try_pieces(text, at, &mut buffer)?;
            for piece in buffer.ranges(at) {
                self.encode_kept(&text.as_bytes()[piece], missing, out);
            }
            at = next;
        }
        Ok(())
    }

    /// Appends the ids of what a piece has tokens for.
    fn encode_kept(&mut self, piece: &[u8], missing: &Missing, out: &mut Vec<u32>) {
        if let (Model::Encoder { encoder, .. }, Some(scratch)) = (self.model, &mut self.scratch) {
            encoder.encode_piece(&missing.without(piece), scratch, out);
        }
    }

    /// Appends the ids of one piece.
    pub(super) fn encode_piece(
        &mut self,
        piece: &str,
        policy: Unrepresentable,
        out: &mut Vec<u32>,
    ) -> Result<(), EncodeError> {
        match (self.model, &mut self.scratch) {
            (Model::Symbols(symbols), _) => {
                let mut covered = Vec::new();
                symbols.try_encode(piece, policy, &mut covered)?;
                out.extend(covered.iter().map(|token| token.id));
                Ok(())
            }
            (Model::Encoder { encoder, missing, marker, .. }, Some(scratch)) => {
                match missing.first_in_text(piece) {
                    Some(error) if policy == Unrepresentable::Error => return Err(error),
                    Some(_) => self.encode_kept(piece.as_bytes(), missing, out),
                    None => match marker {
                        Some(marker) if u32::try_from(piece.len()).is_ok() => {
                            let mut end = 0;
                            let ends = marker.parts(piece).filter_map(|part| {
                                end += part.len();
                                u32::try_from(end).ok()
                            });
                            encoder.encode_cut(piece, ends, scratch, out);
                        }
                        None | Some(_) => encoder.encode_piece(piece.as_bytes(), scratch, out),
                    },
                }
                Ok(())
            }
            (Model::Encoder { .. }, None) => Ok(()),
        }
    }

    /// Appends the ids of the bytes that a text in the byte alphabet stands for.
    pub(super) fn encode_byte_text(
        &mut self,
        piece: &str,
        policy: Unrepresentable,
        out: &mut Vec<u32>,
    ) -> Result<(), EncodeError> {
        let mut bytes = Vec::with_capacity(piece.len());
        text_to_bytes(piece, &mut bytes);
        self.encode_bytes(&bytes, true, policy, out)
    }

    /// Appends the ids of a piece of raw bytes; `byte_alphabet` tells that the model reads them in that form, if it reads
    /// characters.
    pub(super) fn encode_bytes(
        &mut self,
        piece: &[u8],
        byte_alphabet: bool,
        policy: Unrepresentable,
        out: &mut Vec<u32>,
    ) -> Result<(), EncodeError> {
        match (self.model, &mut self.scratch) {
            (Model::Encoder { encoder, missing, .. }, Some(scratch)) => {
                match missing.first(piece) {
                    None => encoder.encode_piece(piece, scratch, out),
                    Some(error) if policy == Unrepresentable::Error => return Err(error),
                    Some(_) => self.encode_kept(piece, missing, out),
                }
                Ok(())
            }
            (Model::Symbols(symbols), _) => {
                if byte_alphabet {
                    return self.encode_piece(&bytes_to_text(piece), policy, out);
                }
                for &byte in piece {
                    match symbols.stray_byte(byte) {
                        Some(id) => out.push(id),
                        None if policy == Unrepresentable::Drop => {}
                        None => return Err(EncodeError::byte(byte)),
                    }
                }
                Ok(())
            }
            (Model::Encoder { .. }, None) => Ok(()),
        }
    }
}
