//! Large tables on huge pages.
//!
//! Random probes into tables of megabytes miss the TLB on 4 KB pages: each then costs a page walk on top of the cache miss.
//! Where the system gives huge pages on request (Linux), the large tables ask for them before they are first touched.

/// Tables below this size stay on ordinary pages.
const WORTHWHILE: usize = 1 << 20;

/// A vector of `count` times `value`, on huge pages if it is large and the system has them. O(count).
pub(crate) fn filled<T: Copy>(value: T, count: usize) -> Vec<T> {
    let mut vector = Vec::with_capacity(count);
    if count.saturating_mul(size_of::<T>()) >= WORTHWHILE {
        ask(vector.spare_capacity_mut());
    }
    vector.resize(count, value);
    vector
}

/// Asks for huge pages behind memory that nobody has touched yet. A refusal changes nothing.
#[cfg(target_os = "linux")]
fn ask<T>(memory: &mut [std::mem::MaybeUninit<T>]) {
    const PAGE: usize = 4096;
    let start = memory.as_mut_ptr().cast::<u8>();
    let skip = start.align_offset(PAGE);
    let Some(length) = size_of_val(memory).checked_sub(skip).map(|n| n / PAGE * PAGE).filter(|&n| n > 0) else {
        return;
    };
    // SAFETY: the range lies within `memory`, which is allocated and borrowed for this call; MADV_HUGEPAGE is advice on
    // page size and changes no content.
    unsafe {
        libc::madvise(start.add(skip).cast(), length, libc::MADV_HUGEPAGE);
    }
}

#[cfg(not(target_os = "linux"))]
fn ask<T>(_: &mut [std::mem::MaybeUninit<T>]) {}
