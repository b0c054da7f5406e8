//! The classes behind `tokengrove.compat.tiktoken`: tiktoken's native interface, its argument types and its errors.
//!
//! Unlike the rest of the bindings, these classes raise what tiktoken raises: `KeyError`, `OverflowError`,
//! `UnicodeEncodeError`.

use std::sync::Arc;

use numpy::{PyArray1, PyArrayMethods, PyReadonlyArray1};
use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyFrozenSet, PyList, PySet, PyString};
use rayon::prelude::*;
use tokengrove::encoder::Scratch;
use tokengrove::hugepage;
use tokengrove::io::tiktoken;
use tokengrove::pretokenize::{Pretokenizer, SplitError};
use tokengrove::spec::TokenTable;
use tokengrove::tiktoken::{LongText, RankEncoding, Specials as CoreSpecials, compile, split};

use crate::interrupt::run;
use crate::{buffer, errors, lists, threads};

/// From this many bytes on, a text is work for several threads, and gets an id buffer of its own.
const LONG: usize = 256 << 10;

/// Bytes of a long text that are encoded, for each thread, before Ctrl-C is looked for.
const WAVE: usize = 8 << 20;

/// Bytes of text that one task of a batch encodes.
const GROUP: usize = 64 << 10;

/// The error for a text on which the pattern gives up.
#[cold]
fn gave_up(error: &SplitError) -> PyErr {
    PyValueError::new_err(format!("Regex error while tokenizing: {error}"))
}

/// Ids of consecutive texts of a batch, and where each text's ids end.
type Rows = (Vec<u32>, Vec<usize>);

/// A frozen set of special tokens: which a call allows, or which it refuses.
#[pyclass(frozen, module = "tokengrove._native")]
pub(crate) struct Specials {
    inner: CoreSpecials,
}

#[pymethods]
impl Specials {
    /// Freezes any texts, to search for.
    #[new]
    fn new(tokens: &Bound<'_, PyAny>) -> PyResult<Self> {
        let tokens: Vec<(String, u32)> =
            tokens.try_iter()?.map(|token| Ok((token?.extract()?, 0))).collect::<PyResult<_>>()?;
        Ok(Self { inner: CoreSpecials::new(tokens).map_err(|error| PyValueError::new_err(error.to_string()))? })
    }

    /// The first of the tokens in a text, the longest of several that start there, or None.
    fn search(&self, text: &str) -> Option<&str> {
        self.inner.find(text, 0).map(|found| found.token)
    }

    /// The tokens.
    fn tokens(&self) -> Vec<&str> {
        self.inner.iter().map(|(token, _)| token).collect()
    }
}

/// The `allowed_special` argument: a frozen set, or a set of names to freeze for this call.
enum Allowed<'py> {
    Frozen(Bound<'py, Specials>),
    Made(CoreSpecials),
    Nothing,
}

impl Allowed<'_> {
    fn get(&self) -> Option<&CoreSpecials> {
        match self {
            Self::Frozen(specials) => Some(&specials.get().inner).filter(|specials| !specials.is_empty()),
            Self::Made(specials) => Some(specials).filter(|specials| !specials.is_empty()),
            Self::Nothing => None,
        }
    }
}

/// tiktoken's native encoding.
#[pyclass(frozen, module = "tokengrove._native")]
pub(crate) struct CoreBPE {
    inner: Arc<RankEncoding>,
}

