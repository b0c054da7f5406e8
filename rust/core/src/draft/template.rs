//! Draft trees of fixed shape.

use super::error::DraftError;

/// How many children each node of the paper's tree has, root first, breadth first.
///
/// 80 nodes beside the root in six levels of 8, 21, 25, 15, 8 and 3; the children of a node are its candidates of rank
/// 0, 1, ... in order. Luo et al. 2024, figure 5.
const STATIC_80: [u8; 81] = [
    8, // root
    8, 4, 3, 2, 1, 1, 1, 1, // level 1
    8, 3, 2, 1, 1, 1, 1, 1, 2, 1, 0, 0, 1, 0, 0, 1, 0, 1, 1, 0, 0, // level 2
    5, 2, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 1, 0, 0, // level 3
    3, 1, 1, 0, 0, 1, 0, 0, 0, 0, 1, 0, 1, 0, 0, // level 4
    2, 0, 0, 1, 0, 0, 0, 0, // level 5
    0, 0, 0, // level 6
];

/// The nodes of that tree by how often they were accepted, most often first: where there is room for fewer than all of them,
/// the first ones are drafted. Counted on greedy continuations of forty openings of `TinyStories`.
#[rustfmt::skip]
const STATIC_80_RANKING: [u8; 80] = [
    1, 9, 30, 2, 55, 3, 17, 70, 10, 4, 5, 48, 6, 78, 11, 7, 21, 31, 8, 24,
    67, 38, 12, 13, 18, 32, 26, 41, 56, 52, 65, 51, 77, 27, 28, 29, 15, 60, 68, 69,
    14, 66, 76, 44, 22, 49, 50, 43, 53, 71, 73, 79, 19, 20, 33, 59, 25, 36, 46, 58,
    62, 75, 34, 40, 45, 72, 61, 63, 39, 57, 16, 23, 35, 54, 64, 37, 74, 80, 47, 42,
];

/// The shape of a draft tree: for each node its parent and its rank among the parent's candidates.
///
/// Node 0 is the root. Parents precede children, and nodes are ordered level by level.
///
/// ```
/// use tokengrove::draft::Template;
/// let tree = Template::static_80();
/// assert_eq!((tree.len(), tree.depth()), (80, 6));
/// assert_eq!(Template::from_child_counts(&[2, 1, 0, 0]).unwrap().parents(), [None, Some(0), Some(0), Some(1)]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parents: Vec<Option<u32>>,
    ranks: Vec<u8>,
    depths: Vec<u8>,
    /// For each node its place in the order in which nodes are left out last; the root's is 0.
    places: Vec<u32>,
}

impl Template {
    /// The tree of the paper.
    #[must_use]
    pub fn static_80() -> Self {
        let mut tree = Self::from_child_counts(&STATIC_80).unwrap_or_else(|_| Self::root_only());
        for (place, &node) in (1..).zip(&STATIC_80_RANKING) {
            tree.places[usize::from(node)] = place;
        }
        tree
    }

    /// The tree whose nodes have so many children each, root first, breadth first. O(n).
    ///
    /// # Errors
    ///
    /// If the counts do not describe one tree: too few or too many of them, or a tree deeper than 255.
    pub fn from_child_counts(counts: &[u8]) -> Result<Self, DraftError> {
        let mut tree = Self::root_only();
        for (node, &children) in counts.iter().enumerate() {
            let Some(&depth) = tree.depths.get(node) else {
                return Err(DraftError::template(format!(
                    "child count {node} belongs to no node: the tree ends before"
                )));
            };
            let depth =
                depth.checked_add(1).ok_or_else(|| DraftError::template("a tree deeper than 255".to_owned()))?;
            let parent = u32::try_from(node).map_err(|_| DraftError::template("more than 2^32 nodes".to_owned()))?;
            for rank in 0..children {
                tree.parents.push(Some(parent));
                tree.ranks.push(rank);
                tree.depths.push(depth);
                tree.places.push(u32::try_from(tree.places.len()).unwrap_or(u32::MAX));
            }
        }
        if tree.parents.len() == counts.len() {
            Ok(tree)
        } else {
            let (have, need) = (counts.len(), tree.parents.len());
            Err(DraftError::template(format!(
                "{have} child counts describe a tree of {need} nodes, which needs {need}"
            )))
        }
    }

    /// A tree of the root alone: nothing is drafted.
    fn root_only() -> Self {
        Self { parents: vec![None], ranks: vec![0], depths: vec![0], places: vec![0] }
    }

