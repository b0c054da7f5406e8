//! `BpeModel`: a vocabulary, merges and options, as a `tokenizer.json` states them.

use super::refused;
use crate::errors;
use crate::interrupt::run;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};
use std::sync::Arc;
use tokengrove::io::LoadError;
use tokengrove::io::hf_json::{self, BpeOptions};
use tokengrove::spec::{MAX_TOKEN_ID, TokenTable};

/// A BPE model before it is compiled: immutable, and shared by every tokenizer that uses it.
#[pyclass(frozen, module = "tokengrove._native")]
pub(crate) struct BpeModel {
    pub(crate) model: Arc<hf_json::BpeModel>,
}

impl From<hf_json::BpeModel> for BpeModel {
    fn from(model: hf_json::BpeModel) -> Self {
        Self { model: Arc::new(model) }
    }
}

impl BpeModel {
    pub(crate) fn id(&self, string: &str) -> Option<u32> {
        self.model.id(string)
    }
}

/// Options from Python: dropout, unk_token, continuing_subword_prefix, end_of_word_suffix, fuse_unk, byte_fallback and
/// ignore_merges.
type Options = (Option<f64>, Option<String>, Option<String>, Option<String>, bool, bool, bool);

fn options(options: Options) -> BpeOptions {
    let (dropout, unk_token, prefix, suffix, fuse_unk, byte_fallback, ignore_merges) = options;
    BpeOptions {
        dropout,
        unk_token,
        continuing_subword_prefix: prefix,
        end_of_word_suffix: suffix,
        fuse_unk,
        byte_fallback,
        ignore_merges,
    }
}

/// The error for a file that cannot be read.
pub(crate) fn load_error(py: Python<'_>, error: &LoadError) -> PyErr {
    if error.is_other_model() { errors::UNSUPPORTED.err(py, error) } else { refused(error) }
}

#[pymethods]
impl BpeModel {
    /// Makes a model of a dict from strings to ids and a list of pairs of strings.
    #[new]
    fn new(vocab: &Bound<'_, PyDict>, merges: &Bound<'_, PyAny>, options: Options) -> PyResult<Self> {
        let mut table = TokenTable::with_capacity(vocab.len(), vocab.len() * 8);
        for (string, id) in vocab {
            let string = string.cast::<PyString>()?;
            let id: u32 = id.extract()?;
            if id > MAX_TOKEN_ID {
                return Err(refused(format_args!("the id of {} is {id}; ids are 0 to {MAX_TOKEN_ID}", string.repr()?)));
            }
            table.push(string.to_str()?.as_bytes(), id);
        }
        let pairs: Vec<(Bound<'_, PyString>, Bound<'_, PyString>)> =
            merges.extract().map_err(|_| PyTypeError::new_err("merges must be a list of pairs of str"))?;
        let pairs: Vec<(&str, &str)> =
            pairs.iter().map(|(left, right)| Ok((left.to_str()?, right.to_str()?))).collect::<PyResult<_>>()?;
        Ok(hf_json::BpeModel::new(table, pairs, self::options(options)).into())
    }

    /// The same vocabulary and merges with other options.
    fn with_options(&self, options: Options) -> Self {
        self.model.with_options(self::options(options)).into()
    }

    /// Takes a `tokenizer.json` apart: its model, and everything else as JSON.
    #[staticmethod]
    fn open(py: Python<'_>, data: &Bound<'_, PyBytes>) -> PyResult<(Self, String)> {
        let data = data.as_bytes();
        let file = run(py, usize::MAX, || hf_json::open(data))?.map_err(|error| load_error(py, &error))?;
        Ok((file.model.into(), file.rest))
    }

    /// The options, as the constructor takes them.
    #[getter]
    fn options(&self) -> Options {
        let options = self.model.options().clone();
        (
            options.dropout,
            options.unk_token,
            options.continuing_subword_prefix,
            options.end_of_word_suffix,
            options.fuse_unk,
            options.byte_fallback,
            options.ignore_merges,
        )
    }

    fn token_to_id(&self, token: &str) -> Option<u32> {
        self.id(token)
    }

    fn id_to_token(&self, id: u32) -> Option<&str> {
        self.model.string(id)
    }

    /// The number of different strings.
    fn __len__(&self) -> usize {
        self.model.size()
    }

    /// A new dict from strings to ids.
    fn vocab<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (string, id) in self.model.vocab() {
            dict.set_item(string, id)?;
        }
        Ok(dict)
    }

    /// A new list of the merges, each a pair of strings.
    fn merges<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, self.model.merges())
    }

    /// The vocabulary as a JSON object in the order of the ids; `indent` is put before every line if it is not None.
    #[pyo3(signature = (indent = None))]
    fn vocab_json(&self, indent: Option<&str>) -> String {
        let items = self.model.vocab_by_id().map(|(id, string)| match indent {
            None => format!("{}:{id}", quoted(string)),
            Some(_) => format!("{}: {id}", quoted(string)),
        });
        joined('{', items, '}', indent)
    }

    /// The merges as a JSON list; `indent` as for `vocab_json`.
    #[pyo3(signature = (indent = None))]
    fn merges_json(&self, indent: Option<&str>) -> String {
        let items = self.model.merges().map(|(left, right)| match indent {
            None => format!("[{},{}]", quoted(left), quoted(right)),
            Some(indent) => {
                format!("[\n{indent}    {},\n{indent}    {}\n{indent}  ]", quoted(left), quoted(right))
            }
        });
        joined('[', items, ']', indent)
    }
}

/// A JSON string.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A JSON object or list of items.
fn joined(open: char, items: impl Iterator<Item = String>, close: char, indent: Option<&str>) -> String {
    let mut out = String::from(open);
    let mut empty = true;
    for item in items {
        if !empty {
            out.push(',');
        }
        empty = false;
        if let Some(indent) = indent {
            out.push('\n');
            out.push_str(indent);
            out.push_str("  ");
        }
        out.push_str(&item);
    }
    if let Some(indent) = indent.filter(|_| !empty) {
        out.push('\n');
        out.push_str(indent);
    }
    out.push(close);
    out
}
