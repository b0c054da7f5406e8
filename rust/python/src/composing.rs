//! What `Tokenizer` does with columns, with segments of text and with ids that go on.

use crate::arrow::{export::TokenColumn, import};
use crate::encode::no_token;
use crate::interrupt::run;
use crate::text::{self, Text};
use crate::tokenizer::TokenizerCore;
use crate::{batch, errors, ids};
use numpy::{IntoPyArray, PyArray1};
use pyo3::prelude::*;
use pyo3::types::PyString;
use tokengrove::pipeline::{AppendError, Unrepresentable};

/// `Tokenizer.encode_arrow`.
#[pyfunction]
pub(crate) fn encode_arrow<'py>(
    py: Python<'py>,
    tokenizer: &TokenizerCore,
    column: &Bound<'py, PyAny>,
    add_special_tokens: bool,
    allowed_special: &Bound<'py, PyAny>,
) -> PyResult<TokenColumn> {
    let column = import::column(column)?;
    let rows = column.texts(py)?;
    let texts: Vec<Text<'_>> = rows.iter().copied().flatten().map(Text::of_bytes).collect();
    let batch::Ragged { ids, splits } =
        tokenizer
            .with_options(add_special_tokens, Some(allowed_special), |encode| batch::encode(py, encode, &texts))?;
    let present: Vec<bool> = rows.iter().map(Option::is_some).collect();
    TokenColumn::new(py, ids, &splits, &present)
}

/// `Tokenizer.encode_segments`.
#[pyfunction]
#[allow(clippy::needless_pass_by_value, reason = "an argument from Python is owned")]
pub(crate) fn encode_segments<'py>(
    py: Python<'py>,
    tokenizer: &TokenizerCore,
    segments: Vec<(Bound<'py, PyString>, bool)>,
    add_special_tokens: bool,
) -> PyResult<Bound<'py, PyArray1<u32>>> {
    let borrowed: Vec<(&str, bool)> =
        segments.iter().map(|(text, trusted)| Ok((text::borrow_str(text)?, *trusted))).collect::<PyResult<_>>()?;
    let bytes = borrowed.iter().map(|segment| segment.0.len()).sum();
    let encode = || tokenizer.tokenizer.encode_segments(&borrowed, add_special_tokens, Unrepresentable::Error);
    let ids = run(py, bytes, encode)?.map_err(|error| no_token(py, &error))?;
    Ok(ids.into_pyarray(py))
}

/// `Tokenizer.encode_append`.
#[pyfunction]
pub(crate) fn encode_append<'py>(
    py: Python<'py>,
    tokenizer: &TokenizerCore,
    ids: &Bound<'py, PyAny>,
    text: &Bound<'py, PyString>,
    allowed_special: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyArray1<u32>>> {
    let ids = ids::read(ids)?;
    let text = text::borrow_str(text)?;
    tokenizer.with_options(false, Some(allowed_special), |encode| {
        let append = || encode.tokenizer.encode_append(&ids, text, encode.options);
        let all = run(py, text.len() + size_of_val(ids.as_slice()), append)?.map_err(|error| match error {
            AppendError::Id(error) => errors::UNKNOWN_TOKEN.err(py, error),
            AppendError::Text(error) => no_token(py, &error),
        })?;
        Ok(all.into_pyarray(py))
    })
}

/// `Tokenizer.is_canonical`.
#[pyfunction]
pub(crate) fn is_canonical(
    py: Python<'_>,
    tokenizer: &TokenizerCore,
    ids: &Bound<'_, PyAny>,
    allowed_special: &Bound<'_, PyAny>,
) -> PyResult<bool> {
    let ids = ids::read(ids)?;
    tokenizer.with_options(false, Some(allowed_special), |encode| {
        run(py, size_of_val(ids.as_slice()), || encode.tokenizer.is_canonical(&ids, encode.options))?
            .map_err(|error| errors::UNKNOWN_TOKEN.err(py, error))
    })
}
