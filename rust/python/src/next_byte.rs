//! Byte-level probabilities: the classes behind `tokengrove.next_byte`.

use crate::interrupt::run;
use crate::tokenizer::TokenizerCore;
use crate::{errors, ids};
use numpy::ndarray::Dimension;
use numpy::{IntoPyArray, Ix1, Ix2, PyArray1, PyReadonlyArray, PyUntypedArrayMethods, ToPyArray};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::sync::Arc;
use tokengrove::next_byte::{self, LogitsError, Mode, Row};
use tokengrove::pipeline::Tokenizer;

/// A tokenizer prepared for sums over bytes.
#[pyclass(frozen, module = "tokengrove._native")]
pub(crate) struct ByteVocab {
    vocab: Arc<next_byte::ByteVocab>,
    tokenizer: Arc<Tokenizer>,
}

/// Logits of one history, or of several as rows.
enum Logits<'py, D: Dimension> {
    Single(PyReadonlyArray<'py, f32, D>),
    Double(PyReadonlyArray<'py, f64, D>),
}

impl<'py, D: Dimension> Logits<'py, D> {
    fn read(object: &Bound<'py, PyAny>) -> PyResult<Self> {
        if let Ok(single) = object.extract::<PyReadonlyArray<'_, f32, D>>()
            && single.as_slice().is_ok()
        {
            return Ok(Self::Single(single));
        }
        let py = object.py();
        let numpy = py.import(intern!(py, "numpy"))?;
        let double = numpy.call_method1(intern!(py, "ascontiguousarray"), (object, "float64"))?;
        Ok(Self::Double(double.extract()?))
    }
}

fn logits_error(py: Python<'_>, error: &LogitsError) -> PyErr {
    errors::LOGITS.err(py, error)
}

#[pymethods]
impl ByteVocab {
    #[new]
    fn new(
        py: Python<'_>,
        tokenizer: &Bound<'_, TokenizerCore>,
        mode: &str,
        end_ids: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let mode = match mode {
            "canonical" => Mode::Canonical,
            "canonical-raw" => Mode::CanonicalRaw,
            "all" => Mode::All,
            _ => {
                let message = format!("mode is \"canonical\", \"canonical-raw\" or \"all\", not {mode:?}");
                return Err(errors::INVALID_ARGUMENT.err(py, message));
            }
        };
        let end_ids = ids::read(end_ids)?;
        let tokenizer = tokenizer.get().shared();
        let vocab = run(py, usize::MAX, || next_byte::ByteVocab::new(&tokenizer, mode, &end_ids))?;
        let vocab = vocab.map_err(|error| {
            let class = if error.is_unsupported() { &errors::UNSUPPORTED } else { &errors::INVALID_ARGUMENT };
            class.err(py, error)
        })?;
        Ok(Self { vocab: Arc::new(vocab), tokenizer })
    }

    /// What the tokenizer puts before every text.
    #[getter]
    fn prefix<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.vocab.prefix())
    }

    /// The fewest logits that a model may give.
    #[getter]
    fn width(&self) -> usize {
        self.vocab.width()
    }

    /// The special tokens that are left out.
    #[getter]
    fn special_ids(&self) -> Vec<u32> {
        self.vocab.special_ids().to_vec()
    }

    /// Nodes and bytes of memory of the vocabulary trie.
    #[getter]
    fn trie_size(&self) -> (usize, usize) {
        (self.vocab.trie().node_count(), self.vocab.trie().memory())
    }

    /// Rewrites text as the tokenizer does, but for what it puts before it and how it writes spaces; a character cut short
    /// at the end stays.
    fn normalize<'py>(&self, py: Python<'py>, text: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        let normalized = next_byte::normalize(&self.tokenizer, text);
        let normalized = normalized.map_err(|error| errors::INVALID_TEXT.err(py, error))?;
        Ok(PyBytes::new(py, &normalized))
    }

    /// The covers of no bytes.
    fn start(&self) -> ByteCovers {
        ByteCovers { state: next_byte::ByteState::start(Arc::clone(&self.vocab)) }
    }

    /// What adds up the scores of a text; None in the mode "all".
    fn scorer(&self, py: Python<'_>, text: &[u8]) -> PyResult<Option<TextScorer>> {
        let scorer = run(py, usize::MAX, || next_byte::Scorer::new(Arc::clone(&self.vocab), text))?;
        Ok(scorer.map(|scorer| TextScorer { scorer }))
    }

    /// What reads a prompt; None in modes other than "canonical".
    fn prompt(&self, py: Python<'_>, text: &[u8]) -> PyResult<Option<PromptReader>> {
        let prompt = run(py, usize::MAX, || next_byte::Prompt::new(Arc::clone(&self.vocab), text))?;
        Ok(prompt.map(|prompt| PromptReader { prompt }))
    }

    /// The tokens that may follow a sequence of tokens, or None if that is not valid itself; None in the mode "all" too.
    fn valid_next<'py>(
        &self,
        py: Python<'py>,
        history: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyArray1<bool>>>> {
        let history = ids::read(history)?;
        let valid = run(py, usize::MAX, || self.vocab.valid_next(&history))?;
        Ok(valid.map(|valid| valid.into_pyarray(py)))
    }
}

