//! The model behind a pipeline, and what it cannot represent.

use super::error::{CompileError, EncodeError};
use super::marker::Marker;
use super::symbols::SymbolBpe;
use super::work::Work;
use crate::bpe::Bpe;
use crate::encoder::Encoder;
use crate::pretokenize::Pretokenizer;
use crate::spec::{self, BpeSpec, MergeRule, Symbols, TokenTable, TokenizerSpec};
use crate::vocab::Vocab;
use std::sync::Arc;

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
#[allow(clippy::large_enum_variant, reason = "a tokenizer has one")]
pub(super) enum Model {
    /// Bytes, or characters that all have something to stand for them.
    Encoder {
        encoder: Box<Encoder>,
        /// Symbols that would be left out.
        missing: Missing,
        /// What pieces can be cut before.
        marker: Option<Marker>,
        /// What pieces consist of.
        symbols: Symbols,
    },
    /// Everything else.
    Symbols(Arc<SymbolBpe>),
}

impl Model {
    pub(super) fn new(spec: &TokenizerSpec, pretokenizer: Pretokenizer) -> Result<Self, CompileError> {
        let drops = matches!(&spec.model.symbols, Symbols::Chars { byte_fallback: None, unknown: None, .. });
        // A piece from which something is left out must not be taken for a token as a whole.
        if (drops && spec.model.ignore_merges) || !spec.symbol_options.is_default() || stand_ins_merge(&spec.model) {
            return Ok(Self::Symbols(Arc::new(SymbolBpe::new(spec)?)));
        }
        let bpe = match without_empty(&spec.model) {
            None => Bpe::new(&spec.model)?,
            Some(model) => Bpe::new(&model)?,
        };
        let missing = match (&spec.model.symbols, &spec.model.merges) {
            (Symbols::Bytes, MergeRule::Pairs(_)) => Missing::bytes(bpe.vocab()),
            (Symbols::Chars { .. }, _) if drops => Missing::chars(bpe.vocab()),
            _ => Missing::Nothing,
        };
        let marker = if spec.model.ignore_merges { None } else { Marker::new(&spec.model, bpe.vocab()) };
        Ok(Self::Encoder {
            encoder: Box::new(Encoder::new(bpe, pretokenizer)),
            missing,
            marker,
            symbols: spec.model.symbols.clone(),
        })
    }

    /// The same model behind another pretokenizer.
    pub(super) fn behind(&self, pretokenizer: Pretokenizer) -> Self {
        match self {
            Self::Symbols(symbols) => Self::Symbols(Arc::clone(symbols)),
            Self::Encoder { encoder, missing, marker, symbols } => Self::Encoder {
                encoder: Box::new(Encoder::new(Arc::clone(encoder.bpe()), pretokenizer)),
                missing: missing.clone(),
                marker: marker.clone(),
                symbols: symbols.clone(),
            },
        }
    }

    /// From now on the cache takes a space in a piece for a mark.
    pub(super) fn spell_spaces_as_marks(&mut self) {
        if let Self::Encoder { encoder, .. } = self {
            encoder.spell_spaces_as_marks();
        }
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

    /// See [`Encoder::prepare`].
    pub(super) fn prepare(&self, threads: usize) {
        if let Self::Encoder { encoder, .. } = self {
            encoder.prepare(threads);
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

/// Whether a token that stands for unknown characters or bytes also merges with others: then it does not end a run.
fn stand_ins_merge(model: &BpeSpec) -> bool {
    let (MergeRule::Pairs(pairs), Symbols::Chars { byte_fallback, unknown, .. }) = (&model.merges, &model.symbols)
    else {
        return false;
    };
    let mut stand_ins: Vec<u32> = byte_fallback.iter().flat_map(|ids| ids.iter().copied()).chain(*unknown).collect();
    stand_ins.sort_unstable();
    let stands_in = |id: &u32| stand_ins.binary_search(id).is_ok();
    !stand_ins.is_empty() && pairs.iter().any(|(left, right)| stands_in(left) || stands_in(right))
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

/// Symbols that have no token, and nothing to stand for them.
#[derive(Debug, Clone)]
pub(super) enum Missing {
    Nothing,
    /// Bytes, as a bit set, and whether UTF-8 text may hold some.
    Bytes {
        missing: [u64; 4],
        in_text: bool,
    },
    /// All characters but these.
    AllBut(Box<[u64]>),
}

impl Missing {
    fn bytes(vocab: &Vocab) -> Self {
        let mut missing = [0; 4];
        for byte in (0..=255_u8).filter(|&byte| vocab.id(&[byte]).is_none()) {
            missing[usize::from(byte) / 64] |= 1 << (byte % 64);
        }
        let in_text = (0..=255_u8).any(|byte| contains(&missing, byte.into()) && spec::occurs_in_text(byte));
        if missing == [0; 4] { Self::Nothing } else { Self::Bytes { missing, in_text } }
    }

    fn chars(vocab: &Vocab) -> Self {
        let mut known = vec![0; char::MAX as usize / 64 + 1].into_boxed_slice();
        for c in '\0'..=char::MAX {
            if vocab.id(c.encode_utf8(&mut [0; 4]).as_bytes()).is_some() {
                known[c as usize / 64] |= 1 << (c as usize % 64);
            }
        }
        Self::AllBut(known)
    }

    /// What an error says about the first missing symbol of a text, if it has one.
    pub(super) fn first_in_text(&self, text: &str) -> Option<EncodeError> {
        match self {
            Self::Nothing | Self::Bytes { in_text: false, .. } => None,
            Self::Bytes { .. } => self.first(text.as_bytes()),
            Self::AllBut(known) => text.chars().find(|&c| !contains(known, c.into())).map(EncodeError::character),
        }
    }

    /// The same for bytes that need not be text.
    pub(super) fn first(&self, bytes: &[u8]) -> Option<EncodeError> {
        match self {
            Self::Nothing => None,
            Self::Bytes { missing, .. } => {
                bytes.iter().copied().find(|&byte| contains(missing, byte.into())).map(EncodeError::byte)
            }
            Self::AllBut(_) => match std::str::from_utf8(bytes) {
                Ok(text) => self.first_in_text(text),
                Err(error) => bytes.get(error.valid_up_to()).copied().map(EncodeError::byte),
            },
        }
    }

    /// What is left of a piece without its missing symbols.
    pub(super) fn without(&self, piece: &[u8]) -> Vec<u8> {
        match self {
            Self::Nothing => piece.to_vec(),
            Self::Bytes { missing, .. } => {
                piece.iter().copied().filter(|&byte| !contains(missing, byte.into())).collect()
            }
            Self::AllBut(known) => {
                let valid = piece.utf8_chunks().flat_map(|chunk| chunk.valid().chars());
                valid.filter(|&c| contains(known, c.into())).collect::<String>().into_bytes()
            }
        }
    }
}

fn contains(set: &[u64], member: u32) -> bool {
    set.get(member as usize / 64).is_some_and(|word| word >> (member % 64) & 1 == 1)
}
