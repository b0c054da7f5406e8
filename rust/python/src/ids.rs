//! Ids from Python; to Python they go as arrays, or as lists (`lists`).

use crate::{errors, lists};
use numpy::{PyArray1, PyArrayDescrMethods, PyArrayMethods, PyReadonlyArray1, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString, PyTuple};

/// Reads ids from a sequence, an iterable or anything that NumPy understands as an array of integers.
///
/// # Errors
/// `TypeError` if they are not integers, `InvalidArgumentError` if the array is not flat, `UnknownTokenError` if one is negative
/// or above 2^32 - 1.
pub(crate) fn read(object: &Bound<'_, PyAny>) -> PyResult<Vec<u32>> {
    let py = object.py();
    if let Ok(array) = object.extract::<PyReadonlyArray1<'_, u32>>() {
        return Ok(array.as_array().iter().copied().collect());
    }
    if let Ok(list) = object.cast::<PyList>() {
        if let Some(ids) = lists::read(list) {
            return Ok(ids);
        }
        return list.iter().map(|item| read_one(&item)).collect();
    }
    if let Ok(tuple) = object.cast::<PyTuple>() {
        return tuple.iter_borrowed().map(|item| read_one(&item)).collect();
    }
    if object.is_instance_of::<PyString>() || object.is_instance_of::<PyBytes>() {
        return Err(not_ids(object));
    }
    if object.is_instance_of::<PyUntypedArray>() || object.hasattr(intern!(py, "__array__"))? {
        return read_array(object);
    }
    let items = object.try_iter().map_err(|_| not_ids(object))?;
    items.map(|item| read_one(&item?)).collect()
}

fn not_ids(object: &Bound<'_, PyAny>) -> PyErr {
    let kind = object.get_type();
    PyTypeError::new_err(format!("ids must be a sequence or an array of integers, not {kind}"))
}

/// Reads one id.
///
/// # Errors
/// `TypeError` if it is not an integer, `UnknownTokenError` if it is negative or above 2^32 - 1.
#[inline]
pub(crate) fn read_one(item: &Bound<'_, PyAny>) -> PyResult<u32> {
    item.extract::<u32>().map_err(|error| bad_id(item, &error))
}

#[cold]
fn bad_id(item: &Bound<'_, PyAny>, error: &PyErr) -> PyErr {
    if error.is_instance_of::<PyOverflowError>(item.py()) {
        errors::UNKNOWN_TOKEN
            .err(item.py(), format_args!("id {item} is not in the vocabulary: ids are 0 to 4294967295"))
    } else {
        PyTypeError::new_err(format!("an id must be an integer, not {}", item.get_type()))
    }
}

/// Reads a NumPy array of any integer type, or an object that converts to one (a torch tensor on the CPU).
fn read_array(object: &Bound<'_, PyAny>) -> PyResult<Vec<u32>> {
    let py = object.py();
    let array = py.import(intern!(py, "numpy"))?.call_method1(intern!(py, "asarray"), (object,))?;
    let untyped = array.cast::<PyUntypedArray>()?;
    if untyped.ndim() != 1 {
        let shape = untyped.shape();
        return Err(
            errors::INVALID_ARGUMENT.err(py, format_args!("ids must have one dimension; found shape {shape:?}"))
        );
    }
    if untyped.is_empty() {
        return Ok(Vec::new());
    }
    let wide = match untyped.dtype().kind() {
        b'u' => "uint64",
        b'i' => "int64",
        _ => return Err(PyTypeError::new_err(format!("ids must be integers; found an array of {}", untyped.dtype()))),
    };
    let cast = array.call_method1(intern!(py, "astype"), (wide,))?;
    let unknown = |id: &dyn std::fmt::Display| {
        errors::UNKNOWN_TOKEN.err(py, format_args!("id {id} is not in the vocabulary: ids are 0 to 4294967295"))
    };
    if let Ok(wide) = cast.cast::<PyArray1<u64>>() {
        wide.readonly().as_array().iter().map(|id| u32::try_from(*id).map_err(|_| unknown(id))).collect()
    } else {
        let wide = cast.cast::<PyArray1<i64>>()?.readonly();
        wide.as_array().iter().map(|id| u32::try_from(*id).map_err(|_| unknown(id))).collect()
    }
}