impl CoreBPE {
    fn allowed<'py>(&self, argument: &Bound<'py, PyAny>) -> PyResult<Allowed<'py>> {
        if let Ok(frozen) = argument.cast::<Specials>() {
            return Ok(Allowed::Frozen(frozen.clone()));
        }
        let empty = match argument.cast::<PyFrozenSet>() {
            Ok(set) => set.is_empty(),
            // Anything else must be a set, and the error says so.
            Err(_) => argument.cast::<PySet>()?.is_empty(),
        };
        if empty {
            return Ok(Allowed::Nothing);
        }
        let names: Vec<String> = argument.try_iter()?.map(|name| name?.extract()).collect::<PyResult<_>>()?;
        let made = self.inner.allow(|token| names.iter().any(|name| name == token));
        Ok(Allowed::Made(made.map_err(|error| PyValueError::new_err(error.to_string()))?))
    }

    /// Encodes a text and hands the ids to `convert`.
    fn encoded<T>(
        &self,
        py: Python<'_>,
        text: &str,
        allowed: Option<&CoreSpecials>,
        convert: impl FnOnce(&[u32]) -> PyResult<T>,
    ) -> PyResult<T> {
        if text.len() >= LONG {
            return convert(&self.encode_long(py, text, allowed)?);
        }
        self.worked(py, text.len(), |scratch, ids| self.inner.encode(text, allowed, scratch, ids), convert)
    }

    /// Encodes a long text over threads; Ctrl-C is heard between waves.
    fn encode_long(&self, py: Python<'_>, text: &str, allowed: Option<&CoreSpecials>) -> PyResult<Vec<u32>> {
        let pool = threads::pool(py)?;
        let threads = pool.as_ref().map_or(1, |pool| pool.current_num_threads());
        self.inner.encoder().prepare(threads);
        let mut ids = hugepage::reserve(text.len() / 2);
        let mut long = LongText::new(text, allowed);
        while !long.is_done() {
            let mut wave = || self.inner.encode_wave(&mut long, WAVE * threads, threads, &mut ids);
            run(py, text.len(), || match &pool {
                Some(pool) => pool.install(wave),
                None => wave(),
            })?
            .map_err(|error| gave_up(&error))?;
            py.check_signals()?;
        }
        Ok(ids)
    }

    /// Runs `encode` on `bytes` bytes of text outside the interpreter and hands the ids to `convert`.
    fn worked<T>(
        &self,
        py: Python<'_>,
        bytes: usize,
        encode: impl FnOnce(&mut Scratch, &mut Vec<u32>) -> Result<(), SplitError> + Send,
        convert: impl FnOnce(&[u32]) -> PyResult<T>,
    ) -> PyResult<T> {
        buffer::with(|ids| {
            run(py, bytes, || self.inner.encoder().with_scratch(|scratch| encode(scratch, ids)))?
                .map_err(|error| gave_up(&error))?;
            convert(ids)
        })
    }

    fn build(py: Python<'_>, tokens: TokenTable, special_tokens: &Bound<'_, PyDict>, pattern: &str) -> PyResult<Self> {
        let specials: Vec<(String, u32)> =
            special_tokens.iter().map(|(token, id)| Ok((token.extract()?, id.extract()?))).collect::<PyResult<_>>()?;
        let named = specials.iter().map(|(token, id)| (token.as_str(), *id));
        let inner = run(py, usize::MAX, || RankEncoding::new(tokens, named, pattern))?.map_err(|error| {
            let class = if error.is_pattern() { &errors::PATTERN } else { &errors::VOCABULARY };
            class.err(py, error)
        })?;
        Ok(Self { inner: Arc::new(inner) })
    }

    fn bytes_of<'py>(&self, py: Python<'py>, id: u32) -> PyResult<Bound<'py, PyBytes>> {
        match self.inner.token_bytes(id) {
            Some(bytes) => Ok(PyBytes::new(py, bytes)),
            None => Err(PyKeyError::new_err(id.to_string())),
        }
    }
}

#[pymethods]
impl CoreBPE {
    /// Builds an encoding.
    #[new]
    fn new(
        py: Python<'_>,
        encoder: &Bound<'_, PyDict>,
        special_tokens_encoder: &Bound<'_, PyDict>,
        pattern: &str,
    ) -> PyResult<Self> {
        let mut tokens = TokenTable::with_capacity(encoder.len(), encoder.len() * 8);
        for (token, rank) in encoder.iter() {
            let rank = rank.extract()?;
            match token.cast::<PyBytes>() {
                Ok(bytes) => tokens.push(bytes.as_bytes(), rank),
                Err(_) => tokens.push(&token.extract::<Vec<u8>>()?, rank),
            }
        }
        Self::build(py, tokens, special_tokens_encoder, pattern)
    }

    /// Builds an encoding from the content of a rank file, without a dict in between; None if `read_rank_file` gives None.
    #[staticmethod]
    fn from_rank_file(
        py: Python<'_>,
        contents: &Bound<'_, PyBytes>,
        special_tokens_encoder: &Bound<'_, PyDict>,
        pattern: &str,
    ) -> PyResult<Option<Self>> {
        parsed(py, contents)?.map(|tokens| Self::build(py, tokens, special_tokens_encoder, pattern)).transpose()
    }

