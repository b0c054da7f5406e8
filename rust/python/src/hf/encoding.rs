//! `Encoding`: what a text was encoded to.

use super::state;
use crate::hf::{Guarded, refused};
use crate::lists;
use numpy::{PyArray1, PyArray2, PyArrayMethods, ToPyArray};
use pyo3::exceptions::{PyDeprecationWarning, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyAny, PyBytes, PyDict, PyList, PyString, PyTuple};
use std::sync::Arc;
use tokengrove::encoding::{self, Direction, NO_WORD, Pad};

/// The tokens of a text, and everything that is known about each of them.
///
/// Lists are made when they are asked for, new ones each time; every list of numbers is also there as an array, whose name
/// ends in `_array`.
#[pyclass(frozen, name = "Encoding", module = "tokengrove._native")]
pub(crate) struct PyEncoding {
    inner: Guarded<Arc<encoding::Encoding>>,
}

impl From<encoding::Encoding> for PyEncoding {
    fn from(inner: encoding::Encoding) -> Self {
        Self { inner: Guarded::new(Arc::new(inner)) }
    }
}

impl PyEncoding {
    /// The encoding as it is now.
    pub(crate) fn get(&self) -> Arc<encoding::Encoding> {
        Arc::clone(&self.inner.get())
    }

    /// Changes the encoding.
    fn change<T>(&self, f: impl FnOnce(&mut encoding::Encoding) -> T) -> T {
        let mut encoding = encoding::Encoding::clone(&self.get());
        let result = f(&mut encoding);
        *self.inner.get() = Arc::new(encoding);
        result
    }
}

/// Reads a side by name; `what` names the operation in the error.
pub(crate) fn direction(name: &str, what: &str) -> PyResult<Direction> {
    match name {
        "left" => Ok(Direction::Left),
        "right" => Ok(Direction::Right),
        _ => Err(PyValueError::new_err(format!("Invalid {what} direction value : {name}"))),
    }
}

/// Makes a list of 0 and 1.
fn mask_list<'py>(py: Python<'py>, mask: &[u8]) -> PyResult<Bound<'py, PyList>> {
    let wide: Vec<u32> = mask.iter().map(|&bit| u32::from(bit)).collect();
    lists::to_list(py, &wide)
}

fn word(word: u32) -> Option<u32> {
    (word != NO_WORD).then_some(word)
}

#[pymethods]
impl PyEncoding {
    #[new]
    fn new() -> Self {
        encoding::Encoding::default().into()
    }