/// All covers of some bytes; immutable.
#[pyclass(frozen, module = "tokengrove._native")]
pub(crate) struct ByteCovers {
    state: next_byte::ByteState,
}

/// Tokens and the logarithm of their share.
type Cover = (Vec<u32>, f64);

fn cover(cover: next_byte::Cover) -> Cover {
    (cover.ids, cover.log_share)
}

#[pymethods]
impl ByteCovers {
    fn __len__(&self) -> usize {
        self.state.len()
    }

    /// Bundles to ask the model about, see the Rust documentation.
    fn pending(&self, eps: f64, most: usize) -> Vec<usize> {
        self.state.pending(eps, most)
    }

    /// The tokens of a bundle's history.
    fn path(&self, py: Python<'_>, bundle: usize) -> PyResult<Vec<u32>> {
        self.check(py, bundle)?;
        Ok(self.state.path(bundle))
    }

    /// The tokens that all histories begin with.
    fn trunk(&self) -> Vec<u32> {
        self.state.trunk()
    }

    /// Takes logits of some bundles: a list of bundles and a list of arrays.
    #[allow(clippy::needless_pass_by_value, reason = "arguments from Python come as values")]
    fn resolve(&self, py: Python<'_>, bundles: Vec<usize>, logits: Vec<Bound<'_, PyAny>>) -> PyResult<Self> {
        let mut rows = Vec::with_capacity(bundles.len());
        for (bundle, logits) in bundles.into_iter().zip(&logits) {
            self.check(py, bundle)?;
            let row = match Logits::<Ix1>::read(logits)? {
                Logits::Single(values) => self.row(py, bundle, values.as_slice()?)?,
                Logits::Double(values) => self.row(py, bundle, values.as_slice()?)?,
            };
            rows.push((bundle, row.map_err(|error| logits_error(py, &error))?));
        }
        Ok(Self { state: self.state.resolve(rows) })
    }

    /// Forgets all pending bundles but the heaviest.
    fn forget(&self, all_but: usize) -> Self {
        Self { state: self.state.forget(all_but) }
    }

    /// One byte more.
    fn advance(&self, byte: u8) -> Self {
        Self { state: self.state.advance(byte) }
    }

    /// float64[257].
    fn logprobs<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.state.logprobs().as_slice().to_pyarray(py)
    }

    #[getter]
    fn logprob(&self) -> f64 {
        self.state.logprob()
    }

    #[getter]
    fn special_logprob(&self) -> f64 {
        self.state.special_logprob()
    }

    #[getter]
    fn unresolved_mass(&self) -> f64 {
        self.state.unresolved_mass()
    }

    /// The heaviest covers.
    fn covers(&self, most: usize) -> Vec<Cover> {
        self.state.covers(most).into_iter().map(cover).collect()
    }

    /// The cover at a place between 0 and 1.
    fn cover_at(&self, place: f64) -> Option<Cover> {
        self.state.cover_at(place).map(cover)
    }
}

impl ByteCovers {
    fn check(&self, py: Python<'_>, bundle: usize) -> PyResult<()> {
        if bundle < self.state.len() {
            return Ok(());
        }
        let message = format!("bundle {bundle} of {}", self.state.len());
        Err(errors::INVALID_ARGUMENT.err(py, message))
    }

    fn row<T: next_byte::Logit + Sync>(
        &self,
        py: Python<'_>,
        bundle: usize,
        logits: &[T],
    ) -> PyResult<Result<Row, LogitsError>> {
        run(py, logits.len(), || self.state.row(bundle, logits))
    }
}

/// Parents, tokens: int64 arrays of one length.
type Tree<'py> = (Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<i64>>);

