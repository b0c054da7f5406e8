//! What a tokenizer is made of, in a form that lasts: for pickling and saving.
//!
//! A vocabulary of ranks is its rank file, pattern and special tokens; a SentencePiece model is its file; anything else is a
//! `tokenizer.json`.

use crate::errors;
use crate::interrupt::run;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::collections::BTreeMap;
use tokengrove::io::{LoadError, hf_json, tiktoken};
use tokengrove::pipeline::Tokenizer;
use tokengrove::spec::{
    AddedToken, AddedTokenPolicy, Alphabet, BpeSpec, MergeRule, Segmentation, Symbols, TokenizerSpec,
};

/// The content of a tokenizer.
enum Content {
    Ranks { file: Vec<u8>, pattern: Option<String>, specials: BTreeMap<String, u32> },
    File(Vec<u8>),
}

impl Content {
    /// The content of a tokenizer, which was perhaps loaded from a file that it cannot do without.
    ///
    /// # Errors
    /// If it holds a component that no form has.
    fn of(tokenizer: &Tokenizer, source: Option<&[u8]>) -> Result<Self, LoadError> {
        if let Some(source) = source {
            return Ok(Self::File(source.to_vec()));
        }
        let spec = tokenizer.spec();
        let pattern = match &spec.segmentation {
            Segmentation::Whole => None,
            Segmentation::Tiktoken(pattern) => Some(pattern.clone()),
            Segmentation::Chain(_) => return hf_json::write(spec).map(|json| Self::File(json.into_bytes())),
        };
        if !is_plain(spec) {
            return hf_json::write(spec).map(|json| Self::File(json.into_bytes()));
        }
        let specials = spec.added_tokens.iter().map(|token| (token.content.clone(), token.id)).collect();
        Ok(Self::Ranks { file: tiktoken::write(&spec.model.tokens), pattern, specials })
    }

    /// Arguments of `Model.from_bytes`: the data, the pattern and the special tokens.
    fn into_arguments(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        let arguments = match self {
            Self::Ranks { file, pattern, specials } => {
                (PyBytes::new(py, &file), pattern.into_pyobject(py)?.into_any(), Some(specials)).into_pyobject(py)?
            }
            Self::File(file) => {
                let left_out = py.Ellipsis().into_bound(py);
                (PyBytes::new(py, &file), left_out, None::<BTreeMap<String, u32>>).into_pyobject(py)?
            }
        };
        Ok(arguments.into_any())
    }
}

/// What `Model.from_bytes` takes to make the same tokenizer.
pub(crate) fn arguments<'py>(
    py: Python<'py>,
    tokenizer: &Tokenizer,
    source: Option<&[u8]>,
) -> PyResult<Bound<'py, PyAny>> {
    run(py, usize::MAX, || Content::of(tokenizer, source))?
        .map_err(|error| errors::UNSUPPORTED.err(py, error))?
        .into_arguments(py)
}

/// Writes a tokenizer as a `tokenizer.json`.
pub(crate) fn to_json(py: Python<'_>, tokenizer: &Tokenizer) -> PyResult<String> {
    let spec =
        run(py, usize::MAX, || tokenizer.portable_spec())?.map_err(|error| errors::UNSUPPORTED.err(py, error))?;
    run(py, usize::MAX, || hf_json::write(&spec))?.map_err(|error| errors::UNSUPPORTED.err(py, error))
}

/// Whether a specification has nothing that a rank file, a pattern and special tokens do not say.
fn is_plain(spec: &TokenizerSpec) -> bool {
    // No field is left out, so that a new one is thought of here.
    let TokenizerSpec {
        model: BpeSpec { tokens: _, merges, symbols, ignore_merges },
        symbol_options,
        alphabet,
        normalizer,
        segmentation: _,
        added_tokens,
        added_token_policy,
        post_processor,
        decoder,
        truncation,
        padding,
    } = spec;
    *merges == MergeRule::Ranks
        && *symbols == Symbols::Bytes
        && *ignore_merges
        && symbol_options.is_default()
        && *alphabet == Alphabet::Raw
        && *added_token_policy == AddedTokenPolicy::AllowedOnly
        && added_tokens.iter().all(|token| *token == AddedToken::special(token.content.clone(), token.id))
        && normalizer.is_none()
        && post_processor.is_none()
        && decoder.is_none()
        && truncation.is_none()
        && padding.is_none()
}
