//! The number of threads of this process.

use crate::errors;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;

/// The most threads one may ask for.
const LIMIT: usize = 1024;

/// The environment variable that sets the default.
const VARIABLE: &str = "TOKENGROVE_NUM_THREADS";

/// What was asked for.
struct State {
    /// What the caller asked for, if anything.
    chosen: Option<usize>,
}

/// Locked for an instant and only while attached to the interpreter, so no thread can hold it while `os.fork` runs.
static STATE: Mutex<State> = Mutex::new(State { chosen: None });

fn state(_attached: Python<'_>) -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sets the number of threads; `None` goes back to the default.
pub(crate) fn set(py: Python<'_>, n: Option<i64>) -> PyResult<()> {
    let chosen = n
        .map(|n| {
            usize::try_from(n).ok().filter(|n| (1..=LIMIT).contains(n)).ok_or_else(|| {
                errors::INVALID_ARGUMENT.err(py, format_args!("the number of threads must be 1 to {LIMIT}; found {n}"))
            })
        })
        .transpose()?;
    state(py).chosen = chosen;
    Ok(())
}

/// The number of threads that work is spread over.
pub(crate) fn get(py: Python<'_>) -> PyResult<usize> {
    let chosen = state(py).chosen;
    chosen.map_or_else(|| default(py), Ok)
}

/// The number of threads if none was chosen.
fn default(py: Python<'_>) -> PyResult<usize> {
    if let Ok(value) = std::env::var(VARIABLE) {
        return value.trim().parse().ok().filter(|n| (1..=LIMIT).contains(n)).ok_or_else(|| {
            errors::INVALID_ARGUMENT
                .err(py, format_args!("the environment variable {VARIABLE} must be 1 to {LIMIT}; found {value:?}"))
        });
    }
    if in_worker_process(py)? {
        return Ok(1);
    }
    Ok(available_parallelism().map_or(1, NonZeroUsize::get).min(LIMIT))
}

/// Whether this process was started by `multiprocessing`; that module is asked only if it is loaded.
fn in_worker_process(py: Python<'_>) -> PyResult<bool> {
    let modules = py.import("sys")?.getattr("modules")?;
    let Some(module) = modules.cast::<PyDict>()?.get_item("multiprocessing.process")? else { return Ok(false) };
    Ok(!module.call_method0("parent_process")?.is_none())
}
