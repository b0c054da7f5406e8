//! Several texts to one rectangle of ids: cut to a number of tokens, and filled up.

use crate::encode::side;
use crate::text;
use crate::tokenizer::TokenizerCore;
use crate::{batch, errors};
use numpy::{IntoPyArray, PyArray2, PyArrayMethods};
use pyo3::prelude::*;
use tokengrove::pipeline::{Side, Tokenizer};

/// How many columns a rectangle has: a number or as many as the longest row has, then rounded up to a multiple.
type Columns = (Option<usize>, usize);

/// Ids in rows of one length, and which of them are not padding.
type Rectangle<'py> = (Bound<'py, PyArray2<u32>>, Bound<'py, PyArray2<bool>>);

/// `Tokenizer.encode_padded`.
#[pyfunction]
#[allow(clippy::too_many_arguments, reason = "those of the method in Python, which checks them")]
pub(crate) fn encode_padded<'py>(
    py: Python<'py>,
    tokenizer: &TokenizerCore,
    texts: &Bound<'py, PyAny>,
    max_tokens: Option<usize>,
    truncation_side: &str,
    columns: Columns,
    padding_side: &str,
    pad_id: u32,
    add_special_tokens: bool,
    allowed_special: &Bound<'py, PyAny>,
) -> PyResult<Rectangle<'py>> {
    let mut keep = Vec::new();
    let texts = text::borrow_all(texts, &mut keep)?;
    let (cut, fill) = (side(py, truncation_side)?, side(py, padding_side)?);
    let core = &*tokenizer.tokenizer;
    let most = max_tokens.map(|max| room(py, core, max, add_special_tokens)).transpose()?;
    let encoded = tokenizer.with_options(false, Some(allowed_special), |encode| batch::encode(py, encode, &texts))?;
    let rows = encoded.splits.windows(2).map(|ends| {
        let [start, end] = [ends[0], ends[1]].map(|at| usize::try_from(at).unwrap_or(0));
        let row = &encoded.ids[start..end];
        let most = most.unwrap_or(row.len()).min(row.len());
        match cut {
            Side::Right => &row[..most],
            Side::Left => &row[row.len() - most..],
        }
    });
    let (copies, added) = if add_special_tokens { core.surroundings() } else { (1, 0) };
    let length = |row: &[u32]| copies * row.len() + added;
    let longest = rows.clone().map(length).max().unwrap_or(0);
    let columns = width(py, columns, longest)?;
    let (mut ids, mut mask) = (Vec::new(), Vec::new());
    let cells = columns.saturating_mul(texts.len());
    ids.try_reserve_exact(cells).and_then(|()| mask.try_reserve_exact(cells)).map_err(|_| {
        errors::INVALID_ARGUMENT.err(py, format_args!("{} rows of {columns} tokens do not fit memory", texts.len()))
    })?;
    for row in rows {
        let padding = columns - length(row);
        let (before, after) = if fill == Side::Left { (padding, 0) } else { (0, padding) };
        ids.resize(ids.len() + before, pad_id);
        mask.resize(ids.len(), false);
        if add_special_tokens {
            core.surround(row, &mut ids);
        } else {
            ids.extend_from_slice(row);
        }
        mask.resize(ids.len(), true);
        ids.resize(ids.len() + after, pad_id);
        mask.resize(ids.len(), false);
    }
    let shape = [texts.len(), columns];
    Ok((ids.into_pyarray(py).reshape(shape)?, mask.into_pyarray(py).reshape(shape)?))
}

/// How many tokens of a text there is room for.
fn room(py: Python<'_>, tokenizer: &Tokenizer, max: usize, add_special_tokens: bool) -> PyResult<usize> {
    if !add_special_tokens {
        return Ok(max);
    }
    let (copies, added) = tokenizer.surroundings();
    let Some(rest) = max.checked_sub(added) else {
        let message = format_args!("max_tokens must be at least {added}, the special tokens of a row; found {max}");
        return Err(errors::INVALID_ARGUMENT.err(py, message));
    };
    Ok(rest.checked_div(copies).unwrap_or(0))
}

/// The number of columns for rows of which the longest has `longest` tokens.
fn width(py: Python<'_>, (length, multiple_of): Columns, longest: usize) -> PyResult<usize> {
    let wanted = length.unwrap_or(longest);
    if wanted < longest {
        let message = format_args!("a row has {longest} tokens, and length is {wanted}: give max_tokens to cut rows");
        return Err(errors::INVALID_ARGUMENT.err(py, message));
    }
    wanted.checked_next_multiple_of(multiple_of).ok_or_else(|| {
        errors::INVALID_ARGUMENT.err(py, format_args!("multiple_of must be at least 1; found {multiple_of}"))
    })
}
