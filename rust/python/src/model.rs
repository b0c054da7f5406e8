//! Construction: files, bytes and rank dictionaries to a compiled tokenizer.

use crate::errors;
use crate::interrupt::run;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyEllipsis, PyString};
use std::error::Error;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokengrove::io::{LoadError, hf_json, sentencepiece, tekken, tiktoken};
use tokengrove::pipeline::{CompileError, Tokenizer, compile};
use tokengrove::pretokenize::PatternError;
use tokengrove::spec::{AddedToken, MAX_TOKEN_ID, TokenTable, TokenizerSpec};

/// A compiled tokenizer, from which `TokenizerCore` is made.
#[pyclass(frozen, module = "tokengrove._native")]
pub(crate) struct Model {
    pub(crate) tokenizer: Arc<Tokenizer>,
    /// The file itself, where its content has no other lasting form.
    pub(crate) source: Option<Arc<[u8]>>,
}

#[pymethods]
impl Model {
    /// Loads a file.
    #[staticmethod]
    #[pyo3(signature = (path, *, pattern, special_tokens = None))]
    #[allow(clippy::needless_pass_by_value, reason = "arguments from Python come as values")]
    fn from_file(
        py: Python<'_>,
        path: PathBuf,
        pattern: &Bound<'_, PyAny>,
        special_tokens: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let data = py.detach(|| read(&path))?.map_err(|found| {
            let message = format!("the file is too large: found {found} bytes, expected at most {LARGEST_FILE}");
            errors::VOCABULARY.err(py, message)
        })?;
        load(py, &data, pattern, special_tokens)
    }

    /// Loads the content of a file.
    #[staticmethod]
    #[pyo3(signature = (data, *, pattern, special_tokens = None))]
    fn from_bytes(
        py: Python<'_>,
        data: &Bound<'_, PyBytes>,
        pattern: &Bound<'_, PyAny>,
        special_tokens: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        load(py, data.as_bytes(), pattern, special_tokens)
    }

    /// Builds from a mapping of token bytes to rank.
    #[staticmethod]
    #[pyo3(signature = (ranks, *, pattern, special_tokens = None))]
    fn from_ranks(
        py: Python<'_>,
        ranks: &Bound<'_, PyAny>,
        pattern: Option<&str>,
        special_tokens: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let specials = read_special_tokens(special_tokens)?;
        let mut table = TokenTable::default();
        for item in items(ranks, "ranks", "bytes")? {
            let (token, rank) = item?;
            let token = token
                .cast::<PyBytes>()
                .map_err(|_| PyTypeError::new_err(format!("a token must be bytes, not {}", token.get_type())))?;
            table.push(token.as_bytes(), read_id(&rank, token)?);
        }
        build(py, TokenizerSpec::from_ranks(table, pattern, specials))
    }
}

impl Model {
    /// The tokenizer with the first tokens alone.
    pub(crate) fn with_vocab_size(py: Python<'_>, tokenizer: &Tokenizer, size: usize) -> PyResult<Self> {
        let spec = run(py, usize::MAX, || tokenizer.spec().with_vocab_size(size))?
            .map_err(|error| errors::INVALID_ARGUMENT.err(py, error))?;
        build(py, spec)
    }
}

/// Larger files hold something else: weights, perhaps, given by mistake.
const LARGEST_FILE: u64 = 1 << 28;

/// Reads a file; the error inside is that of one too large: its size, if the system knows it.
fn read(path: &Path) -> io::Result<Result<Vec<u8>, String>> {
    let file = File::open(path)?;
    let len = file.metadata()?.len();
    if len > LARGEST_FILE {
        return Ok(Err(len.to_string()));
    }
    // What is no ordinary file has no length and perhaps no end.
    let mut data = Vec::with_capacity(usize::try_from(len).unwrap_or(0) + 1);
    let read = file.take(LARGEST_FILE + 1).read_to_end(&mut data)?;
    if read as u64 > LARGEST_FILE { Ok(Err(format!("more than {LARGEST_FILE}"))) } else { Ok(Ok(data)) }
}

/// Reads a file that says everything about its tokenizer.
type Parse = fn(&[u8]) -> Result<TokenizerSpec, LoadError>;

