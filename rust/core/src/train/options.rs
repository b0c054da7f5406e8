//! What to learn.

use std::collections::HashSet;

/// Which of two pairs of the same count merges first, and what ids look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ties {
    /// As `tokenizers.trainers.BpeTrainer`: symbols are numbered in the order of their characters (for bytes, those of the
    /// byte alphabet), the pair with the smaller ids merges first, and a merge that spells a known token gives that token.
    #[default]
    Tokenizers,
    /// As rustbpe: bytes are numbered by their value, the pair with the smaller ids merges first, and every merge gives a
    /// new token.
    RustBpe,
}

/// How long a learned token may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MaxLength {
    /// As long as it likes.
    #[default]
    Unlimited,
    /// At most that many bytes.
    Bytes(usize),
    /// As `max_token_length` of `BpeTrainer` reads it: tokens of two symbols are always allowed, and others must have
    /// fewer symbols than this.
    Compatible(usize),
}

/// What the symbols are that merging begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Units {
    /// Bytes.
    #[default]
    Bytes,
    /// Characters.
    Chars,
    /// Bytes, written as characters of the byte alphabet, so that they can carry a prefix or a suffix.
    ByteChars,
}

/// What a superword may be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JoinRule {
    /// The most words, where words are what spaces separate.
    pub max_words: Option<usize>,
    /// Byte strings that no learned token contains.
    pub forbid: Vec<Vec<u8>>,
    /// Strings that no learned token is.
    pub never: HashSet<Vec<u8>>,
}

impl JoinRule {
    /// Whether every token is allowed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.max_words.is_none() && self.forbid.is_empty() && self.never.is_empty()
    }

    /// Whether a token is allowed. O(bytes).
    #[must_use]
    pub fn allows(&self, token: &[u8]) -> bool {
        let words = || token.split(|&byte| byte == b' ').filter(|word| !word.is_empty()).count();
        let contains = |part: &Vec<u8>| memchr::memmem::find(token, part).is_some();
        self.max_words.is_none_or(|most| words() <= most)
            && !self.forbid.iter().any(contains)
            && (self.never.is_empty() || !self.never.contains(token))
    }
}

/// One stage of learning: how far, and under which limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Goal {
    /// The size of the vocabulary at the end, symbols and special tokens included.
    pub vocab_size: usize,
    /// How many tokens are appended to it later; only messages name them.
    pub reserved: usize,
    /// The smallest count of a pair that merges; 0 is as 1.
    pub min_frequency: u64,
    /// How long tokens may be.
    pub max_length: MaxLength,
    /// What tokens may be.
    pub rule: JoinRule,
}

/// The symbols, and what merging two of them gives.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AlphabetOptions {
    /// What the symbols are.
    pub units: Units,
    /// Which pair merges first.
    pub ties: Ties,
    /// Tokens with the first ids, never merged and never split.
    pub special_tokens: Vec<String>,
    /// The most symbols; the rarest are dropped from the text.
    pub limit: Option<usize>,
    /// Symbols that the alphabet has though the text may not.
    pub initial: Vec<char>,
    /// Whether the alphabet has all 256 bytes; for bytes only.
    pub all_bytes: bool,
    /// Put before every symbol of a piece but the first; not for [`Units::Bytes`].
    pub continuing_subword_prefix: String,
    /// Put after the last symbol of a piece; not for [`Units::Bytes`].
    pub end_of_word_suffix: String,
}

impl Goal {
    /// A vocabulary of some size, without limits.
    #[must_use]
    pub fn of_size(vocab_size: usize) -> Self {
        let (max_length, rule) = (MaxLength::Unlimited, JoinRule::default());
        Self { vocab_size, reserved: 0, min_frequency: 0, max_length, rule }
    }
}

/// How far training has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub phase: Phase,
    /// Tokens so far.
    pub tokens: usize,
    /// Tokens wanted.
    pub goal: usize,
}

/// What training is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Laying out the pieces.
    Layout,
    /// Applying merges that are known.
    Replay,
    /// Learning merges.
    Learn,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_what_spaces_separate() {
        let rule = JoinRule { max_words: Some(2), forbid: vec![b": ".to_vec()], ..JoinRule::default() };
        assert!(rule.allows(b" of the") && rule.allows(b"a  b ") && rule.allows(b"a\nb\tc d"));
        assert!(!rule.allows(b"a b c"));
        assert!(rule.allows(b"a:b") && !rule.allows(b"x: y"));
        assert!(JoinRule::default().allows(b"a b c d e f: "));
        let rule = JoinRule { never: HashSet::from([b" the".to_vec()]), ..JoinRule::default() };
        assert!(!rule.is_empty() && !rule.allows(b" the") && rule.allows(b"the") && rule.allows(b" there"));
    }
}
