//! Post-processors: what is added around one encoding or two, and what becomes of their offsets.
//!
//! Rules and corner cases are those of Hugging Face tokenizers 0.23.

use crate::encoding::{Encoding, Tokens};
use crate::spec::{PostProcessor, TemplatePiece, TemplateToken};
use std::fmt;

/// Why encodings cannot be processed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessError(String);

impl fmt::Display for ProcessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ProcessError {}

/// The most elements that a sequence of templates may make of one input.
const MAX_ELEMENTS: usize = 1 << 16;

/// Makes one encoding of one or two: each is marked as input 0 or 1, the processor adds its tokens, and all is joined.
///
/// Without a processor, a single encoding stays as it is.
///
/// # Errors
/// If a template is given more than two encodings, as happens behind another template.
pub fn process(
    processor: Option<&PostProcessor>,
    first: Encoding,
    second: Option<Encoding>,
    add_special_tokens: bool,
) -> Result<Encoding, ProcessError> {
    let mut encodings: Vec<Encoding> = std::iter::once(first).chain(second).collect();
    let Some(processor) = processor else {
        if encodings.len() > 1 {
            encodings.iter_mut().enumerate().for_each(|(number, encoding)| encoding.set_sequence_id(number));
        }
        return Ok(Encoding::merge(encodings, false));
    };
    for (encoding, number) in encodings.iter_mut().zip(0_u32..) {
        encoding.set_sequence_id(number as usize);
        encoding.overflowing_mut().iter_mut().for_each(|part| part.set_sequence_id(number as usize));
        encoding.set_type_id(number);
    }
    Ok(Encoding::merge(run(processor, encodings, add_special_tokens)?, false))
}

/// How many tokens a processor adds to one input or two.
#[must_use]
pub fn added_tokens(processor: Option<&PostProcessor>, is_pair: bool) -> usize {
    match processor {
        None | Some(PostProcessor::ByteLevel { .. }) => 0,
        Some(PostProcessor::Bert { .. }) => 2 + usize::from(is_pair),
        Some(PostProcessor::Roberta { .. }) => 2 + 2 * usize::from(is_pair),
        Some(PostProcessor::Template { single, pair, special_tokens }) => {
            let template = if is_pair { pair } else { single };
            let count = |piece: &TemplatePiece| match piece {
                TemplatePiece::Sequence { .. } => 0,
                TemplatePiece::SpecialToken { name, .. } => named(special_tokens, name).map_or(0, |t| t.ids.len()),
            };
            template.iter().map(count).sum()
        }
        Some(PostProcessor::Sequence(all)) => all.iter().map(|one| added_tokens(Some(one), is_pair)).sum(),
    }
}

fn named<'a>(tokens: &'a [TemplateToken], name: &str) -> Option<&'a TemplateToken> {
    tokens.iter().find(|token| token.name == name)
}

fn run(
    processor: &PostProcessor,
    mut encodings: Vec<Encoding>,
    add_special_tokens: bool,
) -> Result<Vec<Encoding>, ProcessError> {
    match processor {
        PostProcessor::ByteLevel { add_prefix_space, trim_offsets, .. } => {
            if *trim_offsets {
                trim_all(&mut encodings, *add_prefix_space);
            }
            encodings.iter_mut().enumerate().for_each(|(number, encoding)| encoding.set_sequence_id(number));
            Ok(encodings)
        }
        PostProcessor::Template { single, pair, special_tokens } => {
            let template = match encodings.len() {
                1 => single,
                2 => pair,
                n => return Err(ProcessError(format!("a template takes 1 or 2 encodings; found {n}"))),
            };
            apply(template, special_tokens, encodings, add_special_tokens)
        }
        PostProcessor::Bert { sep, cls } => {
            if !add_special_tokens {
                return Ok(encodings);
            }
            let marks = |number: usize| if number == 0 { (Some(cls), sep, 0) } else { (None, sep, 1) };
            Ok(surround_all(encodings, marks))
        }
        PostProcessor::Roberta { sep, cls, trim_offsets, add_prefix_space } => {
            if *trim_offsets {
                trim_all(&mut encodings, *add_prefix_space);
            }
            for encoding in &mut encodings {
                encoding.set_type_id(0);
            }
            if !add_special_tokens {
                return Ok(encodings);
            }
            for part in encodings.iter_mut().flat_map(Encoding::overflowing_mut) {
                part.set_type_id(0);
            }
            Ok(surround_all(encodings, |number| (Some(if number == 0 { cls } else { sep }), sep, 0)))
        }
        PostProcessor::Sequence(all) => {
            for one in all {
                encodings = run(one, encodings, add_special_tokens)?;
                if encodings.len() > MAX_ELEMENTS {
                    let found = encodings.len();
                    return Err(ProcessError(format!("templates made {found} parts; at most {MAX_ELEMENTS} may be")));
                }
            }
            Ok(encodings)
        }
    }
}

