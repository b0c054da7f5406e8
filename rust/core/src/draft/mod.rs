//! Draft trees for speculative decoding, made of what a model has said before.
//!
//! Decoding computes, for every position, a distribution over the vocabulary, and throws away all of it but one token.
//! Token Recycling (Luo et al. 2024) keeps the likeliest candidates and drafts from them a tree of continuations, which
//! the model verifies in one forward pass. [`Recycling`] is the drafter: [`Config::fixed`] is that of the paper,
//! [`Config::dynamic`] grows its trees best first from several sources:
//!
//! - rows of candidates after the last one, two and three tokens ([`AdjacencyMatrix`] and hashed contexts), averaged over
//!   all passes instead of overwritten;
//! - what followed the longest earlier occurrence of the text's end, in this text and in finished ones
//!   ([`SuffixAutomaton`]), at every node of the tree;
//! - the runners-up of the last choice.
//!
//! The sources' probabilities are joined by logistic mixing, whose weights follow what is accepted. Nothing here can change
//! the text that is generated: a draft only decides which continuations are evaluated, see [`accept`](crate::accept).
//!
//! | operation | cost |
//! |---|---|
//! | draft a tree of n nodes | O(n k) and a heap of offers |
//! | learn from a tree of n nodes | O(n k²) per kind of row, in vector comparisons |
//! | a token of text | O(1) amortised |
//! | memory | 64 bytes for each token of the vocabulary, and for each context up to a bound |
//!
//! ```
//! use tokengrove::draft::{Config, Draft, Recycling, Sequence};
//! let mut drafter = Recycling::new(Config::dynamic(100))?;
//! let mut text = Sequence::default();
//! // A prompt of two tokens with the model's candidates after each, and the token chosen after them.
//! drafter.prompt(&mut text, &[1, 2], &[2, 5, 3, 9], &[-0.1, -3.0, -0.2, -2.5])?;
//! text.push(3);
//! let mut tree = Draft::default();
//! drafter.draft(&text, 80, &mut tree)?;
//! // The model evaluates the tree: here it has one node, after which 4 is the likeliest token.
//! assert_eq!((tree.tokens[0], tree.parents[0]), (3, -1));
//! # let rows: Vec<u32> = tree.tokens.iter().flat_map(|_| [4, 7]).collect();
//! # let logs: Vec<f32> = tree.tokens.iter().flat_map(|_| [-0.1, -3.0]).collect();
//! drafter.learn(&mut text, &tree, &[0], 4, &rows, &logs)?;
//! assert_eq!(text.tokens(), [1, 2, 3, 4]);
//! # Ok::<(), tokengrove::draft::DraftError>(())
//! ```

mod adjacency;
mod best_first;
mod candidates;
mod context;
mod edges;
mod error;
mod history;
mod mixer;
mod quantize;
mod recycling;
mod row;
mod save;
mod suffix;
mod template;
#[cfg(test)]
mod tests;
mod weights;

pub use adjacency::AdjacencyMatrix;
pub use error::DraftError;
pub use quantize::Probability;
pub use recycling::{Config, Draft, Recycling, Sequence};
pub use row::{MAX_K, Row, Update};
pub use suffix::{Match, SuffixAutomaton};
pub use template::Template;
