//! Links between nodes, leaves, and paths.

use super::{NO_PARENT, TokenTree, TreeError, index};

/// For each node its first child and its next sibling; -1 where there is none. Roots are siblings of each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Links {
    /// The child with the smallest number.
    pub first_child: Vec<i32>,
    /// The next node with the same parent.
    pub next_sibling: Vec<i32>,
}

/// Paths of different lengths, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathList {
    /// The nodes of all paths.
    pub nodes: Vec<i32>,
    /// Where each path starts, then the end of the last.
    pub splits: Vec<i64>,
}

impl PathList {
    /// The paths.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[i32]> {
        let place = |split: i64| usize::try_from(split).unwrap_or(usize::MAX);
        self.splits.windows(2).map(move |ends| self.nodes.get(place(ends[0])..place(ends[1])).unwrap_or_default())
    }
}

/// The path to each leaf, in rows of one width.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeafPaths {
    /// The length of a row: that of the longest path.
    pub width: usize,
    /// Nodes row by row; -1 after the end of a path.
    pub nodes: Vec<i32>,
}

/// Most entries of a table of paths: a chain with a leaf at every node has paths that grow with the square.
pub const MAX_PATH_ENTRIES: usize = 1 << 30;

impl TokenTree {
    /// Child and sibling links.
    #[must_use]
    pub fn links(&self) -> Links {
        let mut first_child = vec![NO_PARENT; self.len()];
        let mut next_sibling = vec![NO_PARENT; self.len()];
        let mut first_root = NO_PARENT;
        // Backwards, so that each node is put in front of its siblings.
        for (node, &parent) in self.numbers().zip(self.parents()).rev() {
            let first = if parent < 0 { &mut first_root } else { &mut first_child[index(parent)] };
            next_sibling[index(node)] = std::mem::replace(first, node);
        }
        Links { first_child, next_sibling }
    }

    /// The nodes without children, in order.
    #[must_use]
    pub fn leaves(&self) -> Vec<i32> {
        let mut is_leaf = vec![true; self.len()];
        for &parent in self.parents() {
            if parent >= 0 {
                is_leaf[index(parent)] = false;
            }
        }
        self.numbers().zip(is_leaf).filter_map(|(node, leaf)| leaf.then_some(node)).collect()
    }

    /// The path to each leaf.
    #[must_use]
    pub fn leaf_path_list(&self) -> PathList {
        self.list(&self.leaves())
    }

    /// The path to every node.
    ///
    /// # Errors
    /// If the paths have more than [`MAX_PATH_ENTRIES`] nodes together.
    pub fn path_list(&self) -> Result<PathList, TreeError> {
        let entries = self.depths().iter().map(|&depth| index(depth) + 1).sum();
        if entries > MAX_PATH_ENTRIES {
            return Err(TreeError::nodes(entries, MAX_PATH_ENTRIES, "a list of paths"));
        }
        Ok(self.list(&self.numbers().collect::<Vec<_>>()))
    }

    /// The path to each leaf, padded to the longest with -1.
    ///
    /// # Errors
    /// If the table would have more than [`MAX_PATH_ENTRIES`] entries.
    pub fn leaf_paths(&self) -> Result<LeafPaths, TreeError> {
        let (leaves, width) = (self.leaves(), self.height());
        let entries = leaves.len().saturating_mul(width);
        if entries > MAX_PATH_ENTRIES {
            return Err(TreeError::nodes(entries, MAX_PATH_ENTRIES, "a table of paths"));
        }
        let mut nodes = vec![-1; entries];
        for (row, &leaf) in nodes.chunks_exact_mut(width.max(1)).zip(&leaves) {
            self.climb(leaf, &mut row[..=index(self.depths()[index(leaf)])]);
        }
        Ok(LeafPaths { width, nodes })
    }

    /// For each node the row of [`leaf_paths`](Self::leaf_paths) that it is read from: the first that goes through it.
    /// Its column is its depth.
    #[must_use]
    pub fn leaf_rows(&self) -> Vec<i32> {
        let mut rows = vec![-1; self.len()];
        for (row, &leaf) in (0i32..).zip(&self.leaves()) {
            let mut node = leaf;
            while node >= 0 && rows[index(node)] < 0 {
                rows[index(node)] = row;
                node = self.parents()[index(node)];
            }
        }
        rows
    }

    fn list(&self, ends: &[i32]) -> PathList {
        let mut splits = Vec::with_capacity(ends.len() + 1);
        splits.push(0);
        let mut total = 0;
        for &end in ends {
            total += index(self.depths()[index(end)]) + 1;
            splits.push(i64::try_from(total).unwrap_or(i64::MAX));
        }
        let mut nodes = vec![0; total];
        let mut rest = &mut nodes[..];
        for &end in ends {
            let (path, after) = rest.split_at_mut(index(self.depths()[index(end)]) + 1);
            self.climb(end, path);
            rest = after;
        }
        PathList { nodes, splits }
    }
}
