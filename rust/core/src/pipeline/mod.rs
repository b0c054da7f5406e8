//! From what a tokenizer file says to a tokenizer that runs.
//!
//! [`compile`] turns a [`TokenizerSpec`](crate::spec::TokenizerSpec) into a frozen [`Tokenizer`].

mod added;
mod compile;
mod error;
mod tokenizer;

pub use added::AllowedSpecials;
pub use compile::compile;
pub use error::{CompileError, EncodeError, SpecialTokenError};
pub use tokenizer::{EncodeOptions, Tokenizer};
