//! One text to ids.

use crate::interrupt::run;
use crate::text::Text;
use crate::{batch, buffer, errors};
use pyo3::prelude::*;
use std::ops::Range;
use tokengrove::pipeline::{EncodeError, EncodeOptions, Side, Tokenizer};

/// From this many bytes on, a text is work for several threads, and its ids are made in the memory that Python gets. Below,
/// they are made in the thread's own buffer and then copied into an array of the right size: that buffer is warm, and a copy
/// costs less than 0.1 ns an id.
const LONG: usize = 256 << 10;

/// A tokenizer and how it is to encode.
#[derive(Clone, Copy)]
pub(crate) struct Encode<'a> {
    pub(crate) tokenizer: &'a Tokenizer,
    pub(crate) options: EncodeOptions<'a>,
}

impl Encode<'_> {
    /// Appends the ids of one text.
    pub(crate) fn append(self, text: Text<'_>, out: &mut Vec<u32>) -> Result<(), EncodeError> {
        match text {
            Text::Str(text) => self.tokenizer.encode_into(text, self.options, out),
            Text::Bytes(bytes) => self.tokenizer.encode_bytes_into(bytes, self.options, out),
        }
    }

    /// Makes the ids of one text and gives them to `view` if they lie in a shared buffer, or to `take` if they may be kept.
    pub(crate) fn one<T>(
        self,
        py: Python<'_>,
        text: Text<'_>,
        view: impl FnOnce(&[u32]) -> T,
        take: impl FnOnce(Vec<u32>) -> T,
    ) -> PyResult<T> {
        if text.len() >= LONG {
            return batch::encode(py, self, &[text]).map(|ragged| take(ragged.ids));
        }
        buffer::with(|ids| {
            run(py, text.len(), || self.append(text, ids))?.map_err(|error| no_token(py, &error))?;
            Ok(view(ids))
        })
    }

    /// Counts the tokens of one text, or gives `limit` if there are more.
    pub(crate) fn count(self, py: Python<'_>, text: Text<'_>, limit: Option<usize>) -> PyResult<usize> {
        if let (Text::Str(text), Some(limit)) = (text, limit) {
            let count = run(py, text.len(), || self.tokenizer.count(text, self.options, Some(limit)))?;
            return count.map_err(|error| no_token(py, &error));
        }
        let count = self.count_all(py, text)?;
        Ok(limit.map_or(count, |limit| count.min(limit)))
    }

    fn count_all(self, py: Python<'_>, text: Text<'_>) -> PyResult<usize> {
        if text.len() >= LONG {
            let counts = batch::count(py, self, &[text])?;
            return Ok(counts.first().map_or(0, |&count| usize::try_from(count).unwrap_or(0)));
        }
        self.one(py, text, <[u32]>::len, |ids| ids.len())
    }

    /// Cuts a text into chunks: where each lies in bytes and in characters, and its number of tokens.
    pub(crate) fn chunks(self, text: &str, max_tokens: usize, overlap: usize) -> Result<Vec<Chunk>, EncodeError> {
        let (mut byte, mut char) = (0, 0);
        let mut chunks = Vec::new();
        for bytes in self.tokenizer.chunk(text, max_tokens, overlap, self.options)? {
            // Chunks may overlap, but each begins after the one before began.
            char += text[byte..bytes.start].chars().count();
            byte = bytes.start;
            let chars = char..char + text[bytes.clone()].chars().count();
            let tokens = self.tokenizer.count(&text[bytes.clone()], self.options, None)?;
            chunks.push((bytes, chars, tokens));
        }
        Ok(chunks)
    }
}

/// Where a chunk lies in bytes and in characters, and its number of tokens.
type Chunk = (Range<usize>, Range<usize>, usize);

/// Reads the side to cut off.
pub(crate) fn side(py: Python<'_>, side: &str) -> PyResult<Side> {
    match side {
        "left" => Ok(Side::Left),
        "right" => Ok(Side::Right),
        _ => Err(errors::INVALID_ARGUMENT.err(py, format_args!("side is \"left\" or \"right\"; found {side:?}"))),
    }
}

/// The error for text that the vocabulary cannot represent, or that a limit is too small for.
pub(crate) fn no_token(py: Python<'_>, error: &EncodeError) -> PyErr {
    if error.is_limit() { errors::INVALID_ARGUMENT.err(py, error) } else { errors::INVALID_TEXT.err(py, error) }
}
