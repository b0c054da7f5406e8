//! Reusable working memory, one per thread.
//!
//! It is taken out of its place while in use, so a call made from within a call (a signal handler, a destructor) gets a fresh
//! one instead of a borrow error, and neither a lock nor an atomic is involved.

use std::cell::Cell;
use tokengrove::pipeline::Scratch;

/// The largest id buffer that a thread keeps: 1 MB.
const KEPT_IDS: usize = 1 << 18;

/// What one thread needs to encode.
#[derive(Default)]
pub(crate) struct Work {
    /// The encoder's own memory.
    pub(crate) scratch: Scratch,
    /// Ids on their way to Python.
    pub(crate) ids: Vec<u32>,
}

thread_local! {
    static WORK: Cell<Option<Box<Work>>> = const { Cell::new(None) };
}

/// Calls `f` with this thread's working memory; `ids` is empty.
pub(crate) fn with<T>(f: impl FnOnce(&mut Work) -> T) -> T {
    let mut work = WORK.take().unwrap_or_default();
    let result = f(&mut work);
    work.ids.clear();
    work.ids.shrink_to(KEPT_IDS);
    WORK.set(Some(work));
    result
}
