//! Text arguments: `str` and `bytes`, borrowed from Python where the text lies.

use crate::errors;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

/// A text argument.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Text<'a> {
    /// A `str`, or `bytes` that are UTF-8.
    Str(&'a str),
    /// `bytes` that are not UTF-8.
    Bytes(&'a [u8]),
}

impl Text<'_> {
    /// Length in bytes of the UTF-8 form.
    pub(crate) const fn len(&self) -> usize {
        match self {
            Self::Str(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
        }
    }

    /// A `str` if the bytes are UTF-8.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Text<'_> {
        std::str::from_utf8(bytes).map_or(Text::Bytes(bytes), Text::Str)
    }

    /// The UTF-8 form, or the bytes.
    pub(crate) const fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Str(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// Borrows a text argument.
///
/// An ASCII `str` and `bytes` are not copied. Any other `str` is converted to UTF-8 once by the interpreter, which keeps the
/// result with the object.
pub(crate) fn borrow<'a>(object: &'a Bound<'_, PyAny>) -> PyResult<Text<'a>> {
    if let Ok(string) = object.cast::<PyString>() {
        return borrow_str(string).map(Text::Str);
    }
    if let Ok(bytes) = object.cast::<PyBytes>() {
        let bytes = bytes.as_bytes();
        return Ok(Text::of_bytes(bytes));
    }
    Err(PyTypeError::new_err(format!("text must be str or bytes, not {}", object.get_type().name()?)))
}

/// Borrows a `str`.
pub(crate) fn borrow_str<'a>(string: &'a Bound<'_, PyString>) -> PyResult<&'a str> {
    string.to_str().map_err(|cause| lone_surrogate(string.py(), &cause))
}

/// Borrows all texts of an iterable, keeping the objects alive in `keep`.
pub(crate) fn borrow_all<'a, 'py>(
    texts: &Bound<'py, PyAny>,
    keep: &'a mut Vec<Bound<'py, PyAny>>,
) -> PyResult<Vec<Text<'a>>> {
    if texts.is_instance_of::<PyString>() || texts.is_instance_of::<PyBytes>() {
        let kind = texts.get_type();
        return Err(PyTypeError::new_err(format!("texts must be an iterable of str or bytes, not one {kind}")));
    }
    *keep = texts.try_iter()?.collect::<PyResult<_>>()?;
    keep.iter().map(borrow).collect()
}

/// The error for a `str` without a UTF-8 form, saying where.
#[cold]
fn lone_surrogate(py: Python<'_>, cause: &PyErr) -> PyErr {
    let value = cause.value(py);
    let place = || -> PyResult<(usize, u32)> {
        let start: usize = value.getattr("start")?.extract()?;
        let object = value.getattr("object")?;
        let code = py.import("builtins")?.call_method1("ord", (object.get_item(start)?,))?.extract()?;
        Ok((start, code))
    };
    let error = match place() {
        Ok((start, code)) => errors::INVALID_TEXT.err(
            py,
            format_args!("the text has a lone surrogate, U+{code:04X}, at character {start}; it has no UTF-8 form"),
        ),
        Err(_) => errors::INVALID_TEXT.err(py, value),
    };
    error.set_cause(py, Some(cause.clone_ref(py)));
    error
}
