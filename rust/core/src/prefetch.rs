//! Telling the processor what will be read soon.
//!
//! A probe of the piece cache misses the nearer caches more often than not; when the lines of many probes are asked for ahead, their
//! latencies overlap. Where there is no such instruction in stable Rust, nothing happens.

/// Starts loading element `index`; nothing happens beyond the end.
#[inline(always)]
#[cfg(target_arch = "x86_64")]
pub(crate) fn line<T>(table: &[T], index: usize) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    if let Some(element) = table.get(index) {
        // SAFETY: the address is that of a live reference; a prefetch reads nothing the program can see.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(element).cast()) };
    }
}

/// Does nothing on this processor.
#[inline(always)]
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn line<T>(_: &[T], _: usize) {}
