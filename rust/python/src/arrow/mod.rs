//! Columns of text in, columns of ids out, by Arrow's PyCapsule interface and without copies.
//!
//! The structures are those of Arrow's C data interface (<https://arrow.apache.org/docs/format/CDataInterface.html>), its
//! stream interface and the PyCapsule protocol. `import` reads what others made, `export` is ours.

pub(crate) mod export;
pub(crate) mod import;

use std::ffi::{CStr, c_char, c_int, c_void};

/// Names that the protocol gives capsules.
pub(crate) const SCHEMA: &CStr = c"arrow_schema";
pub(crate) const ARRAY: &CStr = c"arrow_array";
pub(crate) const STREAM: &CStr = c"arrow_array_stream";

/// Gives a structure's memory back.
///
/// # Safety
/// The structure is alive, and this is the function that its maker put into it.
pub(crate) type Release<T> = unsafe extern "C" fn(*mut T);

/// Fills in a structure from a stream; not zero if that failed.
///
/// # Safety
/// The stream is alive, this is the function that its maker put into it, and the structure may be overwritten.
pub(crate) type Fill<T> = unsafe extern "C" fn(*mut Stream, *mut T) -> c_int;

/// Says what went wrong with a stream last.
///
/// # Safety
/// The stream is alive, and this is the function that its maker put into it.
pub(crate) type LastError = unsafe extern "C" fn(*mut Stream) -> *const c_char;

/// `ArrowSchema`: the type of a column.
#[repr(C)]
pub(crate) struct Schema {
    pub(crate) format: *const c_char,
    pub(crate) name: *const c_char,
    pub(crate) metadata: *const c_char,
    pub(crate) flags: i64,
    pub(crate) n_children: i64,
    pub(crate) children: *mut *mut Schema,
    pub(crate) dictionary: *mut Schema,
    pub(crate) release: Option<Release<Schema>>,
    pub(crate) private_data: *mut c_void,
}

/// `ArrowArray`: the data of a column.
#[repr(C)]
pub(crate) struct Array {
    pub(crate) length: i64,
    pub(crate) null_count: i64,
    pub(crate) offset: i64,
    pub(crate) n_buffers: i64,
    pub(crate) n_children: i64,
    pub(crate) buffers: *mut *const c_void,
    pub(crate) children: *mut *mut Array,
    pub(crate) dictionary: *mut Array,
    pub(crate) release: Option<Release<Array>>,
    pub(crate) private_data: *mut c_void,
}

/// `ArrowArrayStream`: several arrays of one type.
#[repr(C)]
pub(crate) struct Stream {
    pub(crate) get_schema: Option<Fill<Schema>>,
    pub(crate) get_next: Option<Fill<Array>>,
    pub(crate) get_last_error: Option<LastError>,
    pub(crate) release: Option<Release<Stream>>,
    pub(crate) private_data: *mut c_void,
}

impl Schema {
    /// A structure for somebody else to fill.
    const fn empty() -> Self {
        Self {
            format: std::ptr::null(),
            name: std::ptr::null(),
            metadata: std::ptr::null(),
            flags: 0,
            n_children: 0,
            children: std::ptr::null_mut(),
            dictionary: std::ptr::null_mut(),
            release: None,
            private_data: std::ptr::null_mut(),
        }
    }
}

impl Array {
    /// A structure for somebody else to fill.
    const fn empty() -> Self {
        Self {
            length: 0,
            null_count: 0,
            offset: 0,
            n_buffers: 0,
            n_children: 0,
            buffers: std::ptr::null_mut(),
            children: std::ptr::null_mut(),
            dictionary: std::ptr::null_mut(),
            release: None,
            private_data: std::ptr::null_mut(),
        }
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        if let Some(release) = self.release {
            // SAFETY: whoever made the structure set `release` for this, and has not cleared it: nobody else has taken over
            // what it holds.
            unsafe { release(self) };
        }
    }
}

impl Drop for Array {
    fn drop(&mut self) {
        if let Some(release) = self.release {
            // SAFETY: whoever made the structure set `release` for this, and has not cleared it: nobody else has taken over
            // what it holds.
            unsafe { release(self) };
        }
    }
}

// SAFETY: the interface demands that structures can be released on any thread, and nothing else is done with those made here.
unsafe impl Send for Schema {}
// SAFETY: as for `Schema`.
unsafe impl Send for Array {}
