//! The `allowed_special` argument.

use crate::errors;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};
use tokengrove::pipeline::{AllowedSpecials, Tokenizer};

/// Reads `"all"` or a collection of names; left out means none.
///
/// # Errors
/// `TypeError` if it is neither, `InvalidArgumentError` if it is another string, `UnknownTokenError` if a name is no special
/// token.
pub(crate) fn read(tokenizer: &Tokenizer, argument: Option<&Bound<'_, PyAny>>) -> PyResult<AllowedSpecials> {
    let Some(argument) = argument else { return Ok(AllowedSpecials::none()) };
    if argument.cast::<PyTuple>().is_ok_and(PyTupleMethods::is_empty) {
        return Ok(AllowedSpecials::none());
    }
    let py = argument.py();
    if let Ok(word) = argument.cast::<PyString>() {
        if word == "all" {
            return Ok(AllowedSpecials::all());
        }
        let repr = word.repr()?;
        return Err(errors::INVALID_ARGUMENT
            .err(py, format_args!("allowed_special must be \"all\" or a collection of special tokens; found {repr}")));
    }
    let wrong = |found: &Bound<'_, PyAny>| {
        PyTypeError::new_err(format!(
            "allowed_special must be \"all\" or a collection of str, not {}",
            found.get_type()
        ))
    };
    let names: Vec<Bound<'_, PyAny>> = argument.try_iter().map_err(|_| wrong(argument))?.collect::<PyResult<_>>()?;
    let names: Vec<&str> =
        names.iter().map(|name| name.cast::<PyString>().map_err(|_| wrong(name))?.to_str()).collect::<PyResult<_>>()?;
    tokenizer.allow(names).map_err(|error| errors::UNKNOWN_TOKEN.err(py, error))
}
