//! Text to ids.

use super::added::{AllowedSpecials, Segment};
use super::error::EncodeError;
use super::model::Unrepresentable;
use super::rewrite::Tracked;
use super::segment::{PieceForm, Segmenter};
use super::spaced::Spaced;
use super::split;
use super::template::Item;
use super::tokenizer::Tokenizer;
use super::work::Work;
use crate::decoder::valid_and_invalid_runs;
use crate::pretokenize::{PieceEnds, Pretokenizer};
use std::ops::Range;

/// How a text is encoded.
#[derive(Debug, Clone, Copy)]
pub struct EncodeOptions<'a> {
    /// Whether to add what the post-processor adds, such as a beginning-of-sequence token.
    pub add_special_tokens: bool,
    /// Which special tokens of the text become their ids; others are ordinary text.
    pub allowed: &'a AllowedSpecials,
    /// What happens to input that the vocabulary has no token for.
    pub unrepresentable: Unrepresentable,
}

impl Default for EncodeOptions<'_> {
    fn default() -> Self {
        const NONE: &AllowedSpecials = &AllowedSpecials::none();
        Self { add_special_tokens: false, allowed: NONE, unrepresentable: Unrepresentable::Error }
    }
}

impl Tokenizer {
    /// The ids of a text.
    ///
    /// # Errors
    /// If part of the text would be lost; see [`Unrepresentable`].
    pub fn encode(&self, text: &str, options: EncodeOptions<'_>) -> Result<Vec<u32>, EncodeError> {
        let mut out = Vec::new();
        self.encode_into(text, options, &mut out)?;
        Ok(out)
    }

    /// Prepares working memory for so many threads ahead of their calls; see [`Encoder::prepare`](crate::encoder::Encoder::prepare).
    pub fn prepare(&self, threads: usize) {
        self.model.prepare(threads);
    }

    /// Appends the ids of a text.
    ///
    /// # Errors
    /// If part of the text would be lost; see [`Unrepresentable`].
    pub fn encode_into(&self, text: &str, options: EncodeOptions<'_>, out: &mut Vec<u32>) -> Result<(), EncodeError> {
        self.wrapped(options, out, |call| call.encode_run(text)).map_err(|error| self.located(error, text.as_bytes()))
    }

    /// Appends the ids of bytes that need not be UTF-8: maximal valid runs are encoded as text, and each maximal invalid
    /// run is one piece of raw bytes.
    ///
    /// # Errors
    /// If part of the input would be lost; see [`Unrepresentable`].
    pub fn encode_bytes_into(
        &self,
        bytes: &[u8],
        options: EncodeOptions<'_>,
        out: &mut Vec<u32>,
    ) -> Result<(), EncodeError> {
        self.wrapped(options, out, |call| {
            for run in valid_and_invalid_runs(bytes) {
                match run {
                    Ok(text) => call.encode_run(text)?,
                    Err(invalid) => {
                        call.work.encode_bytes(invalid, self.reads_byte_alphabet, options.unrepresentable, call.out)?;
                        call.at += invalid.len();
                    }
                }
            }
            Ok(())
        })
        .map_err(|error| self.located(error, bytes))
    }

    /// The short way for a text, if there is one: nothing is rewritten but its spaces.
    pub(super) fn spaced_for(&self, text: &str) -> Option<&Spaced> {
        self.spaced.as_ref().filter(|spaced| !self.added.has_normalized() && spaced.takes(text))
    }

    /// Puts what the post-processor adds around what `encode` appends.
    fn wrapped(
        &self,
        options: EncodeOptions<'_>,
        out: &mut Vec<u32>,
        encode: impl FnOnce(&mut Call<'_, '_>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let template = if options.add_special_tokens { self.template.as_slice() } else { &[Item::Text] };
        let text = template.iter().position(|item| *item == Item::Text);
        let (before, rest) = template.split_at(text.unwrap_or(template.len()));
        out.extend(before.iter().copied().filter_map(Item::id));
        let Some((_, after)) = rest.split_first() else { return Ok(()) };
        let start = out.len();
        self.model.with_scratch(|work| encode(&mut Call { tokenizer: self, options, work, out, at: 0 }))?;
        let end = out.len();
        for item in after {
            match item.id() {
                Some(id) => out.push(id),
                None => out.extend_from_within(start..end),
            }
        }
        Ok(())
    }
}

/// One call of an encoding method at work.
struct Call<'a, 'w> {
    tokenizer: &'a Tokenizer,
    options: EncodeOptions<'a>,
    work: &'a mut Work<'w>,
    out: &'a mut Vec<u32>,
    /// Where in the input the current text begins.
    at: usize,
}

impl Call<'_, '_> {
    /// Appends the ids of a maximal stretch of text.
    fn encode_run(&mut self, text: &str) -> Result<(), EncodeError> {
        let mut segments = Vec::new();
        self.tokenizer.added.segments(text, self.options.allowed, &mut segments);
        for Segment { range, token } in segments {
            match token {
                Some(index) => self.push(index),
                None => match self.tokenizer.spaced_for(&text[range.clone()]) {
                    Some(spaced) => {
                        spaced.encode(&text[range.clone()], self.at + range.start == 0, self.work, self.out);
                    }
                    None if self.tokenizer.asks_for_origin || self.options.allowed.asks_for_place() => {
                        self.encode_tracked(text, range)?;
                    }
                    None => self.encode_segment(text, range)?,
                },
            }
        }
        self.at += text.len();
        Ok(())
    }

