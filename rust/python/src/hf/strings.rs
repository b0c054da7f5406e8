//! `NormalizedString`, `PreTokenizedString`, `Token` and `Regex`: what components that users write in Python work on.

use super::encoding::PyEncoding;
use super::{Guarded, busy, refused};
use pyo3::exceptions::{PyException, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PySlice, PyString};
use std::ops::Range;
use tokengrove::offsets::CharIndex;
use tokengrove::pipeline::{self, UnicodeForm};
use tokengrove::spec::SplitBehavior;

/// A regular expression in the dialect of Oniguruma.
#[pyclass(frozen, module = "tokengrove._native")]
pub(crate) struct Regex {
    pattern: pipeline::Pattern,
    source: String,
}

#[pymethods]
impl Regex {
    #[new]
    fn new(s: &str) -> PyResult<Self> {
        let pattern = pipeline::Pattern::regex(s).map_err(refused)?;
        Ok(Self { pattern, source: s.to_owned() })
    }

    /// The expression as it was given.
    #[getter]
    fn pattern(&self) -> &str {
        &self.source
    }

    fn __reduce__(slf: &Bound<'_, Self>) -> (Py<PyAny>, (String,)) {
        (slf.get_type().into_any().unbind(), (slf.get().source.clone(),))
    }

    fn __repr__(&self) -> String {
        format!("Regex({:?})", self.source)
    }
}

/// A token: its id, its string and where it lies in its text.
#[pyclass(frozen, module = "tokengrove._native", eq)]
#[derive(PartialEq)]
pub(crate) struct Token {
    #[pyo3(get)]
    id: u32,
    #[pyo3(get)]
    value: String,
    #[pyo3(get)]
    offsets: (usize, usize),
}

#[pymethods]
impl Token {
    #[new]
    fn new(id: u32, value: String, offsets: (usize, usize)) -> Self {
        Self { id, value, offsets }
    }

    /// The id, the string and the offsets.
    fn as_tuple(&self) -> (u32, &str, (usize, usize)) {
        (self.id, &self.value, self.offsets)
    }

    fn __repr__(&self) -> String {
        format!("Token(id={}, value={:?}, offsets={:?})", self.id, self.value, self.offsets)
    }
}

/// Calls `f` with the pattern that a `str` or a `Regex` is.
fn with_pattern<T>(pattern: &Bound<'_, PyAny>, f: impl FnOnce(&pipeline::Pattern) -> T) -> PyResult<T> {
    if let Ok(regex) = pattern.cast::<Regex>() {
        return Ok(f(&regex.get().pattern));
    }
    match pattern.cast::<PyString>() {
        Ok(text) => Ok(f(&pipeline::Pattern::literal(text.to_str()?))),
        Err(_) => Err(PyTypeError::new_err("a pattern must be str or Regex")),
    }
}

/// Reads a behaviour, by name or as the enumeration of the drop-in.
pub(crate) fn behavior(object: &Bound<'_, PyAny>) -> PyResult<SplitBehavior> {
    let name: String = match object.getattr("value") {
        Ok(value) => value.extract()?,
        Err(_) => object.extract()?,
    };
    match name.as_str() {
        "removed" => Ok(SplitBehavior::Removed),
        "isolated" => Ok(SplitBehavior::Isolated),
        "merged_with_previous" => Ok(SplitBehavior::MergedWithPrevious),
        "merged_with_next" => Ok(SplitBehavior::MergedWithNext),
        "contiguous" => Ok(SplitBehavior::Contiguous),
        _ => Err(PyValueError::new_err(
            "Wrong value for SplitDelimiterBehavior, expected one of: `removed, isolated, merged_with_previous, \
             merged_with_next, contiguous`",
        )),
    }
}

/// A text that is rewritten step by step and knows where each part of it came from.
#[pyclass(frozen, module = "tokengrove._native")]
pub(crate) struct NormalizedString {
    /// None while it is lent to another call.
    inner: Guarded<Option<pipeline::NormalizedString>>,
    /// Whether it may still be changed: one that was lent to a callback may not, once that has returned.
    lent: Guarded<bool>,
}

impl From<pipeline::NormalizedString> for NormalizedString {
    fn from(inner: pipeline::NormalizedString) -> Self {
        Self { inner: Guarded::new(Some(inner)), lent: Guarded::new(true) }
    }
}

