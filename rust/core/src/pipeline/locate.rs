//! Text to ids, each with its place in the original text and the piece it lies in.

use super::added::{AllowedSpecials, Segment};
use super::encode::{EncodeOptions, pattern_pieces};
use super::error::EncodeError;
use super::lengths::Lengths;
use super::model::Model;
use super::rewrite::{Span, Tracked};
use super::segment::{PieceForm, Segmenter};
use super::split;
use super::tokenizer::Tokenizer;
use super::work::Work;
use crate::decoder::valid_and_invalid_runs;
use crate::pretokenize::PieceEnds;
use crate::spec::{Symbols, byte_to_char};
use std::ops::Range;

/// What has been encoded so far.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) ids: Vec<u32>,
    /// Bytes of the original text.
    pub(super) spans: Vec<Span>,
    /// The number of the piece that each id lies in; an added token is a piece.
    pub(super) pieces: Vec<u32>,
    /// Of added tokens: index in `ids` and the text that was found.
    pub(super) added: Vec<(usize, String)>,
    /// The number of pieces.
    count: u32,
}

impl Found {
    /// Goes on with another text, whose pieces are counted from 0 again.
    pub(super) fn restart(&mut self) {
        self.count = 0;
    }

    /// Ends a piece: all ids that have no piece yet lie in it.
    fn end_piece(&mut self) {
        self.pieces.resize(self.ids.len(), self.count);
        self.count += 1;
    }
}

impl Tokenizer {
    /// Appends ids and places of an input.
    pub(super) fn locate(
        &self,
        input: &[u8],
        options: EncodeOptions<'_>,
        found: &mut Found,
    ) -> Result<(), EncodeError> {
        self.model.with_scratch(|work| {
            let mut call = Call { tokenizer: self, options, work, found };
            let mut at = 0;
            for run in valid_and_invalid_runs(input) {
                match run {
                    Ok(text) => call.encode(text, at)?,
                    Err(invalid) => call.encode_invalid(invalid, at)?,
                }
                at += run.map_or_else(<[u8]>::len, str::len);
            }
            Ok(())
        })
    }

    /// Appends ids and places of a text.
    pub(super) fn locate_text(
        &self,
        text: &str,
        options: EncodeOptions<'_>,
        found: &mut Found,
    ) -> Result<(), EncodeError> {
        self.model.with_scratch(|work| Call { tokenizer: self, options, work, found }.encode(text, 0))
    }
}

/// One call at work; the counterpart of the one in `encode` that keeps track of places.
struct Call<'a, 'w> {
    tokenizer: &'a Tokenizer,
    options: EncodeOptions<'a>,
    work: &'a mut Work<'w>,
    found: &'a mut Found,
}

impl Call<'_, '_> {
    /// Encodes raw bytes, which begin at `at` in the input.
    fn encode_invalid(&mut self, invalid: &[u8], at: usize) -> Result<(), EncodeError> {
        let before = self.found.ids.len();
        let policy = self.options.unrepresentable;
        self.work.encode_bytes(invalid, self.tokenizer.reads_byte_alphabet, policy, &mut self.found.ids)?;
        let ids = &self.found.ids[before..];
        let lengths: Vec<usize> = ids.iter().map(|&id| self.tokenizer.token_bytes(id).map_or(0, <[u8]>::len)).collect();
        if lengths.iter().sum::<usize>() == invalid.len() {
            self.push_spans(&Tracked::new("", at), 0, &Lengths(lengths));
        } else {
            // An unknown token stands for more bytes or fewer than it has.
            self.found.spans.extend(ids.iter().map(|_| (at, at + invalid.len())));
        }
        self.found.end_piece();
        Ok(())
    }

    /// Encodes a maximal stretch of text, which begins at `at` in the input.
    fn encode(&mut self, text: &str, at: usize) -> Result<(), EncodeError> {
        let allowed: &AllowedSpecials = self.options.allowed;
        let mut segments = Vec::new();
        self.tokenizer.added.segments(text, allowed, &mut segments);
        for Segment { range, token } in segments {
            let origin = at + range.start;
            let mut tracked = Tracked::new(&text[range.clone()], origin);
            if let Some(index) = token {
                self.push_added(index, &tracked);
                continue;
            }
            if let Some(spaced) = self.tokenizer.spaced_for(&text[range.clone()])
                && spaced.locate(&text[range], origin, self.work, self.found)
            {
                self.found.end_piece();
                continue;
            }
            self.tokenizer.normalization.tracked(&mut tracked)?;
            if !self.tokenizer.added.has_normalized() {
                self.encode_ordinary(&mut tracked)?;
                continue;
            }
            let mut segments = Vec::new();
            self.tokenizer.added.normalized_segments(&tracked.text, allowed, &mut segments);
            for Segment { range, token } in segments {
                let mut part = tracked.slice(range);
                match token {
                    Some(index) => self.push_added(index, &part),
                    None => self.encode_ordinary(&mut part)?,
                }
            }
        }
        Ok(())
    }

    fn push_added(&mut self, index: usize, found: &Tracked<'_>) {
        self.found.added.push((self.found.ids.len(), found.text.clone().into_owned()));
        self.found.ids.push(self.tokenizer.added.tokens()[index].id);
        self.found.spans.push(found.span(0..found.text.len()));
        self.found.end_piece();
    }

