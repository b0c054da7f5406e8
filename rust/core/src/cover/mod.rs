//! Cover encodings: the token sequences a tokenizer can give for a text of which only a prefix is known.
//!
//! A token sequence *covers* bytes if it spells them, except that its last token may run past their end. It is *valid* if
//! some continuation of what it spells is encoded by a sequence that begins with it. [`CoverRules`] knows which sequences are
//! valid for one tokenizer, token by token; a [`CoverTree`] holds, for a growing text, every valid sequence that spells a
//! prefix of it. There is one for each prefix (a tree with as many nodes as bytes) where nothing but merges decides, and a
//! few more where a pretokenizer looks ahead.
//!
//! Text is UTF-8 for tokenizers that cut it by characters (a pretokenizer, or symbols that are characters); where merges of
//! bytes are all there is, any bytes are text.

mod added;
mod chars;
mod config;
mod error;
mod partial;
mod rules;
mod search;
#[cfg(test)]
mod tests;
mod tree;

pub use chars::Characters;
pub use error::CoverError;
pub use rules::{CoverRules, Cutting, Parts, Reading};
pub use tree::{CoverTree, NodeEnd};
