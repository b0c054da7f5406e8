//! Why something is not a token tree, or not a path of one.

use std::fmt;

/// What was wrong with a tree, a path or a request for a layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeError(Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Lengths { tokens: usize, parents: usize },
    Parent { node: usize, parent: i64 },
    Nodes { found: usize, limit: usize, what: &'static str },
    Node { found: i64, nodes: usize },
    Step { at: usize, node: i64, parent: i64, expected: i64 },
}

impl TreeError {
    pub(super) const fn lengths(tokens: usize, parents: usize) -> Self {
        Self(Kind::Lengths { tokens, parents })
    }

    /// A parent that does not come before its node.
    #[must_use]
    pub const fn parent(node: usize, parent: i64) -> Self {
        Self(Kind::Parent { node, parent })
    }

    pub(super) const fn nodes(found: usize, limit: usize, what: &'static str) -> Self {
        Self(Kind::Nodes { found, limit, what })
    }

    /// A number that no node of the tree has.
    #[must_use]
    pub const fn node(found: i64, nodes: usize) -> Self {
        Self(Kind::Node { found, nodes })
    }

    pub(super) const fn step(at: usize, node: i64, parent: i64, expected: i64) -> Self {
        Self(Kind::Step { at, node, parent, expected })
    }
}

impl fmt::Display for TreeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Kind::Lengths { tokens, parents } => {
                write!(f, "found {tokens} tokens and {parents} parents: a token tree has one parent for each token")
            }
            Kind::Parent { node, parent } => {
                write!(f, "node {node} has parent {parent}: a parent is -1 or a node before its child, here ")?;
                match node {
                    0 => f.write_str("only -1"),
                    _ => write!(f, "-1 to {}", node - 1),
                }
            }
            Kind::Nodes { found, limit, what } => write!(f, "found {found} nodes; {what} has at most {limit}"),
            Kind::Node { found, nodes: 0 } => write!(f, "node {found} is not in the tree, which is empty"),
            Kind::Node { found, nodes } => {
                write!(f, "node {found} is not in the tree, whose nodes are 0 to {}", nodes - 1)
            }
            Kind::Step { at: 0, node, parent, .. } => {
                write!(f, "a path starts at a root; node {node} has parent {parent}")
            }
            Kind::Step { at, node, parent, expected } => write!(
                f,
                "step {at} of the path is node {node}, whose parent is {parent} and not {expected}, the node before it"
            ),
        }
    }
}

impl std::error::Error for TreeError {}
