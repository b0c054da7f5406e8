//! What callers may give as text: strings, words, pairs of either, and NumPy arrays of them.

use numpy::PyUntypedArray;
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTuple};

const TEXT: &str = "TextInputSequence must be str";
const WORDS: &str = "PreTokenizedInputSequence must be Union[List[str], Tuple[str]]";
const TEXTS: &str = "TextEncodeInput must be Union[TextInputSequence, Tuple[InputSequence, InputSequence]]";
const PAIRS: &str = "PreTokenizedEncodeInput must be Union[PreTokenizedInputSequence, \
                     Tuple[PreTokenizedInputSequence, PreTokenizedInputSequence]]";

/// A text, or words, as Python objects that are all `str`.
#[derive(Debug)]
pub(crate) enum Sequence<'py> {
    /// A text.
    Text(Bound<'py, PyString>),
    /// Words.
    Words(Vec<Bound<'py, PyString>>),
}

/// One input, or two that belong together.
#[derive(Debug)]
pub(crate) struct Item<'py> {
    pub(crate) first: Sequence<'py>,
    pub(crate) second: Option<Sequence<'py>>,
}

/// The same, borrowed: what can leave the interpreter.
#[derive(Debug)]
pub(crate) enum Borrowed<'a> {
    /// A text.
    Text(&'a str),
    /// Words.
    Words(Vec<&'a str>),
}

impl Borrowed<'_> {
    /// Bytes of text.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Words(words) => words.iter().map(|word| word.len() + 1).sum(),
        }
    }

    /// As the core takes it.
    pub(crate) fn input(&self) -> tokengrove::pipeline::Input<'_> {
        match self {
            Self::Text(text) => tokengrove::pipeline::Input::Text(text),
            Self::Words(words) => tokengrove::pipeline::Input::Words(words),
        }
    }
}

impl Sequence<'_> {
    /// Borrows the text. A lone surrogate has no UTF-8 form and is refused as something that is not text.
    pub(crate) fn borrow(&self) -> PyResult<Borrowed<'_>> {
        match self {
            Self::Text(text) => Ok(Borrowed::Text(text.to_str().map_err(|_| PyTypeError::new_err(TEXT))?)),
            Self::Words(words) => {
                let words = words.iter().map(|word| word.to_str().map_err(|_| PyTypeError::new_err(WORDS)));
                Ok(Borrowed::Words(words.collect::<PyResult<_>>()?))
            }
        }
    }
}

/// Reads one sequence.
///
/// # Errors
/// `TypeError` if it is not a `str`, or not a list or tuple or array of them.
pub(crate) fn sequence<'py>(object: &Bound<'py, PyAny>, is_pretokenized: bool) -> PyResult<Sequence<'py>> {
    if is_pretokenized {
        return words(object).map(Sequence::Words).ok_or_else(|| PyTypeError::new_err(WORDS));
    }
    text(object).map(Sequence::Text).ok_or_else(|| PyTypeError::new_err(TEXT))
}

/// Reads an input of a batch: a sequence, or a pair of sequences.
///
/// # Errors
/// `TypeError` if it is neither.
pub(crate) fn item<'py>(object: &Bound<'py, PyAny>, is_pretokenized: bool) -> PyResult<Item<'py>> {
    let single = if is_pretokenized { words(object).map(Sequence::Words) } else { text(object).map(Sequence::Text) };
    if let Some(first) = single {
        return Ok(Item { first, second: None });
    }
    if let Some([first, second]) = pair(object) {
        return Ok(Item {
            first: sequence(&first, is_pretokenized)?,
            second: Some(sequence(&second, is_pretokenized)?),
        });
    }
    Err(PyTypeError::new_err(if is_pretokenized { PAIRS } else { TEXTS }))
}

/// Reads the inputs of a batch.
///
/// # Errors
/// `TypeError` if it is not a list or another sequence, or one of them is no input.
pub(crate) fn items<'py>(batch: &Bound<'py, PyAny>, is_pretokenized: bool) -> PyResult<Vec<Item<'py>>> {
    if let Ok(list) = batch.cast::<PyList>() {
        return list.iter().map(|one| item(&one, is_pretokenized)).collect();
    }
    let py = batch.py();
    let is_sequence = !batch.is_instance_of::<PyString>()
        && batch.hasattr(intern!(py, "__len__"))?
        && batch.hasattr(intern!(py, "__getitem__"))?;
    if !is_sequence {
        let kind = batch.get_type();
        return Err(PyTypeError::new_err(format!("a batch must be a list or another sequence, not {kind}")));
    }
    batch.try_iter()?.map(|one| item(&one?, is_pretokenized)).collect()
}

fn text<'py>(object: &Bound<'py, PyAny>) -> Option<Bound<'py, PyString>> {
    object.cast::<PyString>().ok().cloned()
}

fn words<'py>(object: &Bound<'py, PyAny>) -> Option<Vec<Bound<'py, PyString>>> {
    if let Ok(list) = object.cast::<PyList>() {
        return list.iter().map(|word| text(&word)).collect();
    }
    if let Ok(tuple) = object.cast::<PyTuple>() {
        return tuple.iter().map(|word| text(&word)).collect();
    }
    if object.is_instance_of::<PyUntypedArray>() {
        let list = object.call_method0(intern!(object.py(), "tolist")).ok()?;
        return list.cast::<PyList>().ok()?.iter().map(|word| text(&word)).collect();
    }
    None
}

/// The elements of a sequence of two.
fn pair<'py>(object: &Bound<'py, PyAny>) -> Option<[Bound<'py, PyAny>; 2]> {
    if object.is_instance_of::<PyString>() || object.len().ok()? != 2 {
        return None;
    }
    Some([object.get_item(0).ok()?, object.get_item(1).ok()?])
}
