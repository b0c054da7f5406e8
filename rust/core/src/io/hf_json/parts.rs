//! A `tokenizer.json` in parts, for users who change some of them.

use super::model::{BpeModel, BpeOptions, MergeStrings};
use super::names::Names;
use super::{FORMAT, Parts, TopLevel, chain, fields, json_error};
use crate::io::error::{LoadError, Place};
use crate::spec::{Decoder, Normalizer, PostProcessor, PreTokenizer, TokenTable};
use serde::de::Deserializer;
use serde_json::Value;
use std::sync::Arc;

/// The components around a model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Components {
    /// Rewrites text.
    pub normalizer: Option<Normalizer>,
    /// Cuts text into pieces.
    pub pre_tokenizer: Option<PreTokenizer>,
    /// Adds tokens around those of the text.
    pub post_processor: Option<PostProcessor>,
    /// Makes text of token strings.
    pub decoder: Option<Decoder>,
}

impl Components {
    /// Reads the fields of these names of a JSON object; others are not looked at.
    ///
    /// ```
    /// use tokengrove::{io::hf_json::Components, spec::Normalizer};
    /// let components = Components::parse(r#"{"normalizer": {"type": "NFC"}, "decoder": null}"#)?;
    /// assert_eq!(components.normalizer, Some(Normalizer::Nfc));
    /// # Ok::<(), tokengrove::io::LoadError>(())
    /// ```
    ///
    /// # Errors
    /// If the text is not a JSON object, or a component is not one of the format.
    pub fn parse(json: &str) -> Result<Self, LoadError> {
        let value: Value = serde_json::from_str(json).map_err(|error| json_error(&error))?;
        Self::of(|name| value.get(name))
    }

    fn of<'a>(get: impl Fn(&str) -> Option<&'a Value>) -> Result<Self, LoadError> {
        let field = |name: &str| get(name).filter(|value| !value.is_null());
        Ok(Self {
            normalizer: field("normalizer").map(|v| chain::normalizer(v, "normalizer")).transpose()?,
            pre_tokenizer: field("pre_tokenizer").map(|v| chain::pre_tokenizer(v, "pre_tokenizer")).transpose()?,
            post_processor: field("post_processor").map(|v| chain::post_processor(v, "post_processor")).transpose()?,
            decoder: field("decoder").map(|v| chain::decoder(v, "decoder")).transpose()?,
        })
    }
}

/// A file in parts.
#[derive(Debug)]
pub struct File {
    /// The model.
    pub model: BpeModel,
    /// Everything else as a JSON object, checked to be of the format.
    pub rest: String,
}

/// Takes a `tokenizer.json` apart.
///
/// # Errors
/// As [`parse`](super::parse), but for merges of unknown tokens.
pub fn open(file: &[u8]) -> Result<File, LoadError> {
    let mut deserializer = serde_json::Deserializer::from_slice(file);
    let parts: Parts = deserializer.deserialize_map(TopLevel).map_err(|error| json_error(&error))?;
    deserializer.end().map_err(|error| json_error(&error))?;
    let Some(model) = parts.model else {
        return Err(LoadError::new(FORMAT, Place::Whole, "no field `model`", "a field `model`"));
    };
    let index = model.index()?;
    Components::of(|name| parts.components.get(name))?;
    if let Some(tokens) = parts.components.get("added_tokens").filter(|tokens| !tokens.is_null()) {
        super::added_tokens(tokens, &index)?;
    }
    if let Some(version) = parts.components.get("version").filter(|version| !version.is_null() && *version != "1.0") {
        return Err(fields::error("version", version, "\"1.0\""));
    }
    let rest = Value::Object(parts.components.into_iter().collect()).to_string();
    Ok(File { model, rest })
}

impl BpeModel {
    /// A model of token strings as a file writes them, and of merges in the order of their rank.
    #[must_use]
    pub fn new<'a>(
        vocab: TokenTable,
        merges: impl IntoIterator<Item = (&'a str, &'a str)>,
        options: BpeOptions,
    ) -> Self {
        let mut strings = MergeStrings::default();
        merges.into_iter().for_each(|(left, right)| strings.push(left, right));
        Self { vocab: Some(vocab), merges: Some(strings), options, ..Self::default() }
    }

    /// The same vocabulary and merges with other options.
    #[must_use]
    pub fn with_options(&self, options: BpeOptions) -> Self {
        let names = Arc::clone(&self.names);
        Self { vocab: self.vocab.clone(), merges: self.merges.clone(), options, names, ..Self::default() }
    }

    /// The strings of the vocabulary, looked up without a copy of them.
    fn names(&self) -> Option<(&Names, &TokenTable)> {
        let table = self.vocab.as_ref()?;
        Some((self.names.get_or_init(|| Names::new(table)), table))
    }

    /// The id of a string.
    ///
    /// ```
    /// use tokengrove::{io::hf_json::{BpeModel, BpeOptions}, spec::TokenTable};
    /// let mut table = TokenTable::default();
    /// table.push(b"a", 5);
    /// let model = BpeModel::new(table, [], BpeOptions::default());
    /// assert_eq!((model.id("a"), model.id("b"), model.size()), (Some(5), None, 1));
    /// assert_eq!((model.string(5), model.string(0)), (Some("a"), None));
    /// ```
    #[must_use]
    pub fn id(&self, string: &str) -> Option<u32> {
        let (names, table) = self.names()?;
        names.entry(table, string.as_bytes()).map(|found| found.1)
    }

    /// A string of an id.
    #[must_use]
    pub fn string(&self, id: u32) -> Option<&str> {
        let (names, table) = self.names()?;
        std::str::from_utf8(names.string(table, id)?).ok()
    }

    /// The number of different strings.
    #[must_use]
    pub fn size(&self) -> usize {
        self.names().map_or(0, |(names, _)| names.len())
    }

    /// Different strings with their ids, in the order of these.
    pub fn vocab_by_id(&self) -> impl Iterator<Item = (u32, &str)> {
        self.names().into_iter().flat_map(|(names, table)| {
            let string = |entry: u32| std::str::from_utf8(table.get(entry as usize)?.0).ok();
            names.by_id().filter_map(move |(id, entry)| Some((id, string(entry)?)))
        })
    }

    /// Token strings and ids, in the order of the file; of several entries with one string the last counts.
    pub fn vocab(&self) -> impl Iterator<Item = (&str, u32)> {
        let table = self.vocab.iter().flat_map(TokenTable::iter);
        table.map(|(bytes, id)| (std::str::from_utf8(bytes).unwrap_or_default(), id))
    }

    /// The merges in the order of their rank.
    pub fn merges(&self) -> impl Iterator<Item = (&str, &str)> {
        let text = |bytes| std::str::from_utf8(bytes).unwrap_or_default();
        self.merges.iter().flat_map(MergeStrings::iter).map(move |(left, right)| (text(left), text(right)))
    }

    /// What the model says besides.
    #[must_use]
    pub const fn options(&self) -> &BpeOptions {
        &self.options
    }
}
