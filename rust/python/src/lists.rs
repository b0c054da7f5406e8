//! Lists of ids, written and read at the speed of memory.
//!
//! Programs that use tiktoken want lists, and making one took longer than encoding: through the stable interface an id
//! costs two calls into the interpreter and about 70 instructions (measured on English: 60 ns an id beside 37 ns for
//! encoding it, on a busy machine). Two things make it cheap. The integers are made once and shared by every list, as
//! CPython does for the small ones. And where the interpreter is known to keep a list as an array of pointers, these are
//! written and read directly.

use pyo3::exceptions::PyMemoryError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyInt, PyList};

/// Ids per block of the table of prepared integers.
const BLOCK: usize = 1 << 12;
/// Blocks of the table: 2^20 ids, more than any published vocabulary has.
const BLOCKS: usize = 1 << 8;

/// Blocks are made when an id of theirs first occurs, so the table grows with the vocabulary in use.
static PREPARED: [PyOnceLock<Box<[Py<PyInt>]>>; BLOCKS] = [const { PyOnceLock::new() }; BLOCKS];

/// Makes a list of integers.
pub(crate) fn to_list<'py>(py: Python<'py>, ids: &[u32]) -> PyResult<Bound<'py, PyList>> {
    if are_arrays(py) { fill(py, ids) } else { portable(py, ids) }
}

/// Reads a list of nothing but integers that are ids; `None` for any other, and where lists cannot be read directly.
pub(crate) fn read(list: &Bound<'_, PyList>) -> Option<Vec<u32>> {
    let py = list.py();
    if !are_arrays(py) {
        return None;
    }
    let mut ids = Vec::with_capacity(list.len());
    // SAFETY: `lists_are_arrays` has found lists to have this layout.
    let items = unsafe { (*list.as_ptr().cast::<ArrayList>()).items };
    let int = py.get_type::<PyInt>();
    for at in 0..list.len() {
        // SAFETY: the array has a reference to an object for each item. It stays as it is: the global lock is held, and
        // nothing in this loop runs Python code, not even for a subclass of int, which ends it.
        let value = unsafe {
            let item = *items.add(at);
            if !std::ptr::eq(ffi::Py_TYPE(item), int.as_type_ptr()) {
                return None;
            }
            ffi::PyLong_AsLongLong(item)
        };
        if let Ok(id) = u32::try_from(value) {
            ids.push(id);
        } else {
            // An integer beyond 64 bits has set an error, which the general way will find again.
            drop(PyErr::take(py));
            return None;
        }
    }
    Some(ids)
}

/// The list of some ids made in both ways, for a test to compare.
#[pyfunction]
#[allow(clippy::needless_pass_by_value, reason = "an argument from Python is owned")]
pub(crate) fn list_twins(py: Python<'_>, ids: Vec<u32>) -> PyResult<(Bound<'_, PyList>, Bound<'_, PyList>)> {
    Ok((to_list(py, &ids)?, portable(py, &ids)?))
}

/// Makes a list of integers on any interpreter; the safe twin of [`fill`].
fn portable<'py>(py: Python<'py>, ids: &[u32]) -> PyResult<Bound<'py, PyList>> {
    PyList::new(py, ids.iter().map(|&id| integer(py, id)))
}

/// One integer, from the table if it is small enough.
#[inline]
fn integer(py: Python<'_>, id: u32) -> Py<PyInt> {
    let index = id as usize;
    match PREPARED.get(index / BLOCK) {
        Some(block) => block.get_or_init(py, || prepare(py, index / BLOCK))[index % BLOCK].clone_ref(py),
        None => PyInt::new(py, id).unbind(),
    }
}

#[cold]
fn prepare(py: Python<'_>, block: usize) -> Box<[Py<PyInt>]> {
    (block * BLOCK..(block + 1) * BLOCK).map(|id| PyInt::new(py, id).unbind()).collect()
}

/// Whether this interpreter keeps lists as [`ArrayList`] says.
static ARRAYS: PyOnceLock<bool> = PyOnceLock::new();

/// A list of CPython 3.11 to 3.14 with a global interpreter lock, as its header `cpython/listobject.h` says.
#[repr(C)]
struct ArrayList {
    /// The reference count and the type.
    head: [usize; 2],
    size: ffi::Py_ssize_t,
    items: *mut *mut ffi::PyObject,
    allocated: ffi::Py_ssize_t,
}

fn are_arrays(py: Python<'_>) -> bool {
    *ARRAYS.get_or_init(py, || lists_are_arrays(py))
}

/// Looks whether this interpreter is one whose lists have the layout of [`ArrayList`]: its version, the sizes of its
/// objects (those of a free-threaded or a tracing interpreter are larger), and a list tried out.
fn lists_are_arrays(py: Python<'_>) -> bool {
    let sizes = || -> PyResult<(String, usize, usize)> {
        let name = py.import("sys")?.getattr("implementation")?.getattr("name")?.extract()?;
        let object = py.get_type::<PyAny>().getattr("__basicsize__")?.extract()?;
        let list = py.get_type::<PyList>().getattr("__basicsize__")?.extract()?;
        Ok((name, object, list))
    };
    let Ok((name, object, list)) = sizes() else { return false };
    let version = (py.version_info().major, py.version_info().minor);
    name == "cpython"
        && ((3, 11)..=(3, 14)).contains(&version)
        && (object, list) == (size_of::<[usize; 2]>(), size_of::<ArrayList>())
        && tried_out(py)
}

/// Whether a list with known items reads as an [`ArrayList`] with them.
fn tried_out(py: Python<'_>) -> bool {
    let Ok(list) = portable(py, &[1_000, 1_001, 1_002]) else { return false };
    // SAFETY: the object is as large as an `ArrayList` (the caller has compared the sizes), and any bits are valid for its
    // last three fields. The list is alive, and nobody else has it.
    let (size, items, allocated) = unsafe {
        let array = list.as_ptr().cast::<ArrayList>();
        ((*array).size, (*array).items, (*array).allocated)
    };
    let item = |at: usize| {
        // SAFETY: in every interpreter of these versions with objects of these sizes, the words read above are the number
        // of items and the array of them, which is at least as long.
        unsafe { *items.add(at) }
    };
    let is_item = |at: usize| list.get_item(at).is_ok_and(|object| object.as_ptr() == item(at));
    size == 3 && allocated >= 3 && !items.is_null() && (0..3).all(is_item)
}

/// Makes a list of integers by writing its array.
///
/// Only where [`lists_are_arrays`] is true; [`portable`] is its safe twin, and a Python test compares the two.
fn fill<'py>(py: Python<'py>, ids: &[u32]) -> PyResult<Bound<'py, PyList>> {
    let length = ffi::Py_ssize_t::try_from(ids.len()).map_err(|_| PyMemoryError::new_err(()))?;
    // SAFETY: we are attached to the interpreter. The result is a new reference to a list, or null with an error set.
    let list = unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyList_New(length))?.cast_into_unchecked::<PyList>() };
    // SAFETY: `lists_are_arrays` has found lists to have this layout.
    let items = unsafe { (*list.as_ptr().cast::<ArrayList>()).items };
    for (at, &id) in ids.iter().enumerate() {
        let item = integer(py, id).into_ptr();
        // SAFETY: a new list of this length has an array of as many null pointers. No other code has seen the list, and
        // making integers runs none, so the array is still there. The list takes over the reference.
        unsafe { *items.add(at) = item };
    }
    Ok(list)
}
