//! Large tables and outputs on huge pages.
//!
//! Random probes into tables of megabytes miss the TLB on 4 KB pages: each then costs a page walk on top of the cache miss.
//! And the first touch of a 4 KB page costs about 1.6 microseconds, for a large output of ids a sixth of the time that making
//! them takes; on huge pages it is a quarter of that (measured: 1.5 and 0.4 ns an id). Where the system gives huge pages on
//! request (Linux), large memory asks for them before it is first touched.

use std::ops::{Deref, DerefMut};

/// Memory below this size stays on ordinary pages.
const WORTHWHILE: usize = 1 << 20;
/// The size of a huge page.
const HUGE: usize = 1 << 21;

/// A vector of `count` times `value`, on huge pages if it is large and the system has them. O(count).
pub(crate) fn filled<T: Copy>(value: T, count: usize) -> Vec<T> {
    let mut vector = reserve(count);
    vector.resize(count, value);
    vector
}

/// A vector of the same values with room for `count` of them, on huge pages if that is much and the system has them. O(count).
pub(crate) fn copied<T: Copy>(values: &[T], count: usize) -> Vec<T> {
    let mut vector = reserve(count);
    vector.extend_from_slice(values);
    vector
}

/// An empty vector with room for `count` values, on huge pages if that is much and the system has them. O(1).
#[must_use]
pub fn reserve<T: Copy>(count: usize) -> Vec<T> {
    let mut vector = Vec::with_capacity(count);
    ask(vector.spare_capacity_mut());
    vector
}

/// A vector of `count` zeros, on huge pages if that is much and the system has them. The system fills large ones with
/// zeros only as they are touched.
#[must_use]
pub fn zeros(count: usize) -> Vec<u32> {
    let mut vector = vec![0; count];
    ask(&mut vector);
    vector
}

/// A large table of words that begins where a huge page does.
///
/// Memory of a few megabytes that begins elsewhere would lie on ordinary pages by half.
#[derive(Debug, Clone)]
pub(crate) struct Words {
    memory: Vec<u64>,
    start: usize,
}

impl Words {
    /// `count` times `value`. O(count).
    pub(crate) fn filled(value: u64, count: usize) -> Self {
        let large = count * size_of::<u64>() >= WORTHWHILE;
        // What is left over is never touched, and so costs no memory.
        let mut memory = vec![0; if large { count + HUGE / size_of::<u64>() } else { count }];
        let start = if large { memory.as_ptr().align_offset(HUGE).min(memory.len() - count) } else { 0 };
        let words = &mut memory[start..start + count];
        ask(words);
        words.fill(value);
        memory.truncate(start + count);
        Self { memory, start }
    }
}

impl Deref for Words {
    type Target = [u64];

    #[inline(always)]
    fn deref(&self) -> &[u64] {
        self.memory.get(self.start..).unwrap_or(&[])
    }
}

impl DerefMut for Words {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [u64] {
        self.memory.get_mut(self.start..).unwrap_or(&mut [])
    }
}

/// Asks for huge pages behind memory that nobody has touched yet, if it is large. A refusal changes nothing.
#[cfg(target_os = "linux")]
fn ask<T>(memory: &mut [T]) {
    const PAGE: usize = 4096;
    if size_of_val(memory) < WORTHWHILE {
        return;
    }
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
fn ask<T>(_: &mut [T]) {}
