//! The classes behind the drop-in for Hugging Face tokenizers.
//!
//! `model` and `core` hold what is compiled, `encoding` is what encoding gives, `strings` are texts that components work on,
//! `component` runs single components, and `input` reads what callers may give as text.

pub(crate) mod component;
pub(crate) mod core;
pub(crate) mod encoding;
pub(crate) mod input;
pub(crate) mod model;
pub(crate) mod state;
pub(crate) mod strings;

use pyo3::exceptions::{PyException, PyRuntimeError};
use pyo3::prelude::*;
use std::fmt::Display;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The error for what a component refuses, as the reference library raises it: of class `Exception` itself.
#[cold]
pub(crate) fn refused(error: impl Display) -> PyErr {
    PyException::new_err(error.to_string())
}

/// A value behind a lock that is never held while Python code may run.
pub(crate) struct Guarded<T>(Mutex<T>);

impl<T> Guarded<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    pub(crate) fn get(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The error for an object that somebody else is working on.
#[cold]
pub(crate) fn busy(what: &str) -> PyErr {
    PyRuntimeError::new_err(format!("the {what} is being changed by another call"))
}
