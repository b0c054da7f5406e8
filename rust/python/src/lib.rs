//! Python bindings: convert, release the interpreter, call, map errors.

use pyo3::prelude::*;

/// The native half of tokengrove.
#[pymodule(gil_used = false)]
mod _native {
    use super::*;

    /// The version of the package.
    #[pyfunction]
    fn version() -> &'static str {
        env!("CARGO_PKG_VERSION")
    }
}
