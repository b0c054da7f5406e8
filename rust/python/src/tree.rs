//! Token trees as NumPy arrays.
//!
//! Arrays are made of the memory that the core filled, without copies. Those that belong to a tree are made once, are
//! read-only and are shared by everybody who asks.

use crate::interrupt::run;
use crate::{errors, ids, nodes};
use numpy::{Element, PyArray1, PyArray2, PyArray3, PyArrayMethods};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyList;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use tokengrove::id::TokenId;
use tokengrove::tree::{self, TreeError};

/// A tree of tokens at the end of a context.
///
/// Node i has a token and a parent: a node before it, or -1 for the end of the context. There may be several roots, siblings
/// of the same token, and no nodes at all. A tree cannot change; it is compared by content, hashable, and pickles.
///
/// Args:
///     tokens: Token ids, integers of shape [n].
///     parents: For each node its parent, -1 or less than the node's own number; integers of shape [n].
///
/// Raises:
///     InvalidArgumentError: If the lengths differ, or a parent does not come before its node (so cycles cannot occur).
///     UnknownTokenError: If a token id is negative or above 2^32 - 1.
///     TypeError: If they are not integers.
#[pyclass(frozen, module = "tokengrove")]
pub(crate) struct TokenTree {
    tree: Arc<tree::TokenTree>,
    tokens: PyOnceLock<Py<PyArray1<u32>>>,
    parents: PyOnceLock<Py<PyArray1<i32>>>,
    depths: PyOnceLock<Py<PyArray1<i32>>>,
}

impl From<tree::TokenTree> for TokenTree {
    fn from(tree: tree::TokenTree) -> Self {
        Self { tree: tree.into(), tokens: PyOnceLock::new(), parents: PyOnceLock::new(), depths: PyOnceLock::new() }
    }
}

impl TokenTree {
    /// The tree itself.
    pub(crate) fn core(&self) -> &tree::TokenTree {
        &self.tree
    }

    /// Work of about the square of the number of nodes.
    fn work<T: Send>(&self, py: Python<'_>, work: impl FnOnce(&tree::TokenTree) -> T + Send) -> PyResult<T> {
        let tree = &*self.tree;
        // An entry takes far less time than the byte of text that `run` counts in.
        run(py, tree.len().saturating_mul(tree.len()) / 16, || work(tree))
    }
}

fn invalid(py: Python<'_>, error: &TreeError) -> PyErr {
    errors::INVALID_ARGUMENT.err(py, error)
}

/// An array that nobody can write to.
fn frozen<T: Element>(py: Python<'_>, values: Vec<T>) -> Py<PyArray1<T>> {
    let array = PyArray1::from_vec(py, values);
    array.readwrite().make_nonwriteable();
    array.unbind()
}

