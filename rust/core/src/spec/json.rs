//! Components as JSON, in the form of `tokenizer.json`.

use super::base64;
use super::{
    AddedToken, Decoder, Normalizer, Pattern, PostProcessor, PreTokenizer, PrependScheme, SplitBehavior, TemplatePiece,
};
use serde_json::{Map, Value, json};

/// A component that `tokenizer.json` has no form for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotInFormat(pub &'static str);

impl SplitBehavior {
    /// All behaviours.
    pub const ALL: [Self; 5] =
        [Self::Removed, Self::Isolated, Self::MergedWithPrevious, Self::MergedWithNext, Self::Contiguous];

    /// The name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Removed => "Removed",
            Self::Isolated => "Isolated",
            Self::MergedWithPrevious => "MergedWithPrevious",
            Self::MergedWithNext => "MergedWithNext",
            Self::Contiguous => "Contiguous",
        }
    }
}

impl PrependScheme {
    /// All schemes.
    pub const ALL: [Self; 3] = [Self::First, Self::Never, Self::Always];

    /// The name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Never => "never",
            Self::Always => "always",
        }
    }
}

impl Pattern {
    fn to_json(&self) -> Value {
        match self {
            Self::Literal(text) => json!({ "String": text }),
            Self::Regex(pattern) => json!({ "Regex": pattern }),
        }
    }
}

impl AddedToken {
    /// The token as the file writes it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "content": self.content,
            "single_word": self.single_word,
            "lstrip": self.lstrip,
            "rstrip": self.rstrip,
            "normalized": self.normalized,
            "special": self.special,
        })
    }
}

impl Normalizer {
    /// The component as the file writes it.
    ///
    /// # Errors
    /// If the format has no such component.
    pub fn to_json(&self) -> Result<Value, NotInFormat> {
        Ok(match self {
            Self::Nfc => json!({ "type": "NFC" }),
            Self::Nfd => json!({ "type": "NFD" }),
            Self::Nfkc => json!({ "type": "NFKC" }),
            Self::Nfkd => json!({ "type": "NFKD" }),
            Self::Lowercase => json!({ "type": "Lowercase" }),
            Self::Strip { left, right } => json!({ "type": "Strip", "strip_left": left, "strip_right": right }),
            Self::Replace { pattern, content } => {
                json!({ "type": "Replace", "pattern": pattern.to_json(), "content": content })
            }
            Self::Prepend(text) => json!({ "type": "Prepend", "prepend": text }),
            Self::StripAccents => json!({ "type": "StripAccents" }),
            Self::Nmt => json!({ "type": "Nmt" }),
            Self::Bert { clean_text, handle_chinese_chars, strip_accents, lowercase } => json!({
                "type": "BertNormalizer",
                "clean_text": clean_text,
                "handle_chinese_chars": handle_chinese_chars,
                "strip_accents": strip_accents,
                "lowercase": lowercase,
            }),
            Self::PrecompiledForGraphemes(map) => {
                json!({ "type": "Precompiled", "precompiled_charsmap": base64::encode(map) })
            }
            Self::ByteLevel => json!({ "type": "ByteLevel" }),
            Self::Precompiled { .. } => return Err(NotInFormat("a precompiled character map of SentencePiece")),
            Self::CollapseSpaces => return Err(NotInFormat("the removal of extra spaces of SentencePiece")),
            Self::Sequence(all) => {
                let all: Result<Vec<Value>, NotInFormat> = all.iter().map(Self::to_json).collect();
                json!({ "type": "Sequence", "normalizers": all? })
            }
        })
    }
}

impl PreTokenizer {
    /// The component as the file writes it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::ByteLevel { add_prefix_space, trim_offsets, use_regex } => {
                byte_level(*add_prefix_space, *trim_offsets, *use_regex)
            }
            Self::Split { pattern, behavior, invert } => {
                json!({ "type": "Split", "pattern": pattern.to_json(), "behavior": behavior.name(), "invert": invert })
            }
            Self::Digits { individual } => json!({ "type": "Digits", "individual_digits": individual }),
            Self::Punctuation(behavior) => json!({ "type": "Punctuation", "behavior": behavior.name() }),
            Self::Metaspace { replacement, prepend_scheme, split } => metaspace(*replacement, *prepend_scheme, *split),
            Self::Whitespace => json!({ "type": "Whitespace" }),
            Self::WhitespaceSplit => json!({ "type": "WhitespaceSplit" }),
            Self::CharDelimiterSplit(delimiter) => json!({ "type": "CharDelimiterSplit", "delimiter": delimiter }),
            Self::UnicodeScripts => json!({ "type": "UnicodeScripts" }),
            Self::FixedLength(length) => json!({ "type": "FixedLength", "length": length }),
            Self::Bert => json!({ "type": "BertPreTokenizer" }),
            Self::Sequence(all) => {
                json!({ "type": "Sequence", "pretokenizers": all.iter().map(Self::to_json).collect::<Vec<_>>() })
            }
        }
    }
}

