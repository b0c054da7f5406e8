//! `tokenizer.json` of Hugging Face tokenizers, for models of type BPE.

mod chain;
mod fields;
mod model;
mod names;
mod parts;
mod write;

pub use model::{BpeModel, BpeOptions};
pub use parts::{Components, File, open};
pub use write::write;

use super::error::{LoadError, Place};
use crate::spec::{AddedToken, AddedTokenPolicy, Alphabet, Normalizer, PreTokenizer, Segmentation, TokenizerSpec};
use fields::Fields;
use model::{Index, Model, ModelSeed};
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use std::collections::HashMap;
use std::fmt;

pub(super) const FORMAT: &str = "tokenizer.json";

/// Reads a `tokenizer.json`.
///
/// Added tokens get the ids that tokenizers gives them: the vocabulary's where it holds their text, else the next free
/// ones in order; the ids written in the file are not looked at.
///
/// # Errors
/// If the file is not JSON of this format, has a model of another type than BPE, or has a component this crate does not
/// know.
pub fn parse(file: &[u8]) -> Result<TokenizerSpec, LoadError> {
    let mut deserializer = serde_json::Deserializer::from_slice(file);
    let parts = deserializer.deserialize_map(TopLevel).map_err(|error| json_error(&error))?;
    deserializer.end().map_err(|error| json_error(&error))?;
    parts.into_spec()
}

/// The file's top level: the model as its own type, the rest as JSON values.
#[derive(Debug, Default)]
struct Parts {
    components: HashMap<String, Value>,
    model: Option<BpeModel>,
}

struct TopLevel;

