//! Decoding as tokens arrive.

use crate::{errors, ids};
use pyo3::prelude::*;
use pyo3::types::PyInt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokengrove::decoder::{self, UnknownTokenError};
use tokengrove::pipeline::Tokenizer;

/// Decodes token by token: made by `Tokenizer.decode_stream`.
///
/// Each character comes as soon as its last byte is known and never in parts; the pieces and the end concatenate to what
/// `decode` gives for all the ids at once.
#[pyclass(frozen, module = "tokengrove._native")]
pub(crate) struct DecodeStream {
    tokenizer: Arc<Tokenizer>,
    skip_special_tokens: bool,
    /// Never held while Python code may run, so waiting for it cannot deadlock with the interpreter's own lock.
    state: Mutex<decoder::DecodeStream>,
}

impl DecodeStream {
    pub(crate) fn new(tokenizer: Arc<Tokenizer>, skip_special_tokens: bool) -> Self {
        Self { tokenizer, skip_special_tokens, state: Mutex::default() }
    }

    fn steps(&self, ids: &[u32]) -> Result<String, UnknownTokenError> {
        let mut state = self.state();
        ids.iter().map(|&id| self.tokenizer.step(&mut state, id, self.skip_special_tokens)).collect()
    }

    fn state(&self) -> MutexGuard<'_, decoder::DecodeStream> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl DecodeStream {
    /// Adds tokens and gives the text that is now certain.
    ///
    /// Args:
    ///     ids: One id, or a sequence or array of ids.
    ///
    /// Returns:
    ///     The new text; empty while a character is unfinished. Bytes that can no longer become a character are U+FFFD.
    ///
    /// Raises:
    ///     UnknownTokenError: If an id is not a token's; the ids before it count as added.
    ///     TypeError: If `ids` are not integers.
    fn push(&self, py: Python<'_>, ids: &Bound<'_, PyAny>) -> PyResult<String> {
        let ids = if ids.is_instance_of::<PyInt>() { vec![ids::read_one(ids)?] } else { ids::read(ids)? };
        self.steps(&ids).map_err(|error| errors::UNKNOWN_TOKEN.err(py, error))
    }

    /// Ends the text; the stream can then be used for another one.
    ///
    /// Returns:
    ///     What was held back: an unfinished character as U+FFFD, usually nothing.
    fn finish(&self) -> String {
        self.state().finish()
    }
}