impl TemplatePiece {
    fn to_json(&self) -> Value {
        match self {
            Self::Sequence { second, type_id } => {
                json!({ "Sequence": { "id": if *second { "B" } else { "A" }, "type_id": type_id } })
            }
            Self::SpecialToken { name, type_id } => json!({ "SpecialToken": { "id": name, "type_id": type_id } }),
        }
    }
}

impl PostProcessor {
    /// The component as the file writes it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let pieces = |pieces: &[TemplatePiece]| pieces.iter().map(TemplatePiece::to_json).collect::<Vec<_>>();
        match self {
            Self::ByteLevel { add_prefix_space, trim_offsets, use_regex } => {
                byte_level(*add_prefix_space, *trim_offsets, *use_regex)
            }
            Self::Template { single, pair, special_tokens } => {
                let tokens: Map<String, Value> = special_tokens
                    .iter()
                    .map(|token| {
                        let value = json!({ "id": token.name, "ids": token.ids, "tokens": token.tokens });
                        (token.name.clone(), value)
                    })
                    .collect();
                json!({
                    "type": "TemplateProcessing",
                    "single": pieces(single),
                    "pair": pieces(pair),
                    "special_tokens": tokens,
                })
            }
            Self::Bert { sep, cls } => json!({ "type": "BertProcessing", "sep": sep, "cls": cls }),
            Self::Roberta { sep, cls, trim_offsets, add_prefix_space } => json!({
                "type": "RobertaProcessing",
                "sep": sep,
                "cls": cls,
                "trim_offsets": trim_offsets,
                "add_prefix_space": add_prefix_space,
            }),
            Self::Sequence(all) => {
                json!({ "type": "Sequence", "processors": all.iter().map(Self::to_json).collect::<Vec<_>>() })
            }
        }
    }
}

impl Decoder {
    /// The component as the file writes it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::ByteLevel { add_prefix_space, trim_offsets, use_regex } => {
                byte_level(*add_prefix_space, *trim_offsets, *use_regex)
            }
            Self::ByteFallback => json!({ "type": "ByteFallback" }),
            Self::Fuse => json!({ "type": "Fuse" }),
            Self::Replace { pattern, content } => {
                json!({ "type": "Replace", "pattern": pattern.to_json(), "content": content })
            }
            Self::Strip { content, start, stop } => {
                json!({ "type": "Strip", "content": content, "start": start, "stop": stop })
            }
            Self::Metaspace { replacement, prepend_scheme, split } => metaspace(*replacement, *prepend_scheme, *split),
            Self::Bpe { suffix } => json!({ "type": "BPEDecoder", "suffix": suffix }),
            Self::WordPiece { prefix, cleanup } => json!({ "type": "WordPiece", "prefix": prefix, "cleanup": cleanup }),
            Self::Ctc { pad_token, word_delimiter_token, cleanup } => json!({
                "type": "CTC",
                "pad_token": pad_token,
                "word_delimiter_token": word_delimiter_token,
                "cleanup": cleanup,
            }),
            Self::Sequence(all) => {
                json!({ "type": "Sequence", "decoders": all.iter().map(Self::to_json).collect::<Vec<_>>() })
            }
        }
    }
}

fn byte_level(add_prefix_space: bool, trim_offsets: bool, use_regex: bool) -> Value {
    json!({
        "type": "ByteLevel",
        "add_prefix_space": add_prefix_space,
        "trim_offsets": trim_offsets,
        "use_regex": use_regex,
    })
}

fn metaspace(replacement: char, prepend_scheme: PrependScheme, split: bool) -> Value {
    json!({
        "type": "Metaspace",
        "replacement": replacement,
        "prepend_scheme": prepend_scheme.name(),
        "split": split,
    })
}