    /// The ranks by token, in the order in which they were given.
    fn mergeable_ranks<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        to_dict(py, self.inner.vocab().table())
    }

    /// The number of tokens, special ones left out.
    fn rank_count(&self) -> usize {
        self.inner.vocab().len()
    }

    /// The largest id of a token, special ones included.
    fn max_token_value(&self) -> u32 {
        let specials = self.inner.specials().iter().map(|(_, id)| id).max().unwrap_or(0);
        specials.max(self.inner.vocab().max_id().0)
    }

    /// Freezes the special tokens that are in a set, for the methods that take `allowed_special`.
    fn allow(&self, names: &Bound<'_, PyAny>) -> PyResult<Specials> {
        let inner = match self.allowed(names)? {
            Allowed::Made(specials) => specials,
            Allowed::Frozen(_) | Allowed::Nothing => {
                self.inner.allow(|_| false).map_err(|error| PyValueError::new_err(error.to_string()))?
            }
        };
        Ok(Specials { inner })
    }

    /// Encodes a text in which special tokens are ordinary text.
    fn encode_ordinary<'py>(&self, py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyList>> {
        self.encoded(py, text, None, |found| lists::to_list(py, found))
    }

    /// Encodes a text.
    fn encode<'py>(
        &self,
        py: Python<'py>,
        text: &str,
        allowed_special: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyList>> {
        let allowed = self.allowed(allowed_special)?;
        self.encoded(py, text, allowed.get(), |found| lists::to_list(py, found))
    }

    /// Encodes a text unless it has a disallowed token, which is then the result.
    fn encode_unless<'py>(
        &self,
        py: Python<'py>,
        text: &str,
        allowed_special: &Bound<'py, PyAny>,
        disallowed_special: &Bound<'py, Specials>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if let Some(found) = disallowed_special.get().inner.find(text, 0) {
            return Ok(PyString::new(py, found.token).into_any());
        }
        self.encode(py, text, allowed_special).map(Bound::into_any)
    }

    /// Encodes a text to a read-only array.
    fn encode_to_tiktoken_buffer<'py>(
        &self,
        py: Python<'py>,
        text: &str,
        allowed_special: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyArray1<u32>>> {
        let allowed = self.allowed(allowed_special)?;
        // An array over a buffer that is not its own: NumPy will not make it writable again.
        let array = self.encoded(py, text, allowed.get(), |found| Ok(PyArray1::from_vec(py, found.to_vec())))?;
        array.readwrite().make_nonwriteable();
        Ok(array)
    }

    /// Encodes texts; None if one of them is no text, has surrogates, or has a disallowed token.
    fn encode_batch<'py>(
        &self,
        py: Python<'py>,
        texts: &Bound<'py, PyList>,
        allowed_special: &Bound<'py, PyAny>,
        disallowed_special: Option<&Bound<'py, Specials>>,
        parallel: bool,
    ) -> PyResult<Option<Bound<'py, PyList>>> {
        let allowed = self.allowed(allowed_special)?;
        let allowed = allowed.get();
        let refused = disallowed_special.map(|specials| &specials.get().inner);
        let objects: Vec<Bound<'py, PyAny>> = texts.iter().collect();
        let strings: Option<Vec<&str>> =
            objects.iter().map(|object| object.cast::<PyString>().ok()?.to_str().ok()).collect();
        let Some(strings) = strings else { return Ok(None) };
        if refused.is_some_and(|refused| strings.iter().any(|text| refused.find(text, 0).is_some())) {
            return Ok(None);
        }
        let encode = |texts: &[&str]| -> Result<Rows, SplitError> {
            let mut rows = (Vec::new(), Vec::with_capacity(texts.len()));
            self.inner.encoder().with_scratch(|scratch| {
                texts.iter().try_for_each(|text| {
                    self.inner.encode(text, allowed, scratch, &mut rows.0)?;
                    rows.1.push(rows.0.len());
                    Ok(())
                })
            })?;
            Ok(rows)
        };
        let pool = if parallel && strings.len() > 1 { threads::pool(py)? } else { None };
        let groups = groups(&strings);
        let done: Result<Vec<Rows>, SplitError> = run(py, usize::MAX, || match pool {
            Some(pool) => pool.install(|| groups.par_iter().with_max_len(1).map(|texts| encode(texts)).collect()),
            None => groups.iter().map(|texts| encode(texts)).collect(),
        })?;
        let lists = PyList::empty(py);
        for (row_ids, ends) in done.map_err(|error| gave_up(&error))? {
            let mut start = 0;
            for end in ends {
                lists.append(lists::to_list(py, &row_ids[start..end])?)?;
                start = end;
            }
        }
        Ok(Some(lists))
    }

    /// Encodes a text that may go on: the settled ids and a list of completions.
    fn encode_with_unstable<'py>(
        &self,
        py: Python<'py>,
        text: &str,
        allowed_special: &Bound<'py, PyAny>,
    ) -> PyResult<(Bound<'py, PyList>, Bound<'py, PyList>)> {
        let allowed = self.allowed(allowed_special)?;
        let allowed = allowed.get();
        let encoder = self.inner.encoder();
        let work = || encoder.with_scratch(|scratch| self.inner.encode_with_unstable(text, allowed, scratch));
        let found = run(py, usize::MAX, work)?.map_err(|error| gave_up(&error))?;
        let completions: Vec<Bound<'py, PyList>> =
            found.completions.iter().map(|completion| lists::to_list(py, completion)).collect::<PyResult<_>>()?;
        Ok((lists::to_list(py, &found.stable)?, PyList::new(py, completions)?))
    }

    /// Encodes bytes that may end inside a character.
    fn _encode_bytes<'py>(&self, py: Python<'py>, bytes: &Bound<'py, PyBytes>) -> PyResult<Bound<'py, PyList>> {
        let bytes = bytes.as_bytes();
        let encode = |scratch: &mut Scratch, ids: &mut Vec<u32>| self.inner.encode_bytes(bytes, scratch, ids);
        self.worked(py, bytes.len(), encode, |found| lists::to_list(py, found))
    }

    /// Encodes bytes as one piece.
    fn encode_single_piece<'py>(&self, py: Python<'py>, piece: &Bound<'py, PyBytes>) -> PyResult<Bound<'py, PyList>> {
        let piece = piece.as_bytes();
        let encode = |scratch: &mut Scratch, ids: &mut Vec<u32>| {
            self.inner.encode_piece(piece, scratch, ids);
            Ok(())
        };
        self.worked(py, piece.len(), encode, |found| lists::to_list(py, found))
    }

    /// The id of a token.
    fn encode_single_token(&self, piece: &Bound<'_, PyBytes>) -> PyResult<u32> {
        self.inner.token_id(piece.as_bytes()).ok_or_else(|| PyKeyError::new_err(piece.clone().unbind()))
    }

    /// The pieces of a text.
    fn split<'t>(&self, text: &'t str) -> PyResult<Vec<&'t str>> {
        pieces(self.inner.encoder().pretokenizer(), text)
    }

    /// The bytes of tokens, joined.
    fn decode_bytes<'py>(&self, py: Python<'py>, tokens: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        let tokens = read(tokens)?;
        match run(py, tokens.len(), || self.inner.decode(&tokens))? {
            Ok(bytes) => Ok(PyBytes::new(py, &bytes)),
            Err(id) => Err(PyKeyError::new_err(format!("Invalid token for decoding: {id}"))),
        }
    }

    /// The bytes of one token.
    fn decode_single_token_bytes<'py>(&self, py: Python<'py>, token: u32) -> PyResult<Bound<'py, PyBytes>> {
        self.bytes_of(py, token)
    }

    /// The bytes of each token.
    fn decode_tokens_bytes<'py>(
        &self,
        py: Python<'py>,
        tokens: &Bound<'py, PyAny>,
    ) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        tokens.try_iter()?.map(|token| self.bytes_of(py, token?.extract()?)).collect()
    }

    /// The bytes of tokens, joined, and the character at which each begins.
    fn decode_with_offsets<'py>(
        &self,
        py: Python<'py>,
        tokens: &Bound<'py, PyAny>,
    ) -> PyResult<(Bound<'py, PyBytes>, Vec<usize>)> {
        let mut joined = Vec::new();
        let mut offsets = Vec::new();
        let mut characters = 0usize;
        for token in tokens.try_iter()? {
            let id = token?.extract()?;
            let bytes = self.inner.token_bytes(id).ok_or_else(|| PyKeyError::new_err(id.to_string()))?;
            let inside = bytes.first().is_some_and(|&byte| is_continuation(byte));
            offsets.push(characters.saturating_sub(usize::from(inside)));
            characters += bytes.iter().filter(|&&byte| !is_continuation(byte)).count();
            joined.extend_from_slice(bytes);
        }
        Ok((PyBytes::new(py, &joined), offsets))
    }

    /// The bytes of all tokens but the special ones, in byte order.
    fn token_byte_values<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, self.inner.sorted_tokens().map(|(bytes, _)| PyBytes::new(py, bytes)))
    }
}

