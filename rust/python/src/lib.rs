//! Python bindings: convert, release the interpreter, call, map errors.
//!
//! One file per subject: `text`, `ids` and `special` convert arguments and results, `errors` maps Rust errors to the classes
//! of `tokengrove.errors`, `threads` owns the thread pool, `buffer` the memory that ids are made in, `interrupt` runs work
//! outside the interpreter, `encode` and `batch` make ids, `content` is what a pickle holds; `model`, `tokenizer` and `stream`
//! are the Python classes, `next_byte` those of byte-level probabilities, `tiktoken` and `hf` those behind the two
//! drop-ins, and `train` those behind training; `tree` are token trees, and `nodes` reads their numbers; `arrow` takes and
//! gives columns, and `composing` is what `Tokenizer` does with them and with ids that go on; `padded`
//! makes rows of one length.

#![allow(clippy::doc_markdown, reason = "the documentation of Python classes and functions is theirs: not Markdown")]

mod arrow;
mod batch;
mod buffer;
mod composing;
mod content;
mod draft;
mod encode;
mod errors;
mod hf;
mod ids;
mod interrupt;
mod lists;
mod model;
mod next_byte;
mod nodes;
mod padded;
mod special;
mod stream;
mod text;
mod threads;
mod tiktoken;
mod tokenizer;
mod train;
mod tree;

use pyo3::prelude::*;
use tokengrove::pretokenize::Pretokenizer;

/// The native half of tokengrove.
#[pymodule(gil_used = false)]
mod _native {
    use super::{Pretokenizer, PyResult, Python, pyfunction, threads};

    #[pymodule_export]
    use super::arrow::export::TokenColumn;
    #[pymodule_export]
    use super::composing::{encode_append, encode_arrow, encode_segments, is_canonical};
    #[pymodule_export]
    use super::draft::{DraftSequence, RecyclingCore};
    #[pymodule_export]
    use super::hf::component::{DecoderCore, NormalizerCore, PreTokenizerCore, ProcessorCore};
    #[pymodule_export]
    use super::hf::core::HfCore;
    #[pymodule_export]
    use super::hf::encoding::PyEncoding;
    #[pymodule_export]
    use super::hf::model::BpeModel;
    #[pymodule_export]
    use super::hf::strings::{NormalizedString, PreTokenizedString, Regex, Token, lend_normalized};
    #[pymodule_export]
    use super::lists::list_twins;
    #[pymodule_export]
    use super::model::Model;
    #[pymodule_export]
    use super::next_byte::{ByteCovers, ByteVocab, PromptReader, PromptRows, TextRows, TextScorer};
    #[pymodule_export]
    use super::padded::encode_padded;
    #[pymodule_export]
    use super::stream::DecodeStream;
    #[pymodule_export]
    use super::tiktoken::{CoreBPE, Specials, Splitter, read_rank_file};
    #[pymodule_export]
    use super::tokenizer::TokenizerCore;
    #[pymodule_export]
    use super::train::{PieceCounts, Trained, learn, learn_superwords};
    #[pymodule_export]
    use super::tree::{TokenTree, TreeBatch};

    /// The version of the package.
    #[pyfunction]
    fn version() -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    /// Gives the names of the pretokenization patterns that are built in.
    ///
    /// Returns:
    ///     The names, each of which `pattern` takes.
    #[pyfunction]
    fn pattern_names() -> Vec<&'static str> {
        Pretokenizer::names().collect()
    }

    /// Sets how many threads batches and long texts use, in this process.
    ///
    /// Args:
    ///     n: The number of threads, at least 1, or None for the default: the environment variable
    ///         `TOKENGROVE_NUM_THREADS` if it is set, else 1 in a worker process of `multiprocessing`
    ///         (the workers themselves fill the machine), else the number of processors.
    ///
    /// Raises:
    ///     InvalidArgumentError: If `n` is 0, negative, or more than 1024.
    #[pyfunction]
    fn set_num_threads(py: Python<'_>, n: Option<i64>) -> PyResult<()> {
        threads::set(py, n)
    }

    /// Gives how many threads batches and long texts use.
    ///
    /// Returns:
    ///     The number of threads, at least 1.
    #[pyfunction]
    fn get_num_threads(py: Python<'_>) -> PyResult<usize> {
        threads::get(py)
    }
}
