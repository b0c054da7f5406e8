//! `TokenizerCore`: the methods of a tokenizer that are worth a native call.

use crate::encode::{self, Encode, no_token};
use crate::interrupt::run;
use crate::model::Model;
use crate::stream::DecodeStream;
use crate::text::{self, Text};
use crate::{batch, content, errors, ids, lists, special};
use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayMethods, ToPyArray};
use pyo3::basic::CompareOp;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyBytes, PyDict, PyList, PyString, PyType};
use std::sync::Arc;
use tokengrove::pipeline::{EncodeOptions, Tokenizer};

/// A piece and three offsets that go with it.
type Piece<'py> = (Bound<'py, PyString>, usize, usize, usize);

/// The native methods of `tokengrove.Tokenizer`.
#[pyclass(frozen, subclass, module = "tokengrove._native")]
pub(crate) struct TokenizerCore {
    pub(crate) tokenizer: Arc<Tokenizer>,
    source: Option<Arc<[u8]>>,
    fingerprint: PyOnceLock<String>,
}

/// Classes of `tokengrove.tokenizer`, of which results are made.
static TOKEN_BATCH: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static OFFSET_ENCODING: PyOnceLock<Py<PyType>> = PyOnceLock::new();

impl TokenizerCore {
    /// The tokenizer itself.
    pub(crate) fn shared(&self) -> Arc<Tokenizer> {
        Arc::clone(&self.tokenizer)
    }

    /// Calls `f` with the tokenizer and the options of the call.
    pub(crate) fn with_options<T>(
        &self,
        add_special_tokens: bool,
        allowed_special: Option<&Bound<'_, PyAny>>,
        f: impl FnOnce(Encode<'_>) -> PyResult<T>,
    ) -> PyResult<T> {
        let allowed = special::read(&self.tokenizer, allowed_special)?;
        f(Encode {
            tokenizer: &self.tokenizer,
            options: EncodeOptions { add_special_tokens, allowed: &allowed, ..EncodeOptions::default() },
        })
    }

    /// Whether both are made of the same; decided without a hash where that is easy.
    fn is_same(&self, py: Python<'_>, other: &Self) -> PyResult<bool> {
        if Arc::ptr_eq(&self.tokenizer, &other.tokenizer) {
            return Ok(true);
        }
        if self.tokenizer.vocab_size() != other.tokenizer.vocab_size() {
            return Ok(false);
        }
        Ok(self.fingerprint(py)? == other.fingerprint(py)?)
    }

    fn bytes_of(&self, py: Python<'_>, ids: &[u32], skip_special_tokens: bool) -> PyResult<Vec<u8>> {
        run(py, size_of_val(ids), || self.tokenizer.decode_bytes(ids, skip_special_tokens))?
            .map_err(|error| errors::UNKNOWN_TOKEN.err(py, error))
    }

    fn text_of<'py>(
        &self,
        py: Python<'py>,
        ids: &[u32],
        mode: &str,
        skip_special_tokens: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let bytes = self.bytes_of(py, ids, skip_special_tokens)?;
        match std::str::from_utf8(&bytes) {
            Ok(text) => Ok(PyString::new(py, text).into_any()),
            Err(_) => PyBytes::new(py, &bytes).call_method1("decode", ("utf-8", mode)),
        }
    }
}

#[pymethods]
impl TokenizerCore {
    #[new]
    #[pyo3(signature = (model, /))]
    fn new(model: &Bound<'_, Model>) -> Self {
        let Model { tokenizer, source } = model.get();
        Self { tokenizer: Arc::clone(tokenizer), source: source.clone(), fingerprint: PyOnceLock::new() }
    }

    /// The number of tokens, special tokens included.
    #[getter]
    fn vocab_size(&self) -> usize {
        self.tokenizer.vocab_size()
    }

    /// The largest id; ids may have gaps, so this may be more than `vocab_size - 1`.
    #[getter]
    fn max_token_id(&self) -> u32 {
        self.tokenizer.max_token_id().unwrap_or(0)
    }