/// The tokens of a rank file, or None if it is not as plain as published files are.
fn parsed(py: Python<'_>, contents: &Bound<'_, PyBytes>) -> PyResult<Option<TokenTable>> {
    let contents = contents.as_bytes();
    let table = run(py, contents.len(), || tiktoken::parse(contents))?.ok();
    Ok(table.filter(|table| table.iter().all(|(token, _)| !token.is_empty())))
}

fn to_dict<'py>(py: Python<'py>, table: &TokenTable) -> PyResult<Bound<'py, PyDict>> {
    let ranks = PyDict::new(py);
    for (token, rank) in table.iter() {
        ranks.set_item(PyBytes::new(py, token), rank)?;
    }
    Ok(ranks)
}

/// Reads a rank file: ranks by token, in the order of the file; None if it is malformed or out of the ordinary.
#[pyfunction]
pub(crate) fn read_rank_file<'py>(
    py: Python<'py>,
    contents: &Bound<'py, PyBytes>,
) -> PyResult<Option<Bound<'py, PyDict>>> {
    parsed(py, contents)?.map(|table| to_dict(py, &table)).transpose()
}

/// Cuts texts into consecutive groups of at least one text and about [`GROUP`] bytes.
fn groups<'t, 's>(texts: &'t [&'s str]) -> Vec<&'t [&'s str]> {
    let mut groups = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (at, text) in texts.iter().enumerate() {
        bytes += text.len() + 16;
        if bytes >= GROUP || at + 1 == texts.len() {
            groups.push(&texts[start..=at]);
            (start, bytes) = (at + 1, 0);
        }
    }
    groups
}