fn load(
    py: Python<'_>,
    data: &[u8],
    pattern: &Bound<'_, PyAny>,
    special_tokens: Option<&Bound<'_, PyAny>>,
) -> PyResult<Model> {
    let specials = read_special_tokens(special_tokens)?;
    let left_out = pattern.is_instance_of::<PyEllipsis>();
    let kind: Option<(&str, Parse)> = match data.trim_ascii_start().first() {
        Some(b'{') if tekken::is_tekken(data) => Some(("tekken.json", tekken::parse)),
        Some(b'{') => Some(("tokenizer.json", hf_json::parse)),
        _ => sentencepiece::is_model(data).then_some(("SentencePiece model", sentencepiece::parse)),
    };
    if let Some((name, parse)) = kind {
        if !left_out || special_tokens.is_some() {
            let message = format!("pattern and special_tokens are for rank files; a {name} has its own");
            return Err(errors::INVALID_ARGUMENT.err(py, message));
        }
        let spec = run(py, data.len(), || parse(data))?.map_err(|error| load_error(py, &error))?;
        // Only SentencePiece has character maps, and only its small files can say what they are.
        let source = sentencepiece::is_model(data).then(|| data.into());
        return Ok(Model { source, ..build(py, spec)? });
    }
    let table = run(py, data.len(), || tiktoken::parse(data))?.map_err(|error| load_error(py, &error))?;
    if left_out {
        return Err(errors::INVALID_ARGUMENT.err(
            py,
            "a rank file does not say how text is cut before merging: give pattern, a name such as \"o200k_base\", a \
             regular expression, or None to not cut at all",
        ));
    }
    let pattern: Option<&str> = pattern.extract()?;
    build(py, TokenizerSpec::from_ranks(table, pattern, specials))
}

fn load_error(py: Python<'_>, error: &LoadError) -> PyErr {
    if error.is_other_model() { errors::UNSUPPORTED.err(py, error) } else { errors::VOCABULARY.err(py, error) }
}

fn build(py: Python<'_>, spec: TokenizerSpec) -> PyResult<Model> {
    let tokenizer = run(py, usize::MAX, || compile(spec))?.map_err(|error| compile_error(py, &error))?;
    Ok(Model { tokenizer: Arc::new(tokenizer), source: None })
}

fn compile_error(py: Python<'_>, error: &CompileError) -> PyErr {
    let is_pattern = error.source().is_some_and(<dyn Error>::is::<PatternError>);
    if is_pattern { errors::PATTERN.err(py, error) } else { errors::VOCABULARY.err(py, error) }
}

/// A pair of a mapping.
type Item<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>);

fn items<'py>(
    mapping: &Bound<'py, PyAny>,
    name: &'static str,
    key: &'static str,
) -> PyResult<impl Iterator<Item = PyResult<Item<'py>>>> {
    let items = mapping.call_method0("items").map_err(|_| {
        PyTypeError::new_err(format!("{name} must be a mapping from {key} to int, not {}", mapping.get_type()))
    })?;
    Ok(items.try_iter()?.map(|item| item?.extract()))
}

fn read_special_tokens(mapping: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<AddedToken>> {
    let Some(mapping) = mapping else { return Ok(Vec::new()) };
    items(mapping, "special_tokens", "str")?
        .map(|item| {
            let (content, id) = item?;
            let text = content.cast::<PyString>().map_err(|_| {
                PyTypeError::new_err(format!("a special token must be str, not {}", content.get_type()))
            })?;
            let id = read_id(&id, text)?;
            let text = crate::text::borrow_str(text)?;
            if text.is_empty() {
                return Err(errors::VOCABULARY.err(content.py(), format_args!("the special token of id {id} is empty")));
            }
            Ok(AddedToken::special(text, id))
        })
        .collect()
}

fn read_id(id: &Bound<'_, PyAny>, token: &Bound<'_, PyAny>) -> PyResult<u32> {
    let py = id.py();
    match id.extract::<u32>() {
        Ok(id) if id <= MAX_TOKEN_ID => Ok(id),
        Err(error) if error.is_instance_of::<PyTypeError>(py) => {
            Err(PyTypeError::new_err(format!("the id of {} must be int, not {}", token.repr()?, id.get_type())))
        }
        _ => {
            let token = token.repr()?;
            Err(errors::VOCABULARY.err(py, format_args!("the id of {token} is {id}; ids are 0 to {MAX_TOKEN_ID}")))
        }
    }
}
