//! From characters and words to tokens and back.
//!
//! Names, answers and corner cases are those of Hugging Face tokenizers 0.23; none of this panics for any argument.

use super::{Encoding, NO_WORD};
use std::ops::Range;

impl Encoding {
    /// How many inputs there are.
    #[must_use]
    pub fn n_sequences(&self) -> usize {
        self.sequences.len().max(1)
    }

    /// Which tokens come from an input; all, if nothing was said about it.
    fn sequence_range(&self, sequence: usize) -> Range<usize> {
        let found = self.sequences.binary_search_by_key(&sequence, |known| known.0);
        let range = found.map_or(0..self.len(), |at| self.sequences[at].1.clone());
        range.start.min(self.len())..range.end.min(self.len())
    }

    /// The input of each token.
    #[must_use]
    pub fn sequence_ids(&self) -> Vec<Option<usize>> {
        let mut ids = vec![None; self.len()];
        for sequence in 0..self.n_sequences() {
            ids[self.sequence_range(sequence)].fill(Some(sequence));
        }
        ids
    }

    /// The input that a token comes from.
    #[must_use]
    pub fn token_to_sequence(&self, token: usize) -> Option<usize> {
        if token > self.len() {
            None
        } else if self.sequences.is_empty() {
            Some(0)
        } else {
            self.sequences.iter().find(|(_, range)| range.contains(&token)).map(|known| known.0)
        }
    }

    /// The tokens of a word: first, and the one after the last.
    #[must_use]
    pub fn word_to_tokens(&self, word: u32, sequence: usize) -> Option<(usize, usize)> {
        let range = self.sequence_range(sequence);
        // Words are in order; tokens in no word may lie between.
        let words = self.words.get(range.clone())?;
        let until = words.iter().position(|&other| other != NO_WORD && other > word).unwrap_or(words.len());
        let first = words[..until].iter().position(|&other| other == word)?;
        let last = words[..until].iter().rposition(|&other| other == word)?;
        Some((range.start + first, range.start + last + 1))
    }

    /// The characters of a word.
    #[must_use]
    pub fn word_to_chars(&self, word: u32, sequence: usize) -> Option<(u32, u32)> {
        let (first, end) = self.word_to_tokens(word, sequence)?;
        Some((self.offsets.get(first)?[0], self.offsets.get(end.checked_sub(1)?)?[1]))
    }

    /// The characters of a token.
    #[must_use]
    pub fn token_to_chars(&self, token: usize) -> Option<(u32, u32)> {
        self.token_to_sequence(token)?;
        self.offsets.get(token).map(|&[start, end]| (start, end))
    }

    /// The word of a token.
    #[must_use]
    pub fn token_to_word(&self, token: usize) -> Option<u32> {
        self.token_to_sequence(token)?;
        self.words.get(token).copied().filter(|&word| word != NO_WORD)
    }

    /// The first token that a character is part of.
    #[must_use]
    pub fn char_to_token(&self, position: usize, sequence: usize) -> Option<usize> {
        let range = self.sequence_range(sequence);
        let position = u32::try_from(position).ok()?;
        let holds = |&[start, end]: &[u32; 2]| start <= position && position < end;
        self.offsets.get(range.clone())?.iter().position(holds).map(|at| range.start + at)
    }

    /// The word that a character is part of.
    #[must_use]
    pub fn char_to_word(&self, position: usize, sequence: usize) -> Option<u32> {
        self.token_to_word(self.char_to_token(position, sequence)?)
    }
}