    fn encode_ordinary(&mut self, tracked: &mut Tracked<'_>) -> Result<(), EncodeError> {
        if tracked.text.is_empty() {
            return Ok(()); // not a piece either
        }
        let policy = self.options.unrepresentable;
        match &self.tokenizer.segmenter {
            Segmenter::Fast => return self.encode_fast(tracked),
            Segmenter::Pattern(pretokenizer) => {
                for piece in pattern_pieces(pretokenizer, &tracked.text, tracked.span(0..0).0, policy)? {
                    self.encode_piece(tracked, piece)?;
                }
            }
            Segmenter::Stages { stages, form } => {
                for piece in split::run(stages, tracked)? {
                    match form {
                        PieceForm::Plain => self.encode_piece(tracked, piece)?,
                        PieceForm::ByteAlphabet => {
                            let mut lengths = Lengths::default();
                            let text = &tracked.text[piece.clone()];
                            self.work.encode_byte_text_with_lengths(text, policy, &mut self.found.ids, &mut lengths)?;
                            self.push_spans(tracked, piece.start, &lengths);
                            self.found.end_piece();
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Encodes a piece.
    fn encode_piece(&mut self, tracked: &Tracked<'_>, piece: Range<usize>) -> Result<(), EncodeError> {
        let mut lengths = Lengths::default();
        let text = &tracked.text[piece.clone()];
        let from = self.found.ids.len();
        self.work.encode_piece_with_lengths(text, self.options.unrepresentable, &mut self.found.ids, &mut lengths)?;
        // The model reads bytes, which the file writes in the byte alphabet; a model of characters has that in its text.
        let bytes_of_alphabet = self.tokenizer.reads_byte_alphabet
            && matches!(self.work.model, Model::Encoder { symbols: Symbols::Bytes, .. });
        if bytes_of_alphabet && lengths.0.iter().sum::<usize>() < text.len() {
            self.push_shifted_spans(tracked, piece, from);
        } else {
            self.push_spans(tracked, piece.start, &lengths);
        }
        self.found.end_piece();
        Ok(())
    }

    /// Spans of tokens, the ids from `from` on, of a piece that the vocabulary has not all bytes of. What is left out is not
    /// counted, and what follows moves to the left: by characters of the byte alphabet, as in tokenizers.
    fn push_shifted_spans(&mut self, tracked: &Tracked<'_>, piece: Range<usize>, from: usize) {
        let bytes = tracked.text[piece.clone()].bytes().zip(piece);
        let owners: Vec<usize> =
            bytes.flat_map(|(byte, at)| std::iter::repeat_n(at, byte_to_char(byte).len_utf8())).collect();
        let mut at = 0;
        for index in from..self.found.ids.len() {
            let end = at + self.work.length_in_byte_alphabet(self.found.ids[index]);
            let covered = owners.get(at..end).and_then(|covered| Some((*covered.first()?, covered.last()? + 1)));
            let (first, last) = covered.unwrap_or_default();
            self.found.spans.push(tracked.span(first..last));
            at = end;
        }
    }

    /// Encodes text that the encoder cuts into pieces itself, and finds out afterwards which ids lie in which piece.
    fn encode_fast(&mut self, tracked: &Tracked<'_>) -> Result<(), EncodeError> {
        let text = &*tracked.text;
        let Model::Encoder { encoder, symbols: Symbols::Bytes, missing, .. } = self.work.model else {
            return self.encode_piece(tracked, 0..text.len());
        };
        let pretokenizer = encoder.pretokenizer();
        let mut buffer = PieceEnds::default();
        let mut at = 0;
        if pretokenizer.machine().is_none() {
            return self.encode_piece(tracked, 0..text.len());
        }
        if missing.first_in_text(text).is_some() {
            while at < text.len() {
                buffer.clear();
                let next = pretokenizer.try_pieces(text, at, &mut buffer)?;
                for piece in buffer.ranges(at) {
                    self.encode_piece(tracked, piece)?;
                }
                at = next;
            }
            return Ok(());
        }
        let from = self.found.ids.len();
        self.work.encode_text(text, self.options.unrepresentable, &mut self.found.ids)?;
        let (mut index, mut start) = (from, 0);
        self.found.spans.reserve(self.found.ids.len() - from);
        self.found.pieces.reserve(self.found.ids.len() - from);
        while at < text.len() {
            buffer.clear();
            let next = pretokenizer.try_pieces(text, at, &mut buffer)?;
            for &end in &buffer.ends {
                let piece_end = at + end as usize;
                while start < piece_end && index < self.found.ids.len() {
                    let length = encoder.bpe().vocab().length(self.found.ids[index]);
                    self.found.spans.push(tracked.span(start..start + length));
                    self.found.pieces.push(self.found.count);
                    start += length;
                    index += 1;
                }
                self.found.count += 1;
            }
            at = next;
        }
        debug_assert_eq!(index, self.found.ids.len(), "tokens lie inside pieces");
        Ok(())
    }

    /// Spans of tokens that cover the text from `start` on, one after another.
    fn push_spans(&mut self, tracked: &Tracked<'_>, start: usize, lengths: &Lengths) {
        let mut at = start;
        for &length in &lengths.0 {
            self.found.spans.push(tracked.span(at..at + length));
            at += length;
        }
    }
}
