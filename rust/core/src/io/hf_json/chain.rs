//! The components around the model.

use super::fields::{Fields, array, choice, error, id};
use crate::io::error::LoadError;
use crate::spec::{
    Decoder, Normalizer, Pattern, PostProcessor, PreTokenizer, PrependScheme, SplitBehavior, TemplatePiece,
    TemplateToken, base64,
};
use serde_json::Value;

/// The behaviours by name.
fn behaviors() -> [(&'static str, SplitBehavior); 5] {
    SplitBehavior::ALL.map(|behavior| (behavior.name(), behavior))
}

/// The prepend schemes by name.
fn prepend_schemes() -> [(&'static str, PrependScheme); 3] {
    PrependScheme::ALL.map(|scheme| (scheme.name(), scheme))
}

/// Reads the list `name` of a `Sequence`.
fn sequence<T>(
    fields: Fields<'_>,
    name: &str,
    one: impl Fn(&Value, &str) -> Result<T, LoadError>,
) -> Result<Vec<T>, LoadError> {
    let path = fields.path(name);
    let list = array(fields.required(name)?, &path)?;
    list.iter().enumerate().map(|(index, value)| one(value, &format!("{path}[{index}]"))).collect()
}

fn pattern(fields: Fields<'_>) -> Result<Pattern, LoadError> {
    let path = fields.path("pattern");
    let value = fields.required("pattern")?;
    let inner = Fields::of(value, &path)?;
    match (inner.get("String"), inner.get("Regex")) {
        (Some(_), None) => Ok(Pattern::Literal(inner.string("String")?.to_owned())),
        (None, Some(_)) => Ok(Pattern::Regex(inner.string("Regex")?.to_owned())),
        _ => Err(error(&path, value, "an object with the field `String` or the field `Regex`")),
    }
}

pub(super) fn normalizer(value: &Value, place: &str) -> Result<Normalizer, LoadError> {
    const KNOWN: [&str; 14] = [
        "NFC",
        "NFD",
        "NFKC",
        "NFKD",
        "Lowercase",
        "Strip",
        "StripAccents",
        "Replace",
        "Prepend",
        "ByteLevel",
        "Nmt",
        "Precompiled",
        "BertNormalizer",
        "Sequence",
    ];
    let fields = Fields::of(value, place)?;
    Ok(match fields.type_name(&KNOWN)? {
        "NFC" => Normalizer::Nfc,
        "NFD" => Normalizer::Nfd,
        "NFKC" => Normalizer::Nfkc,
        "NFKD" => Normalizer::Nfkd,
        "Lowercase" => Normalizer::Lowercase,
        "Strip" => Normalizer::Strip { left: fields.boolean("strip_left")?, right: fields.boolean("strip_right")? },
        "Replace" => Normalizer::Replace { pattern: pattern(fields)?, content: fields.string("content")?.to_owned() },
        "Prepend" => Normalizer::Prepend(fields.string("prepend")?.to_owned()),
        "ByteLevel" => Normalizer::ByteLevel,
        "StripAccents" => Normalizer::StripAccents,
        "Nmt" => Normalizer::Nmt,
        "Precompiled" => {
            let text = fields.string("precompiled_charsmap")?;
            let mut map = Vec::new();
            base64::decode_into(text.as_bytes(), &mut map).map_err(|_| {
                let place = fields.path("precompiled_charsmap");
                error(&place, &Value::from(text), "a character map in base64")
            })?;
            Normalizer::PrecompiledForGraphemes(map)
        }
        "BertNormalizer" => Normalizer::Bert {
            clean_text: fields.boolean("clean_text")?,
            handle_chinese_chars: fields.boolean("handle_chinese_chars")?,
            strip_accents: fields.get("strip_accents").map(|_| fields.boolean("strip_accents")).transpose()?,
            lowercase: fields.boolean("lowercase")?,
        },
        _ => Normalizer::Sequence(sequence(fields, "normalizers", normalizer)?),
    })
}

pub(super) fn pre_tokenizer(value: &Value, place: &str) -> Result<PreTokenizer, LoadError> {
    const KNOWN: [&str; 12] = [
        "ByteLevel",
        "Split",
        "Digits",
        "Punctuation",
        "Metaspace",
        "Whitespace",
        "WhitespaceSplit",
        "CharDelimiterSplit",
        "UnicodeScripts",
        "FixedLength",
        "BertPreTokenizer",
        "Sequence",
    ];
    let fields = Fields::of(value, place)?;
    Ok(match fields.type_name(&KNOWN)? {
        "ByteLevel" => PreTokenizer::ByteLevel {
            add_prefix_space: fields.boolean("add_prefix_space")?,
            trim_offsets: fields.boolean("trim_offsets")?,
            use_regex: fields.boolean_or("use_regex", true)?,
        },
        "Split" => PreTokenizer::Split {
            pattern: pattern(fields)?,
            behavior: fields.choice("behavior", &behaviors())?,
            invert: fields.boolean("invert")?,
        },
        "Digits" => PreTokenizer::Digits { individual: fields.boolean("individual_digits")? },
        "Punctuation" => PreTokenizer::Punctuation(match fields.get("behavior") {
            None => SplitBehavior::Isolated,
            Some(value) => choice(value, &fields.path("behavior"), &behaviors())?,
        }),
        "Metaspace" => {
            let (replacement, prepend_scheme, split) = metaspace(fields)?;
            PreTokenizer::Metaspace { replacement, prepend_scheme, split }
        }
        "Whitespace" => PreTokenizer::Whitespace,
        "WhitespaceSplit" => PreTokenizer::WhitespaceSplit,
        "CharDelimiterSplit" => PreTokenizer::CharDelimiterSplit(fields.character("delimiter")?),
        "UnicodeScripts" => PreTokenizer::UnicodeScripts,
        "FixedLength" => {
            let length = if fields.get("length").is_some() { fields.count("length")? } else { 5 };
            if length == 0 {
                return Err(error(&fields.path("length"), &Value::from(0), "a number of characters, at least 1"));
            }
            PreTokenizer::FixedLength(length)
        }
        "BertPreTokenizer" => PreTokenizer::Bert,
        _ => PreTokenizer::Sequence(sequence(fields, "pretokenizers", pre_tokenizer)?),
    })
}

/// The fields that the pre-tokenizer and the decoder of this name share; older files say `add_prefix_space`.
fn metaspace(fields: Fields<'_>) -> Result<(char, PrependScheme, bool), LoadError> {
    let mut scheme = match fields.get("prepend_scheme") {
        None => PrependScheme::Always,
        Some(value) => choice(value, &fields.path("prepend_scheme"), &prepend_schemes())?,
    };
    if !fields.boolean_or("add_prefix_space", true)? {
        if fields.get("prepend_scheme").is_some() && scheme != PrependScheme::Never {
            let value = fields.required("prepend_scheme")?;
            return Err(error(&fields.path("prepend_scheme"), value, "\"never\", as `add_prefix_space` is false"));
        }
        scheme = PrependScheme::Never;
    }
    Ok((fields.character("replacement")?, scheme, fields.boolean_or("split", true)?))
}

pub(super) fn post_processor(value: &Value, place: &str) -> Result<PostProcessor, LoadError> {
    const KNOWN: [&str; 5] = ["ByteLevel", "TemplateProcessing", "BertProcessing", "RobertaProcessing", "Sequence"];
    let fields = Fields::of(value, place)?;
    Ok(match fields.type_name(&KNOWN)? {
        "ByteLevel" => PostProcessor::ByteLevel {
            add_prefix_space: fields.boolean("add_prefix_space")?,
            trim_offsets: fields.boolean("trim_offsets")?,
            use_regex: fields.boolean_or("use_regex", true)?,
        },
        "TemplateProcessing" => template(fields)?,
        "BertProcessing" => PostProcessor::Bert { sep: named_id(fields, "sep")?, cls: named_id(fields, "cls")? },
        "RobertaProcessing" => PostProcessor::Roberta {
            sep: named_id(fields, "sep")?,
            cls: named_id(fields, "cls")?,
            trim_offsets: fields.boolean("trim_offsets")?,
            add_prefix_space: fields.boolean("add_prefix_space")?,
        },
        _ => PostProcessor::Sequence(sequence(fields, "processors", post_processor)?),
    })
}

/// A field of the form `["<s>", 1]`.
fn named_id(fields: Fields<'_>, name: &str) -> Result<(String, u32), LoadError> {
    let path = fields.path(name);
    let value = fields.required(name)?;
    match array(value, &path)? {
        [Value::String(token), number] => Ok((token.clone(), id(number, &format!("{path}[1]"))?)),
        _ => Err(error(&path, value, "a list of a token and its id")),
    }
}

fn template(fields: Fields<'_>) -> Result<PostProcessor, LoadError> {
    let path = fields.path("special_tokens");
    let tokens = Fields::of(fields.required("special_tokens")?, &path)?;
    let special_tokens = template_tokens(fields.required("special_tokens")?, tokens)?;
    let single = sequence(fields, "single", template_piece)?;
    let pair = sequence(fields, "pair", template_piece)?;
    for (name, pieces) in [("single", &single), ("pair", &pair)] {
        for piece in pieces {
            if let TemplatePiece::SpecialToken { name: token, .. } = piece
                && !special_tokens.iter().any(|known| known.name == *token)
            {
                let found = Value::String(token.clone());
                return Err(error(&fields.path(name), &found, "a name that `special_tokens` defines"));
            }
        }
    }
    Ok(PostProcessor::Template { single, pair, special_tokens })
}

fn template_tokens(value: &Value, fields: Fields<'_>) -> Result<Vec<TemplateToken>, LoadError> {
    let mut tokens = Vec::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        let path = fields.path(name);
        let token = Fields::of(value, &path)?;
        let ids: Vec<u32> = sequence(token, "ids", id)?;
        let strings: Vec<String> = sequence(token, "tokens", |value, place| {
            value.as_str().map(str::to_owned).ok_or_else(|| error(place, value, "a string"))
        })?;
        if ids.len() != strings.len() {
            return Err(error(&path, value, "as many `ids` as `tokens`"));
        }
        tokens.push(TemplateToken { name: name.clone(), ids, tokens: strings });
    }
    Ok(tokens)
}

fn template_piece(value: &Value, place: &str) -> Result<TemplatePiece, LoadError> {
    const SEQUENCES: [(&str, bool); 2] = [("A", false), ("B", true)];
    let fields = Fields::of(value, place)?;
    if let Some(inner) = fields.get("Sequence") {
        let path = fields.path("Sequence");
        let inner = Fields::of(inner, &path)?;
        let second = inner.choice("id", &SEQUENCES)?;
        return Ok(TemplatePiece::Sequence { second, type_id: inner.id("type_id")? });
    }
    if let Some(inner) = fields.get("SpecialToken") {
        let path = fields.path("SpecialToken");
        let inner = Fields::of(inner, &path)?;
        return Ok(TemplatePiece::SpecialToken { name: inner.string("id")?.to_owned(), type_id: inner.id("type_id")? });
    }
    Err(error(place, value, "an object with the field `Sequence` or the field `SpecialToken`"))
}

pub(super) fn decoder(value: &Value, place: &str) -> Result<Decoder, LoadError> {
    const KNOWN: [&str; 10] = [
        "ByteLevel",
        "ByteFallback",
        "Fuse",
        "Replace",
        "Strip",
        "Metaspace",
        "BPEDecoder",
        "WordPiece",
        "CTC",
        "Sequence",
    ];
    let fields = Fields::of(value, place)?;
    Ok(match fields.type_name(&KNOWN)? {
        "ByteLevel" => Decoder::ByteLevel {
            add_prefix_space: fields.boolean_or("add_prefix_space", true)?,
            trim_offsets: fields.boolean_or("trim_offsets", true)?,
            use_regex: fields.boolean_or("use_regex", true)?,
        },
        "ByteFallback" => Decoder::ByteFallback,
        "Fuse" => Decoder::Fuse,
        "Replace" => Decoder::Replace { pattern: pattern(fields)?, content: fields.string("content")?.to_owned() },
        "Strip" => Decoder::Strip {
            content: fields.character("content")?,
            start: fields.count("start")?,
            stop: fields.count("stop")?,
        },
        "Metaspace" => {
            let (replacement, prepend_scheme, split) = metaspace(fields)?;
            Decoder::Metaspace { replacement, prepend_scheme, split }
        }
        "BPEDecoder" => Decoder::Bpe { suffix: fields.string("suffix")?.to_owned() },
        "WordPiece" => {
            Decoder::WordPiece { prefix: fields.string("prefix")?.to_owned(), cleanup: fields.boolean("cleanup")? }
        }
        "CTC" => Decoder::Ctc {
            pad_token: fields.string("pad_token")?.to_owned(),
            word_delimiter_token: fields.string("word_delimiter_token")?.to_owned(),
            cleanup: fields.boolean("cleanup")?,
        },
        _ => Decoder::Sequence(sequence(fields, "decoders", decoder)?),
    })
}
