//! `TokenColumn`: the ids of a column of texts, as a list of numbers for each.

use super::{ARRAY, Array, SCHEMA, Schema};
use crate::errors;
use numpy::{PyArray1, ToPyArray};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

/// The ids of all texts, and where each text's begin.
struct Column {
    ids: Vec<u32>,
    offsets: Vec<i32>,
    /// A bit for each text that is not null, least significant first; empty if all are.
    validity: Vec<u8>,
    nulls: i64,
}

/// The ids of a column of texts: a list of numbers for each text, null for null.
///
/// Anything that takes Arrow data by the PyCapsule interface takes this without a copy: `pyarrow.array(column)`,
/// `polars.Series(column)` and the like.
#[pyclass(frozen, module = "tokengrove._native")]
pub(crate) struct TokenColumn {
    column: Arc<Column>,
}

impl TokenColumn {
    /// Joins ids and where each row ends; `rows` tells for each text whether it has a row.
    pub(crate) fn new(py: Python<'_>, ids: Vec<u32>, splits: &[i64], rows: &[bool]) -> PyResult<Self> {
        let too_many = || {
            let most = i32::MAX;
            errors::INVALID_ARGUMENT.err(py, format_args!("{} ids in one column; at most {most} may be", ids.len()))
        };
        let mut offsets = Vec::with_capacity(rows.len() + 1);
        offsets.push(0);
        let mut validity = vec![0_u8; rows.len().div_ceil(8)];
        let mut next = 1;
        for (at, &is_row) in rows.iter().enumerate() {
            if is_row {
                validity[at / 8] |= 1 << (at % 8);
                next += 1;
            }
            let end = splits.get(next - 1).copied().unwrap_or(0);
            offsets.push(i32::try_from(end).map_err(|_| too_many())?);
        }
        let nulls = i64::try_from(rows.iter().filter(|&&is_row| !is_row).count()).unwrap_or(i64::MAX);
        if nulls == 0 {
            validity.clear();
        }
        Ok(Self { column: Arc::new(Column { ids, offsets, validity, nulls }) })
    }
}

#[pymethods]
impl TokenColumn {
    fn __len__(&self) -> usize {
        self.column.offsets.len() - 1
    }

    fn __repr__(&self) -> String {
        format!("TokenColumn(rows={}, tokens={})", self.__len__(), self.column.ids.len())
    }

    /// uint32[total]: the ids of all rows, one after the other.
    #[getter]
    fn ids<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<u32>> {
        self.column.ids.to_pyarray(py)
    }

    /// int32[rows + 1]: where each row starts, then the total.
    #[getter]
    fn offsets<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<i32>> {
        self.column.offsets.to_pyarray(py)
    }

    /// The number of rows that are null.
    #[getter]
    fn null_count(&self) -> i64 {
        self.column.nulls
    }

    /// The type, for Arrow.
    #[allow(clippy::unused_self, reason = "the protocol wants a method")]
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        PyCapsule::new_with_value(py, list_schema(), SCHEMA)
    }

    /// The type and the data, for Arrow; `requested_schema` is not looked at, as the protocol allows.
    #[pyo3(signature = (requested_schema = None))]
    #[allow(clippy::type_complexity, reason = "a pair of capsules")]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyCapsule>, Bound<'py, PyCapsule>)> {
        let _ = requested_schema;
        let array = list_array(&self.column);
        Ok((self.__arrow_c_schema__(py)?, PyCapsule::new_with_value(py, array, ARRAY)?))
    }
}

/// The flag of a field that may be null.
const NULLABLE: i64 = 2;

/// `list<item: uint32>`.
fn list_schema() -> Schema {
    let mut child = Schema::empty();
    child.format = c"I".as_ptr();
    child.name = c"item".as_ptr();
    child.release = Some(release_schema);
    let children: Box<[*mut Schema; 1]> = Box::new([Box::into_raw(Box::new(child))]);
    let mut list = Schema::empty();
    list.format = c"+l".as_ptr();
    list.name = c"".as_ptr();
    list.flags = NULLABLE;
    list.n_children = 1;
    list.children = Box::into_raw(children).cast();
    list.release = Some(release_schema);
    list
}

/// Releases a schema made by [`list_schema`], or its child.
///
/// # Safety
/// `schema` is one of these, and not released yet.
unsafe extern "C" fn release_schema(schema: *mut Schema) {
    // SAFETY: the caller gives a schema that is alive.
    let schema = unsafe { &mut *schema };
    if !schema.children.is_null() {
        // SAFETY: the array of one child was made from a box, and so was the child. The child may have been taken over, and
        // has no `release` then; dropping it releases it else.
        unsafe {
            let children = Box::from_raw(schema.children.cast::<[*mut Schema; 1]>());
            drop(Box::from_raw(children[0]));
        }
        schema.children = ptr::null_mut();
    }
    schema.release = None;
}

/// What an exported array keeps alive.
struct Kept {
    _column: Arc<Column>,
    buffers: [*const c_void; 2],
    children: [*mut Array; 1],
}

/// An array over a column's memory.
fn export(column: &Arc<Column>, length: usize, nulls: i64, buffers: [*const c_void; 2], child: *mut Array) -> Array {
    let has_child = !child.is_null();
    let kept = Box::into_raw(Box::new(Kept { _column: Arc::clone(column), buffers, children: [child] }));
    let mut array = Array::empty();
    array.length = i64::try_from(length).unwrap_or(i64::MAX);
    array.null_count = nulls;
    array.n_buffers = 2;
    array.n_children = i64::from(has_child);
    // SAFETY: `kept` was made from a box just now; only the addresses of its fields are taken.
    unsafe {
        array.buffers = (&raw mut (*kept).buffers).cast();
        if has_child {
            array.children = (&raw mut (*kept).children).cast();
        }
    }
    array.private_data = kept.cast();
    array.release = Some(release_array);
    array
}

fn list_array(column: &Arc<Column>) -> Array {
    let ids = column.ids.as_ptr().cast();
    let values = export(column, column.ids.len(), 0, [ptr::null(), ids], ptr::null_mut());
    let child = Box::into_raw(Box::new(values));
    let validity = if column.validity.is_empty() { ptr::null() } else { column.validity.as_ptr().cast() };
    let offsets = column.offsets.as_ptr().cast();
    export(column, column.offsets.len() - 1, column.nulls, [validity, offsets], child)
}

/// Releases an array made by [`export`].
///
/// # Safety
/// `array` is one of these, and not released yet.
unsafe extern "C" fn release_array(array: *mut Array) {
    // SAFETY: the caller gives an array that is alive, and `export` made its private data from a box.
    unsafe {
        let array = &mut *array;
        let kept = Box::from_raw(array.private_data.cast::<Kept>());
        if !kept.children[0].is_null() {
            // A child that was taken over has no `release`; dropping it releases it else.
            drop(Box::from_raw(kept.children[0]));
        }
        array.release = None;
    }
}