impl NormalizedString {
    /// A copy of the text as it is now.
    pub(crate) fn get(&self) -> PyResult<pipeline::NormalizedString> {
        self.check()?;
        self.inner.get().clone().ok_or_else(|| busy("NormalizedString"))
    }

    fn check(&self) -> PyResult<()> {
        if *self.lent.get() {
            return Ok(());
        }
        Err(PyException::new_err("Cannot use a NormalizedStringRefMut outside `normalize`"))
    }

    /// Changes the text; Python code may run meanwhile.
    pub(crate) fn change<T>(&self, f: impl FnOnce(&mut pipeline::NormalizedString) -> T) -> PyResult<T> {
        self.check()?;
        let taken = self.inner.get().take();
        let mut text = taken.ok_or_else(|| busy("NormalizedString"))?;
        let result = f(&mut text);
        *self.inner.get() = Some(text);
        Ok(result)
    }

    fn form(&self, form: UnicodeForm) -> PyResult<()> {
        self.change(|text| text.normalize(form))
    }
}

/// The bytes of a range of characters: an index, a pair or a slice.
fn range(text: &str, object: &Bound<'_, PyAny>) -> PyResult<Option<Range<usize>>> {
    let count = text.chars().count();
    let (start, end) = if let Ok(index) = object.extract::<isize>() {
        match usize::try_from(index) {
            Ok(at) => (at, at + 1),
            Err(_) if index.unsigned_abs() <= count => (count - index.unsigned_abs(), count - index.unsigned_abs() + 1),
            Err(_) => return Err(PyValueError::new_err(format!("{} is bigger than max len", index.unsigned_abs()))),
        }
    } else if let Ok(pair) = object.extract::<(usize, usize)>() {
        pair
    } else {
        let slice =
            object.cast::<PySlice>().map_err(|_| PyTypeError::new_err("a range must be int, tuple or slice"))?;
        let indices = slice.indices(isize::try_from(count)?)?;
        (usize::try_from(indices.start)?, usize::try_from(indices.stop)?)
    };
    let mut places = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    if start >= end || start >= count {
        return Ok((start == end && start <= count).then(|| places.nth(start).map_or(0..0, |at| at..at)));
    }
    let from = places.nth(start).unwrap_or(text.len());
    let until = places.nth(end.min(count) - start - 1).unwrap_or(text.len());
    Ok(Some(from..until))
}

#[pymethods]
impl NormalizedString {
    #[new]
    fn new(sequence: String) -> Self {
        pipeline::NormalizedString::new(sequence).into()
    }

    /// The text as it is now.
    #[getter]
    fn normalized(&self) -> PyResult<String> {
        Ok(self.get()?.normalized().to_owned())
    }

    /// The text as it was.
    #[getter]
    fn original(&self) -> PyResult<String> {
        Ok(self.get()?.original().to_owned())
    }

    /// Brings the text to the form NFD.
    fn nfd(&self) -> PyResult<()> {
        self.form(UnicodeForm::Nfd)
    }

    /// Brings the text to the form NFKD.
    fn nfkd(&self) -> PyResult<()> {
        self.form(UnicodeForm::Nfkd)
    }

    /// Brings the text to the form NFC.
    fn nfc(&self) -> PyResult<()> {
        self.form(UnicodeForm::Nfc)
    }

    /// Brings the text to the form NFKC.
    fn nfkc(&self) -> PyResult<()> {
        self.form(UnicodeForm::Nfkc)
    }

    /// Makes every character lower case.
    fn lowercase(&self) -> PyResult<()> {
        self.change(pipeline::NormalizedString::lowercase)
    }

    /// Makes every character upper case.
    fn uppercase(&self) -> PyResult<()> {
        self.change(pipeline::NormalizedString::uppercase)
    }

    /// Puts text before the first character, if there is one.
    fn prepend(&self, s: &str) -> PyResult<()> {
        self.change(|text| text.prepend(s))
    }

    /// Puts text behind the last character.
    fn append(&self, s: &str) -> PyResult<()> {
        self.change(|text| text.append(s))
    }

    /// Removes white space at the beginning.
    fn lstrip(&self) -> PyResult<()> {
        self.change(|text| text.strip(true, false))
    }

