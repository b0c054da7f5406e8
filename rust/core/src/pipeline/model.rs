//! The model behind a pipeline, and what it cannot represent.

use super::error::{CompileError, EncodeError};
use super::symbols::SymbolBpe;
use crate::bpe::Bpe;
use crate::encoder::{Encoder, Scratch};
use crate::pretokenize::Pretokenizer;
use crate::spec::{MergeRule, Symbols, TokenizerSpec, bytes_to_text, text_to_bytes};

/// What happens to input that the vocabulary has no token for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unrepresentable {
    /// Encoding fails.
    #[default]
    Error,
    /// It is left out, as the reference libraries do.
    Drop,
}

/// A model that encodes pieces.
#[derive(Debug)]
pub(super) enum Model {
    /// Bytes, or characters that all have something to stand for them.
    Encoder {
        encoder: Box<Encoder>,
        /// Bytes that have no token; if there are any, they do not occur in text.
        missing: Box<[u8]>,
    },
    /// Everything else.
    Symbols(SymbolBpe),
}

impl Model {
    pub(super) fn new(spec: &TokenizerSpec, pretokenizer: Pretokenizer) -> Result<Self, CompileError> {
        let drops = matches!(&spec.model.symbols, Symbols::Chars { byte_fallback: None, unknown: None, .. });
        if drops || !spec.symbol_options.is_default() {
            return Ok(Self::Symbols(SymbolBpe::new(spec)?));
        }
        let bpe = Bpe::new(&spec.model)?;
        let missing = match (&spec.model.symbols, &spec.model.merges) {
            (Symbols::Bytes, MergeRule::Pairs(_)) => {
                (0..=255).filter(|&byte| bpe.vocab().id(&[byte]).is_none()).collect()
            }
            _ => Box::default(),
        };
        Ok(Self::Encoder { encoder: Box::new(Encoder::new(bpe, pretokenizer)), missing })
    }

    /// What cuts text, where the model itself does; `None` if a text is one piece to it.
    pub(super) const fn pretokenizer(&self) -> Option<&Pretokenizer> {
        match self {
            Self::Encoder { encoder, .. } => Some(encoder.pretokenizer()),
            Self::Symbols(_) => None,
        }
    }

    /// Calls `f` with working memory.
    pub(super) fn with_scratch<T>(&self, f: impl FnOnce(&mut Work<'_>) -> T) -> T {
        match self {
            Self::Encoder { encoder, .. } => {
                encoder.with_scratch(|scratch| f(&mut Work { model: self, scratch: Some(scratch) }))
            }
            Self::Symbols(_) => f(&mut Work { model: self, scratch: None }),
        }
    }
}

/// A model at work.
pub(super) struct Work<'a> {
    model: &'a Model,
    scratch: Option<&'a mut Scratch>,
}

impl Work<'_> {
    /// Appends the ids of a text that the encoder cuts into pieces itself.
    pub(super) fn encode_text(
        &mut self,
        text: &str,
        policy: Unrepresentable,
        out: &mut Vec<u32>,
    ) -> Result<(), EncodeError> {
        match (self.model, &mut self.scratch) {
            (Model::Encoder { encoder, .. }, Some(scratch)) => {
                encoder.encode_ordinary(text, scratch, out);
                Ok(())
            }
            _ => self.encode_piece(text, policy, out),
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
                if policy == Unrepresentable::Error
                    && let Some((_, c)) = symbols.first_dropped(piece)
                {
                    return Err(EncodeError::character(c));
                }
                let mut covered = Vec::new();
                symbols.encode(piece, &mut covered);
                out.extend(covered.iter().map(|token| token.id));
                Ok(())
            }
            (Model::Encoder { encoder, .. }, Some(scratch)) => {
                encoder.encode_piece(piece.as_bytes(), scratch, out);
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
                let Some(byte) = piece.iter().find(|byte| missing.contains(byte)) else {
                    encoder.encode_piece(piece, scratch, out);
                    return Ok(());
                };
                if policy == Unrepresentable::Error {
                    return Err(EncodeError::byte(*byte));
                }
                let kept: Vec<u8> = piece.iter().copied().filter(|byte| !missing.contains(byte)).collect();
                encoder.encode_piece(&kept, scratch, out);
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
