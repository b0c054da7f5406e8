//! Exact byte-pair encoding: pretokenizers, merges, caches and file loaders, in pure Rust.

pub mod accept;
pub mod bpe;
mod cache;
pub mod cover;
pub mod decoder;
pub mod draft;
pub mod encoder;
pub mod encoding;
mod hash;
pub mod hugepage;
pub mod id;
pub mod io;
mod merges;
pub mod next_byte;
pub mod offsets;
pub mod pipeline;
mod prefetch;
pub mod pretokenize;
pub mod spec;
pub mod tiktoken;
pub mod train;
pub mod tree;
pub mod trie;
pub mod unicode;
pub mod vocab;
