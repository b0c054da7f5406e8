//! Columns of text that others made: strings, large strings and string views, in one array or several, with nulls.

use super::{ARRAY, Array, SCHEMA, STREAM, Schema, Stream};
use crate::errors;
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use std::ffi::{CStr, c_int, c_void};
use std::slice;

/// A column and what keeps its memory alive.
pub(crate) struct TextColumn<'py> {
    schema: Source<'py, Schema>,
    arrays: Vec<Source<'py, Array>>,
}

/// A structure that a capsule owns, or that we do.
enum Source<'py, T> {
    Capsule(Bound<'py, PyCapsule>, &'static CStr),
    Owned(Box<T>),
}

impl<T> Source<'_, T> {
    fn get(&self) -> PyResult<&T> {
        match self {
            Self::Owned(value) => Ok(value),
            Self::Capsule(capsule, name) => {
                let pointer = capsule.pointer_checked(Some(name))?.cast::<T>();
                // SAFETY: a capsule of this name holds such a structure for as long as it lives (PyCapsule protocol), and we
                // hold a reference to it.
                Ok(unsafe { pointer.as_ref() })
            }
        }
    }
}

/// Reads a column of text.
///
/// # Errors
/// `TypeError` if the object offers no Arrow data, or none of a type of text.
pub(crate) fn column<'py>(object: &Bound<'py, PyAny>) -> PyResult<TextColumn<'py>> {
    let py = object.py();
    if object.hasattr(intern!(py, "__arrow_c_stream__"))? {
        let capsule = object.call_method0(intern!(py, "__arrow_c_stream__"))?;
        return stream(capsule.cast::<PyCapsule>()?);
    }
    if object.hasattr(intern!(py, "__arrow_c_array__"))? {
        let (schema, array): (Bound<'py, PyCapsule>, Bound<'py, PyCapsule>) =
            object.call_method0(intern!(py, "__arrow_c_array__"))?.extract()?;
        return Ok(TextColumn { schema: Source::Capsule(schema, SCHEMA), arrays: vec![Source::Capsule(array, ARRAY)] });
    }
    let kind = object.get_type();
    Err(PyTypeError::new_err(format!(
        "a column must offer Arrow data (__arrow_c_array__ or __arrow_c_stream__); {kind} does not"
    )))
}

/// Reads all arrays of a stream.
fn stream<'py>(capsule: &Bound<'py, PyCapsule>) -> PyResult<TextColumn<'py>> {
    let py = capsule.py();
    let stream = capsule.pointer_checked(Some(STREAM))?.cast::<Stream>().as_ptr();
    let failed =
        |code: c_int| errors::INVALID_ARGUMENT.err(py, format_args!("the Arrow stream ended with error {code}"));
    let mut schema = Box::new(Schema::empty());
    // SAFETY: a capsule of this name holds a stream for as long as it lives, and we hold a reference to it. Its functions take
    // the stream itself and a structure to fill.
    let (get_schema, get_next) = unsafe { ((*stream).get_schema, (*stream).get_next) };
    let (Some(get_schema), Some(get_next)) = (get_schema, get_next) else {
        return Err(errors::INVALID_ARGUMENT.err(py, "the Arrow stream was read before"));
    };
    // SAFETY: as above.
    let code = unsafe { get_schema(stream, &raw mut *schema) };
    if code != 0 {
        return Err(failed(code));
    }
    let mut arrays = Vec::new();
    loop {
        let mut array = Box::new(Array::empty());
        // SAFETY: as above.
        let code = unsafe { get_next(stream, &raw mut *array) };
        if code != 0 {
            return Err(failed(code));
        }
        if array.release.is_none() {
            return Ok(TextColumn { schema: Source::Owned(schema), arrays });
        }
        arrays.push(Source::Owned(array));
    }
}

/// How texts lie in memory.
#[derive(Clone, Copy)]
enum Layout {
    /// Offsets of 32 bits.
    Small,
    /// Offsets of 64 bits.
    Large,
    /// Views of 16 bytes.
    Views,
}

impl TextColumn<'_> {
    /// The texts in order, None for null. They are bytes, which need not be UTF-8.
    ///
    /// # Errors
    /// `TypeError` if it is not a column of text, `InvalidArgumentError` if offsets do not rise.
    pub(crate) fn texts(&self, py: Python<'_>) -> PyResult<Vec<Option<&[u8]>>> {
        let layout = layout(self.schema.get()?)?;
        let mut texts = Vec::new();
        for array in &self.arrays {
            let array = array.get()?;
            if array.release.is_none() {
                return Err(errors::INVALID_ARGUMENT.err(py, "the Arrow array was taken over by somebody else"));
            }
            // SAFETY: the array has not been released, and its schema says that it has this layout.
            let done = unsafe { read(array, layout, &mut texts) };
            done.ok_or_else(|| {
                errors::INVALID_ARGUMENT.err(py, "the Arrow array contradicts itself: an offset or a length")
            })?;
        }
        Ok(texts)
    }
}