    /// Appends an added token.
    fn push(&mut self, index: usize) {
        self.out.push(self.tokenizer.added.tokens()[index].id);
    }

    /// Appends the ids of text without the added tokens that are found before normalization.
    fn encode_segment(&mut self, text: &str, range: Range<usize>) -> Result<(), EncodeError> {
        let origin = self.at + range.start;
        let normalized = self.tokenizer.normalization.plain(&text[range])?;
        if !self.tokenizer.added.has_normalized() {
            return self.encode_ordinary(&normalized, origin);
        }
        let mut segments = Vec::new();
        self.tokenizer.added.normalized_segments(&normalized, self.options.allowed, &mut segments);
        for Segment { range, token } in segments {
            match token {
                Some(index) => self.push(index),
                None => self.encode_ordinary(&normalized[range], origin)?,
            }
        }
        Ok(())
    }

    /// The same for chains that ask where in the input a piece lies.
    fn encode_tracked(&mut self, text: &str, range: Range<usize>) -> Result<(), EncodeError> {
        let origin = self.at + range.start;
        let mut tracked = Tracked::new(&text[range], origin);
        self.tokenizer.normalization.tracked(&mut tracked)?;
        let mut segments = Vec::new();
        let place = |range| tracked.span(range);
        self.tokenizer.added.placed_segments(&tracked.text, self.options.allowed, place, &mut segments);
        for Segment { range, token } in segments {
            match token {
                Some(index) => self.push(index),
                None if self.tokenizer.asks_for_origin => self.encode_stages(tracked.slice(range))?,
                None => self.encode_ordinary(&tracked.text[range], origin)?,
            }
        }
        Ok(())
    }

    /// Appends the ids of normalized text without added tokens.
    fn encode_ordinary(&mut self, text: &str, origin: usize) -> Result<(), EncodeError> {
        let policy = self.options.unrepresentable;
        match &self.tokenizer.segmenter {
            Segmenter::Fast => self.work.encode_text(text, policy, self.out),
            Segmenter::Pattern(pretokenizer) => {
                for piece in pattern_pieces(pretokenizer, text, origin, policy)? {
                    self.work.encode_piece(&text[piece], policy, self.out)?;
                }
                Ok(())
            }
            Segmenter::Stages { .. } => self.encode_stages(Tracked::untracked(text)),
        }
    }

    /// Runs the stages and appends the ids of the pieces.
    fn encode_stages(&mut self, mut tracked: Tracked<'_>) -> Result<(), EncodeError> {
        let Segmenter::Stages { stages, form } = &self.tokenizer.segmenter else { return Ok(()) };
        let policy = self.options.unrepresentable;
        for piece in split::run(stages, &mut tracked)? {
            let piece = &tracked.text[piece];
            match form {
                PieceForm::Plain => self.work.encode_piece(piece, policy, self.out)?,
                PieceForm::ByteAlphabet => self.work.encode_byte_text(piece, policy, self.out)?,
            }
        }
        Ok(())
    }
}

/// The pieces of a pattern of tiktoken's dialect.
pub(super) fn pattern_pieces(
    pretokenizer: &Pretokenizer,
    text: &str,
    origin: usize,
    policy: Unrepresentable,
) -> Result<Vec<Range<usize>>, EncodeError> {
    let mut pieces = Vec::new();
    let mut buffer = PieceEnds::default();
    let mut at = 0;
    while at < text.len() {
        buffer.clear();
        let next = pretokenizer.try_pieces(text, at, &mut buffer)?;
        if policy == Unrepresentable::Error
            && let Some(&gap) = buffer.dropped.first()
        {
            let before = (gap as usize).checked_sub(1).and_then(|before| buffer.ends.get(before));
            return Err(EncodeError::gap(origin + at + before.map_or(0, |&end| end as usize)));
        }
        pieces.extend(buffer.ranges(at));
        at = next;
    }
    Ok(pieces)
}
