//! Writing `tokenizer.json`.

use super::FORMAT;
use crate::io::error::{LoadError, Place};
use crate::spec::{
    Alphabet, BpeSpec, Dropout, MergeRule, NotInFormat, Segmentation, SymbolOptions, Symbols, TokenizerSpec,
    bytes_to_text,
};
use serde_json::{Value, json};
use std::collections::HashMap;

/// Writes a specification as a `tokenizer.json` that tokenizers 0.23.3 and [`parse`](super::parse) read back.
///
/// Vocabulary entries are in order of id, so that equal content gives equal bytes, whatever file it came from.
///
/// # Errors
/// If the format has no form for something in the specification: ranks without merges and patterns of tiktoken's dialect
/// (which [`Tokenizer::portable_spec`](crate::pipeline::Tokenizer::portable_spec) replaces), tokens that are no text, or
/// components of SentencePiece alone.
pub fn write(spec: &TokenizerSpec) -> Result<String, LoadError> {
    let normalizer = spec.normalizer.as_ref().map(crate::spec::Normalizer::to_json).transpose();
    let normalizer =
        normalizer.map_err(|NotInFormat(found)| refuse("normalizer", found, "a component of the format"))?;
    let pre_tokenizer = match &spec.segmentation {
        Segmentation::Whole => None,
        Segmentation::Chain(chain) => Some(chain.to_json()),
        Segmentation::Tiktoken(_) => {
            return Err(refuse("pre_tokenizer", "a pattern of tiktoken's dialect", "components of the format"));
        }
    };
    let strings = Strings::new(&spec.model, spec.alphabet)?;
    let kept = |text: &Option<String>| -> Value {
        text.as_ref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    };
    let head = json!({
        "version": "1.0",
        "truncation": kept(&spec.truncation),
        "padding": kept(&spec.padding),
        "added_tokens": spec.added_tokens.iter().map(crate::spec::AddedToken::to_json).collect::<Vec<_>>(),
        "normalizer": normalizer,
        "pre_tokenizer": pre_tokenizer,
        "post_processor": spec.post_processor.as_ref().map(crate::spec::PostProcessor::to_json),
        "decoder": spec.decoder.as_ref().map(crate::spec::Decoder::to_json),
    });
    // The model comes last, and its two long lists are written by hand.
    let mut out = head.to_string();
    out.pop();
    out.push_str(",\"model\":");
    let mut model = settings(&spec.model, &spec.symbol_options, &strings).to_string();
    model.pop();
    out.push_str(&model);
    strings.write_vocab(&mut out);
    strings.write_merges(&spec.model.merges, &mut out)?;
    out.push_str("}}");
    Ok(out)
}

fn refuse(place: &str, found: impl Into<String>, allowed: &str) -> LoadError {
    LoadError::new(FORMAT, Place::Field(place.to_owned()), found, allowed)
}

/// The model without its lists.
fn settings(model: &BpeSpec, options: &SymbolOptions, strings: &Strings) -> Value {
    let affix = |text: &str| if text.is_empty() { Value::Null } else { Value::from(text) };
    let (byte_fallback, unknown, fuse_unk) = match &model.symbols {
        Symbols::Bytes => (false, None, false),
        Symbols::Chars { byte_fallback, unknown, fuse_unknown } => {
            (byte_fallback.is_some() || options.partial_byte_fallback, *unknown, *fuse_unknown)
        }
    };
    json!({
        "type": "BPE",
        "dropout": options.dropout.map(Dropout::probability),
        "unk_token": unknown.and_then(|id| strings.of_id(id)),
        "continuing_subword_prefix": affix(&options.continuing_subword_prefix),
        "end_of_word_suffix": affix(&options.end_of_word_suffix),
        "fuse_unk": fuse_unk,
        "byte_fallback": byte_fallback,
        "ignore_merges": model.ignore_merges,
    })
}

/// Token strings in order of id.
struct Strings {
    list: Vec<(u32, String)>,
    places: HashMap<u32, usize, foldhash::fast::RandomState>,
}

impl Strings {
    fn new(model: &BpeSpec, alphabet: Alphabet) -> Result<Self, LoadError> {
        let mut list = Vec::with_capacity(model.tokens.len());
        for (entry, (bytes, id)) in model.tokens.iter().enumerate() {
            let written = match alphabet {
                Alphabet::ByteLevel if model.tokens.is_encodable(entry) => bytes_to_text(bytes),
                _ => String::from_utf8(bytes.to_vec()).map_err(|_| {
                    refuse("model.vocab", format!("the bytes {bytes:02X?} of token {id}"), "text, or the byte alphabet")
                })?,
            };
            list.push((id, written));
        }
        list.sort();
        let places = list.iter().enumerate().map(|(place, (id, _))| (*id, place)).collect();
        Ok(Self { list, places })
    }

    fn of_id(&self, id: u32) -> Option<&str> {
        self.places.get(&id).map(|&place| self.list[place].1.as_str())
    }

    fn write_vocab(&self, out: &mut String) {
        out.push_str(",\"vocab\":{");
        for (place, (id, string)) in self.list.iter().enumerate() {
            if place > 0 {
                out.push(',');
            }
            quote(string, out);
            out.push(':');
            out.push_str(&id.to_string());
        }
        out.push('}');
    }

    fn write_merges(&self, merges: &MergeRule, out: &mut String) -> Result<(), LoadError> {
        let MergeRule::Pairs(pairs) = merges else {
            return Err(refuse("model.merges", "a vocabulary of ranks", "a list of merges"));
        };
        out.push_str(",\"merges\":[");
        for (rank, &(left, right)) in pairs.iter().enumerate() {
            let (Some(left), Some(right)) = (self.of_id(left), self.of_id(right)) else {
                let found = format!("ids {left} and {right}");
                return Err(refuse(&format!("model.merges[{rank}]"), found, "ids of the vocabulary"));
            };
            out.push_str(if rank > 0 { ",[" } else { "[" });
            quote(left, out);
            out.push(',');
            quote(right, out);
            out.push(']');
        }
        out.push(']');
        Ok(())
    }
}

/// Appends a string as JSON.
fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\0'..' ' => {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                let code = u32::from(c) as usize;
                out.push_str("\\u00");
                out.push(char::from(DIGITS[code / 16]));
                out.push(char::from(DIGITS[code % 16]));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
