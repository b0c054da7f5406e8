//! Laws of token trees, on random trees.

use super::mask::MAX_MASK_NODES;
use super::{TokenTree, TreeBatch, TreeError};
use crate::id::TokenId;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Trees of up to `nodes` nodes with few distinct tokens, several roots, and any shape from chains to stars.
fn trees(nodes: usize) -> impl Strategy<Value = TokenTree> {
    (prop::collection::vec((0u32..6, any::<u32>()), 0..=nodes), 1u32..=8).prop_map(|(drawn, reach)| {
        let tokens = drawn.iter().map(|&(token, _)| TokenId(token)).collect();
        // A parent among the last few nodes makes deep trees, a long reach flat ones.
        let parents = drawn.iter().enumerate().map(|(node, &(_, draw))| {
            let node = i32::try_from(node).unwrap();
            let reach = (node + 1).min(i32::try_from(reach * reach).unwrap());
            node - 1 - i32::try_from(draw).map_or(0, |draw| draw % reach)
        });
        TokenTree::new(tokens, parents.collect()).unwrap()
    })
}

/// Whether `ancestor` is `node` or above it, by climbing.
fn sees(tree: &TokenTree, node: usize, ancestor: usize) -> bool {
    let mut at = i32::try_from(node).unwrap();
    while at >= 0 {
        if usize::try_from(at).unwrap() == ancestor {
            return true;
        }
        at = tree.parents()[usize::try_from(at).unwrap()];
    }
    false
}

/// Every path of tokens from a root, of leaves and inner nodes alike.
fn prefixes(tree: &TokenTree) -> BTreeSet<Vec<u32>> {
    (0..tree.len())
        .map(|node| {
            let path = tree.path(node).unwrap();
            path.iter().map(|&node| tree.tokens()[usize::try_from(node).unwrap()].0).collect()
        })
        .collect()
}

fn chain(length: u32) -> TokenTree {
    TokenTree::chain((0..length).map(TokenId).collect()).unwrap()
}

