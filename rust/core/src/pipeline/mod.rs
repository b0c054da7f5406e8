//! From what a tokenizer file says to a tokenizer that runs.
//!
//! [`compile`] turns a [`TokenizerSpec`](crate::spec::TokenizerSpec) into a frozen [`Tokenizer`]. Chains of components that
//! amount to "normalize, split by a known pattern, encode bytes" run on the [`Encoder`](crate::encoder::Encoder); all others
//! run exactly on general code, component by component.

mod added;
mod charsmap;
mod compile;
mod decode;
mod dialect;
mod encode;
mod error;
mod fingerprint;
mod forms;
mod learning;
mod lengths;
mod marker;
mod measure;
mod model;
mod normalize;
mod offsets;
mod parts;
mod pattern;
mod pieces;
mod portable;
mod punctuation;
mod rewrite;
mod segment;
mod split;
mod symbols;
mod template;
mod tokenizer;
mod work;

pub use added::AllowedSpecials;
pub use compile::compile;
pub use encode::EncodeOptions;
pub use error::{CompileError, EncodeError, SpecialTokenError};
pub use measure::Side;
pub use model::Unrepresentable;
pub use offsets::Offsets;
pub use parts::Part;
pub use tokenizer::Tokenizer;
