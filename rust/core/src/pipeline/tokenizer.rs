//! The tokenizer: frozen, and safe to share between threads.

use super::added::{AddedTokens, AllowedSpecials};
use super::decode::Decoding;
use super::error::{EncodeError, SpecialTokenError};
use super::model::Model;
use super::normalize::Normalization;
use super::segment::Segmenter;
use super::spaced::Spaced;
use super::template::Item;
use crate::spec::{AddedToken, MergeRule, TokenizerSpec};
use std::sync::OnceLock;

/// A frozen tokenizer.
///
/// All methods take `&self`, and any number of threads may share one without a lock: working memory is pooled.
#[derive(Debug)]
pub struct Tokenizer {
    pub(super) normalization: Normalization,
    pub(super) segmenter: Segmenter,
    /// Whether some component asks where in the input a piece lies.
    pub(super) asks_for_origin: bool,
    /// Whether text reaches the model in the byte alphabet.
    pub(super) reads_byte_alphabet: bool,
    pub(super) model: Model,
    /// What the chain does to spaces, where it does nothing else.
    pub(super) spaced: Option<Spaced>,
    pub(super) added: AddedTokens,
    pub(super) template: Vec<Item>,
    pub(super) decoding: Decoding,
    /// Ids that only the post-processor knows, in order.
    pub(super) strays: Vec<u32>,
    pub(super) spec: TokenizerSpec,
    /// Entries of the vocabulary in the order of their bytes, made when first asked for.
    pub(super) by_bytes: OnceLock<Vec<u32>>,
    /// Ids and entries, made when first asked for.
    pub(super) by_id: OnceLock<Vec<(u32, usize)>>,
}

impl Tokenizer {
    /// An error in terms of the input.
    pub(super) fn located(&self, error: EncodeError, input: &[u8]) -> EncodeError {
        let error = if self.reads_byte_alphabet { error.of_byte_alphabet() } else { error };
        error.located(input)
    }

    /// The bytes that a token stands for.
    #[must_use]
    pub fn token_bytes(&self, id: u32) -> Option<&[u8]> {
        self.decoding.tokens().get(id)
    }

    /// The id of the token with these bytes: an added token's if its text is meant, else the one that encoding gives.
    #[must_use]
    pub fn token_to_id(&self, bytes: &[u8]) -> Option<u32> {
        if let Some(token) = std::str::from_utf8(bytes).ok().and_then(|text| self.added.by_content(text)) {
            return Some(token.id);
        }
        let tokens = self.decoding.tokens();
        let order = self.by_bytes.get_or_init(|| {
            let mut order: Vec<u32> = tokens.iter().map(|token| token.0).collect();
            order.sort_by(|&a, &b| {
                (tokens.get(a), self.is_byte_token(a), a).cmp(&(tokens.get(b), self.is_byte_token(b), b))
            });
            order
        });
        let at = order.partition_point(|&id| tokens.get(id).is_some_and(|token| token < bytes));
        order.get(at).copied().filter(|&id| tokens.get(id) == Some(bytes))
    }

    /// The merges in the order of their rank, each as the two tokens that it joins.
    ///
    /// The merges that a file lists are given as they are. For a vocabulary of ranks they are reconstructed; `None` if its
    /// ranks contradict any order of merges.
    #[must_use]
    pub fn merges(&self) -> Option<Vec<(&[u8], &[u8])>> {
        let bytes = |id: u32| {
            let entry = self.entry_of_id(id).and_then(|entry| self.spec.model.tokens.get(entry));
            entry.map_or(&[][..], |token| token.0)
        };
        match (&self.spec.model.merges, &self.model) {
            (MergeRule::Pairs(pairs), _) => Some(pairs.iter().map(|&(l, r)| (bytes(l), bytes(r))).collect()),
            (MergeRule::Ranks, Model::Encoder { encoder, .. }) => {
                Some(encoder.bpe().merges()?.iter().map(|(l, r, _)| (bytes(l.0), bytes(r.0))).collect())
            }
            (MergeRule::Ranks, Model::Symbols(_)) => None,
        }
    }

    /// The entry of the vocabulary with an id.
    pub(super) fn entry_of_id(&self, id: u32) -> Option<usize> {
        let tokens = &self.spec.model.tokens;
        // Files list tokens in order of id, mostly.
        if tokens.get(id as usize).is_some_and(|token| token.1 == id) {
            return Some(id as usize);
        }
        let by_id = self.by_id.get_or_init(|| {
            let mut by_id: Vec<(u32, usize)> =
                tokens.iter().enumerate().map(|(entry, token)| (token.1, entry)).collect();
            by_id.sort_unstable();
            by_id
        });
        by_id.binary_search_by_key(&id, |pair| pair.0).ok().map(|at| by_id[at].1)
    }

    /// Whether a token stands for a byte that is no character.
    fn is_byte_token(&self, id: u32) -> bool {
        match &self.spec.model.symbols {
            crate::spec::Symbols::Chars { byte_fallback: Some(ids), .. } => ids.contains(&id),
            _ => false,
        }
    }

    /// The number of tokens, added tokens included.
    #[must_use]
    pub fn vocab_size(&self) -> usize {
        self.decoding.tokens().len() - self.strays.len()
    }

    /// The largest id, or `None` without tokens.
    #[must_use]
    pub fn max_token_id(&self) -> Option<u32> {
        self.decoding.tokens().max_id()
    }

    /// All added tokens, special or not.
    #[must_use]
    pub fn added_tokens(&self) -> &[AddedToken] {
        self.added.tokens()
    }

    /// The special tokens.
    pub fn special_tokens(&self) -> impl Iterator<Item = (&str, u32)> {
        self.added.tokens().iter().filter(|token| token.special).map(|token| (token.content.as_str(), token.id))
    }

    /// Whether an id is a special token's.
    #[must_use]
    pub fn is_special(&self, id: u32) -> bool {
        self.added.is_special(id) || self.strays.binary_search(&id).is_ok()
    }

    /// The set of the named special tokens, for [`EncodeOptions::allowed`](super::EncodeOptions::allowed).
    ///
    /// # Errors
    /// If a name is no special token.
    pub fn allow<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Result<AllowedSpecials, SpecialTokenError> {
        self.added.allow(names)
    }

    /// What the tokenizer was built from.
    #[must_use]
    pub const fn spec(&self) -> &TokenizerSpec {
        &self.spec
    }
}