    /// How many nodes there are beside the root.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parents.len() - 1
    }

    /// Whether there is nothing beside the root.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The length of the longest path from the root.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.depths.iter().copied().max().map_or(0, usize::from)
    }

    /// The parent of each node, the root's being `None`.
    #[must_use]
    pub fn parents(&self) -> &[Option<u32>] {
        &self.parents
    }

    /// The rank of each node among its parent's candidates; 0 for the root.
    #[must_use]
    pub fn ranks(&self) -> &[u8] {
        &self.ranks
    }

    /// Whether a node is among the first `budget` beside the root: those accepted most often in the paper's tree, the first
    /// ones breadth first in any other. A node's parent always is if the node is.
    #[must_use]
    pub fn fits(&self, node: usize, budget: usize) -> bool {
        self.places.get(node).is_some_and(|&place| place as usize <= budget)
    }

    /// The distance of each node from the root.
    #[must_use]
    pub fn depths(&self) -> &[u8] {
        &self.depths
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
    use super::Template;

    /// The parents as the reference description prints them, run by run.
    fn published_parents() -> Vec<i32> {
        let runs: &[(i32, usize)] = &[
            (0, 8),
            (1, 8),
            (2, 4),
            (3, 3),
            (4, 2),
            (5, 1),
            (6, 1),
            (7, 1),
            (8, 1), // levels 1 and 2
            (9, 8),
            (10, 3),
            (11, 2),
            (12, 1),
            (13, 1),
            (14, 1),
            (15, 1),
            (16, 1),
            (17, 2),
            (18, 1),
            (21, 1),
            (24, 1),
            (26, 1),
            (27, 1), // level 3
            (30, 5),
            (31, 2),
            (32, 1),
            (33, 1),
            (34, 1),
            (38, 1),
            (41, 1),
            (48, 1),
            (51, 1),
            (52, 1), // level 4
            (55, 3),
            (56, 1),
            (57, 1),
            (60, 1),
            (65, 1),
            (67, 1), // level 5
            (70, 2),
            (73, 1), // level 6
        ];
        let mut parents = vec![-1];
        parents.extend(runs.iter().flat_map(|&(parent, times)| std::iter::repeat_n(parent, times)));
        parents
    }

    #[test]
    fn the_paper_s_tree_has_its_published_shape() {
        let tree = Template::static_80();
        let parents: Vec<i32> = tree.parents().iter().map(|p| p.map_or(-1, |p| p as i32)).collect();
        assert_eq!(parents, published_parents());
        let level = |d: u8| tree.depths().iter().filter(|depth| **depth == d).map(|_| 1).sum::<usize>();
        assert_eq!((0..=7).map(level).collect::<Vec<_>>(), [1, 8, 21, 25, 15, 8, 3, 0]);
        let leaves = (0..81).filter(|&n| !tree.parents().contains(&Some(n))).count();
        assert_eq!(leaves, 40);
    }

    #[test]
    fn the_paper_s_tree_holds_its_published_paths() {
        let tree = Template::static_80();
        let path = |mut node: usize| {
            let mut ranks = Vec::new();
            while let Some(parent) = tree.parents()[node] {
                ranks.push(char::from(b'0' + tree.ranks()[node]));
                node = parent as usize;
            }
            ranks.iter().rev().collect::<String>()
        };
        let level = |d: u8| (0..81).filter(|&n| tree.depths()[n] == d).map(path).collect::<Vec<_>>().join(" ");
        assert_eq!(level(4), "0000 0001 0002 0003 0004 0010 0011 0020 0030 0040 0100 0200 1000 2000 3000");
        assert_eq!(level(5), "00000 00001 00002 00010 00020 00100 01000 10000");
        assert_eq!(level(6), "000000 000001 000100");
    }

    #[test]
    fn every_beginning_of_the_ranking_is_a_tree() {
        let tree = Template::static_80();
        for budget in 0..=81 {
            let fitting: Vec<_> = (0..81).filter(|&node| tree.fits(node, budget)).collect();
            assert_eq!(fitting.len(), (budget + 1).min(81));
            assert!(fitting.iter().all(|&node| tree.parents()[node].is_none_or(|p| tree.fits(p as usize, budget))));
        }
        assert!(!tree.fits(81, 1000));
    }

    #[test]
    fn counts_that_are_no_tree_are_refused() {
        for (counts, expected) in [
            (&[0_u8, 1][..], "child count 1 belongs to no node: the tree ends before"),
            (&[2, 0], "2 child counts describe a tree of 3 nodes, which needs 3"),
            (&[], "0 child counts describe a tree of 1 nodes, which needs 1"),
        ] {
            assert_eq!(Template::from_child_counts(counts).unwrap_err().to_string(), expected);
        }
        let chain: Vec<u8> = [vec![1; 300], vec![0]].concat();
        assert!(Template::from_child_counts(&chain).unwrap_err().to_string().contains("deeper than 255"));
    }
}