impl<'de> Visitor<'de> for TopLevel {
    type Value = Parts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the field `model`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Parts, A::Error> {
        const COMPONENTS: [&str; 8] = [
            "version",
            "truncation",
            "padding",
            "added_tokens",
            "normalizer",
            "pre_tokenizer",
            "post_processor",
            "decoder",
        ];
        let mut parts = Parts::default();
        while let Some(key) = map.next_key::<String>()? {
            if key == "model" {
                parts.model = Some(map.next_value_seed(ModelSeed)?);
            } else if COMPONENTS.contains(&key.as_str()) {
                let value = map.next_value()?;
                parts.components.insert(key, value);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(parts)
    }
}

/// What serde says, in the words of this crate.
fn json_error(error: &serde_json::Error) -> LoadError {
    let place = Place::LineColumn(error.line(), error.column());
    let mut message = error.to_string();
    if let Some(at) = message.rfind(" at line ") {
        message.truncate(at);
    }
    match message.split_once(", expected ") {
        Some((found, allowed)) => LoadError::new(FORMAT, place, found, allowed),
        None => LoadError::new(FORMAT, place, message, "JSON of the tokenizer.json format"),
    }
}

impl Parts {
    fn take(&mut self, name: &str) -> Option<Value> {
        self.components.remove(name).filter(|value| !value.is_null())
    }

    fn into_spec(mut self) -> Result<TokenizerSpec, LoadError> {
        if let Some(version) = self.take("version")
            && version != "1.0"
        {
            return Err(LoadError::new(FORMAT, Place::Field("version".into()), version.to_string(), "\"1.0\""));
        }
        let normalizer = self.take("normalizer").map(|v| chain::normalizer(&v, "normalizer")).transpose()?;
        let pre_tokenizer =
            self.take("pre_tokenizer").map(|v| chain::pre_tokenizer(&v, "pre_tokenizer")).transpose()?;
        let post_processor =
            self.take("post_processor").map(|v| chain::post_processor(&v, "post_processor")).transpose()?;
        let decoder = self.take("decoder").map(|v| chain::decoder(&v, "decoder")).transpose()?;
        let Some(model) = self.model.take() else {
            return Err(LoadError::new(FORMAT, Place::Whole, "no field `model`", "a field `model`"));
        };
        let index = model.index()?;
        let added_tokens = match self.take("added_tokens") {
            None => Vec::new(),
            Some(tokens) => added_tokens(&tokens, &index)?,
        };
        let components = Components { normalizer, pre_tokenizer, post_processor, decoder };
        let spec = assemble_indexed(&model, &index, components, added_tokens)?;
        Ok(TokenizerSpec {
            truncation: self.take("truncation").map(|value| value.to_string()),
            padding: self.take("padding").map(|value| value.to_string()),
            ..spec
        })
    }
}

/// Puts a tokenizer together from its parts.
///
/// # Errors
/// If the merges name a token that the vocabulary does not have, or an option is out of its range.
pub fn assemble(
    model: &BpeModel,
    components: Components,
    added_tokens: Vec<AddedToken>,
) -> Result<TokenizerSpec, LoadError> {
    assemble_indexed(model, &model.index()?, components, added_tokens)
}

fn assemble_indexed(
    model: &BpeModel,
    index: &Index<'_>,
    components: Components,
    added_tokens: Vec<AddedToken>,
) -> Result<TokenizerSpec, LoadError> {
    let Components { normalizer, pre_tokenizer, post_processor, decoder } = components;
    let Model { bpe, options, alphabet } =
        model.to_model(index, alphabet_of(normalizer.as_ref(), pre_tokenizer.as_ref()))?;
    Ok(TokenizerSpec {
        model: bpe,
        symbol_options: options,
        alphabet,
        normalizer,
        segmentation: pre_tokenizer.map_or(Segmentation::Whole, Segmentation::Chain),
        added_tokens,
        added_token_policy: AddedTokenPolicy::SkipDisallowed,
        post_processor,
        decoder,
        truncation: None,
        padding: None,
    })
}

/// Whether the text that reaches the model is written in the byte alphabet: it is if the last component that changes text
/// writes it so.
fn alphabet_of(normalizer: Option<&Normalizer>, pre_tokenizer: Option<&PreTokenizer>) -> Alphabet {
    fn after_normalizer(normalizer: &Normalizer, before: Alphabet) -> Alphabet {
        match normalizer {
            Normalizer::ByteLevel => Alphabet::ByteLevel,
            Normalizer::Sequence(all) => all.iter().fold(before, |before, one| after_normalizer(one, before)),
            _ => Alphabet::Text,
        }
    }
    fn after_pre_tokenizer(pre_tokenizer: &PreTokenizer, before: Alphabet) -> Alphabet {
        match pre_tokenizer {
            PreTokenizer::ByteLevel { .. } => Alphabet::ByteLevel,
            PreTokenizer::Metaspace { .. } => Alphabet::Text,
            PreTokenizer::Sequence(all) => all.iter().fold(before, |before, one| after_pre_tokenizer(one, before)),
            _ => before,
        }
    }
    let before = normalizer.map_or(Alphabet::Text, |one| after_normalizer(one, Alphabet::Text));
    pre_tokenizer.map_or(before, |one| after_pre_tokenizer(one, before))
}

/// The added tokens with the ids that tokenizers gives them.
fn added_tokens(value: &Value, vocabulary: &Index<'_>) -> Result<Vec<AddedToken>, LoadError> {
    let list = fields::array(value, "added_tokens")?;
    let mut tokens: Vec<AddedToken> = Vec::with_capacity(list.len());
    let mut by_content: HashMap<String, usize> = HashMap::new();
    let mut next_id = vocabulary.size();
    for (index, value) in list.iter().enumerate() {
        let place = format!("added_tokens[{index}]");
        let fields = Fields::of(value, &place)?;
        let mut token = AddedToken {
            content: fields.string("content")?.to_owned(),
            // Must be an id, but the one that counts is found below.
            id: fields.id("id")?,
            special: fields.boolean("special")?,
            single_word: fields.boolean("single_word")?,
            lstrip: fields.boolean("lstrip")?,
            rstrip: fields.boolean("rstrip")?,
            normalized: fields.boolean("normalized")?,
        };
        if token.content.is_empty() {
            continue;
        }
        if let Some(&earlier) = by_content.get(&token.content) {
            token.id = tokens[earlier].id;
            tokens[earlier] = token;
            continue;
        }
        token.id = vocabulary.id(&token.content).unwrap_or_else(|| {
            next_id += 1;
            next_id - 1
        });
        by_content.insert(token.content.clone(), tokens.len());
        tokens.push(token);
    }
    Ok(tokens)
}