fn array<T: Element>(py: Python<'_>, values: Vec<T>) -> Bound<'_, PyArray1<T>> {
    PyArray1::from_vec(py, values)
}

fn square<T: Element>(py: Python<'_>, values: Vec<T>, shape: [usize; 2]) -> PyResult<Bound<'_, PyArray2<T>>> {
    PyArray1::from_vec(py, values).reshape(shape)
}

#[pymethods]
impl TokenTree {
    #[new]
    fn new(py: Python<'_>, tokens: &Bound<'_, PyAny>, parents: &Bound<'_, PyAny>) -> PyResult<Self> {
        let tokens = ids::read(tokens)?.into_iter().map(TokenId).collect();
        let parents = nodes::read(parents, "parents")?;
        let narrow = parents
            .iter()
            .enumerate()
            .map(|(node, &parent)| i32::try_from(parent).map_err(|_| invalid(py, &TreeError::parent(node, parent))));
        let tree = tree::TokenTree::new(tokens, narrow.collect::<PyResult<_>>()?);
        tree.map(Self::from).map_err(|error| invalid(py, &error))
    }

    /// Makes a tree of one path, in which each token continues the one before.
    ///
    /// Args:
    ///     tokens: Token ids, integers of shape [n].
    ///
    /// Returns:
    ///     The tree; node i is tokens[i].
    ///
    /// Raises:
    ///     UnknownTokenError: If a token id is negative or above 2^32 - 1.
    ///     TypeError: If they are not integers.
    #[staticmethod]
    fn chain(py: Python<'_>, tokens: &Bound<'_, PyAny>) -> PyResult<Self> {
        let tokens = ids::read(tokens)?.into_iter().map(TokenId).collect();
        tree::TokenTree::chain(tokens).map(Self::from).map_err(|error| invalid(py, &error))
    }

    /// Makes the smallest tree in which each of some token paths starts at a root: common beginnings are shared.
    ///
    /// Args:
    ///     paths: Paths, each a sequence or an array of token ids.
    ///
    /// Returns:
    ///     The tree, its nodes numbered as they first occur, path by path.
    ///
    /// Raises:
    ///     UnknownTokenError: If a token id is negative or above 2^32 - 1.
    ///     TypeError: If they are not sequences of integers.
    #[staticmethod]
    fn from_paths(py: Python<'_>, paths: &Bound<'_, PyAny>) -> PyResult<Self> {
        let read = |path: PyResult<Bound<'_, PyAny>>| ids::read(&path?);
        let paths = paths.try_iter()?.map(read).collect::<PyResult<Vec<_>>>()?;
        let total = paths.iter().map(Vec::len).sum();
        let tree = run(py, total, || {
            let ids = |path: Vec<u32>| path.into_iter().map(TokenId).collect::<Vec<_>>();
            tree::TokenTree::from_paths(paths.into_iter().map(ids))
        })?;
        tree.map(Self::from).map_err(|error| invalid(py, &error))
    }

    /// Gives the tokens from a root to each leaf.
    ///
    /// Returns:
    ///     A list of token ids for each leaf, leaves in the order of their numbers.
    fn to_paths(&self) -> Vec<Vec<u32>> {
        let paths = self.tree.to_paths();
        paths.into_iter().map(|path| path.into_iter().map(|token| token.0).collect()).collect()
    }

    /// The token id of each node: uint32[n], read-only.
    #[getter]
    fn tokens<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<u32>> {
        let make = || frozen(py, self.tree.tokens().iter().map(|token| token.0).collect());
        self.tokens.get_or_init(py, make).bind(py).clone()
    }

    /// The parent of each node, -1 for roots: int32[n], read-only.
    #[getter]
    fn parents<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<i32>> {
        self.parents.get_or_init(py, || frozen(py, self.tree.parents().to_vec())).bind(py).clone()
    }

    /// How many nodes are above each node, 0 for roots: int32[n], read-only.
    #[getter]
    fn depths<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<i32>> {
        self.depths.get_or_init(py, || frozen(py, self.tree.depths().to_vec())).bind(py).clone()
    }

    /// The length of the longest path; 0 without nodes.
    #[getter]
    fn height(&self) -> usize {
        self.tree.height()
    }

    /// Whether every node is the parent of the next, so that a causal mask is the tree's.
    #[getter]
    fn is_chain(&self) -> bool {
        self.tree.is_chain()
    }

    /// The nodes without children, in order: int32[leaves].
    #[getter]
    fn leaves<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<i32>> {
        array(py, self.tree.leaves())
    }

    /// Gives where each node stands in the sequence that its path continues.
    ///
    /// Args:
    ///     start: The length of the context, in tokens.
    ///
    /// Returns:
    ///     int64[n]: `start` plus the depth of each node.
    #[pyo3(signature = (start = 0))]
    fn positions<'py>(&self, py: Python<'py>, start: i64) -> Bound<'py, PyArray1<i64>> {
        array(py, self.tree.positions(start))
    }

    /// Gives which node sees which: itself and its ancestors.
    ///
    /// Returns:
    ///     bool[n, n]: whether node i sees node j, the transitive closure of the parents. The context, which every node
    ///     sees, is no part of it.
    ///
    /// Raises:
    ///     InvalidArgumentError: If there are more than 32,768 nodes.
    fn mask<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<bool>>> {
        let mask = self.work(py, tree::TokenTree::boolean_mask)?.map_err(|error| invalid(py, &error))?;
        square(py, mask, [self.tree.len(); 2])
    }

    /// Gives the mask in the form that is added to attention scores.
    ///
    /// Args:
    ///     hidden: What is added where a node does not see another.
    ///
    /// Returns:
    ///     float32[n, n]: 0 where node i sees node j, `hidden` elsewhere.
    ///
    /// Raises:
    ///     InvalidArgumentError: If there are more than 32,768 nodes.
    #[pyo3(signature = (hidden = f32::NEG_INFINITY))]
    fn additive_mask<'py>(&self, py: Python<'py>, hidden: f32) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let mask = self.work(py, |tree| tree.additive_mask(hidden))?.map_err(|error| invalid(py, &error))?;
        square(py, mask, [self.tree.len(); 2])
    }

    /// Gives the mask with one bit for each pair of nodes.
    ///
    /// Returns:
    ///     uint64[n, ceil(n / 64)]: bit j % 64 of word j // 64 of row i says whether node i sees node j.
    ///
    /// Raises:
    ///     InvalidArgumentError: If there are more than 32,768 nodes.
    fn bit_mask<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<u64>>> {
        let mask = self.work(py, tree::TokenTree::bit_mask)?.map_err(|error| invalid(py, &error))?;
        let words = mask.words_per_row();
        square(py, mask.into_words(), [self.tree.len(), words])
    }

    /// Gives child and sibling links.
    ///
    /// Returns:
    ///     For each node its first child and its next sibling, -1 where there is none: two arrays int32[n]. Roots are
    ///     siblings of each other, and node 0 is the first of them.
    #[allow(clippy::type_complexity, reason = "a pair of arrays")]
    fn links<'py>(&self, py: Python<'py>) -> (Bound<'py, PyArray1<i32>>, Bound<'py, PyArray1<i32>>) {
        let links = self.tree.links();
        (array(py, links.first_child), array(py, links.next_sibling))
    }

    /// Gives the nodes from a root to a node.
    ///
    /// Args:
    ///     node: The last node of the path.
    ///
    /// Returns:
    ///     int32[depth + 1]: the path, the root first.
    ///
    /// Raises:
    ///     InvalidArgumentError: If there is no such node.
    fn path<'py>(&self, py: Python<'py>, node: i64) -> PyResult<Bound<'py, PyArray1<i32>>> {
        let path = match usize::try_from(node) {
            Ok(node) => self.tree.path(node),
            Err(_) => Err(TreeError::node(node, self.tree.len())),
        };
        path.map(|path| array(py, path)).map_err(|error| invalid(py, &error))
    }

    /// Checks that nodes are a path from a root down, each the child of the one before; no nodes are a path.
    ///
    /// Args:
    ///     path: Node numbers, integers of shape [m].
    ///
    /// Raises:
    ///     InvalidArgumentError: At the first node that breaks the path.
    ///     TypeError: If they are not integers.
    fn check_path(&self, py: Python<'_>, path: &Bound<'_, PyAny>) -> PyResult<()> {
        self.tree.check_path(&nodes::read(path, "a path")?).map_err(|error| invalid(py, &error))
    }

    /// Gives the path to each leaf as a table.
    ///
    /// Returns:
    ///     int32[leaves, height]: the nodes of each path, the root first, then -1.
    ///
    /// Raises:
    ///     InvalidArgumentError: If the table would have more than 2^30 entries.
    fn leaf_paths<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<i32>>> {
        let paths = self.work(py, tree::TokenTree::leaf_paths)?.map_err(|error| invalid(py, &error))?;
        let rows = paths.nodes.len().checked_div(paths.width).unwrap_or(0);
        square(py, paths.nodes, [rows, paths.width])
    }

    /// Gives for each node the row of `leaf_paths` to read it from, the first that goes through it; its column is its depth.
    ///
    /// Returns:
    ///     int32[n].
    fn leaf_rows<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<i32>> {
        array(py, self.tree.leaf_rows())
    }

    /// Gives the path to every node, one after the other.
    ///
    /// Returns:
    ///     The nodes of all paths, int32[total], and where each path starts, int64[n + 1]: the path to node i is
    ///     nodes[splits[i]:splits[i + 1]].
    ///
    /// Raises:
    ///     InvalidArgumentError: If the paths have more than 2^30 nodes together.
    #[allow(clippy::type_complexity, reason = "a pair of arrays")]
    fn path_list<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyArray1<i32>>, Bound<'py, PyArray1<i64>>)> {
        let list = self.work(py, tree::TokenTree::path_list)?.map_err(|error| invalid(py, &error))?;
        Ok((array(py, list.nodes), array(py, list.splits)))
    }

    fn __len__(&self) -> usize {
        self.tree.len()
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.tree == other.tree
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.tree.hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self) -> String {
        let (nodes, leaves, height) = (self.tree.len(), self.tree.leaves().len(), self.tree.height());
        format!("TokenTree({nodes} nodes, {leaves} leaves, height {height})")
    }

    #[allow(clippy::type_complexity, reason = "a pair of arrays")]
    fn __getnewargs__<'py>(&self, py: Python<'py>) -> (Bound<'py, PyArray1<u32>>, Bound<'py, PyArray1<i32>>) {
        (self.tokens(py), self.parents(py))
    }
}

