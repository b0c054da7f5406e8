//! File formats: bytes in, plain data out.
//!
//! Every loader is a pure function of a byte slice; nothing here opens files or knows the network. The result is a
//! [`TokenizerSpec`](crate::spec::TokenizerSpec) (or a part of one) that [`pipeline::compile`](crate::pipeline::compile)
//! turns into a tokenizer. Memory and time are linear in the input, whatever it holds.

mod error;
pub mod hf_json;
pub mod sentencepiece;
pub mod tekken;
pub mod tiktoken;

pub use error::{LoadError, Place};
