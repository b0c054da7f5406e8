//! The model behind a pipeline, and what it cannot represent.

use super::error::{CompileError, EncodeError};
use super::symbols::SymbolBpe;
use crate::bpe::Bpe;
use crate::encoder::{Encoder, Scratch};
use crate::id::TokenId;
use crate::pretokenize::Pretokenizer;
use crate::spec::{BpeSpec, MergeRule, Symbols, TokenTable, TokenizerSpec, bytes_to_text, text_to_bytes};

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
        /// What pieces consist of.
        symbols: Symbols,
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
        let bpe = match without_empty(&spec.model) {
            None => Bpe::new(&spec.model)?,
            Some(model) => Bpe::new(&model)?,
        };
        let missing = match (&spec.model.symbols, &spec.model.merges) {
            (Symbols::Bytes, MergeRule::Pairs(_)) => {
                (0..=255).filter(|&byte| bpe.vocab().id(&[byte]).is_none()).collect()
            }
            _ => Box::default(),
        };
        Ok(Self::Encoder {
            encoder: Box::new(Encoder::new(bpe, pretokenizer)),
            missing,
            symbols: spec.model.symbols.clone(),
        })
    }

    /// What cuts text, where the model itself does; `None` if a text is one piece to it.
    pub(super) const fn pretokenizer(&self) -> Option<&Pretokenizer> {
        match self {
            Self::Encoder { encoder, .. } => Some(encoder.pretokenizer()),
            Self::Symbols(_) => None,
        }
    }

    /// Token counts of the prefixes of a piece; see [`Bpe::prefix_counts`].
    pub(super) fn prefix_counts(&self, piece: &[u8], limit: u32) -> Option<Vec<u32>> {
        match self {
            Self::Encoder { encoder, .. } => encoder.bpe().prefix_counts(piece, limit),
            Self::Symbols(_) => None,
        }
    }

    /// Length in bytes of the longest token.
    pub(super) fn longest_token(&self) -> usize {
        match self {
            Self::Encoder { encoder, .. } => encoder.bpe().vocab().longest(),
            Self::Symbols(_) => usize::MAX,
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

/// The model without tokens that have no bytes, if it has any: they are decoded, but no text leads to them.
fn without_empty(model: &BpeSpec) -> Option<BpeSpec> {
    model.tokens.iter().any(|(bytes, _)| bytes.is_empty()).then(|| {
        let mut tokens = TokenTable::with_capacity(model.tokens.len(), model.tokens.byte_len());
        for (entry, (bytes, id)) in model.tokens.iter().enumerate().filter(|(_, token)| !token.0.is_empty()) {
            if model.tokens.is_encodable(entry) {
                tokens.push(bytes, id);
            } else {
                tokens.push_not_encodable(bytes, id);
            }
        }
        BpeSpec { tokens, ..model.clone() }
    })
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
            (Model::Encoder { encoder, .. }, Some(scratch)) => Ok(encoder.encode_ordinary(text, scratch, out)?),
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

/// How many bytes of its piece each token covers.
#[derive(Debug, Default)]
pub(super) struct Lengths(pub(super) Vec<usize>);

impl Work<'_> {
    /// As [`Work::encode_text`], with lengths.
    pub(super) fn encode_text_with_lengths(
        &mut self,
        text: &str,
        policy: Unrepresentable,
        out: &mut Vec<u32>,
        lengths: &mut Lengths,
    ) -> Result<(), EncodeError> {
        let from = out.len();
        self.encode_text(text, policy, out)?;
        self.measure(text, &out[from..], lengths);
        Ok(())
    }

    /// As [`Work::encode_piece`], with lengths.
    pub(super) fn encode_piece_with_lengths(
        &mut self,
        piece: &str,
        policy: Unrepresentable,
        out: &mut Vec<u32>,
        lengths: &mut Lengths,
    ) -> Result<(), EncodeError> {
        let from = out.len();
        self.encode_piece(piece, policy, out)?;
        self.measure(piece, &out[from..], lengths);
        Ok(())
    }

    /// As [`Work::encode_byte_text`], with lengths in bytes of the byte alphabet's characters.
    pub(super) fn encode_byte_text_with_lengths(
        &mut self,
        piece: &str,
        policy: Unrepresentable,
        out: &mut Vec<u32>,
        lengths: &mut Lengths,
    ) -> Result<(), EncodeError> {
        let from = out.len();
        self.encode_byte_text(piece, policy, out)?;
        let mut chars = piece.chars();
        for id in &out[from..] {
            let count = self.vocabulary_bytes(*id).map_or(0, <[u8]>::len);
            lengths.0.push(chars.by_ref().take(count).map(char::len_utf8).sum());
        }
        Ok(())
    }

    fn vocabulary_bytes(&self, id: u32) -> Option<&[u8]> {
        match self.model {
            Model::Encoder { encoder, .. } => encoder.bpe().vocab().bytes(TokenId(id)),
            Model::Symbols(_) => None,
        }
    }

    /// The lengths of tokens that a text was encoded to.
    fn measure(&self, text: &str, ids: &[u32], lengths: &mut Lengths) {
        match self.model {
            Model::Symbols(symbols) => {
                let mut covered = Vec::new();
                symbols.encode(text, &mut covered);
                lengths.0.extend(covered.iter().map(|token| token.len));
            }
            Model::Encoder { encoder, symbols, .. } => match symbols {
                Symbols::Bytes => {
                    lengths.0.extend(ids.iter().map(|&id| self.vocabulary_bytes(id).map_or(0, <[u8]>::len)));
                }
                Symbols::Chars { byte_fallback, unknown, fuse_unknown } => {
                    let known = |c: char| encoder.bpe().vocab().id(c.encode_utf8(&mut [0; 4]).as_bytes()).is_some();
                    let mut at = 0;
                    for &id in ids {
                        let next = text.get(at..).and_then(|rest| rest.chars().next());
                        let length = match next {
                            // Inside a character, and at one without a token, stand byte tokens or the unknown token.
                            None => 1,
                            Some(c) if known(c) => self.vocabulary_bytes(id).map_or(0, <[u8]>::len),
                            Some(_) if byte_fallback.is_some() => 1,
                            Some(c) if *unknown == Some(id) && *fuse_unknown => {
                                let unknown = text[at..].chars().take_while(|&c| !known(c));
                                unknown.map(char::len_utf8).sum::<usize>().max(c.len_utf8())
                            }
                            Some(c) if *unknown == Some(id) => c.len_utf8(),
                            Some(_) => self.vocabulary_bytes(id).map_or(0, <[u8]>::len),
                        };
                        lengths.0.push(length);
                        at += length;
                    }
                }
            },
        }
    }
}
