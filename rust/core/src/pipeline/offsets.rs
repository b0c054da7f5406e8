//! Text to ids and to where in the text each comes from.

use super::encode::EncodeOptions;
use super::error::EncodeError;
use super::locate::Found;
use super::rewrite::Span;
use super::template::{Item, trimming};
use super::tokenizer::Tokenizer;
use crate::offsets::CharIndex;

/// Ids and their places in the original text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offsets {
    /// The ids.
    pub ids: Vec<u32>,
    /// For each id the bytes of the text that it stands for.
    ///
    /// A token that is part of a character has that part; text that normalization made is the text it was made from. Ids
    /// that a post-processor added have an empty span at the beginning.
    pub byte_spans: Vec<(usize, usize)>,
    /// The same in characters; a token that begins or ends inside a character counts the whole of it.
    pub char_spans: Vec<(usize, usize)>,
}

impl Tokenizer {
    /// The ids of a text and where in it each comes from.
    ///
    /// Character spans equal the offsets of Hugging Face tokenizers for the same file, trimming of white space included
    /// where its post-processor asks for that.
    ///
    /// # Errors
    /// If part of the text would be lost; see [`Unrepresentable`](super::Unrepresentable).
    pub fn encode_with_offsets(&self, text: &str, options: EncodeOptions<'_>) -> Result<Offsets, EncodeError> {
        self.encode_bytes_with_offsets(text.as_bytes(), options)
    }

    /// The same for bytes that need not be UTF-8. Maximal runs that are no UTF-8 are pieces of raw bytes; for character spans
    /// the input counts as it is decoded with replacement.
    ///
    /// # Errors
    /// If part of the input would be lost; see [`Unrepresentable`](super::Unrepresentable).
    pub fn encode_bytes_with_offsets(&self, input: &[u8], options: EncodeOptions<'_>) -> Result<Offsets, EncodeError> {
        let mut found = Found::default();
        self.locate(input, options, &mut found).map_err(|error| self.located(error, input))?;
        let chars = CharIndex::of_bytes(input);
        let mut spans: Vec<(Span, Span)> =
            found.spans.iter().map(|&(start, end)| ((start, end), chars.span(start, end))).collect();
        for add_prefix_space in trimming(self.spec.post_processor.as_ref()) {
            for (index, (byte_span, char_span)) in spans.iter_mut().enumerate() {
                let first = index == 0 || char_span.0 == 0;
                let (leading, trailing) = self.blanks(&found, index);
                let kept_prefix = first && add_prefix_space && leading == 1;
                let leading = if kept_prefix { 0 } else { leading };
                trim(input, byte_span, char_span, leading, trailing);
            }
        }
        Ok(self.wrap(&found.ids, &spans, options))
    }

    /// How many characters of white space a token begins and ends with.
    fn blanks(&self, found: &Found, index: usize) -> (usize, usize) {
        let blank = |c: &char| *c == 'Ġ' || c.is_whitespace();
        let string = match found.added.binary_search_by_key(&index, |added| added.0) {
            Ok(at) => Some(found.added[at].1.clone()),
            Err(_) => self.token_string(found.ids[index]),
        };
        let string = string.unwrap_or_default();
        (string.chars().take_while(blank).count(), string.chars().rev().take_while(blank).count())
    }

    /// Puts what the post-processor adds around the ids, with empty spans.
    fn wrap(&self, ids: &[u32], spans: &[(Span, Span)], options: EncodeOptions<'_>) -> Offsets {
        let template = if options.add_special_tokens { self.template.as_slice() } else { &[Item::Text] };
        let mut all = Offsets::default();
        for item in template {
            if let Some(id) = item.id() {
                all.ids.push(id);
                all.byte_spans.push((0, 0));
                all.char_spans.push((0, 0));
            } else {
                all.ids.extend_from_slice(ids);
                all.byte_spans.extend(spans.iter().map(|span| span.0));
                all.char_spans.extend(spans.iter().map(|span| span.1));
            }
        }
        all
    }
}

/// Takes white space off a token's spans, as tokenizers does.
fn trim(input: &[u8], bytes: &mut Span, chars: &mut Span, leading: usize, trailing: usize) {
    let text = |span: Span| input.get(span.0..span.1).and_then(|part| std::str::from_utf8(part).ok());
    if leading > 0 {
        let by = leading.min(chars.1 - chars.0);
        chars.0 += by;
        bytes.0 += text(*bytes).map_or(0, |t| t.chars().take(by).map(char::len_utf8).sum());
    }
    if trailing > 0 && chars.1 >= trailing {
        let by = trailing.min(chars.1 - chars.0);
        chars.1 -= by;
        bytes.1 -= text(*bytes).map_or(0, |t| t.chars().rev().take(by).map(char::len_utf8).sum());
    }
}
