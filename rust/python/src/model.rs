//! Construction: files, bytes and rank dictionaries to a compiled tokenizer.

use crate::engine::Engine;
use crate::errors;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use std::path::PathBuf;
use std::sync::Arc;

/// A compiled tokenizer, from which `TokenizerCore` is made.
#[pyclass(frozen, module = "tokengrove._native")]
pub(crate) struct Model {
    pub(crate) engine: Arc<Engine>,
}

fn build(
    py: Python<'_>,
    ranks: Vec<(Vec<u8>, u32)>,
    pattern: Option<&str>,
    specials: Option<Vec<(String, u32)>>,
) -> PyResult<Model> {
    let engine = py
        .detach(|| Engine::new(ranks, pattern, specials.unwrap_or_default()))
        .map_err(|message| errors::VOCABULARY.err(py, message))?;
    Ok(Model { engine: Arc::new(engine) })
}

fn pairs(map: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Vec<(String, u32)>>> {
    let Some(map) = map else { return Ok(None) };
    map.call_method0("items")?.try_iter()?.map(|item| item?.extract()).collect::<PyResult<_>>().map(Some)
}

#[pymethods]
impl Model {
    /// Loads a file.
    #[staticmethod]
    #[pyo3(signature = (path, *, pattern = None, special_tokens = None))]
    fn from_file(
        py: Python<'_>,
        path: PathBuf,
        pattern: Option<&str>,
        special_tokens: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let data = std::fs::read(path)?;
        let base64 = py.import("base64")?.getattr("b64decode")?;
        let mut ranks = Vec::new();
        for line in data.split(|&b| b == b'\n').filter(|line| !line.is_empty()) {
            let mut parts = line.split(|&b| b == b' ');
            let token = base64.call1((PyBytes::new(py, parts.next().unwrap_or_default()),))?.extract::<Vec<u8>>()?;
            let rank = parts
                .next()
                .and_then(|rank| std::str::from_utf8(rank).ok()?.trim().parse().ok())
                .ok_or_else(|| errors::VOCABULARY.err(py, "a line is not `base64 rank`"))?;
            ranks.push((token, rank));
        }
        build(py, ranks, pattern, pairs(special_tokens)?)
    }

    /// Builds from a mapping of token bytes to rank.
    #[staticmethod]
    #[pyo3(signature = (ranks, *, pattern, special_tokens = None))]
    fn from_ranks(
        py: Python<'_>,
        ranks: &Bound<'_, PyDict>,
        pattern: Option<&str>,
        special_tokens: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let ranks =
            ranks.iter().map(|(k, v)| Ok((k.extract::<Vec<u8>>()?, v.extract::<u32>()?))).collect::<PyResult<_>>()?;
        build(py, ranks, pattern, pairs(special_tokens)?)
    }
}