/// Several trees padded to one shape: row b holds the nodes of tree b, then filler.
///
/// A filler sees itself alone, so that its attention is defined, and no node sees it. The arrays are new and writable.
///
/// Args:
///     trees: The trees, one per row.
///     filler: The token id that rows are filled with.
///
/// Raises:
///     InvalidArgumentError: If the mask would have more than 2^30 entries.
///     UnknownTokenError: If `filler` is negative or above 2^32 - 1.
///     TypeError: If `trees` are not trees, or `filler` is not an integer.
#[pyclass(frozen, module = "tokengrove")]
pub(crate) struct TreeBatch {
    /// Token ids: int64[rows, width].
    #[pyo3(get)]
    tokens: Py<PyArray2<i64>>,
    /// Depths, 0 for filler: int64[rows, width].
    #[pyo3(get)]
    depths: Py<PyArray2<i64>>,
    /// Whether node i of a row sees node j of that row: bool[rows, width, width].
    #[pyo3(get)]
    mask: Py<PyArray3<bool>>,
    /// Where the nodes of each tree start in the list of all nodes of all trees, then their number: int64[rows + 1].
    #[pyo3(get)]
    splits: Py<PyArray1<i64>>,
    /// For each node of that list its place in a flattened [rows, width] array: int64[nodes].
    #[pyo3(get)]
    places: Py<PyArray1<i64>>,
}

