//! The parts of a tokenizer, for algorithms that follow its encodings from the inside.

use super::error::EncodeError;
use super::model::Model;
use super::segment::Segmenter;
use super::tokenizer::Tokenizer;
use crate::bpe::Bpe;
use crate::pretokenize::Pretokenizer;
use std::borrow::Cow;

impl Tokenizer {
    /// The model, if pieces are encoded by merges of bytes or characters alone.
    #[must_use]
    pub fn bpe(&self) -> Option<&Bpe> {
        match &self.model {
            Model::Encoder { encoder, .. } => Some(encoder.bpe()),
            Model::Symbols(_) => None,
        }
    }

    /// The pretokenizer, if it alone cuts text into the pieces that the model gets: a compiled one, or one that does not cut.
    #[must_use]
    pub fn pretokenizer(&self) -> Option<&Pretokenizer> {
        match &self.segmenter {
            Segmenter::Fast => self.model.pretokenizer(),
            Segmenter::Pattern(_) | Segmenter::Stages { .. } => None,
        }
    }

    /// A text as the normalizer rewrites it, before it is cut.
    ///
    /// # Errors
    /// If a regular expression of the normalizer gives up on the text.
    pub fn normalized<'t>(&self, text: &'t str) -> Result<Cow<'t, str>, EncodeError> {
        Ok(self.normalization.plain(text)?)
    }
}
