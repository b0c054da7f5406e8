//! What a pickled `Encoding` holds: JSON with the fields that the reference library writes.

use serde_json::{Map, Value, json};
use std::ops::Range;
use tokengrove::encoding::{Encoding, NO_WORD, Parts, Tokens};

/// Writes an encoding.
pub(crate) fn to_json(encoding: &Encoding) -> String {
    to_value(encoding).to_string()
}

fn to_value(encoding: &Encoding) -> Value {
    let words: Vec<Option<u32>> = encoding.words().iter().map(|&word| (word != NO_WORD).then_some(word)).collect();
    let ranges: Map<String, Value> = encoding
        .sequences()
        .iter()
        .map(|(sequence, range)| (sequence.to_string(), json!({ "start": range.start, "end": range.end })))
        .collect();
    json!({
        "ids": encoding.ids(),
        "type_ids": encoding.type_ids(),
        "tokens": encoding.tokens().strings(encoding.ids()),
        "words": words,
        "offsets": encoding.offsets(),
        "special_tokens_mask": encoding.special_tokens_mask(),
        "attention_mask": encoding.attention_mask(),
        "overflowing": encoding.overflowing().iter().map(to_value).collect::<Vec<_>>(),
        "sequence_ranges": ranges,
    })
}

/// Reads an encoding.
///
/// # Errors
/// A sentence on what is wrong.
pub(crate) fn from_json(json: &[u8]) -> Result<Encoding, String> {
    let value: Value = serde_json::from_slice(json).map_err(|error| format!("no state of an Encoding: {error}"))?;
    from_value(&value).ok_or_else(|| "no state of an Encoding: a field is missing or has another length".to_owned())
}

fn from_value(value: &Value) -> Option<Encoding> {
    let list = |name: &str| value.get(name)?.as_array();
    let number = |value: &Value| value.as_u64().and_then(|n| u32::try_from(n).ok());
    let numbers = |name: &str| list(name)?.iter().map(number).collect::<Option<Vec<u32>>>();
    let bits =
        |name: &str| list(name)?.iter().map(|bit| Some(u8::from(bit.as_u64()? != 0))).collect::<Option<Vec<u8>>>();
    let place = |value: &Value| value.as_u64().and_then(|n| usize::try_from(n).ok());
    let offsets = list("offsets")?.iter().map(|pair| Some([number(pair.get(0)?)?, number(pair.get(1)?)?]));
    let ranges = value.get("sequence_ranges")?.as_object()?.iter().map(|(sequence, range)| {
        let range: Range<usize> = place(range.get("start")?)?..place(range.get("end")?)?;
        Some((sequence.parse().ok()?, range))
    });
    let strings: Vec<&str> = list("tokens")?.iter().map(Value::as_str).collect::<Option<_>>()?;
    Encoding::from_parts(Parts {
        ids: numbers("ids")?,
        type_ids: numbers("type_ids")?,
        tokens: Tokens::listed(strings),
        words: list("words")?
            .iter()
            .map(|word| if word.is_null() { Some(NO_WORD) } else { number(word) })
            .collect::<Option<_>>()?,
        offsets: offsets.collect::<Option<_>>()?,
        special_tokens_mask: bits("special_tokens_mask")?,
        attention_mask: bits("attention_mask")?,
        overflowing: list("overflowing")?.iter().map(from_value).collect::<Option<_>>()?,
        sequences: ranges.collect::<Option<_>>()?,
    })
}
