//! What a text was encoded to, with everything that is known about each token.
//!
//! An [`Encoding`] behaves as the class of that name of Hugging Face tokenizers 0.23: [`edit`](self) truncates, pads and
//! merges, and the queries go from characters and words to tokens and back. Facts of a token are in arrays of their own, and
//! token strings are looked up when somebody asks for them.

mod edit;
mod fit;
mod query;
#[cfg(test)]
mod tests;
mod tokens;

pub use edit::{Direction, Pad};
pub use fit::{Padding, Strategy, Truncation, TruncationError};
pub use tokens::{TokenStrings, Tokens, blanks};

use std::ops::Range;

/// What stands in [`Encoding::words`] for a token that is in no word.
pub const NO_WORD: u32 = u32::MAX;

/// Tokens with their places in a text.
///
/// All arrays have one element for each token.
#[derive(Debug, Clone, Default)]
pub struct Encoding {
    ids: Vec<u32>,
    type_ids: Vec<u32>,
    tokens: Tokens,
    words: Vec<u32>,
    offsets: Vec<[u32; 2]>,
    special_tokens_mask: Vec<u8>,
    attention_mask: Vec<u8>,
    overflowing: Vec<Encoding>,
    /// Which tokens come from which input, in order of the input's number.
    sequences: Vec<(usize, Range<usize>)>,
}

/// What an [`Encoding`] is made of.
#[derive(Debug, Clone, Default)]
pub struct Parts {
    /// The ids.
    pub ids: Vec<u32>,
    /// The type id of each token.
    pub type_ids: Vec<u32>,
    /// The token strings.
    pub tokens: Tokens,
    /// The word that each token is in, or [`NO_WORD`].
    pub words: Vec<u32>,
    /// Where each token begins and ends in its text.
    pub offsets: Vec<[u32; 2]>,
    /// 1 for tokens that a post-processor or padding added.
    pub special_tokens_mask: Vec<u8>,
    /// 0 for padding.
    pub attention_mask: Vec<u8>,
    /// What was cut off.
    pub overflowing: Vec<Encoding>,
    /// Which tokens come from which input.
    pub sequences: Vec<(usize, Range<usize>)>,
}

impl Encoding {
    /// Tokens of one text: all attended to, none special.
    #[must_use]
    pub fn of_text(ids: Vec<u32>, type_id: u32, tokens: Tokens, words: Vec<u32>, offsets: Vec<[u32; 2]>) -> Self {
        let len = ids.len();
        Self {
            ids,
            type_ids: vec![type_id; len],
            tokens,
            words,
            offsets,
            special_tokens_mask: vec![0; len],
            attention_mask: vec![1; len],
            overflowing: Vec::new(),
            sequences: Vec::new(),
        }
    }

    /// Tokens that a post-processor adds: in no text and no word.
    #[must_use]
    pub fn of_special(ids: Vec<u32>, type_id: u32, tokens: Tokens) -> Self {
        let len = ids.len();
        Self {
            special_tokens_mask: vec![1; len],
            ..Self::of_text(ids, type_id, tokens, vec![NO_WORD; len], vec![[0, 0]; len])
        }
    }

    /// Ids of which nothing else is known: no strings, offsets or words.
    #[must_use]
    pub fn of_ids(ids: Vec<u32>) -> Self {
        let len = ids.len();
        Self::of_text(ids, 0, Tokens::unknown(len), vec![NO_WORD; len], vec![[0, 0]; len])
    }

    /// Puts parts together; `None` if their lengths differ or a sequence reaches beyond the end.
    #[must_use]
    pub fn from_parts(parts: Parts) -> Option<Self> {
        let len = parts.ids.len();
        let lengths = [
            parts.type_ids.len(),
            parts.tokens.len(),
            parts.words.len(),
            parts.offsets.len(),
            parts.special_tokens_mask.len(),
            parts.attention_mask.len(),
        ];
        let inside = |range: &Range<usize>| range.start <= range.end && range.end <= len;
        let whole = lengths.iter().all(|&other| other == len) && parts.sequences.iter().all(|(_, range)| inside(range));
        whole.then(|| {
            let Parts {
                ids,
                type_ids,
                tokens,
                words,
                offsets,
                special_tokens_mask,
                attention_mask,
                overflowing,
                mut sequences,
            } = parts;
            sequences.sort_by_key(|sequence| sequence.0);
            Self { ids, type_ids, tokens, words, offsets, special_tokens_mask, attention_mask, overflowing, sequences }
        })
    }

