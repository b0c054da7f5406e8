//! The classes of `tokengrove.errors`, raised from Rust.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;
use std::fmt::Display;

/// One class of `tokengrove.errors`, imported when it is first raised.
pub(crate) struct ErrorClass {
    name: &'static str,
    class: PyOnceLock<Py<PyType>>,
}

impl ErrorClass {
    const fn new(name: &'static str) -> Self {
        Self { name, class: PyOnceLock::new() }
    }

    /// An instance of the class with a message; if the class cannot be imported, the import error.
    #[cold]
    pub(crate) fn err(&self, py: Python<'_>, message: impl Display) -> PyErr {
        match self.class.import(py, "tokengrove.errors", self.name) {
            Ok(class) => PyErr::from_type(class.clone(), message.to_string()),
            Err(error) => error,
        }
    }
}

pub(crate) static INTERNAL: ErrorClass = ErrorClass::new("InternalError");
pub(crate) static INVALID_ARGUMENT: ErrorClass = ErrorClass::new("InvalidArgumentError");
pub(crate) static INVALID_TEXT: ErrorClass = ErrorClass::new("InvalidTextError");
pub(crate) static LOGITS: ErrorClass = ErrorClass::new("LogitsError");
pub(crate) static PATTERN: ErrorClass = ErrorClass::new("PatternError");
pub(crate) static UNKNOWN_TOKEN: ErrorClass = ErrorClass::new("UnknownTokenError");
pub(crate) static UNSUPPORTED: ErrorClass = ErrorClass::new("UnsupportedTokenizerError");
pub(crate) static VOCABULARY: ErrorClass = ErrorClass::new("VocabularyError");

/// A single id that no token has.
pub(crate) fn unknown_id(py: Python<'_>, id: impl Display, max: Option<u32>) -> PyErr {
    match max {
        Some(max) => UNKNOWN_TOKEN.err(py, format_args!("id {id} is not a token; the largest id is {max}")),
        None => UNKNOWN_TOKEN.err(py, format_args!("id {id} is not a token: the vocabulary is empty")),
    }
}