    /// Removes white space at the end.
    fn rstrip(&self) -> PyResult<()> {
        self.change(|text| text.strip(false, true))
    }

    /// Removes white space at both ends.
    fn strip(&self) -> PyResult<()> {
        self.change(|text| text.strip(true, true))
    }

    /// Removes everything.
    fn clear(&self) -> PyResult<()> {
        self.change(pipeline::NormalizedString::clear)
    }

    /// Part of the text, by characters of its normalized form: an index, a pair or a slice. None if there are none.
    fn slice(&self, range: &Bound<'_, PyAny>) -> PyResult<Option<Self>> {
        let text = self.get()?;
        let range = self::range(text.normalized(), range)?;
        Ok(range.and_then(|range| text.slice(range)).map(Self::from))
    }

    fn __getitem__(&self, range: &Bound<'_, PyAny>) -> PyResult<Option<Self>> {
        self.slice(range)
    }

    /// Keeps the characters for which `func` is true.
    fn filter(&self, func: &Bound<'_, PyAny>) -> PyResult<()> {
        if !func.is_callable() {
            return Err(PyTypeError::new_err("`filter` expect a callable with the signature: `fn(char) -> bool`"));
        }
        self.change(|text| text.filter(|c| func.call1((c,))?.extract::<bool>()))?
    }

    /// Calls `func` with each character.
    fn for_each(&self, func: &Bound<'_, PyAny>) -> PyResult<()> {
        if !func.is_callable() {
            return Err(PyTypeError::new_err("`for_each` expect a callable with the signature: `fn(char)`"));
        }
        self.get()?.normalized().chars().try_for_each(|c| func.call1((c,)).map(drop))
    }

    /// Replaces each character by what `func` gives for it.
    fn map(&self, func: &Bound<'_, PyAny>) -> PyResult<()> {
        if !func.is_callable() {
            return Err(PyTypeError::new_err("`map` expect a callable with the signature: `fn(char) -> char`"));
        }
        self.change(|text| text.map(|c| func.call1((c,))?.extract::<char>()))?
    }

    /// Replaces every match of a pattern.
    fn replace(&self, pattern: &Bound<'_, PyAny>, content: &str) -> PyResult<()> {
        with_pattern(pattern, |pattern| self.change(|text| text.replace(pattern, content)))??.map_err(refused)
    }

    /// Splits at the matches of a pattern.
    fn split(&self, pattern: &Bound<'_, PyAny>, behavior: &Bound<'_, PyAny>) -> PyResult<Vec<Self>> {
        let behavior = self::behavior(behavior)?;
        let text = self.get()?;
        let parts = with_pattern(pattern, |pattern| text.split(pattern, behavior))?.map_err(refused)?;
        Ok(parts.into_iter().map(Self::from).collect())
    }

    fn __repr__(&self) -> PyResult<String> {
        let text = self.get()?;
        Ok(format!("NormalizedString(original=\"{}\", normalized=\"{}\")", text.original(), text.normalized()))
    }

    fn __str__(&self) -> PyResult<String> {
        self.normalized()
    }
}

/// A text in parts, some of them with tokens.
#[pyclass(frozen, module = "tokengrove._native")]
pub(crate) struct PreTokenizedString {
    /// None while it is lent to another call.
    inner: Guarded<Option<pipeline::PreTokenizedString>>,
}

impl PreTokenizedString {
    /// Changes the text; Python code may run meanwhile.
    pub(crate) fn change<T>(&self, f: impl FnOnce(&mut pipeline::PreTokenizedString) -> T) -> PyResult<T> {
        let taken = self.inner.get().take();
        let mut text = taken.ok_or_else(|| busy("PreTokenizedString"))?;
        let result = f(&mut text);
        *self.inner.get() = Some(text);
        Ok(result)
    }
}

/// A part: its text, its offsets and its tokens.
type Part = (String, (usize, usize), Option<Vec<Token>>);

#[pymethods]
impl PreTokenizedString {
    #[new]
    fn new(s: &str) -> Self {
        Self { inner: Guarded::new(Some(pipeline::PreTokenizedString::new(s))) }
    }

