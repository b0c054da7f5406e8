//! Long work outside the interpreter, stopped by Ctrl-C.

use crate::errors;
use pyo3::prelude::*;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// From how many bytes of text on the interpreter is released: below, the work is shorter than the switch is worth.
pub(crate) const RELEASE_FROM: usize = 4096;

/// Runs work on `bytes` bytes of text, outside the interpreter unless it is short.
///
/// A panic becomes an `InternalError`; it is always a bug, and the tokenizer, which is frozen, stays usable.
pub(crate) fn run<T: Send>(py: Python<'_>, bytes: usize, work: impl FnOnce() -> T + Send) -> PyResult<T> {
    let guarded = || catch_unwind(AssertUnwindSafe(work));
    let outcome = if bytes < RELEASE_FROM { guarded() } else { py.detach(guarded) };
    outcome.map_err(|payload| internal(py, payload.as_ref()))
}

/// The error for a panic.
#[cold]
fn internal(py: Python<'_>, payload: &(dyn Any + Send)) -> PyErr {
    let message = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    errors::INTERNAL.err(py, format_args!("this is a bug in tokengrove, please report it: {message}"))
}
