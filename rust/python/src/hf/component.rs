//! Single components, compiled from their JSON form.

use super::encoding::PyEncoding;
use super::refused;
use super::strings::{NormalizedString, PreTokenizedString};
use crate::interrupt::run;
use pyo3::prelude::*;
use tokengrove::encoding;
use tokengrove::io::hf_json::Components;
use tokengrove::pipeline;
use tokengrove::spec;

/// Reads one component of a chain.
fn read<T>(name: &str, json: &str, get: impl FnOnce(Components) -> Option<T>) -> PyResult<T> {
    let components = Components::parse(&format!("{{\"{name}\":{json}}}")).map_err(refused)?;
    get(components).ok_or_else(|| refused(format_args!("{name}: found null, expected a component")))
}

/// A compiled normalizer.
#[pyclass(frozen, module = "tokengrove._native")]
pub(crate) struct NormalizerCore(pipeline::Normalizer);

#[pymethods]
impl NormalizerCore {
    #[new]
    fn new(json: &str) -> PyResult<Self> {
        let normalizer = read("normalizer", json, |all| all.normalizer)?;
        pipeline::Normalizer::new(&normalizer).map(Self).map_err(refused)
    }

    fn normalize(&self, text: &NormalizedString) -> PyResult<()> {
        text.change(|text| self.0.normalize(text))?.map_err(refused)
    }

    fn normalize_str(&self, py: Python<'_>, text: &str) -> PyResult<String> {
        run(py, text.len(), || self.0.normalize_str(text))?.map_err(refused)
    }
}

/// A compiled pre-tokenizer.
#[pyclass(frozen, module = "tokengrove._native")]
pub(crate) struct PreTokenizerCore(pipeline::PreTokenizer);

#[pymethods]
impl PreTokenizerCore {
    #[new]
    fn new(json: &str) -> PyResult<Self> {
        let pre_tokenizer = read("pre_tokenizer", json, |all| all.pre_tokenizer)?;
        pipeline::PreTokenizer::new(&pre_tokenizer).map(Self).map_err(refused)
    }

    fn pre_tokenize(&self, text: &PreTokenizedString) -> PyResult<()> {
        text.change(|text| self.0.pre_tokenize(text))?.map_err(refused)
    }
}

/// A compiled decoder.
#[pyclass(frozen, module = "tokengrove._native")]
pub(crate) struct DecoderCore(pipeline::Decoder);

#[pymethods]
impl DecoderCore {
    #[new]
    fn new(json: &str) -> PyResult<Self> {
        let decoder = read("decoder", json, |all| all.decoder)?;
        pipeline::Decoder::new(&decoder).map(Self).map_err(refused)
    }

    fn decode(&self, tokens: Vec<String>) -> String {
        self.0.decode(tokens)
    }

    fn decode_chain(&self, tokens: Vec<String>) -> Vec<String> {
        self.0.decode_chain(tokens)
    }
}

/// A post-processor.
#[pyclass(frozen, module = "tokengrove._native")]
pub(crate) struct ProcessorCore(spec::PostProcessor);

#[pymethods]
impl ProcessorCore {
    #[new]
    fn new(json: &str) -> PyResult<Self> {
        read("post_processor", json, |all| all.post_processor).map(Self)
    }

    fn num_special_tokens_to_add(&self, is_pair: bool) -> usize {
        pipeline::added_tokens(Some(&self.0), is_pair)
    }

    #[pyo3(signature = (encoding, pair, add_special_tokens))]
    fn process(
        &self,
        encoding: &PyEncoding,
        pair: Option<&PyEncoding>,
        add_special_tokens: bool,
    ) -> PyResult<PyEncoding> {
        let copy = |encoding: &PyEncoding| encoding::Encoding::clone(&encoding.get());
        let all = pipeline::process(Some(&self.0), copy(encoding), pair.map(copy), add_special_tokens);
        all.map(PyEncoding::from).map_err(refused)
    }
}
