//! A reusable buffer of ids for each thread.
//!
//! It is taken out of its place while in use, so a call made from within a call (a signal handler, a destructor) gets a
//! fresh one instead of a borrow error, and neither a lock nor an atomic is involved.

use std::cell::Cell;

/// The largest buffer that a thread keeps: 1 MB.
const KEPT_IDS: usize = 1 << 18;

thread_local! {
    static IDS: Cell<Vec<u32>> = const { Cell::new(Vec::new()) };
}

/// Calls `f` with this thread's buffer, which is empty.
pub(crate) fn with<T>(f: impl FnOnce(&mut Vec<u32>) -> T) -> T {
    let mut ids = IDS.take();
    ids.clear();
    let result = f(&mut ids);
    if ids.capacity() <= KEPT_IDS {
        IDS.set(ids);
    }
    result
}
