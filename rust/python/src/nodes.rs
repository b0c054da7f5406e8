//! Numbers of nodes from Python: parents and paths, in which -1 has a meaning.

use crate::errors;
use numpy::{PyArray1, PyArrayDescrMethods, PyArrayMethods, PyReadonlyArray1, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

/// Reads signed integers from a sequence, an iterable or anything that NumPy understands as an array of integers; a number
/// beyond 64 bits becomes the largest or the smallest, which no node has.
///
/// # Errors
/// `TypeError` if they are not integers, `InvalidArgumentError` if the array is not flat.
pub(crate) fn read(object: &Bound<'_, PyAny>, what: &str) -> PyResult<Vec<i64>> {
    let py = object.py();
    if let Ok(array) = object.extract::<PyReadonlyArray1<'_, i32>>() {
        return Ok(array.as_array().iter().copied().map(i64::from).collect());
    }
    if object.is_instance_of::<PyString>() || object.is_instance_of::<PyBytes>() {
        return Err(not_integers(object, what));
    }
    if object.is_instance_of::<PyUntypedArray>() || object.hasattr(intern!(py, "__array__"))? {
        return read_array(object, what);
    }
    let items = object.try_iter().map_err(|_| not_integers(object, what))?;
    items.map(|item| read_one(&item?, what)).collect()
}

fn read_one(item: &Bound<'_, PyAny>, what: &str) -> PyResult<i64> {
    item.extract::<i64>().or_else(|error| {
        if error.is_instance_of::<PyOverflowError>(item.py()) {
            return Ok(if item.lt(0)? { i64::MIN } else { i64::MAX });
        }
        Err(PyTypeError::new_err(format!("{what} must be integers; found {}", item.get_type())))
    })
}

fn not_integers(object: &Bound<'_, PyAny>, what: &str) -> PyErr {
    let kind = object.get_type();
    PyTypeError::new_err(format!("{what} must be a sequence or an array of integers, not {kind}"))
}

fn read_array(object: &Bound<'_, PyAny>, what: &str) -> PyResult<Vec<i64>> {
    let py = object.py();
    let array = py.import(intern!(py, "numpy"))?.call_method1(intern!(py, "asarray"), (object,))?;
    let untyped = array.cast::<PyUntypedArray>()?;
    if untyped.ndim() != 1 {
        let message = format_args!("{what} must have one dimension; found shape {:?}", untyped.shape());
        return Err(errors::INVALID_ARGUMENT.err(py, message));
    }
    match untyped.dtype().kind() {
        _ if untyped.is_empty() => Ok(Vec::new()),
        b'i' => {
            let wide = array.call_method1(intern!(py, "astype"), ("int64",))?;
            Ok(wide.cast::<PyArray1<i64>>()?.readonly().as_array().iter().copied().collect())
        }
        b'u' => {
            let wide = array.call_method1(intern!(py, "astype"), ("uint64",))?;
            let wide = wide.cast::<PyArray1<u64>>()?.readonly();
            Ok(wide.as_array().iter().map(|&number| i64::try_from(number).unwrap_or(i64::MAX)).collect())
        }
        _ => Err(PyTypeError::new_err(format!("{what} must be integers; found an array of {}", untyped.dtype()))),
    }
}
