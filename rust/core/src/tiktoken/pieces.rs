//! The pieces of a text one by one, for the few callers that need to see them.

use std::ops::Range;

use crate::pretokenize::{PieceEnds, Pretokenizer};

/// The pieces of `text` in order. Text that the pattern does not match is in none of them.
#[must_use]
pub fn split(pretokenizer: &Pretokenizer, text: &str) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let mut buffer = PieceEnds::default();
    let mut at = 0;
    while at < text.len() {
        buffer.ends.clear();
        let next = pretokenizer.pieces(text, at, &mut buffer);
        let mut start = at;
        for &end in &buffer.ends {
            pieces.push(start..at + end as usize);
            start = at + end as usize;
        }
        at = next;
    }
    pieces
}
