//! Several trees in one shape.

use super::{TokenTree, TreeError};
use crate::id::TokenId;

/// Most entries of the mask of a batch.
pub const MAX_BATCH_ENTRIES: usize = 1 << 30;

/// Trees padded to the largest of them: row `b` holds the nodes of tree `b`, then filler.
///
/// A filler sees itself alone, so that its attention is defined, and no node sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeBatch {
    /// The number of trees.
    pub rows: usize,
    /// The number of nodes of the largest tree.
    pub width: usize,
    /// `rows` x `width` tokens.
    pub tokens: Vec<i64>,
    /// `rows` x `width` depths; 0 for filler.
    pub depths: Vec<i64>,
    /// `rows` x `width` x `width` flags: whether a node sees another.
    pub mask: Vec<bool>,
    /// Where the nodes of each tree start in the list of all nodes of all trees, then their number.
    pub splits: Vec<i64>,
    /// For each node of that list its place among the `rows` x `width`.
    pub places: Vec<i64>,
}

impl TreeBatch {
    /// Pads trees.
    ///
    /// # Errors
    /// If the mask would have more than [`MAX_BATCH_ENTRIES`] entries.
    pub fn new(trees: &[&TokenTree], filler: TokenId) -> Result<Self, TreeError> {
        let (rows, width) = (trees.len(), trees.iter().map(|tree| tree.len()).max().unwrap_or(0));
        let entries = width.saturating_mul(width).saturating_mul(rows);
        if entries > MAX_BATCH_ENTRIES {
            return Err(TreeError::nodes(entries, MAX_BATCH_ENTRIES, "the mask of a batch"));
        }
        let mut tokens = vec![i64::from(filler.0); rows * width];
        let mut depths = vec![0; rows * width];
        let mut mask = vec![false; entries];
        let mut splits = vec![0];
        let mut places: Vec<i64> = Vec::with_capacity(trees.iter().map(|tree| tree.len()).sum());
        for (row, tree) in trees.iter().enumerate() {
            let start = row * width;
            for (place, token) in tokens[start..].iter_mut().zip(tree.tokens()) {
                *place = i64::from(token.0);
            }
            for (place, &depth) in depths[start..].iter_mut().zip(tree.depths()) {
                *place = i64::from(depth);
            }
            let square = &mut mask[start * width..][..width * width];
            tree.fill_mask(square, width, true);
            for filler in tree.len()..width {
                square[filler * width + filler] = true;
            }
            places.extend((start..).zip(tree.tokens()).map(|(place, _)| to_i64(place)));
            splits.push(to_i64(places.len()));
        }
        Ok(Self { rows, width, tokens, depths, mask, splits, places })
    }
}

/// Lengths of memory fit.
fn to_i64(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
