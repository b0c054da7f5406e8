//! Fuzz targets: functions from arbitrary bytes that panic when a promise of the library is broken.
//!
//! The same functions run under the fuzzer (`make fuzz`) and over the committed files of `regressions/` and `seeds/`
//! (`make test`). Each compares the library with something slower and simpler written here, so that a target finds
//! wrong answers and not only crashes.

mod decode;
mod encode;
mod input;
mod load;
mod pretokenize;

/// A fuzz target.
pub type Target = fn(&[u8]);

/// Every target with the name of its folder.
pub const TARGETS: [(&str, Target); 4] =
    [("decode", decode::run), ("encode", encode::run), ("load", load::run), ("pretokenize", pretokenize::run)];