    /// The number of tokens.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is no token.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The ids.
    #[must_use]
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// The type id of each token: which input of a pair it belongs to.
    #[must_use]
    pub fn type_ids(&self) -> &[u32] {
        &self.type_ids
    }

    /// Gives every token one type id.
    pub fn set_type_id(&mut self, type_id: u32) {
        self.type_ids.fill(type_id);
    }

    /// The token strings.
    #[must_use]
    pub const fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// The word that each token is in, or [`NO_WORD`].
    #[must_use]
    pub fn words(&self) -> &[u32] {
        &self.words
    }

    /// Where each token begins and ends in its text.
    #[must_use]
    pub fn offsets(&self) -> &[[u32; 2]] {
        &self.offsets
    }

    /// The same with the ids, to be changed.
    pub fn ids_and_offsets(&mut self) -> (&[u32], &Tokens, &mut [[u32; 2]]) {
        (&self.ids, &self.tokens, &mut self.offsets)
    }

    /// 1 for tokens that a post-processor or padding added, else 0.
    #[must_use]
    pub fn special_tokens_mask(&self) -> &[u8] {
        &self.special_tokens_mask
    }

    /// 0 for padding, else 1.
    #[must_use]
    pub fn attention_mask(&self) -> &[u8] {
        &self.attention_mask
    }

    /// What truncation cut off.
    #[must_use]
    pub fn overflowing(&self) -> &[Self] {
        &self.overflowing
    }

    /// The same, to be changed.
    pub fn overflowing_mut(&mut self) -> &mut [Self] {
        &mut self.overflowing
    }

    /// Gives away what truncation cut off.
    pub fn take_overflowing(&mut self) -> Vec<Self> {
        std::mem::take(&mut self.overflowing)
    }

    /// Replaces what was cut off.
    pub fn set_overflowing(&mut self, overflowing: Vec<Self>) {
        self.overflowing = overflowing;
    }

    /// Which tokens come from which input, in order of the input's number; empty if that was never said.
    #[must_use]
    pub fn sequences(&self) -> &[(usize, Range<usize>)] {
        &self.sequences
    }

    /// Says that some tokens are the text's: not special, and every token is attended to.
    pub(crate) fn mark_as_text(&mut self, range: Range<usize>) {
        self.special_tokens_mask[range].fill(0);
        self.attention_mask.fill(1);
    }

    /// Says that all tokens come from one input.
    pub fn set_sequence_id(&mut self, sequence: usize) {
        let all = 0..self.len();
        match self.sequences.binary_search_by_key(&sequence, |known| known.0) {
            Ok(at) => self.sequences[at].1 = all,
            Err(at) => self.sequences.insert(at, (sequence, all)),
        }
    }

    /// Says which tokens come from an input, and forgets what was said before.
    pub fn set_only_sequence(&mut self, sequence: usize, range: Range<usize>) {
        self.sequences = vec![(sequence, range)];
    }
}

impl PartialEq for Encoding {
    /// Compares everything, token strings by what they are.
    fn eq(&self, other: &Self) -> bool {
        self.ids == other.ids
            && self.type_ids == other.type_ids
            && self.words == other.words
            && self.offsets == other.offsets
            && self.special_tokens_mask == other.special_tokens_mask
            && self.attention_mask == other.attention_mask
            && self.sequences == other.sequences
            && self.overflowing == other.overflowing
            && self.tokens.strings(&self.ids) == other.tokens.strings(&other.ids)
    }
}