#[pymethods]
impl TreeBatch {
    #[new]
    #[pyo3(signature = (trees, filler = 0))]
    fn new(py: Python<'_>, trees: &Bound<'_, PyAny>, filler: i64) -> PyResult<Self> {
        let out_of_range = |_| errors::unknown_id(py, filler, Some(u32::MAX));
        let filler = u32::try_from(filler).map_err(out_of_range)?;
        let read = |item: PyResult<Bound<'_, PyAny>>| {
            let item = item?;
            let tree = item.cast::<TokenTree>();
            let tree =
                tree.map_err(|_| PyTypeError::new_err(format!("trees must be TokenTree, not {}", item.get_type())))?;
            Ok(Arc::clone(&tree.get().tree))
        };
        let trees: Vec<Arc<tree::TokenTree>> = match trees.cast::<PyList>() {
            Ok(list) => list.iter().map(|item| read(Ok(item))).collect::<PyResult<_>>()?,
            Err(_) => trees.try_iter()?.map(read).collect::<PyResult<_>>()?,
        };
        let work = trees.iter().map(|tree| tree.len().saturating_mul(tree.len()) / 16).sum();
        let batch = run(py, work, || {
            let trees: Vec<&tree::TokenTree> = trees.iter().map(|tree| &**tree).collect();
            tree::TreeBatch::new(&trees, TokenId(filler))
        })?;
        let batch = batch.map_err(|error| invalid(py, &error))?;
        let (rows, width) = (batch.rows, batch.width);
        Ok(Self {
            tokens: square(py, batch.tokens, [rows, width])?.unbind(),
            depths: square(py, batch.depths, [rows, width])?.unbind(),
            mask: array(py, batch.mask).reshape([rows, width, width])?.unbind(),
            splits: array(py, batch.splits).unbind(),
            places: array(py, batch.places).unbind(),
        })
    }
}
