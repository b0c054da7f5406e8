//! One text to ids.

use crate::interrupt::run;
use crate::text::Text;
use crate::{buffer, errors};
use pyo3::prelude::*;
use tokengrove::hugepage;
use tokengrove::pipeline::{EncodeError, EncodeOptions, Tokenizer};

/// From this many bytes on, ids are made in the buffer that Python gets; below, in the thread's own, and then copied into an
/// array of the right size: that buffer is warm, and a copy costs less than 0.1 ns an id.
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
            return self.long(py, text).map(take);
        }
        buffer::with(|ids| {
            run(py, text.len(), || self.append(text, ids))?.map_err(|error| no_token(py, &error))?;
            Ok(view(ids))
        })
    }

    fn long(self, py: Python<'_>, text: Text<'_>) -> PyResult<Vec<u32>> {
        run(py, text.len(), || {
            // Reserved memory costs nothing until it is written; what is not written is given back.
            let mut ids = hugepage::reserve(text.len() / 2);
            self.append(text, &mut ids)?;
            ids.shrink_to_fit();
            Ok(ids)
        })?
        .map_err(|error| no_token(py, &error))
    }
}

/// The error for text that the vocabulary cannot represent.
pub(crate) fn no_token(py: Python<'_>, error: &EncodeError) -> PyErr {
    errors::INVALID_TEXT.err(py, error)
}
