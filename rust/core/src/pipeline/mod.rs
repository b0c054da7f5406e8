//! From what a tokenizer file says to a tokenizer that runs.
//!
//! [`compile`] turns a [`TokenizerSpec`](crate::spec::TokenizerSpec) into a frozen [`Tokenizer`]. Chains of components that
//! amount to "normalize, split by a known pattern, encode bytes" run on the [`Encoder`](crate::encoder::Encoder); all others
//! run exactly on general code, component by component.

mod added;
mod append;
mod charsmap;
mod clean;
mod compile;
mod component;
mod decode;
mod dialect;
mod encode;
mod error;
mod fingerprint;
mod forms;
mod full;
mod inner;
mod learning;
mod lengths;
mod locate;
mod marker;
mod measure;
mod model;
mod normalize;
mod normalized;
mod offsets;
mod parts;
mod pattern;
mod pieces;
mod portable;
mod post;
mod pretokenized;
mod punctuation;
mod rewrite;
#[cfg(test)]
mod samples;
mod scripts;
mod segment;
mod spaced;
mod split;
mod staged;
mod symbols;
mod tables;
mod template;
mod tokenizer;
mod trusted;
mod work;

pub use added::AllowedSpecials;
pub use append::AppendError;
pub use compile::{compile, compile_like};
pub use component::{Decoder, Normalizer, Pattern, PreTokenizer};
pub use encode::EncodeOptions;
pub use error::{CompileError, EncodeError, SpecialTokenError};
pub use full::{Detail, FullEncoder, Input};
pub use measure::Side;
pub use model::Unrepresentable;
pub use normalized::{NormalizedString, UnicodeForm};
pub use offsets::Offsets;
pub use parts::Part;
pub use post::{ProcessError, added_tokens, process};
pub use pretokenized::{PreTokenizedString, Split, Token};
pub use tokenizer::Tokenizer;
