//! The drafter behind `tokengrove.speculative.TokenRecycling`, and the text it drafts for.

use crate::interrupt::run;
use crate::tree::TokenTree;
use crate::{errors, ids, nodes};
use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokengrove::draft::{Config, Draft, DraftError, Recycling, Sequence, Template};
use tokengrove::id::TokenId;
use tokengrove::tree;

/// What a tree and its candidates take, in the bytes of text that `run` counts in: short enough to keep the interpreter.
const SHORT: usize = 0;

fn invalid(py: Python<'_>, error: &DraftError) -> PyErr {
    errors::INVALID_ARGUMENT.err(py, error)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One text that is being generated: made by `RecyclingCore.start`.
#[pyclass(frozen, module = "tokengrove._native")]
pub(crate) struct DraftSequence {
    /// Never held while Python code may run.
    sequence: Mutex<Sequence>,
}

#[pymethods]
impl DraftSequence {
    /// The tokens so far: uint32[n].
    #[getter]
    fn tokens<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<u32>> {
        PyArray1::from_slice(py, lock(&self.sequence).tokens())
    }

    fn __len__(&self) -> usize {
        lock(&self.sequence).tokens().len()
    }
}

/// Tables that learn from every forward pass, and draft trees made from them.
///
/// Args:
///     vocab_size: How many tokens the vocabulary holds.
///     k: How many candidates of each position are kept, 1 to 8.
///     child_counts: The shape of a fixed tree as the number of children of each node, breadth first; an empty list is the
///         80-node tree of the paper; None grows trees best first.
///     rates: How much a new distribution weighs in the rows of one, two and three tokens once they have been seen often,
///         each in [0, 1]; 1 replaces, 0 leaves the order out.
///     suffix: Whether earlier occurrences of the text's end are a source.
///     suffix_least: How many tokens must agree there.
///     runners_up: Whether the runners-up of the last choice are candidates for the next token.
///     context_rows: The most rows of two, and of three tokens; 64 bytes each.
///     shared_tokens: The most tokens of finished texts that are searched.
///     learning_rate: How fast estimates follow what is accepted.
///
/// Raises:
///     InvalidArgumentError: If a value is outside what it may be.
#[pyclass(frozen, module = "tokengrove._native")]
pub(crate) struct RecyclingCore {
    /// Never held while Python code may run; always taken before that of a sequence.
    drafter: Mutex<Recycling>,
}

#[pymethods]
impl RecyclingCore {
    #[new]
    #[pyo3(signature = (vocab_size, k, child_counts, rates, *, suffix, suffix_least, runners_up, context_rows,
                        shared_tokens, learning_rate))]
    #[allow(clippy::too_many_arguments, reason = "one for each field of a configuration, by keyword")]
    fn new(
        py: Python<'_>,
        vocab_size: usize,
        k: usize,
        child_counts: Option<Vec<u8>>,
        rates: [f32; 3],
        suffix: bool,
        suffix_least: usize,
        runners_up: bool,
        context_rows: usize,
        shared_tokens: usize,
        learning_rate: f32,
    ) -> PyResult<Self> {
        let template = match child_counts {
            None => None,
            Some(counts) if counts.is_empty() => Some(Template::static_80()),
            Some(counts) => Some(Template::from_child_counts(&counts).map_err(|error| invalid(py, &error))?),
        };
        let config = Config {
            vocab_size,
            k,
            template,
            rates,
            suffix,
            suffix_least,
            runners_up,
            context_rows,
            shared_tokens,
            learning_rate,
        };
        let drafter = Recycling::new(config).map_err(|error| invalid(py, &error))?;
        Ok(Self { drafter: Mutex::new(drafter) })
    }

    /// Begins a text.
    ///
    /// Returns:
    ///     An empty sequence.
    #[staticmethod]
    fn start() -> DraftSequence {
        DraftSequence { sequence: Mutex::default() }
    }

    /// Adds tokens of a prompt and learns the candidates after each of them.
    ///
    /// Args:
    ///     sequence: The text.
    ///     tokens: Token ids, integers of shape [n].
    ///     ids: Candidates, likeliest first: uint32[n * width], row after row; empty if they are not known.
    ///     logs: Their log-probabilities in nats, float32[n * width].
    ///
    /// Raises:
    ///     InvalidArgumentError: If lengths do not fit, an id is outside the vocabulary or a number is NaN; nothing is
    ///         changed then.
    #[allow(clippy::needless_pass_by_value, reason = "arguments from Python are owned")]
    fn prompt(
        &self,
        py: Python<'_>,
        sequence: &DraftSequence,
        tokens: &Bound<'_, PyAny>,
        ids: &Bound<'_, PyAny>,
        logs: PyReadonlyArray1<'_, f32>,
    ) -> PyResult<()> {
        let (tokens, ids, logs) = (ids::read(tokens)?, ids::read(ids)?, logs.as_array().to_vec());
        run(py, tokens.len() * 64, || lock(&self.drafter).prompt(&mut lock(&sequence.sequence), &tokens, &ids, &logs))?
            .map_err(|error| invalid(py, &error))
    }

    /// Adds the token that was chosen after a prompt.
    ///
    /// Args:
    ///     sequence: The text.
    ///     token: The token id.
    ///
    /// Raises:
    ///     InvalidArgumentError: If the id is outside the vocabulary.
    fn push(&self, py: Python<'_>, sequence: &DraftSequence, token: u32) -> PyResult<()> {
        let size = lock(&self.drafter).config().vocab_size;
        if token as usize >= size {
            let message = format_args!("id {token} is outside the drafter's vocabulary of {size} tokens");
            return Err(errors::INVALID_ARGUMENT.err(py, message));
        }
        lock(&sequence.sequence).push(token);
        Ok(())
    }

    /// Drafts a tree whose root is the last token of a text.
    ///
    /// Args:
    ///     sequence: The text.
    ///     budget: The most nodes beside the root.
    ///
    /// Returns:
    ///     The tree, and the estimated probability that each node is accepted: float32[n].
    ///
    /// Raises:
    ///     InvalidArgumentError: If the text is empty.
    fn draft<'py>(
        &self,
        py: Python<'py>,
        sequence: &DraftSequence,
        budget: usize,
    ) -> PyResult<(TokenTree, Bound<'py, PyArray1<f32>>)> {
        let drafted = run(py, SHORT, || {
            let mut draft = Draft::default();
            lock(&self.drafter).draft(&lock(&sequence.sequence), budget, &mut draft).map(|()| draft)
        })?;
        let draft = drafted.map_err(|error| invalid(py, &error))?;
        let tokens = draft.tokens.into_iter().map(TokenId).collect();
        let tree = tree::TokenTree::new(tokens, draft.parents).map_err(|error| errors::INTERNAL.err(py, error))?;
        Ok((tree.into(), PyArray1::from_vec(py, draft.probabilities)))
    }

    /// Learns from a verified tree, and adds what was emitted to the text.
    ///
    /// Args:
    ///     sequence: The text.
    ///     tree: The tree that was verified; its root is the last token of the text.
    ///     path: The accepted nodes, the root first.
    ///     next: The token chosen after the last of them.
    ///     ids: The candidates after every node, likeliest first: uint32[n * width]; empty if they are not known.
    ///     logs: Their log-probabilities in nats, float32[n * width].
    ///
    /// Raises:
    ///     InvalidArgumentError: If the arguments do not fit each other, the text or the vocabulary, or a number is NaN;
    ///         nothing is changed then.
    #[allow(clippy::too_many_arguments, reason = "what a verified tree consists of")]
    #[allow(clippy::needless_pass_by_value, reason = "arguments from Python are owned")]
    fn learn(
        &self,
        py: Python<'_>,
        sequence: &DraftSequence,
        tree: &TokenTree,
        path: &Bound<'_, PyAny>,
        next: u32,
        ids: &Bound<'_, PyAny>,
        logs: PyReadonlyArray1<'_, f32>,
    ) -> PyResult<()> {
        let path = nodes::read(path, "the accepted path")?;
        let path: Vec<usize> = path.into_iter().map(|node| usize::try_from(node).unwrap_or(usize::MAX)).collect();
        let (ids, logs) = (ids::read(ids)?, logs.as_array().to_vec());
        let draft = Draft {
            tokens: tree.core().tokens().iter().map(|token| token.0).collect(),
            parents: tree.core().parents().to_vec(),
            probabilities: Vec::new(),
        };
        run(py, SHORT, || lock(&self.drafter).learn(&mut lock(&sequence.sequence), &draft, &path, next, &ids, &logs))?
            .map_err(|error| invalid(py, &error))
    }

    /// Keeps a finished text for later ones to be searched.
    fn finish(&self, py: Python<'_>, sequence: &DraftSequence) -> PyResult<()> {
        run(py, SHORT, || lock(&self.drafter).finish(&lock(&sequence.sequence)))
    }

    /// Forgets everything.
    fn reset(&self) {
        lock(&self.drafter).reset();
    }

    /// Gives the candidates after a token.
    ///
    /// Args:
    ///     token: The token id.
    ///
    /// Returns:
    ///     Ids and probabilities, likeliest first: uint32[m] and float32[m]; empty if the token has not been seen.
    #[allow(clippy::type_complexity, reason = "two arrays")]
    fn row<'py>(
        &self,
        py: Python<'py>,
        token: u32,
    ) -> PyResult<(Bound<'py, PyArray1<u32>>, Bound<'py, PyArray1<f32>>)> {
        let drafter = lock(&self.drafter);
        let size = drafter.config().vocab_size;
        let Some(row) = drafter.matrix().row(token) else {
            let message = format_args!("id {token} is outside the drafter's vocabulary of {size} tokens");
            return Err(errors::INVALID_ARGUMENT.err(py, message));
        };
        let probabilities = row.probabilities().iter().map(|p| p.value()).collect();
        Ok((PyArray1::from_slice(py, row.ids()), PyArray1::from_vec(py, probabilities)))
    }

    /// Gives everything learned, as bytes for `restore`.
    fn save<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = run(py, usize::MAX, || lock(&self.drafter).save())?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// Replaces everything learned by what was saved.
    ///
    /// Raises:
    ///     InvalidArgumentError: If the bytes were not saved by a drafter of the same vocabulary; nothing is changed then.
    fn restore(&self, py: Python<'_>, bytes: &[u8]) -> PyResult<()> {
        run(py, usize::MAX, || lock(&self.drafter).restore(bytes))?.map_err(|error| invalid(py, &error))
    }

    /// Adds what another drafter has learned.
    ///
    /// Raises:
    ///     InvalidArgumentError: If the other drafter has another vocabulary or k.
    fn merge(&self, py: Python<'_>, other: &Self) -> PyResult<()> {
        run(py, usize::MAX, || {
            // A copy, so that the two locks are never held together, whoever merges whom.
            let other = lock(&other.drafter).clone();
            lock(&self.drafter).merge(&other)
        })?
        .map_err(|error| invalid(py, &error))
    }
}
