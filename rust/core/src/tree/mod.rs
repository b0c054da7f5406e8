//! Token trees: small trees of tokens at the end of a context, evaluated by a model in one forward pass.
//!
//! A draft tree of speculative decoding and a cover tree of next-byte sampling are both lists of tokens with a parent for
//! each. What a forward pass and its caller need besides is derived here: depths and positions, masks ([`mask`]), links,
//! leaves and paths ([`layout`]), and several trees padded to one shape ([`batch`]).
//!
//! Facts of one use only (ranks of drafts, byte offsets) are tables indexed by node that belong to that use.
//!
//! ```
//! use tokengrove::id::TokenId;
//! use tokengrove::tree::TokenTree;
//!
//! // 7 ┬ 8 ─ 9
//! //   └ 5
//! let tree = TokenTree::new([7, 8, 5, 9].map(TokenId).to_vec(), vec![-1, 0, 0, 1])?;
//! assert_eq!(tree.depths(), [0, 1, 1, 2]);
//! assert_eq!(tree.path(3)?, [0, 1, 3]);
//! # Ok::<(), tokengrove::tree::TreeError>(())
//! ```

pub mod batch;
mod error;
pub mod layout;
pub mod mask;
#[cfg(test)]
mod tests;

pub use batch::TreeBatch;
pub use error::TreeError;
pub use layout::{LeafPaths, Links, PathList};
pub use mask::BitMask;

use crate::id::TokenId;
use std::collections::HashMap;
use std::ops::Range;

/// The parent of a root: the end of what the cache holds.
pub const NO_PARENT: i32 = -1;

/// Most nodes of a tree: node numbers are `i32`, as the arrays of tensor libraries are.
pub const MAX_NODES: usize = i32::MAX as usize;

/// Tokens, each with a parent that comes before it.
///
/// A parent of -1 is the end of the context, so there may be several roots, and a tree without nodes is a tree. Two
/// siblings may have the same token. Immutable: every derived table stays true.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct TokenTree {
    tokens: Vec<TokenId>,
    parents: Vec<i32>,
    depths: Vec<i32>,
}

impl TokenTree {
    /// A tree of tokens and their parents.
    ///
    /// # Errors
    /// If the lengths differ, or a parent is neither -1 nor a node before its child (so there are no cycles).
    pub fn new(tokens: Vec<TokenId>, parents: Vec<i32>) -> Result<Self, TreeError> {
        if tokens.len() != parents.len() {
            return Err(TreeError::lengths(tokens.len(), parents.len()));
        }
        if tokens.len() > MAX_NODES {
            return Err(TreeError::nodes(tokens.len(), MAX_NODES, "a tree"));
        }
        let mut depths: Vec<i32> = Vec::with_capacity(parents.len());
        for (node, &parent) in parents.iter().enumerate() {
            depths.push(match usize::try_from(parent) {
                Err(_) if parent == NO_PARENT => 0,
                // The depths so far are those of the nodes before this one.
                Ok(before) if before < node => depths[before] + 1,
                _ => return Err(TreeError::parent(node, parent.into())),
            });
        }
        Ok(Self { tokens, parents, depths })
    }

    /// One path: each token continues the one before.
    ///
    /// # Errors
    /// If there are more than [`MAX_NODES`] tokens.
    pub fn chain(tokens: Vec<TokenId>) -> Result<Self, TreeError> {
        let Ok(count) = i32::try_from(tokens.len()) else {
            return Err(TreeError::nodes(tokens.len(), MAX_NODES, "a tree"));
        };
        Ok(Self { tokens, parents: (-1..count - 1).collect(), depths: (0..count).collect() })
    }