    /// The special tokens and their ids, as a new dict in the order of the file.
    #[getter]
    fn special_tokens<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (content, id) in self.tokenizer.special_tokens() {
            dict.set_item(content, id)?;
        }
        Ok(dict)
    }

    /// The merges in the order of their rank, each as the two tokens that it joins: a new list of pairs of bytes.
    ///
    /// The merges of a file are given as it lists them, those of a rank vocabulary are reconstructed.
    ///
    /// Raises:
    ///     UnsupportedTokenizerError: If the ranks are in no order that merges could have.
    #[getter]
    fn merges<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let merges = run(py, usize::MAX, || self.tokenizer.merges())?.ok_or_else(|| {
            errors::UNSUPPORTED
                .err(py, "the ranks of this vocabulary contradict any order of merges: it has no list of them")
        })?;
        PyList::new(py, merges.iter().map(|(left, right)| (PyBytes::new(py, left), PyBytes::new(py, right))))
    }

    /// A hash of the content, the same in every process and on every machine: 64 hexadecimal digits.
    ///
    /// Tokenizers with the same fingerprint have the same vocabulary, pattern and special tokens, and so the same ids.
    #[getter]
    fn fingerprint(&self, py: Python<'_>) -> PyResult<&str> {
        let made = self.fingerprint.get_or_try_init(py, || run(py, usize::MAX, || self.tokenizer.fingerprint()));
        made.map(String::as_str)
    }

    fn __richcmp__<'py>(&self, other: &Bound<'py, PyAny>, compare: CompareOp) -> PyResult<Bound<'py, PyAny>> {
        let py = other.py();
        let Ok(other) = other.cast::<Self>() else { return Ok(py.NotImplemented().into_bound(py)) };
        let result = match compare {
            CompareOp::Eq => self.is_same(py, other.get())?,
            CompareOp::Ne => !self.is_same(py, other.get())?,
            _ => return Ok(py.NotImplemented().into_bound(py)),
        };
        Ok(PyBool::new(py, result).to_owned().into_any())
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        PyString::new(py, self.fingerprint(py)?).hash()
    }

    /// What `Model.from_bytes` takes to make the same tokenizer.
    fn _arguments<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        content::arguments(py, &self.tokenizer, self.source.as_deref())
    }

    /// Gives the tokenizer as a Hugging Face `tokenizer.json`.
    ///
    /// A vocabulary of ranks is written with the merges that they stand for, in the byte alphabet, and its pattern in the
    /// dialect of that format. Equal tokenizers give equal text.
    ///
    /// Returns:
    ///     The JSON text.
    ///
    /// Raises:
    ///     UnsupportedTokenizerError: If the format has no form for a pattern or a component.
    fn to_json(&self, py: Python<'_>) -> PyResult<String> {
        content::to_json(py, &self.tokenizer)
    }

    /// What `Tokenizer.with_vocab_size` is made of.
    fn _with_vocab_size(&self, py: Python<'_>, size: i64) -> PyResult<Model> {
        Model::with_vocab_size(py, &self.tokenizer, not_negative(py, "vocab_size", size)?)
    }

    /// Encodes a text.
    ///
    /// Args:
    ///     text: A `str`, or `bytes` that need not be UTF-8.
    ///     add_special_tokens: Whether to add what the tokenizer's post-processor adds, such as a beginning-of-sequence
    ///         token.
    ///     allowed_special: Special tokens that become their ids where they occur in the text: `"all"`, or a collection
    ///         of names. The others are ordinary text.
    ///
    /// Returns:
    ///     uint32[n]: the ids.
    ///
    /// Raises:
    ///     InvalidTextError: If a `str` has a lone surrogate, or a character has no token and the vocabulary no token for
    ///         unknown ones.
    ///     UnknownTokenError: If `allowed_special` names something that is not a special token.
    ///     TypeError: If `text` is neither `str` nor `bytes`.
    #[pyo3(
        signature = (text, *, add_special_tokens = false, allowed_special = None),
        text_signature = "($self, text, *, add_special_tokens=False, allowed_special=())"
    )]
    fn encode<'py>(
        &self,
        py: Python<'py>,
        text: &Bound<'py, PyAny>,
        add_special_tokens: bool,
        allowed_special: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyArray1<u32>>> {
        self.with_options(add_special_tokens, allowed_special, |encode| {
            encode.one(py, text::borrow(text)?, |ids| ids.to_pyarray(py), |ids| ids.into_pyarray(py))
        })
    }

    /// Encodes a text to a list.
    ///
    /// The ids are `encode`'s. A list concatenates with `+`, where arrays add element by element.
    ///
    /// Args:
    ///     text: A `str`, or `bytes` that need not be UTF-8.
    ///     add_special_tokens: As for `encode`.
    ///     allowed_special: As for `encode`.
    ///
    /// Returns:
    ///     The ids as Python integers.
    ///
    /// Raises:
    ///     InvalidTextError: As `encode` does.
    ///     UnknownTokenError: As `encode` does.
    ///     TypeError: As `encode` does.
    #[pyo3(
        signature = (text, *, add_special_tokens = false, allowed_special = None),
        text_signature = "($self, text, *, add_special_tokens=False, allowed_special=())"
    )]
    fn encode_list<'py>(
        &self,
        py: Python<'py>,
        text: &Bound<'py, PyAny>,
        add_special_tokens: bool,
        allowed_special: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyList>> {
        self.with_options(add_special_tokens, allowed_special, |encode| {
            encode.one(py, text::borrow(text)?, |ids| lists::to_list(py, ids), |ids| lists::to_list(py, &ids))?
        })
    }

    /// Encodes several texts over the threads that `set_num_threads` allows.
    ///
    /// Args:
    ///     texts: An iterable of `str` or `bytes`.
    ///     add_special_tokens: As for `encode`, for each text.
    ///     allowed_special: As for `encode`.
    ///
    /// Returns:
    ///     The ids of all texts in one array, and where each text's begin; each row is what `encode` gives.
    ///
    /// Raises:
    ///     InvalidTextError: As `encode` does.
    ///     UnknownTokenError: As `encode` does.
    ///     TypeError: If `texts` is a single text, or has an element that is neither `str` nor `bytes`.
    #[pyo3(
        signature = (texts, *, add_special_tokens = false, allowed_special = None),
        text_signature = "($self, texts, *, add_special_tokens=False, allowed_special=())"
    )]
    fn encode_batch<'py>(
        &self,
        py: Python<'py>,
        texts: &Bound<'py, PyAny>,
        add_special_tokens: bool,
        allowed_special: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let mut keep = Vec::new();
        let texts = text::borrow_all(texts, &mut keep)?;
        let batch::Ragged { ids, splits } =
            self.with_options(add_special_tokens, allowed_special, |encode| batch::encode(py, encode, &texts))?;
        let class = TOKEN_BATCH.import(py, "tokengrove.tokenizer", "TokenBatch")?;
        class.call1((ids.into_pyarray(py), splits.into_pyarray(py)))
    }

    /// Encodes a text and tells where in it each token comes from.
    ///
    /// Args:
    ///     text: A `str`, or `bytes` that need not be UTF-8; for spans in characters, those count as they are decoded with
    ///         replacement.
    ///     add_special_tokens: As for `encode`; a token that is added has an empty span.
    ///     allowed_special: As for `encode`.
    ///
    /// Returns:
    ///     The ids, and the span of each in bytes and in characters of the original text, whatever normalization made of it.
    ///
    /// Raises:
    ///     InvalidTextError: As `encode` does.
    ///     UnknownTokenError: As `encode` does.
    ///     TypeError: As `encode` does.
    #[pyo3(
        signature = (text, *, add_special_tokens = false, allowed_special = None),
        text_signature = "($self, text, *, add_special_tokens=False, allowed_special=())"
    )]
    fn encode_with_offsets<'py>(
        &self,
        py: Python<'py>,
        text: &Bound<'py, PyAny>,
        add_special_tokens: bool,
        allowed_special: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.with_options(add_special_tokens, allowed_special, |encode| {
            let text = text::borrow(text)?;
            let bytes = text.as_bytes();
            let offsets = run(py, bytes.len(), || encode.tokenizer.encode_bytes_with_offsets(bytes, encode.options))?
                .map_err(|error| no_token(py, &error))?;
            let byte_spans = spans(py, &offsets.byte_spans)?;
            let char_spans = spans(py, &offsets.char_spans)?;
            let class = OFFSET_ENCODING.import(py, "tokengrove.tokenizer", "OffsetEncoding")?;
            class.call1((offsets.ids.into_pyarray(py), byte_spans, char_spans))
        })
    }

    /// Counts the tokens of a text without making ids for Python.
    ///
    /// Args:
    ///     text: A `str`, or `bytes` that need not be UTF-8.
    ///     limit: A number of tokens at which counting may stop early.
    ///     add_special_tokens: As for `encode`.
    ///     allowed_special: As for `encode`.
    ///
    /// Returns:
    ///     `len(encode(text))`, or `limit` if that is less.
    ///
    /// Raises:
    ///     InvalidArgumentError: If `limit` is negative.
    ///     InvalidTextError: As `encode` does.
    ///     UnknownTokenError: As `encode` does.
    ///     TypeError: As `encode` does.
    #[pyo3(
        signature = (text, limit = None, *, add_special_tokens = false, allowed_special = None),
        text_signature = "($self, text, limit=None, *, add_special_tokens=False, allowed_special=())"
    )]
    fn count(
        &self,
        py: Python<'_>,
        text: &Bound<'_, PyAny>,
        limit: Option<i64>,
        add_special_tokens: bool,
        allowed_special: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<usize> {
        let limit = limit.map(|limit| not_negative(py, "limit", limit)).transpose()?;
        self.with_options(add_special_tokens, allowed_special, |encode| encode.count(py, text::borrow(text)?, limit))
    }

    /// Counts the tokens of several texts over the threads that `set_num_threads` allows.
    ///
    /// Args:
    ///     texts: An iterable of `str` or `bytes`.
    ///     add_special_tokens: As for `encode`, for each text.
    ///     allowed_special: As for `encode`.
    ///
    /// Returns:
    ///     int64[len(texts)]: the number of tokens of each.
    ///
    /// Raises:
    ///     InvalidTextError: As `encode` does.
    ///     UnknownTokenError: As `encode` does.
    ///     TypeError: If `texts` is a single text, or has an element that is neither `str` nor `bytes`.
    #[pyo3(
        signature = (texts, *, add_special_tokens = false, allowed_special = None),
        text_signature = "($self, texts, *, add_special_tokens=False, allowed_special=())"
    )]
    fn count_batch<'py>(
        &self,
        py: Python<'py>,
        texts: &Bound<'py, PyAny>,
        add_special_tokens: bool,
        allowed_special: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyArray1<i64>>> {
        let mut keep = Vec::new();
        let texts = text::borrow_all(texts, &mut keep)?;
        let counts =
            self.with_options(add_special_tokens, allowed_special, |encode| batch::count(py, encode, &texts))?;
        Ok(counts.into_pyarray(py))
    }

    /// `Tokenizer.truncate`.
    fn _truncate<'py>(
        &self,
        py: Python<'py>,
        text: &Bound<'py, PyString>,
        max_tokens: i64,
        side: &str,
        add_special_tokens: bool,
        allowed_special: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyString>> {
        let max_tokens = not_negative(py, "max_tokens", max_tokens)?;
        let side = encode::side(py, side)?;
        self.with_options(add_special_tokens, Some(allowed_special), |encode| {
            let string = text::borrow_str(text)?;
            let kept = run(py, string.len(), || encode.tokenizer.truncate(string, max_tokens, side, encode.options))?
                .map_err(|error| no_token(py, &error))?;
            if kept == (0..string.len()) {
                return Ok(text.clone());
            }
            Ok(PyString::new(py, &string[kept]))
        })
    }

    /// `Tokenizer.chunk`: text, start and end in characters, and number of tokens of each chunk.
    fn _chunk<'py>(
        &self,
        py: Python<'py>,
        text: &Bound<'py, PyString>,
        max_tokens: i64,
        overlap: i64,
        add_special_tokens: bool,
        allowed_special: &Bound<'py, PyAny>,
    ) -> PyResult<Vec<Piece<'py>>> {
        let overlap = not_negative(py, "overlap", overlap)?;
        let max_tokens = not_negative(py, "max_tokens", max_tokens)?;
        if overlap >= max_tokens {
            return Err(errors::INVALID_ARGUMENT
                .err(py, format_args!("max_tokens must be more than overlap; found {max_tokens} and {overlap}")));
        }
        self.with_options(add_special_tokens, Some(allowed_special), |encode| {
            let text = text::borrow_str(text)?;
            let chunks = run(py, text.len(), || encode.chunks(text, max_tokens, overlap))?
                .map_err(|error| no_token(py, &error))?;
            Ok(chunks
                .into_iter()
                .map(|(bytes, chars, tokens)| (PyString::new(py, &text[bytes]), chars.start, chars.end, tokens))
                .collect())
        })
    }

    /// Decodes ids to text.
    ///
    /// Args:
    ///     ids: A sequence or an array of integers.
    ///     errors: What becomes of bytes that are not UTF-8, as for `bytes.decode`.
    ///     skip_special_tokens: Whether to leave special tokens out.
    ///
    /// Returns:
    ///     The text.
    ///
    /// Raises:
    ///     UnknownTokenError: If an id is not a token's.
    ///     UnicodeDecodeError: If the bytes are not UTF-8 and `errors` is `"strict"`.
    ///     InvalidArgumentError: If `ids` is an array of more than one dimension.
    ///     TypeError: If `ids` are not integers.
    #[pyo3(signature = (ids, *, errors = "replace", skip_special_tokens = false))]
    fn decode<'py>(
        &self,
        py: Python<'py>,
        ids: &Bound<'py, PyAny>,
        errors: &str,
        skip_special_tokens: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.text_of(py, &ids::read(ids)?, errors, skip_special_tokens)
    }

    /// Decodes ids to bytes.
    ///
    /// Args:
    ///     ids: A sequence or an array of integers.
    ///     skip_special_tokens: Whether to leave special tokens out.
    ///
    /// Returns:
    ///     The bytes, whether they are UTF-8 or not.
    ///
    /// Raises:
    ///     UnknownTokenError: If an id is not a token's.
    ///     InvalidArgumentError: If `ids` is an array of more than one dimension.
    ///     TypeError: If `ids` are not integers.
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
    ///
    /// Args:
    ///     batch: A `TokenBatch`, or an iterable of what `decode` takes.
    ///     errors: As for `decode`.
    ///     skip_special_tokens: As for `decode`.
    ///
    /// Returns:
    ///     The texts.
    ///
    /// Raises:
    ///     UnknownTokenError: As `decode` does.
    ///     UnicodeDecodeError: As `decode` does.
    ///     InvalidArgumentError: As `decode` does.
    ///     TypeError: As `decode` does.
    #[pyo3(signature = (batch, *, errors = "replace", skip_special_tokens = false))]
    fn decode_batch<'py>(
        &self,
        py: Python<'py>,
        batch: &Bound<'py, PyAny>,
        errors: &str,
        skip_special_tokens: bool,
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        batch.try_iter()?.map(|row| self.text_of(py, &ids::read(&row?)?, errors, skip_special_tokens)).collect()
    }

    /// Starts decoding tokens as they arrive.
    ///
    /// Args:
    ///     skip_special_tokens: Whether to leave special tokens out.
    ///
    /// Returns:
    ///     A stream: `push(ids)` gives the text that is certain by then, `finish()` the rest.
    #[pyo3(signature = (*, skip_special_tokens = false))]
    fn decode_stream(&self, skip_special_tokens: bool) -> DecodeStream {
        DecodeStream::new(Arc::clone(&self.tokenizer), skip_special_tokens)
    }

    /// Gives the pieces that a text is cut into before tokens merge.
    ///
    /// No token reaches over the border of two pieces. A special token is a piece; where normalization rewrites text, a
    /// piece covers what it was made from, and may be empty.
    ///
    /// Args:
    ///     text: A `str`, or `bytes` that need not be UTF-8.
    ///     allowed_special: As for `encode`.
    ///
    /// Returns:
    ///     int64[pieces, 2], start and end of each piece in bytes of the UTF-8 form of the text (or in the `bytes`).
    ///
    /// Raises:
    ///     InvalidTextError: If a `str` holds a lone surrogate, or a regular expression gives up on the text.
    ///     UnknownTokenError: As `encode` does.
    ///     TypeError: As `encode` does.
    #[pyo3(
        signature = (text, *, allowed_special = None),
        text_signature = "($self, text, *, allowed_special=())"
    )]
    fn pieces<'py>(
        &self,
        py: Python<'py>,
        text: &Bound<'py, PyAny>,
        allowed_special: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyArray2<i64>>> {
        self.with_options(false, allowed_special, |encode| {
            let text = text::borrow(text)?;
            let pieces = run(py, text.len(), || encode.tokenizer.pieces(text.as_bytes(), encode.options.allowed))?
                .map_err(|error| no_token(py, &error))?;
            spans(py, &pieces)
        })
    }

    /// Gives the bytes of one token.
    ///
    /// Args:
    ///     id: Its id.
    ///
    /// Returns:
    ///     The bytes that the token stands for; not always UTF-8.
    ///
    /// Raises:
    ///     UnknownTokenError: If no token has the id.
    ///     TypeError: If `id` is not an integer.
    fn token_bytes<'py>(&self, py: Python<'py>, id: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        let id = ids::read_one(id)?;
        self.tokenizer
            .token_bytes(id)
            .map(|bytes| PyBytes::new(py, bytes))
            .ok_or_else(|| errors::unknown_id(py, id, self.tokenizer.max_token_id()))
    }

    /// Looks a token up.
    ///
    /// Args:
    ///     token: The text of a token, special or not, or its bytes.
    ///
    /// Returns:
    ///     Its id, or None if there is no such token.
    ///
    /// Raises:
    ///     InvalidTextError: If a `str` has a lone surrogate.
    ///     TypeError: If `token` is neither `str` nor `bytes`.
    fn token_to_id(&self, token: &Bound<'_, PyAny>) -> PyResult<Option<u32>> {
        Ok(match text::borrow(token)? {
            Text::Str(text) => self.tokenizer.token_to_id(text.as_bytes()),
            Text::Bytes(bytes) => self.tokenizer.token_to_id(bytes),
        })
    }
}

/// Makes int64[n, 2] of spans.
fn spans<'py>(py: Python<'py>, spans: &[(usize, usize)]) -> PyResult<Bound<'py, PyArray2<i64>>> {
    let at = |place: usize| i64::try_from(place).unwrap_or(i64::MAX);
    let flat: Vec<i64> = spans.iter().flat_map(|&(start, end)| [at(start), at(end)]).collect();
    flat.into_pyarray(py).reshape([spans.len(), 2])
}

/// Reads a count.
fn not_negative(py: Python<'_>, name: &str, value: i64) -> PyResult<usize> {
    usize::try_from(value)
        .map_err(|_| errors::INVALID_ARGUMENT.err(py, format_args!("{name} must not be negative; found {value}")))
}
