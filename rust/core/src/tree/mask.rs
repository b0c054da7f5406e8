//! Which node sees which: the transitive closure of `parents`, in the forms that attention kernels take.
//!
//! A node sees itself and its ancestors. What the cache holds is seen by every node and is no part of these masks. Each row
//! is the row of the parent and one more entry, so a mask costs little more than the memory it fills.

use super::{TokenTree, TreeError, index};

/// Most nodes of a tree that a mask is made for: a mask grows with the square, and this one has a billion entries.
pub const MAX_MASK_NODES: usize = 1 << 15;

/// A mask with one bit for each pair of nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BitMask {
    words_per_row: usize,
    words: Vec<u64>,
}

impl BitMask {
    /// The number of words of each row: enough for one bit per node.
    #[must_use]
    pub const fn words_per_row(&self) -> usize {
        self.words_per_row
    }

    /// The rows one after the other; bit `j % 64` of word `j / 64` of row `i` says whether node `i` sees node `j`.
    #[must_use]
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// The words by value.
    #[must_use]
    pub fn into_words(self) -> Vec<u64> {
        self.words
    }

    /// Whether node `i` sees node `j`; false for numbers that no node has.
    #[must_use]
    pub fn sees(&self, i: usize, j: usize) -> bool {
        let word = i.checked_mul(self.words_per_row).and_then(|row| self.words.get(row + j / 64));
        j / 64 < self.words_per_row && word.is_some_and(|word| word >> (j % 64) & 1 == 1)
    }
}

impl TokenTree {
    /// The mask with one bit for each pair of nodes: `ceil(n / 64)` words per row.
    ///
    /// # Errors
    /// If there are more than [`MAX_MASK_NODES`] nodes.
    pub fn bit_mask(&self) -> Result<BitMask, TreeError> {
        self.check_mask()?;
        let words_per_row = self.len().div_ceil(64);
        let mut words = vec![0; self.len() * words_per_row];
        for (node, &parent) in self.parents().iter().enumerate() {
            let row = node * words_per_row;
            if parent >= 0 {
                let from = index(parent) * words_per_row;
                words.copy_within(from..=from + index(parent) / 64, row);
            }
            words[row + node / 64] |= 1 << (node % 64);
        }
        Ok(BitMask { words_per_row, words })
    }

    /// The mask with one `bool` for each pair of nodes, row by row: true = sees.
    ///
    /// # Errors
    /// If there are more than [`MAX_MASK_NODES`] nodes.
    pub fn boolean_mask(&self) -> Result<Vec<bool>, TreeError> {
        self.check_mask()?;
        let mut mask = vec![false; self.len() * self.len()];
        self.fill_mask(&mut mask, self.len(), true);
        Ok(mask)
    }

    /// The mask to add to attention scores, row by row: 0 where a node sees another, `hidden` elsewhere.
    ///
    /// # Errors
    /// If there are more than [`MAX_MASK_NODES`] nodes.
    pub fn additive_mask(&self, hidden: f32) -> Result<Vec<f32>, TreeError> {
        self.check_mask()?;
        let mut mask = vec![hidden; self.len() * self.len()];
        self.fill_mask(&mut mask, self.len(), 0.0);
        Ok(mask)
    }

    /// Writes `seen` where a node sees another; rows lie `stride` apart and are not longer.
    pub(super) fn fill_mask<T: Copy>(&self, mask: &mut [T], stride: usize, seen: T) {
        for (node, &parent) in self.parents().iter().enumerate() {
            let row = node * stride;
            if parent >= 0 {
                // A row says nothing about nodes after its own.
                let from = index(parent) * stride;
                mask.copy_within(from..=from + index(parent), row);
            }
            mask[row + node] = seen;
        }
    }

    pub(super) fn check_mask(&self) -> Result<(), TreeError> {
        if self.len() > MAX_MASK_NODES {
            return Err(TreeError::nodes(self.len(), MAX_MASK_NODES, "a tree with a mask"));
        }
        Ok(())
    }
}