/// Tokens and parents as arrays.
fn tree(py: Python<'_>, nodes: impl Iterator<Item = (u32, Option<usize>)>) -> Tree<'_> {
    let parent = |at: Option<usize>| at.map_or(-1, |at| at.cast_signed() as i64);
    let (tokens, parents): (Vec<i64>, Vec<i64>) = nodes.map(|(id, at)| (i64::from(id), parent(at))).unzip();
    (tokens.into_pyarray(py), parents.into_pyarray(py))
}

/// Reads rows of logits, float[rows, vocabulary], from number `first` of `count` on, each with one of two functions.
fn read_rows<T: Send>(
    rows: &Bound<'_, PyAny>,
    (first, count): (usize, usize),
    single: impl Fn(usize, &[f32]) -> Result<T, LogitsError> + Sync,
    double: impl Fn(usize, &[f64]) -> Result<T, LogitsError> + Sync,
) -> PyResult<Vec<T>> {
    let py = rows.py();
    let rows = Logits::<Ix2>::read(rows)?;
    let (found, width) = match &rows {
        Logits::Single(rows) => (rows.shape()[0], rows.shape()[1]),
        Logits::Double(rows) => (rows.shape()[0], rows.shape()[1]),
    };
    if found > count.saturating_sub(first) {
        let message = format!("rows {first} to {} of {count} rows of logits", first.saturating_add(found));
        return Err(errors::INVALID_ARGUMENT.err(py, message));
    }
    let width = width.max(1);
    let read: Result<Vec<T>, LogitsError> = match &rows {
        Logits::Single(rows) => {
            let values = rows.as_slice()?;
            run(py, usize::MAX, || {
                (first..).zip(values.chunks_exact(width)).map(|(at, row)| single(at, row)).collect()
            })?
        }
        Logits::Double(rows) => {
            let values = rows.as_slice()?;
            run(py, usize::MAX, || {
                (first..).zip(values.chunks_exact(width)).map(|(at, row)| double(at, row)).collect()
            })?
        }
    };
    read.map_err(|error| logits_error(py, &error))
}

/// What some rows of logits say about a prompt.
#[pyclass(frozen, module = "tokengrove._native")]
pub(crate) struct PromptRows {
    rows: Vec<next_byte::PromptRow>,
}

/// Reads one prompt.
#[pyclass(frozen, module = "tokengrove._native")]
pub(crate) struct PromptReader {
    prompt: next_byte::Prompt,
}

#[pymethods]
impl PromptReader {
    /// The tokens and parents of the nodes to ask the model about.
    #[getter]
    fn tree<'py>(&self, py: Python<'py>) -> Tree<'py> {
        tree(py, self.prompt.needed().into_iter())
    }

    /// Reads the logits of nodes from a row on, the empty sequence being row 0: an array of one row for each.
    fn read(&self, first: usize, rows: &Bound<'_, PyAny>) -> PyResult<PromptRows> {
        let prompt = &self.prompt;
        let numbers = (first, prompt.rows());
        let rows = read_rows(rows, numbers, |at, row| prompt.read(at, row), |at, row| prompt.read(at, row))?;
        Ok(PromptRows { rows })
    }

    /// The covers of the prompt, from all rows in order; None if some are missing.
    #[allow(clippy::needless_pass_by_value, reason = "arguments from Python come as values")]
    fn finish(&self, rows: Vec<Bound<'_, PromptRows>>) -> Option<ByteCovers> {
        let all = rows.iter().flat_map(|block| &block.get().rows);
        self.prompt.finish(all).map(|state| ByteCovers { state })
    }
}

/// What some rows of logits contribute to the scores of a text.
#[pyclass(frozen, module = "tokengrove._native")]
pub(crate) struct TextRows {
    rows: Vec<next_byte::NodeScore>,
}

/// Adds up the scores of one text.
#[pyclass(frozen, module = "tokengrove._native")]
pub(crate) struct TextScorer {
    scorer: next_byte::Scorer,
}

#[pymethods]
impl TextScorer {
    /// The tokens and parents of the cover tree.
    #[getter]
    fn tree<'py>(&self, py: Python<'py>) -> Tree<'py> {
        let covers = self.scorer.tree();
        tree(py, (0..covers.len()).map(|node| (covers.token(node).unwrap_or(0), covers.parent(node))))
    }

    /// Reads the logits of nodes from a row on, the empty sequence being row 0: an array of one row for each.
    fn read(&self, first: usize, rows: &Bound<'_, PyAny>) -> PyResult<TextRows> {
        let scorer = &self.scorer;
        let numbers = (first, scorer.rows());
        let rows = read_rows(rows, numbers, |at, row| scorer.read(at, row), |at, row| scorer.read(at, row))?;
        Ok(TextRows { rows })
    }

    /// Logarithms of the probabilities of the bytes and of the end, from all rows in order; None if some are missing.
    #[allow(clippy::needless_pass_by_value, reason = "arguments from Python come as values")]
    fn finish<'py>(
        &self,
        py: Python<'py>,
        rows: Vec<Bound<'py, TextRows>>,
    ) -> Option<(Bound<'py, PyArray1<f64>>, f64)> {
        let scored = self.scorer.finish(rows.iter().flat_map(|block| &block.get().rows))?;
        Some((scored.logprobs.into_pyarray(py), scored.end_logprob))
    }
}
