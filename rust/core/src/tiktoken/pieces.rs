//! The pieces of a text one by one, for the few callers that need to see them.

use std::ops::Range;

use crate::pretokenize::{PieceEnds, Pretokenizer, SplitError};

/// The pieces of `text` in order. Text that is dropped because the pattern does not match it is in none of them.
///
/// # Errors
/// If the pattern gives up on the text, see [`Pretokenizer::try_pieces`].
pub fn split(pretokenizer: &Pretokenizer, text: &str) -> Result<Vec<Range<usize>>, SplitError> {
    let mut pieces = Vec::new();
    let mut buffer = PieceEnds::default();
    let mut at = 0;
    while at < text.len() {
        buffer.clear();
        let next = pretokenizer.try_pieces(text, at, &mut buffer)?;
        pieces.extend(buffer.ranges(at));
        at = next;
    }
    Ok(pieces)
}