    fn __getstate__<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, state::to_json(&self.get()).as_bytes())
    }

    fn __setstate__(&self, state: &[u8]) -> PyResult<()> {
        let encoding = state::from_json(state).map_err(refused)?;
        *self.inner.get() = Arc::new(encoding);
        Ok(())
    }

    fn __len__(&self) -> usize {
        self.get().len()
    }

    fn __repr__(&self) -> String {
        format!(
            "Encoding(num_tokens={}, attributes=[ids, type_ids, tokens, offsets, attention_mask, special_tokens_mask, \
             overflowing])",
            self.get().len()
        )
    }

    /// Puts encodings one after another.
    ///
    /// Args:
    ///     encodings: The encodings.
    ///     growing_offsets: Whether offsets go on counting from the end of the encoding before.
    ///
    /// Returns:
    ///     A new encoding of all tokens.
    #[staticmethod]
    #[pyo3(signature = (encodings, growing_offsets = true))]
    #[allow(clippy::needless_pass_by_value, reason = "an argument from Python is owned")]
    fn merge(encodings: Vec<PyRef<'_, Self>>, growing_offsets: bool) -> Self {
        let all = encodings.iter().map(|one| encoding::Encoding::clone(&one.get()));
        encoding::Encoding::merge(all, growing_offsets).into()
    }

    /// How many inputs the tokens come from.
    #[getter]
    fn n_sequences(&self) -> usize {
        self.get().n_sequences()
    }

    /// Says that all tokens come from one input.
    fn set_sequence_id(&self, sequence_id: usize) {
        self.change(|encoding| encoding.set_sequence_id(sequence_id));
    }

    /// The ids.
    #[getter]
    fn ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        lists::to_list(py, self.get().ids())
    }

    /// The ids as uint32[n].
    #[getter]
    fn ids_array<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<u32>> {
        self.get().ids().to_pyarray(py)
    }

    /// The token strings.
    #[getter]
    fn tokens<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let encoding = self.get();
        PyList::new(py, encoding.tokens().strings(encoding.ids()).iter().map(|string| PyString::new(py, string)))
    }

    /// The word that each token is in, or None.
    #[getter]
    fn word_ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let encoding = self.get();
        if encoding.words().contains(&NO_WORD) {
            return PyList::new(py, encoding.words().iter().map(|&one| word(one)));
        }
        lists::to_list(py, encoding.words())
    }

    /// The same as int64[n], with -1 for None.
    #[getter]
    fn word_ids_array<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<i64>> {
        let encoding = self.get();
        let words: Vec<i64> = encoding.words().iter().map(|&one| word(one).map_or(-1, i64::from)).collect();
        words.to_pyarray(py)
    }

    /// Another name of `word_ids`.
    #[getter]
    fn words<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let warning = py.get_type::<PyDeprecationWarning>();
        PyErr::warn(py, &warning, c"Encoding.words is deprecated, please use Encoding.word_ids instead.", 1)?;
        self.word_ids(py)
    }

    /// The input that each token comes from, or None.
    #[getter]
    fn sequence_ids(&self) -> Vec<Option<usize>> {
        self.get().sequence_ids()
    }

    /// The type id of each token.
    #[getter]
    fn type_ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        lists::to_list(py, self.get().type_ids())
    }

    /// The same as uint32[n].
    #[getter]
    fn type_ids_array<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<u32>> {
        self.get().type_ids().to_pyarray(py)
    }

    /// Where each token begins and ends in its text, in characters.
    #[getter]
    fn offsets<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let encoding = self.get();
        let flat: Vec<u32> = encoding.offsets().iter().flatten().copied().collect();
        let numbers = lists::to_list(py, &flat)?;
        let pairs = (0..encoding.len()).map(|at| {
            let pair = [numbers.get_item(2 * at)?, numbers.get_item(2 * at + 1)?];
            PyTuple::new(py, pair)
        });
        PyList::new(py, pairs.collect::<PyResult<Vec<_>>>()?)
    }

    /// The same as int64[n, 2].
    #[getter]
    fn offsets_array<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<i64>>> {
        let encoding = self.get();
        let flat: Vec<i64> = encoding.offsets().iter().flatten().map(|&at| i64::from(at)).collect();
        flat.to_pyarray(py).reshape([encoding.len(), 2])
    }

    /// 1 for tokens that were added to those of the text, else 0.
    #[getter]
    fn special_tokens_mask<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        mask_list(py, self.get().special_tokens_mask())
    }

    /// The same as uint8[n].
    #[getter]
    fn special_tokens_mask_array<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<u8>> {
        self.get().special_tokens_mask().to_pyarray(py)
    }

    /// 0 for padding, else 1.
    #[getter]
    fn attention_mask<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        mask_list(py, self.get().attention_mask())
    }

    /// The same as uint8[n].
    #[getter]
    fn attention_mask_array<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<u8>> {
        self.get().attention_mask().to_pyarray(py)
    }

    /// What truncation cut off, in windows of the same length.
    #[getter]
    fn overflowing(&self) -> Vec<Self> {
        self.get().overflowing().iter().cloned().map(Self::from).collect()
    }

    /// The tokens of a word: the first, and the one after the last.
    #[pyo3(signature = (word_index, sequence_index = 0))]
    fn word_to_tokens(&self, word_index: u32, sequence_index: usize) -> Option<(usize, usize)> {
        self.get().word_to_tokens(word_index, sequence_index)
    }

    /// The characters of a word.
    #[pyo3(signature = (word_index, sequence_index = 0))]
    fn word_to_chars(&self, word_index: u32, sequence_index: usize) -> Option<(u32, u32)> {
        self.get().word_to_chars(word_index, sequence_index)
    }

    /// The input that a token comes from.
    fn token_to_sequence(&self, token_index: usize) -> Option<usize> {
        self.get().token_to_sequence(token_index)
    }

    /// The characters of a token.
    fn token_to_chars(&self, token_index: usize) -> Option<(u32, u32)> {
        self.get().token_to_chars(token_index)
    }

    /// The word of a token.
    fn token_to_word(&self, token_index: usize) -> Option<u32> {
        self.get().token_to_word(token_index)
    }

    /// The token that a character is part of.
    #[pyo3(signature = (char_pos, sequence_index = 0))]
    fn char_to_token(&self, char_pos: usize, sequence_index: usize) -> Option<usize> {
        self.get().char_to_token(char_pos, sequence_index)
    }

    /// The word that a character is part of.
    #[pyo3(signature = (char_pos, sequence_index = 0))]
    fn char_to_word(&self, char_pos: usize, sequence_index: usize) -> Option<u32> {
        self.get().char_to_word(char_pos, sequence_index)
    }

    /// Fills up to a length.
    ///
    /// Args:
    ///     length: The number of tokens wanted.
    ///     **kwargs: `direction` ("right"), `pad_id` (0), `pad_type_id` (0) and `pad_token` ("[PAD]").
    ///
    /// Raises:
    ///     ValueError: If the direction is neither "left" nor "right".
    ///     TypeError: If an argument has another name.
    #[pyo3(signature = (length, **kwargs), text_signature = "($self, length, **kwargs)")]
    fn pad(&self, length: usize, kwargs: Option<&Bound<'_, PyDict>>) -> PyResult<()> {
        let mut pad = Pad { direction: Direction::Right, id: 0, type_id: 0, token: "[PAD]".to_owned() };
        for (name, value) in kwargs.into_iter().flatten() {
            match name.extract::<String>()?.as_str() {
                "direction" => pad.direction = direction(&value.extract::<String>()?, "padding")?,
                "pad_id" => pad.id = value.extract()?,
                "pad_type_id" => pad.type_id = value.extract()?,
                "pad_token" => pad.token = value.extract()?,
                other => {
                    return Err(pyo3::exceptions::PyTypeError::new_err(format!("pad() has no argument {other:?}")));
                }
            }
        }
        self.change(|encoding| encoding.pad(length, &pad));
        Ok(())
    }

    /// Cuts off what is too long; see `overflowing`.
    ///
    /// Args:
    ///     max_length: The number of tokens to keep at most.
    ///     stride: How many tokens of a window are the last of the window before.
    ///     direction: The side that is cut off.
    ///
    /// Raises:
    ///     ValueError: If the direction is neither "left" nor "right", or the stride not less than the length.
    #[pyo3(signature = (max_length, stride = 0, direction = "right"))]
    fn truncate(&self, max_length: usize, stride: usize, direction: &str) -> PyResult<()> {
        let side = self::direction(direction, "truncation")?;
        if self.change(|encoding| encoding.truncate(max_length, stride, side)) {
            return Ok(());
        }
        Err(PyValueError::new_err(format!("stride must be less than max_length; found {stride} and {max_length}")))
    }
}

/// A list of encodings.
pub(crate) fn to_list(py: Python<'_>, encodings: Vec<encoding::Encoding>) -> PyResult<Bound<'_, PyAny>> {
    let objects = encodings.into_iter().map(|encoding| Bound::new(py, PyEncoding::from(encoding)));
    Ok(PyList::new(py, objects.collect::<PyResult<Vec<_>>>()?)?.into_any())
}
