//! Decoding as tokens arrive.

use crate::engine::Engine;
use crate::{errors, ids};
use pyo3::prelude::*;
use pyo3::types::PyInt;
use std::sync::{Arc, Mutex};

/// Decodes token by token, giving each character as soon as its last byte is known.
#[pyclass(frozen, module = "tokengrove._native")]
pub(crate) struct DecodeStream {
    engine: Arc<Engine>,
    pending: Mutex<Vec<u8>>,
}

impl DecodeStream {
    pub(crate) fn new(engine: Arc<Engine>) -> Self {
        Self { engine, pending: Mutex::new(Vec::new()) }
    }
}

#[pymethods]
impl DecodeStream {
    /// Adds one id or several and gives the text that is now complete.
    fn push(&self, py: Python<'_>, ids: &Bound<'_, PyAny>) -> PyResult<String> {
        let ids = if ids.is_instance_of::<PyInt>() { vec![ids::read_one(ids)?] } else { ids::read(ids)? };
        let mut pending = self.pending.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for id in ids {
            let bytes = self
                .engine
                .token_bytes(id)
                .ok_or_else(|| errors::UNKNOWN_TOKEN.err(py, format_args!("id {id} is not in the vocabulary")))?;
            pending.extend_from_slice(bytes);
        }
        let complete = match std::str::from_utf8(&pending) {
            Ok(_) => pending.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => pending.len(),
        };
        let text = String::from_utf8_lossy(&pending[..complete]).into_owned();
        pending.drain(..complete);
        Ok(text)
    }

    /// Ends the stream and gives what was left, with U+FFFD for an unfinished character.
    fn finish(&self) -> String {
        let mut pending = self.pending.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        String::from_utf8_lossy(&std::mem::take(&mut *pending)).into_owned()
    }
}