    /// The smallest tree in which every one of some token paths starts at a root: common beginnings are shared.
    ///
    /// Nodes are numbered as they first occur, path by path. An empty path adds nothing.
    ///
    /// # Errors
    /// If the tree would have more than [`MAX_NODES`] nodes.
    pub fn from_paths<P: AsRef<[TokenId]>>(paths: impl IntoIterator<Item = P>) -> Result<Self, TreeError> {
        let (mut tokens, mut parents, mut depths) = (Vec::new(), Vec::new(), Vec::new());
        let mut children: HashMap<(i32, TokenId), i32> = HashMap::new();
        for path in paths {
            let mut at = NO_PARENT;
            for (depth, &token) in (0..).zip(path.as_ref()) {
                let Ok(next) = i32::try_from(tokens.len()) else {
                    return Err(TreeError::nodes(tokens.len(), MAX_NODES, "a tree"));
                };
                at = *children.entry((at, token)).or_insert_with(|| {
                    tokens.push(token);
                    parents.push(at);
                    depths.push(depth);
                    next
                });
            }
        }
        Ok(Self { tokens, parents, depths })
    }

    /// The tokens from a root to each leaf, leaves in the order of their numbers.
    ///
    /// `from_paths(paths)?.to_paths()` is `paths`, if none of them is the beginning of another. The other way round, the
    /// tree of a tree's paths is the tree itself, with siblings of the same token merged and the nodes numbered path by path.
    #[must_use]
    pub fn to_paths(&self) -> Vec<Vec<TokenId>> {
        let paths = self.leaf_path_list();
        paths.iter().map(|path| path.iter().map(|&node| self.tokens[index(node)]).collect()).collect()
    }

    /// The number of nodes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether there are no nodes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The token of each node.
    #[must_use]
    pub fn tokens(&self) -> &[TokenId] {
        &self.tokens
    }

    /// The parent of each node; -1 for roots.
    #[must_use]
    pub fn parents(&self) -> &[i32] {
        &self.parents
    }

    /// How many nodes are above each node; 0 for roots.
    #[must_use]
    pub fn depths(&self) -> &[i32] {
        &self.depths
    }

    /// The length of the longest path: one more than the largest depth, 0 without nodes.
    #[must_use]
    pub fn height(&self) -> usize {
        self.depths.iter().max().map_or(0, |&depth| index(depth) + 1)
    }

    /// Whether every node is the parent of the next, so that a causal mask is its mask.
    #[must_use]
    pub fn is_chain(&self) -> bool {
        (-1..).zip(&self.parents).all(|(before, &parent)| parent == before)
    }

    /// Where each node stands in the sequence that its path continues, if that has `start` tokens.
    #[must_use]
    pub fn positions(&self, start: i64) -> Vec<i64> {
        self.depths.iter().map(|&depth| start.saturating_add(depth.into())).collect()
    }

    /// The nodes from a root to a node.
    ///
    /// # Errors
    /// If there is no such node.
    pub fn path(&self, node: usize) -> Result<Vec<i32>, TreeError> {
        let Some(&depth) = self.depths.get(node) else {
            return Err(TreeError::node(i64::try_from(node).unwrap_or(i64::MAX), self.len()));
        };
        let mut path = vec![0; index(depth) + 1];
        // `new` has numbered this node as an `i32`.
        #[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "below MAX_NODES")]
        self.climb(node as i32, &mut path);
        Ok(path)
    }

    /// Checks that nodes are a path from a root down, which may be empty.
    ///
    /// # Errors
    /// At the first node that is not in the tree, or not a child of the one before it.
    pub fn check_path(&self, path: &[i64]) -> Result<(), TreeError> {
        let mut before = i64::from(NO_PARENT);
        for (at, &node) in path.iter().enumerate() {
            let parent = usize::try_from(node).ok().and_then(|node| self.parents.get(node));
            let parent = i64::from(*parent.ok_or_else(|| TreeError::node(node, self.len()))?);
            if parent != before {
                return Err(TreeError::step(at, node, parent, before));
            }
            before = node;
        }
        Ok(())
    }

    /// The number of each node.
    fn numbers(&self) -> Range<i32> {
        0..i32::try_from(self.len()).unwrap_or(i32::MAX)
    }

    /// Writes the path that ends at a node; `path` is as long as the node is deep, plus one.
    fn climb(&self, mut node: i32, path: &mut [i32]) {
        for place in path.iter_mut().rev() {
            *place = node;
            node = self.parents[index(node)];
        }
    }
}

/// A node number or a depth, which [`TokenTree::new`] has found not to be negative, as an index.
#[expect(clippy::cast_sign_loss, reason = "never negative")]
const fn index(number: i32) -> usize {
    number as usize
}
