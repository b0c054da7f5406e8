//! `TokenizerCore`: the methods of a tokenizer that are worth a native call.

use crate::engine::Engine;
use crate::interrupt::run;
use crate::model::Model;
use crate::scratch::{self, Work};
use crate::stream::DecodeStream;
use crate::text::{self, Text};
use crate::{errors, ids, threads};
use numpy::{PyArray1, ToPyArray};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};
use rayon::prelude::*;
use std::sync::Arc;

/// The native methods of `tokengrove.Tokenizer`.
#[pyclass(frozen, subclass, module = "tokengrove._native")]
pub(crate) struct TokenizerCore {
    engine: Arc<Engine>,
}

impl TokenizerCore {
    fn allowed(&self, py: Python<'_>, allowed: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<usize>> {
        let Some(allowed) = allowed else { return Ok(Vec::new()) };
        if let Ok(name) = allowed.cast::<PyString>() {
            if name.to_str()? == "all" {
                return Ok((0..self.engine.specials().len()).collect());
            }
            return Err(errors::INVALID_ARGUMENT.err(
                py,
                format_args!("allowed_special must be \"all\" or a collection of special tokens; found {name:?}"),
            ));
        }
        allowed
            .try_iter()?
            .map(|name| {
                let name = name?;
                let text = name.cast::<PyString>()?.to_str()?;
                self.engine.specials().iter().position(|(special, _)| special == text).ok_or_else(|| {
                    errors::UNKNOWN_TOKEN
                        .err(py, format_args!("allowed_special names {text:?}, which is not a special token"))
                })
            })
            .collect()
    }

    fn encode_into(&self, text: Text<'_>, allowed: &[usize], work: &mut Work) {
        match text {
            Text::Str(text) => self.engine.encode(text, allowed, &mut work.scratch, &mut work.ids),
            Text::Bytes(bytes) => {
                for chunk in bytes.utf8_chunks() {
                    self.engine.encode(chunk.valid(), allowed, &mut work.scratch, &mut work.ids);
                    for byte in chunk.invalid() {
                        work.ids.extend(self.engine.token_to_id(&[*byte]));
                    }
                }
            }
        }
    }

    fn unknown(py: Python<'_>, id: u32) -> PyErr {
        errors::UNKNOWN_TOKEN.err(py, format_args!("id {id} is not in the vocabulary"))
    }

    fn bytes_of(&self, py: Python<'_>, ids: &[u32], skip_special: bool) -> PyResult<Vec<u8>> {
        let mut out = Vec::new();
        for &id in ids {
            if skip_special && self.engine.specials().iter().any(|s| s.1 == id) {
                continue;
            }
            out.extend_from_slice(self.engine.token_bytes(id).ok_or_else(|| Self::unknown(py, id))?);
        }
        Ok(out)
    }

    fn text_of<'py>(py: Python<'py>, bytes: &[u8], errors: &str) -> PyResult<Bound<'py, PyAny>> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(PyString::new(py, text).into_any()),
            Err(_) => PyBytes::new(py, bytes).call_method1("decode", ("utf-8", errors)),
        }
    }
}

#[pymethods]
impl TokenizerCore {
    #[new]
    #[pyo3(signature = (model, /))]
    fn new(model: &Bound<'_, Model>) -> Self {
        Self { engine: Arc::clone(&model.get().engine) }
    }

    /// The number of tokens, special ones included.
    #[getter]
    fn vocab_size(&self) -> usize {
        self.engine.vocab_size()
    }

    /// The largest id in use.
    #[getter]
    fn max_token_id(&self) -> u32 {
        self.engine.max_token_id()
    }