/// Puts encodings and added tokens in the order of a template.
fn apply(
    template: &[TemplatePiece],
    special_tokens: &[TemplateToken],
    mut encodings: Vec<Encoding>,
    add_special_tokens: bool,
) -> Result<Vec<Encoding>, ProcessError> {
    let mut out = Vec::with_capacity(template.len());
    for (at, piece) in template.iter().enumerate() {
        match piece {
            TemplatePiece::Sequence { second, type_id } => {
                let number = usize::from(*second);
                let Some(encoding) = encodings.get_mut(number) else {
                    return Err(ProcessError("the template for one input names the second: $B".into()));
                };
                encoding.set_type_id(*type_id);
                encoding.set_sequence_id(number);
                let again = |later: &TemplatePiece| matches!(later, TemplatePiece::Sequence { second: other, .. } if other == second);
                // The last time it is taken, else copied.
                let copied = template[at + 1..].iter().any(again);
                out.push(if copied { encoding.clone() } else { std::mem::take(encoding) });
            }
            TemplatePiece::SpecialToken { name, type_id } if add_special_tokens => {
                let token = named(special_tokens, name)
                    .ok_or_else(|| ProcessError(format!("the template has no special token {name:?}")))?;
                let strings = Tokens::listed(token.tokens.iter().map(String::as_str));
                out.push(Encoding::of_special(token.ids.clone(), *type_id, strings));
            }
            TemplatePiece::SpecialToken { .. } => {}
        }
    }
    Ok(out)
}

/// A token's string and id.
type Mark = (String, u32);

/// Puts tokens around encodings: `marks` says which, and the type id of the one behind, for an input's number.
fn surround_all<'a>(
    encodings: Vec<Encoding>,
    marks: impl Fn(usize) -> (Option<&'a Mark>, &'a Mark, u32),
) -> Vec<Encoding> {
    let around = |number: usize, mut encoding: Encoding| {
        let (before, after, type_id) = marks(number);
        let overflowing = encoding.take_overflowing();
        let mut all = surround(encoding, number, before, after, type_id);
        let parts = overflowing.into_iter().map(|mut part| {
            part.set_overflowing(Vec::new());
            surround(part, number, before, after, type_id)
        });
        all.set_overflowing(parts.collect());
        all
    };
    // Only the first input and others are told apart.
    encodings.into_iter().enumerate().map(|(number, encoding)| around(number.min(1), encoding)).collect()
}

fn surround(encoding: Encoding, number: usize, before: Option<&Mark>, after: &Mark, type_id: u32) -> Encoding {
    let special = |mark: &Mark, type_id| Encoding::of_special(vec![mark.1], type_id, Tokens::listed([mark.0.as_str()]));
    let start = usize::from(before.is_some());
    let end = start + encoding.len();
    let parts = before.map(|mark| special(mark, 0)).into_iter().chain([encoding, special(after, type_id)]);
    let mut all = Encoding::merge(parts, false);
    all.set_only_sequence(number, start..end);
    all.mark_as_text(start..end);
    all
}

fn trim_all(encodings: &mut [Encoding], add_prefix_space: bool) {
    for encoding in encodings {
        trim(encoding, add_prefix_space);
        encoding.overflowing_mut().iter_mut().for_each(|part| trim(part, add_prefix_space));
    }
}

/// Takes the white space that token strings have off their offsets. A single space at the beginning of the text counts as
/// put there by the pre-tokenizer, if that puts one.
fn trim(encoding: &mut Encoding, add_prefix_space: bool) {
    let (ids, tokens, offsets) = encoding.ids_and_offsets();
    for (at, (&id, span)) in ids.iter().zip(offsets).enumerate() {
        let (mut leading, trailing) = tokens.blanks(at, id);
        if leading > 0 {
            if add_prefix_space && leading == 1 && (at == 0 || span[0] == 0) {
                leading = 0;
            }
            span[0] = span[0].saturating_add(u32::try_from(leading).unwrap_or(u32::MAX)).min(span[1]);
        }
        let trailing = u32::try_from(trailing).unwrap_or(u32::MAX);
        if trailing > 0 && span[1] >= trailing {
            span[1] = (span[1] - trailing).max(span[0]);
        }
    }
}