proptest! {
    #[test]
    fn every_mask_is_the_transitive_closure_of_parents(tree in trees(150)) {
        let (n, bits) = (tree.len(), tree.bit_mask().unwrap());
        let (boolean, additive) = (tree.boolean_mask().unwrap(), tree.additive_mask(f32::NEG_INFINITY).unwrap());
        prop_assert_eq!((boolean.len(), additive.len(), bits.words().len()), (n * n, n * n, n * n.div_ceil(64)));
        for i in 0..n {
            for j in 0..n {
                let expected = sees(&tree, i, j);
                prop_assert_eq!(boolean[i * n + j], expected);
                prop_assert_eq!(bits.sees(i, j), expected);
                prop_assert_eq!(additive[i * n + j].to_bits(), if expected { 0.0f32 } else { f32::NEG_INFINITY }.to_bits());
            }
            prop_assert!(!bits.sees(i, bits.words_per_row() * 64), "beyond the row");
        }
        prop_assert!(!bits.sees(n, 0), "beyond the mask");
    }

    #[test]
    fn depths_count_ancestors_and_positions_follow(tree in trees(60), start in 0i64..1 << 40) {
        let positions = tree.positions(start);
        prop_assert_eq!(positions.len(), tree.len());
        for (node, &position) in positions.iter().enumerate() {
            let above = i32::try_from((0..node).filter(|&other| sees(&tree, node, other)).count()).unwrap();
            prop_assert_eq!(tree.depths()[node], above);
            prop_assert_eq!(position, start + i64::from(above));
        }
        prop_assert_eq!(tree.height(), tree.depths().iter().max().map_or(0, |d| usize::try_from(*d).unwrap() + 1));
    }

    #[test]
    fn paths_are_the_ancestors_in_order(tree in trees(60)) {
        let list = tree.path_list().unwrap();
        prop_assert_eq!(list.iter().len(), tree.len());
        for (node, listed) in list.iter().enumerate() {
            let path = tree.path(node).unwrap();
            prop_assert_eq!(listed, &path[..]);
            let expected: Vec<i32> =
                (0..=node).filter(|&other| sees(&tree, node, other)).map(|other| i32::try_from(other).unwrap()).collect();
            prop_assert_eq!(&path, &expected);
            let wide: Vec<i64> = path.iter().map(|&node| node.into()).collect();
            prop_assert_eq!(tree.check_path(&wide), Ok(()));
        }
        prop_assert!(tree.path(tree.len()).is_err());
    }

    #[test]
    fn links_reach_every_node_once_from_its_parent(tree in trees(80)) {
        let links = tree.links();
        let mut reached = vec![0; tree.len()];
        for parent in -1..i32::try_from(tree.len()).unwrap() {
            let first = usize::try_from(parent).map_or_else(
                |_| if tree.is_empty() { -1 } else { 0 },
                |parent| links.first_child[parent],
            );
            let (mut at, mut last) = (first, -1);
            while at >= 0 {
                let node = usize::try_from(at).unwrap();
                prop_assert_eq!(tree.parents()[node], parent);
                prop_assert!(at > last, "siblings are in order");
                reached[node] += 1;
                (last, at) = (at, links.next_sibling[node]);
            }
        }
        prop_assert_eq!(reached, vec![1; tree.len()]);
    }

    #[test]
    fn leaf_paths_cover_the_tree(tree in trees(80)) {
        let (leaves, table, rows) = (tree.leaves(), tree.leaf_paths().unwrap(), tree.leaf_rows());
        prop_assert_eq!(table.nodes.len(), leaves.len() * table.width);
        prop_assert_eq!(table.width, tree.height());
        let list = tree.leaf_path_list();
        for ((row, path), &leaf) in list.iter().enumerate().zip(&leaves) {
            prop_assert!(!tree.parents().contains(&leaf));
            prop_assert_eq!(path.to_vec(), tree.path(usize::try_from(leaf).unwrap()).unwrap());
            let entries = &table.nodes[row * table.width..][..table.width];
            prop_assert_eq!(&entries[..path.len()], path);
            prop_assert!(entries[path.len()..].iter().all(|&entry| entry == -1));
        }
        prop_assert_eq!(rows.len(), tree.len());
        for (node, &row) in rows.iter().enumerate() {
            let column = usize::try_from(tree.depths()[node]).unwrap();
            let row = usize::try_from(row).unwrap();
            prop_assert_eq!(table.nodes[row * table.width + column], i32::try_from(node).unwrap());
        }
    }

    #[test]
    fn paths_round_trip(tree in trees(60)) {
        let paths = tree.to_paths();
        let merged = TokenTree::from_paths(&paths).unwrap();
        prop_assert_eq!(prefixes(&merged), prefixes(&tree));
        prop_assert_eq!(merged.len(), prefixes(&tree).len(), "siblings of one token are merged");
        // Once merged, no path is the beginning of another: paths come back as they are, and so does a tree made of them.
        let again = TokenTree::from_paths(merged.to_paths()).unwrap();
        prop_assert_eq!(again.to_paths(), merged.to_paths());
        prop_assert_eq!(TokenTree::from_paths(again.to_paths()).unwrap(), again);
    }

    #[test]
    fn a_tree_is_refused_exactly_if_a_parent_is_not_before_its_child(parents in prop::collection::vec(-3i32..12, 0..12)) {
        let bad = (0i32..).zip(&parents).position(|(node, &parent)| !(-1..node).contains(&parent));
        let tree = TokenTree::new(vec![TokenId(1); parents.len()], parents.clone());
        match bad {
            None => prop_assert_eq!(tree.unwrap().parents().to_vec(), parents),
            Some(node) => prop_assert_eq!(tree, Err(TreeError::parent(node, parents[node].into()))),
        }
    }

    #[test]
    fn a_path_is_accepted_exactly_if_each_step_is_a_child(tree in trees(12), path in prop::collection::vec(-2i64..14, 0..5)) {
        let mut before = -1;
        let mut valid = true;
        for &node in &path {
            let parent = usize::try_from(node).ok().and_then(|node| tree.parents().get(node).copied());
            valid &= parent.map(i64::from) == Some(before);
            before = node;
        }
        prop_assert_eq!(tree.check_path(&path).is_ok(), valid);
    }

    #[test]
    fn a_batch_holds_each_tree_and_filler(members in prop::collection::vec(trees(20), 0..5)) {
        let batch = TreeBatch::new(&members.iter().collect::<Vec<_>>(), TokenId(99)).unwrap();
        prop_assert_eq!(batch.rows, members.len());
        prop_assert_eq!(batch.width, members.iter().map(TokenTree::len).max().unwrap_or(0));
        let mut listed = 0;
        for (row, tree) in members.iter().enumerate() {
            prop_assert_eq!(batch.splits[row], i64::try_from(listed).unwrap());
            for i in 0..batch.width {
                let place = row * batch.width + i;
                let token = tree.tokens().get(i).map_or(99, |token| i64::from(token.0));
                let depth = tree.depths().get(i).map_or(0, |&depth| i64::from(depth));
                prop_assert_eq!((batch.tokens[place], batch.depths[place]), (token, depth));
                for j in 0..batch.width {
                    let expected = if i < tree.len() { j < tree.len() && sees(tree, i, j) } else { i == j };
                    prop_assert_eq!(batch.mask[place * batch.width + j], expected);
                }
                if i < tree.len() {
                    prop_assert_eq!(batch.places[listed], i64::try_from(place).unwrap());
                    listed += 1;
                }
            }
        }
        prop_assert_eq!(batch.splits.last().copied(), Some(i64::try_from(listed).unwrap()));
    }
}