fn pieces<'t>(pretokenizer: &Pretokenizer, text: &'t str) -> PyResult<Vec<&'t str>> {
    Ok(split(pretokenizer, text).map_err(|error| gave_up(&error))?.into_iter().map(|piece| &text[piece]).collect())
}

/// Whether a byte is not the first of its UTF-8 character.
const fn is_continuation(byte: u8) -> bool {
    byte & 0xC0 == 0x80
}

/// Reads ids as tiktoken does: from a sequence of anything that is an index.
fn read(tokens: &Bound<'_, PyAny>) -> PyResult<Vec<u32>> {
    if let Ok(list) = tokens.cast_exact::<PyList>() {
        return lists::read(list).map_or_else(|| list.iter().map(|token| token.extract()).collect(), Ok);
    }
    if let Ok(array) = tokens.extract::<PyReadonlyArray1<'_, u32>>() {
        return Ok(array.as_array().iter().copied().collect());
    }
    if let Ok(array) = tokens.extract::<PyReadonlyArray1<'_, i64>>() {
        // The exact error of a bad id is left to the general way below.
        let found: Option<Vec<u32>> = array.as_array().iter().map(|&id| u32::try_from(id).ok()).collect();
        if let Some(found) = found {
            return Ok(found);
        }
    }
    tokens.extract()
}

/// A pattern by itself, for cutting text into pieces.
#[pyclass(frozen, module = "tokengrove._native")]
pub(crate) struct Splitter {
    inner: Pretokenizer,
}

#[pymethods]
impl Splitter {
    /// Compiles a pattern in tiktoken's syntax.
    #[new]
    fn new(py: Python<'_>, pattern: &str) -> PyResult<Self> {
        Ok(Self { inner: compile(pattern).map_err(|error| errors::PATTERN.err(py, error))? })
    }

    /// The pieces of a text, in order.
    fn split<'t>(&self, text: &'t str) -> PyResult<Vec<&'t str>> {
        pieces(&self.inner, text)
    }
}
