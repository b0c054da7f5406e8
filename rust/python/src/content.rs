//! What a tokenizer is made of, in a form that lasts: for pickling, comparison and the fingerprint.
//!
//! A rank vocabulary is its rank file, pattern and special tokens. The form depends on the content alone: not on the version
//! of this package, nor on line ends or the order of lines in the file that was loaded.

use crate::errors;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::collections::BTreeMap;
use tokengrove::io::tiktoken;
use tokengrove::pipeline::Tokenizer;
use tokengrove::spec::{
    AddedToken, AddedTokenPolicy, Alphabet, BpeSpec, MergeRule, Segmentation, Symbols, TokenizerSpec,
};

/// The content of a rank vocabulary.
pub(crate) struct Content {
    ranks: Vec<u8>,
    pattern: Option<String>,
    specials: BTreeMap<String, u32>,
}

impl Content {
    /// The content of a tokenizer, or `None` if it is more than a rank vocabulary.
    pub(crate) fn of(tokenizer: &Tokenizer) -> Option<Self> {
        let spec = tokenizer.spec();
        let pattern = match &spec.segmentation {
            Segmentation::Whole => None,
            Segmentation::Tiktoken(pattern) => Some(pattern.clone()),
            Segmentation::Chain(_) => return None,
        };
        if !is_plain(spec) {
            return None;
        }
        let specials = spec.added_tokens.iter().map(|token| (token.content.clone(), token.id)).collect();
        Some(Self { ranks: tiktoken::write(&spec.model.tokens), pattern, specials })
    }

    /// Arguments of `Model.from_bytes`: the data, the pattern and the special tokens.
    pub(crate) fn into_arguments(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        Ok((PyBytes::new(py, &self.ranks), self.pattern, self.specials).into_pyobject(py)?.into_any())
    }

    /// The SHA-256 of all parts, each after its length, in hexadecimal.
    pub(crate) fn fingerprint(&self, py: Python<'_>) -> PyResult<String> {
        let hash = py.import("hashlib")?.call_method0("sha256")?;
        let update = |part: &[u8]| -> PyResult<()> {
            hash.call_method1("update", (PyBytes::new(py, &(part.len() as u64).to_le_bytes()),))?;
            hash.call_method1("update", (PyBytes::new(py, part),))?;
            Ok(())
        };
        update(b"ranks")?;
        update(&self.ranks)?;
        update(if self.pattern.is_some() { b"pattern" } else { b"whole" })?;
        update(self.pattern.as_deref().unwrap_or_default().as_bytes())?;
        for (content, id) in &self.specials {
            update(content.as_bytes())?;
            update(&id.to_le_bytes())?;
        }
        hash.call_method0("hexdigest")?.extract()
    }
}

/// The error for a tokenizer whose content has no lasting form.
pub(crate) fn unsupported(py: Python<'_>) -> PyErr {
    errors::UNSUPPORTED.err(py, "a tokenizer with more than ranks, a pattern and special tokens cannot be written yet")
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
