//! Accepting a drafted path on the CPU: the oracle of what runs on a device.
//!
//! The rule for a tree that was made without knowledge of the target's random numbers: start at the root, let the target
//! choose a token there as it would without a draft, and go on at the child with that token, if there is one. Every
//! emitted token is chosen from the target's own distribution given exactly the tokens before it, so greedy decoding
//! gives the same text as without a draft, and sampling the same law, whatever the draft was.

use crate::id::TokenId;
use std::fmt;

/// What of a draft tree the target takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The nodes on the accepted path, the root first.
    pub path: Vec<usize>,
    /// The token that the target chose after the last of them: the bonus token, and the root of the next tree.
    pub next: TokenId,
}

/// A tree that cannot be walked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptError(String);

impl fmt::Display for AcceptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for AcceptError {}

/// Walks a tree whose only root is node 0, asking `choose` once for every node on the way, in order. O(n) for n nodes.
///
/// Of several children with the chosen token the first is taken; `parents` come before their children.
///
/// # Errors
///
/// If the tree is empty, the lengths differ, or a parent is not a node before its child.
///
/// ```
/// use tokengrove::{accept::accept, id::TokenId};
/// // 7 ┬ 8 ─ 9
/// //   └ 5
/// let tokens = [7, 8, 5, 9].map(TokenId);
/// let target = [8, 9, 1, 2].map(TokenId);
/// let accepted = accept(&tokens, &[-1, 0, 0, 1], |node| target[node])?;
/// assert_eq!((accepted.path, accepted.next), (vec![0, 1, 3], TokenId(2)));
/// # Ok::<(), tokengrove::accept::AcceptError>(())
/// ```
pub fn accept(
    tokens: &[TokenId],
    parents: &[i32],
    mut choose: impl FnMut(usize) -> TokenId,
) -> Result<Accepted, AcceptError> {
    check(tokens, parents)?;
    let mut path = vec![0];
    let (mut at, mut next) = (0, choose(0));
    // A child comes after its parent, so one pass over the nodes sees the whole path.
    for node in 1..tokens.len() {
        if usize::try_from(parents[node]) == Ok(at) && tokens[node] == next {
            path.push(node);
            at = node;
            next = choose(node);
        }
    }
    Ok(Accepted { path, next })
}

fn check(tokens: &[TokenId], parents: &[i32]) -> Result<(), AcceptError> {
    if tokens.len() != parents.len() {
        return Err(AcceptError(format!("{} tokens, but {} parents", tokens.len(), parents.len())));
    }
    if parents.first() != Some(&-1) {
        return Err(AcceptError("a draft tree begins with its root, whose parent is -1".to_owned()));
    }
    match (1..)
        .zip(&parents[1..])
        .find(|&(node, &parent)| usize::try_from(parent).map_or(true, |parent| parent >= node))
    {
        Some((node, parent)) => Err(AcceptError(format!(
            "the parent of node {node} is {parent}; it must be a node before it, 0 to {}",
            node - 1
        ))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        clippy::float_cmp,
        reason = "small numbers of a test"
    )]
    use super::{Accepted, accept};
    use crate::id::TokenId;
    use proptest::prelude::*;

    /// The same by the definition: every path from the root that the target takes, the longest of them.
    fn longest_taken_path(tokens: &[TokenId], parents: &[i32], target: &[TokenId]) -> Accepted {
        let path_to = |mut node: usize| {
            let mut path = vec![node];
            while parents[node] >= 0 {
                node = parents[node] as usize;
                path.insert(0, node);
            }
            path
        };
        let taken = |path: &Vec<usize>| path.windows(2).all(|w| tokens[w[1]] == target[w[0]]);
        let path = (0..tokens.len())
            .map(path_to)
            .filter(taken)
            .max_by_key(|path| (path.len(), std::cmp::Reverse(path.clone())));
        let path = path.unwrap();
        Accepted { next: target[*path.last().unwrap()], path }
    }

    proptest! {
        #[test]
        fn acceptance_is_the_longest_path_that_the_target_takes(
            nodes in prop::collection::vec((any::<prop::sample::Index>(), 0_u32..4), 1..40),
        ) {
            let parents: Vec<i32> =
                nodes.iter().enumerate().map(|(i, n)| if i == 0 { -1 } else { n.0.index(i) as i32 }).collect();
            // Siblings are numbered, so no two of them have the same token: of twins the walk takes the first.
            let rank = |i: usize| parents[..i].iter().filter(|&&parent| parent == parents[i]).count();
            let tokens: Vec<_> = (0..nodes.len()).map(|i| TokenId(rank(i) as u32)).collect();
            let target: Vec<_> = nodes.iter().map(|n| TokenId(n.1)).collect();
            let walked = accept(&tokens, &parents, |node| target[node]).unwrap();
            prop_assert_eq!(walked, longest_taken_path(&tokens, &parents, &target));
        }
    }

    #[test]
    fn the_target_is_asked_once_per_emitted_token_and_in_order() {
        let mut asked = Vec::new();
        let tokens = [1, 2, 2, 3, 4].map(TokenId);
        let accepted = accept(&tokens, &[-1, 0, 0, 1, 2], |node| {
            asked.push(node);
            TokenId([2, 4, 4, 9, 9][node])
        });
        // Of the twins 1 and 2 the first is taken, whose only child is not what the target wants.
        assert_eq!(accepted.unwrap(), Accepted { path: vec![0, 1], next: TokenId(4) });
        assert_eq!(asked, [0, 1]);
    }

    #[test]
    fn what_is_no_tree_is_refused() {
        for (parents, expected) in [
            (&[][..], "a draft tree begins with its root, whose parent is -1"),
            (&[0], "a draft tree begins with its root, whose parent is -1"),
            (&[-1, 1], "the parent of node 1 is 1; it must be a node before it, 0 to 0"),
            (&[-1, 0, -1], "the parent of node 2 is -1; it must be a node before it, 0 to 1"),
        ] {
            let error = accept(&vec![TokenId(0); parents.len()], parents, |_| unreachable!()).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
        let error = accept(&[TokenId(0)], &[-1, 0], |_| TokenId(0)).unwrap_err();
        assert_eq!(error.to_string(), "1 tokens, but 2 parents");
    }
}