    /// The special tokens and their ids, as a new dict.
    #[getter]
    fn special_tokens<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (name, id) in self.engine.specials() {
            dict.set_item(name, id)?;
        }
        Ok(dict)
    }

    /// Encodes a text.
    #[pyo3(signature = (text, *, add_special_tokens = false, allowed_special = None))]
    fn encode<'py>(
        &self,
        py: Python<'py>,
        text: &Bound<'py, PyAny>,
        add_special_tokens: bool,
        allowed_special: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyArray1<u32>>> {
        let _ = add_special_tokens;
        let allowed = self.allowed(py, allowed_special)?;
        let text = text::borrow(text)?;
        scratch::with(|work| {
            run(py, text.len(), || self.encode_into(text, &allowed, work))?;
            Ok(work.ids.to_pyarray(py))
        })
    }

    /// Encodes a text to a list.
    #[pyo3(signature = (text, *, add_special_tokens = false, allowed_special = None))]
    fn encode_list<'py>(
        &self,
        py: Python<'py>,
        text: &Bound<'py, PyAny>,
        add_special_tokens: bool,
        allowed_special: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyList>> {
        let _ = add_special_tokens;
        let allowed = self.allowed(py, allowed_special)?;
        let text = text::borrow(text)?;
        scratch::with(|work| {
            run(py, text.len(), || self.encode_into(text, &allowed, work))?;
            ids::to_list(py, &work.ids)
        })
    }

    /// Encodes several texts.
    #[pyo3(signature = (texts, *, add_special_tokens = false, allowed_special = None))]
    fn encode_batch<'py>(
        &self,
        py: Python<'py>,
        texts: &Bound<'py, PyAny>,
        add_special_tokens: bool,
        allowed_special: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let _ = add_special_tokens;
        let allowed = self.allowed(py, allowed_special)?;
        let objects: Vec<Bound<'py, PyAny>> = texts.try_iter()?.collect::<PyResult<_>>()?;
        let texts: Vec<Text<'_>> = objects.iter().map(text::borrow).collect::<PyResult<_>>()?;
        let total: usize = texts.iter().map(Text::len).sum();
        let encode = |text: &Text<'_>| {
            scratch::with(|work| {
                self.encode_into(*text, &allowed, work);
                work.ids.clone()
            })
        };
        let pool = threads::pool(py)?;
        let rows: Vec<Vec<u32>> = run(py, total, || match pool {
            Some(pool) => pool.install(|| texts.par_iter().map(encode).collect()),
            None => texts.iter().map(encode).collect(),
        })?;
        let mut splits = Vec::with_capacity(rows.len() + 1);
        splits.push(0i64);
        let mut flat = Vec::new();
        for row in rows {
            flat.extend_from_slice(&row);
            splits.push(i64::try_from(flat.len()).unwrap_or(i64::MAX));
        }
        py.import("tokengrove.tokenizer")?
            .getattr("TokenBatch")?
            .call1((PyArray1::from_vec(py, flat), PyArray1::from_vec(py, splits)))
    }

    /// Counts tokens.
    #[pyo3(signature = (text, limit = None, *, add_special_tokens = false, allowed_special = None))]
    fn count(
        &self,
        py: Python<'_>,
        text: &Bound<'_, PyAny>,
        limit: Option<usize>,
        add_special_tokens: bool,
        allowed_special: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<usize> {
        let _ = add_special_tokens;
        let allowed = self.allowed(py, allowed_special)?;
        let text = text::borrow(text)?;
        scratch::with(|work| {
            run(py, text.len(), || self.encode_into(text, &allowed, work))?;
            Ok(limit.map_or(work.ids.len(), |limit| limit.min(work.ids.len())))
        })
    }

    /// Decodes ids to text.
    #[pyo3(signature = (ids, *, errors = "replace", skip_special_tokens = false))]
    fn decode<'py>(
        &self,
        py: Python<'py>,
        ids: &Bound<'py, PyAny>,
        errors: &str,
        skip_special_tokens: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        Self::text_of(py, &self.bytes_of(py, &ids::read(ids)?, skip_special_tokens)?, errors)
    }

    /// Decodes ids to bytes.
    #[pyo3(signature = (ids, *, skip_special_tokens = false))]
    fn decode_bytes<'py>(
        &self,
        py: Python<'py>,
        ids: &Bound<'py, PyAny>,
        skip_special_tokens: bool,
    ) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.bytes_of(py, &ids::read(ids)?, skip_special_tokens)?))
    }

    /// Decodes several sequences of ids.
    #[pyo3(signature = (batch, *, errors = "replace", skip_special_tokens = false))]
    fn decode_batch<'py>(
        &self,
        py: Python<'py>,
        batch: &Bound<'py, PyAny>,
        errors: &str,
        skip_special_tokens: bool,
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        batch.try_iter()?.map(|row| self.decode(py, &row?, errors, skip_special_tokens)).collect()
    }

    /// Decodes as tokens arrive.
    fn decode_stream(&self) -> DecodeStream {
        DecodeStream::new(Arc::clone(&self.engine))
    }

    /// The bytes of one token.
    fn token_bytes<'py>(&self, py: Python<'py>, id: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        let id = ids::read_one(id)?;
        self.engine.token_bytes(id).map(|bytes| PyBytes::new(py, bytes)).ok_or_else(|| Self::unknown(py, id))
    }

    /// The id of a token, or None.
    fn token_to_id(&self, token: &Bound<'_, PyAny>) -> PyResult<Option<u32>> {
        let bytes = match text::borrow(token)? {
            Text::Str(text) => text.as_bytes(),
            Text::Bytes(bytes) => bytes,
        };
        if bytes.is_empty() {
            return Err(PyTypeError::new_err("a token is not empty"));
        }
        Ok(self.engine.token_to_id(bytes))
    }
}