/// The layout that a schema tells.
fn layout(schema: &Schema) -> PyResult<Layout> {
    let format = if schema.format.is_null() {
        c""
    } else {
        // SAFETY: the format of a schema is a string that ends in zero.
        unsafe { CStr::from_ptr(schema.format) }
    };
    match format.to_bytes() {
        _ if !schema.dictionary.is_null() => {
            Err(PyTypeError::new_err("a column of dictionary type must be decoded first (cast it to string)"))
        }
        b"u" | b"z" => Ok(Layout::Small),
        b"U" | b"Z" => Ok(Layout::Large),
        b"vu" | b"vz" => Ok(Layout::Views),
        other => Err(PyTypeError::new_err(format!(
            "a column must be of type string, large_string or string_view; found the Arrow format {:?}",
            String::from_utf8_lossy(other)
        ))),
    }
}

/// Appends the texts of an array; `None` if it contradicts itself.
///
/// # Safety
/// The array is as the interface demands for this layout, and not released while the result is in use.
unsafe fn read<'a>(array: &'a Array, layout: Layout, texts: &mut Vec<Option<&'a [u8]>>) -> Option<()> {
    let length = usize::try_from(array.length).ok()?;
    if length == 0 {
        return Some(());
    }
    let (start, count) = (usize::try_from(array.offset).ok()?, usize::try_from(array.n_buffers).ok()?);
    let end = start.checked_add(length)?;
    let expected = if matches!(layout, Layout::Views) { 2 } else { 3 };
    if array.buffers.is_null() || count < expected {
        return None;
    }
    // SAFETY: an array has `n_buffers` pointers to buffers.
    let buffers: &[*const c_void] = unsafe { slice::from_raw_parts(array.buffers, count) };
    let (validity, index) = (buffers[0].cast::<u8>(), buffers[1]);
    if index.is_null() {
        return None;
    }
    texts.reserve(length);
    for at in start..end {
        // SAFETY: a validity buffer has a bit for each element up to the end of the array.
        let is_null = !validity.is_null() && unsafe { *validity.add(at / 8) } >> (at % 8) & 1 == 0;
        if is_null {
            texts.push(None);
            continue;
        }
        // SAFETY: the buffer of offsets or views has an element for each of the array's up to its end, offsets one more; the
        // buffer of data is as long as the last offset says.
        texts.push(Some(unsafe {
            match layout {
                Layout::Small => {
                    let offsets = index.cast::<i32>().add(at);
                    bytes(buffers[2], (*offsets).into(), (*offsets.add(1)).into())?
                }
                Layout::Large => {
                    let offsets = index.cast::<i64>().add(at);
                    bytes(buffers[2], *offsets, *offsets.add(1))?
                }
                Layout::Views => view(buffers, index.cast::<[u8; 16]>().add(at))?,
            }
        }));
    }
    Some(())
}

/// The bytes from one offset to another.
///
/// # Safety
/// `data` has at least `end` bytes, if `end` is not negative.
unsafe fn bytes<'a>(data: *const c_void, start: i64, end: i64) -> Option<&'a [u8]> {
    let (start, end) = (usize::try_from(start).ok()?, usize::try_from(end).ok()?);
    let length = end.checked_sub(start)?;
    if length == 0 {
        return Some(&[]);
    }
    if data.is_null() {
        return None;
    }
    // SAFETY: the caller says that these bytes are there.
    Some(unsafe { slice::from_raw_parts(data.cast::<u8>().add(start), length) })
}

/// The bytes of a view: up to 12 lie in it, more in one of the buffers behind.
///
/// # Safety
/// `view` points to a view of an array with these buffers.
unsafe fn view<'a>(buffers: &[*const c_void], view: *const [u8; 16]) -> Option<&'a [u8]> {
    // SAFETY: the caller says so.
    let head: &'a [u8; 16] = unsafe { &*view };
    let number = |at: usize| i32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let length = usize::try_from(number(0)).ok()?;
    if length <= 12 {
        return head.get(4..4 + length);
    }
    let (buffer, start) = (usize::try_from(number(8)).ok()?, i64::from(number(12)));
    // The last buffer holds the sizes of those between.
    let data = buffers.get(2..buffers.len().checked_sub(1)?)?.get(buffer)?;
    let end = start.checked_add(i64::try_from(length).ok()?)?;
    let sizes = buffers.last()?.cast::<i64>();
    if sizes.is_null() {
        return None;
    }
    // SAFETY: there is a size for each of the buffers, and `buffer` is one of them.
    let size = unsafe { *sizes.add(buffer) };
    if end > size {
        return None;
    }
    // SAFETY: the buffer has `size` bytes.
    unsafe { bytes(*data, start, end) }
}