#[test]
fn a_chain_is_its_own_kind() {
    let tree = chain(4);
    assert_eq!(tree, TokenTree::new((0..4).map(TokenId).collect(), vec![-1, 0, 1, 2]).unwrap());
    assert!(tree.is_chain() && chain(0).is_chain() && chain(1).is_chain());
    assert!(!TokenTree::new(vec![TokenId(0); 3], vec![-1, 0, 0]).unwrap().is_chain());
    assert!(!TokenTree::new(vec![TokenId(0); 2], vec![-1, -1]).unwrap().is_chain());
}

#[test]
fn an_empty_tree_has_empty_layouts() {
    let tree = TokenTree::default();
    assert!(tree.is_empty());
    assert_eq!(tree.boolean_mask(), Ok(Vec::new()));
    assert_eq!(tree.leaf_paths().map(|paths| (paths.width, paths.nodes)), Ok((0, Vec::new())));
    assert_eq!(tree.path_list().map(|paths| paths.splits), Ok(vec![0]));
    assert_eq!(tree.to_paths(), Vec::<Vec<TokenId>>::new());
    assert_eq!(TokenTree::from_paths([[TokenId(0); 0]]).unwrap(), tree);
}

#[test]
fn errors_say_what_was_found_and_what_is_allowed() {
    let message = |tokens: usize, parents: &[i32]| {
        TokenTree::new(vec![TokenId(0); tokens], parents.to_vec()).unwrap_err().to_string()
    };
    assert_eq!(message(2, &[-1]), "found 2 tokens and 1 parents: a token tree has one parent for each token");
    assert_eq!(message(3, &[-1, 2, 1]), "node 1 has parent 2: a parent is -1 or a node before its child, here -1 to 0");
    assert_eq!(message(1, &[0]), "node 0 has parent 0: a parent is -1 or a node before its child, here only -1");
    let tree = chain(3);
    let path = |path: &[i64]| tree.check_path(path).unwrap_err().to_string();
    assert_eq!(path(&[0, 3]), "node 3 is not in the tree, whose nodes are 0 to 2");
    assert_eq!(path(&[1]), "a path starts at a root; node 1 has parent 0");
    assert_eq!(path(&[0, 2]), "step 1 of the path is node 2, whose parent is 1 and not 0, the node before it");
    assert_eq!(chain(0).path(0).unwrap_err().to_string(), "node 0 is not in the tree, which is empty");
}

#[test]
fn masks_are_refused_above_a_size_that_would_exhaust_memory() {
    let tree = chain(u32::try_from(MAX_MASK_NODES).unwrap() + 1);
    let expected = "found 32769 nodes; a tree with a mask has at most 32768";
    assert_eq!(tree.boolean_mask().unwrap_err().to_string(), expected);
    assert_eq!(tree.additive_mask(0.0).unwrap_err().to_string(), expected);
    assert_eq!(tree.bit_mask().unwrap_err().to_string(), expected);
    assert!(TreeBatch::new(&[&tree], TokenId(0)).is_err());
    assert!(tree.leaf_paths().is_ok(), "a chain has one path");
    assert!(tree.path_list().is_ok());
}
