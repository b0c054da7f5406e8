//! Where a long piece can be cut although nothing splits it.
//!
//! Vocabularies trained by SentencePiece mark the beginning of words and see the whole text as one piece, but no token of
//! theirs goes on behind the end of a word: in every token, the mark follows nothing but marks. A merge across the border
//! between another character and a mark would make a token that has the border inside, and there is none. So a piece can be
//! cut there, and its parts are short and come again.

use crate::encoder::MARK;
use crate::spec::{BpeSpec, Symbols};
use crate::vocab::Vocab;
use memchr::memmem::Finder;

/// A mark before which pieces can be cut, unless another stands before it.
#[derive(Debug, Clone)]
pub(super) struct Marker {
    finder: Finder<'static>,
}

impl Marker {
    /// The mark, if the vocabulary allows cuts before it.
    pub(super) fn new(model: &BpeSpec, vocab: &Vocab) -> Option<Self> {
        if model.symbols == Symbols::Bytes || vocab.id(MARK.as_bytes()).is_none() {
            return None;
        }
        let finder = Finder::new(MARK).into_owned();
        let marker = Self { finder };
        let whole = |bytes: &[u8]| std::str::from_utf8(bytes).is_ok_and(|text| marker.parts(text).nth(1).is_none());
        model.tokens.iter().all(|(bytes, _)| whole(bytes)).then_some(marker)
    }

    /// The parts of a piece: each cut before a mark that follows something else.
    pub(super) fn parts<'t>(&self, piece: &'t str) -> impl Iterator<Item = &'t str> {
        let mut start = 0;
        let mut marks = self.finder.find_iter(piece.as_bytes());
        // Where the mark before ended, to tell runs of marks.
        let mut after = 0;
        let mut done = false;
        std::iter::from_fn(move || {
            if done {
                return None;
            }
            for at in marks.by_ref() {
                let runs_on = at == after;
                after = at + MARK.len();
                if !runs_on {
                    let part = &piece[start..at];
                    start = at;
                    return Some(part);
                }
            }
            done = true;
            Some(&piece[start..])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{MergeRule, TokenTable};

    fn marker(tokens: &[&str]) -> Option<Marker> {
        let mut table = TokenTable::default();
        for (id, token) in (0..).zip(tokens) {
            table.push(token.as_bytes(), id);
        }
        let symbols = Symbols::Chars { byte_fallback: None, unknown: Some(0), fuse_unknown: false };
        let vocab = Vocab::new(table.clone()).expect("no token twice");
        Marker::new(&BpeSpec { tokens: table, merges: MergeRule::Pairs(vec![]), symbols, ignore_merges: false }, &vocab)
    }

    #[test]
    fn cuts_before_marks_that_begin_words() {
        let marker = marker(&["▁", "▁▁", "a", "▁a"]).expect("marks begin tokens");
        let parts = |text| marker.parts(text).collect::<Vec<_>>();
        assert_eq!(parts("▁a▁▁b▁"), ["▁a", "▁▁b", "▁"]);
        assert_eq!(parts("a▁b"), ["a", "▁b"]);
        assert_eq!(parts("abc"), ["abc"]);
        assert_eq!(parts("▁▁"), ["▁▁"]);
        assert_eq!(parts(""), [""]);
    }

    #[test]
    fn a_token_across_words_forbids_it() {
        assert!(marker(&["▁", "a", "a▁"]).is_none());
        assert!(marker(&["▁▁", "a"]).is_none());
    }
}
