//! Exact byte-pair encoding: pretokenizers, merges, caches and file loaders, in pure Rust.

pub mod bpe;
pub mod encoder;
pub mod id;
pub mod pretokenize;
pub mod spec;
pub mod unicode;
