//! Byte-level probabilities of a model of tokens.
//!
//! The probability that a text begins with some bytes is the sum, over the token sequences that cover them, of the
//! probabilities of those sequences (Phan et al. 2024, "Exact Byte-Level Probabilities from Tokenized Language Models"):
//! covers exclude one another, and every sequence whose text begins with the bytes begins with one of them. Covers that
//! differ in their last token only are one *bundle*: a history and a node of the vocabulary trie, whose mass is a sum over a
//! range of tokens.
//!
//! [`ByteVocab`] holds what does not change, [`Row`] what a model says after one history, [`ByteState`] the bundles after some
//! bytes, [`Prompt`] the way there for a whole text, [`Scorer`] the probabilities of all prefixes of one text. None of them runs a model: whoever does hands logits in.
//!
//! All sums are of positive terms in double precision, and never differences of other sums.

mod error;
mod exp;
mod prompt;
mod row;
mod score;
mod state;
#[cfg(test)]
mod tests;
mod vocabulary;

pub use error::{LogitsError, VocabularyError};
pub use prompt::{Prompt, PromptRow};
pub use row::{Logit, Row};
pub use score::{NodeScore, Scored, Scorer};
pub use state::{ByteState, Cover};
pub use vocabulary::{ByteVocab, Mode, normalize};

/// The place of the end of the text behind the 256 bytes.
pub const END: usize = 256;