    /// Replaces every part without tokens by the list of parts that `func` gives for its number and its text.
    fn split(&self, func: &Bound<'_, PyAny>) -> PyResult<()> {
        if !func.is_callable() {
            return Err(PyTypeError::new_err(
                "`split` expect a callable with the signature: `fn(index: int, normalized: NormalizedString) -> \
                 List[NormalizedString]`",
            ));
        }
        self.change(|text| {
            text.split(|number, part| {
                let parts = func.call1((number, NormalizedString::from(part.clone())))?;
                parts
                    .try_iter()?
                    .map(|part| part?.cast::<NormalizedString>()?.get().get())
                    .collect::<PyResult<Vec<_>>>()
            })
        })?
    }

    /// Lets `func` rewrite every part without tokens.
    fn normalize(&self, func: &Bound<'_, PyAny>) -> PyResult<()> {
        if !func.is_callable() {
            return Err(PyTypeError::new_err(
                "`normalize` expect a callable with the signature: `fn(normalized: NormalizedString)`",
            ));
        }
        self.change(|text| text.normalize(|part| lend(func, part)))?
    }

    /// Gives every part without tokens those that `func` finds in its text.
    fn tokenize(&self, func: &Bound<'_, PyAny>) -> PyResult<()> {
        if !func.is_callable() {
            return Err(PyTypeError::new_err(
                "`tokenize` expect a callable with the signature: `fn(str) -> List[Token]`",
            ));
        }
        self.change(|text| {
            text.tokenize(|part| {
                let tokens = func.call1((part.normalized(),))?;
                let tokens = tokens.cast::<PyList>()?.iter().map(|token| {
                    let token = token.cast::<Token>()?.get();
                    Ok(pipeline::Token { id: token.id, value: token.value.clone(), offsets: token.offsets })
                });
                tokens.collect::<PyResult<Vec<_>>>()
            })
        })?
    }

    /// An encoding of all tokens.
    #[pyo3(signature = (type_id = 0, word_idx = None))]
    fn to_encoding(&self, type_id: u32, word_idx: Option<u32>) -> PyResult<PyEncoding> {
        self.change(|text| text.to_encoding(type_id, word_idx))?
            .map(PyEncoding::from)
            .ok_or_else(|| refused("Split has not been tokenized, call `PreTokenizedString::tokenize` first"))
    }

    /// The parts: text, offsets and tokens of each.
    #[pyo3(signature = (offset_referential = "original", offset_type = "char"))]
    fn get_splits(&self, offset_referential: &str, offset_type: &str) -> PyResult<Vec<Part>> {
        let original = match offset_referential {
            "original" => true,
            "normalized" => false,
            _ => {
                return Err(PyValueError::new_err(
                    "Wrong value for OffsetReferential, expected one of `original, normalized`",
                ));
            }
        };
        let chars = match offset_type {
            "char" => true,
            "byte" => false,
            _ => return Err(PyValueError::new_err("Wrong value for OffsetType, expected one of `byte, char`")),
        };
        self.change(|text| {
            let index = CharIndex::new(text.original());
            let mut end = 0;
            let parts = text.splits().iter().map(|split| {
                end += split.text.normalized().len();
                let offsets =
                    if original { split.text.offsets_original() } else { (end - split.text.normalized().len(), end) };
                let offsets = if chars { index.span(offsets.0, offsets.1) } else { offsets };
                let tokens = split.tokens.as_ref().map(|tokens| {
                    let copy = |token: &pipeline::Token| Token::new(token.id, token.value.clone(), token.offsets);
                    tokens.iter().map(copy).collect()
                });
                (split.text.normalized().to_owned(), offsets, tokens)
            });
            parts.collect()
        })
    }
}

/// Lets a callback change a text, and makes the object useless afterwards.
fn lend(func: &Bound<'_, PyAny>, part: &mut pipeline::NormalizedString) -> PyResult<()> {
    let object = Bound::new(func.py(), NormalizedString::from(part.clone()))?;
    let result = func.call1((&object,)).map(drop);
    let lent = object.get();
    if let Some(text) = lent.inner.get().take() {
        *part = text;
    }
    *lent.lent.get() = false;
    result
}

/// Calls a normalizer written in Python with a text that it may change while it runs.
#[pyfunction]
pub(crate) fn lend_normalized(func: &Bound<'_, PyAny>, text: &NormalizedString) -> PyResult<()> {
    text.change(|text| lend(func, text))?
}
