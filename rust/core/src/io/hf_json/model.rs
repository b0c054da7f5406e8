//! The field `model`: a vocabulary and merges that are read into slabs, without an allocation for each token.

use super::FORMAT;
use super::names::Names;
use crate::io::error::{BPE_ONLY, LoadError, Place, quoted};
use crate::spec::{
    Alphabet, BpeSpec, Dropout, MAX_TOKEN_ID, MergeRule, SymbolOptions, Symbols, TokenTable, byte_to_char,
    char_to_byte, occurs_in_text, text_to_bytes,
};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::sync::{Arc, OnceLock};

/// A model as a `tokenizer.json` states it: token strings as written, in the order of the file.
#[derive(Debug, Default)]
pub struct BpeModel {
    pub(super) kind: Option<String>,
    /// Token strings as written, in the order of the file.
    pub(super) vocab: Option<TokenTable>,
    pub(super) merges: Option<MergeStrings>,
    pub(super) options: BpeOptions,
    /// Where strings are in `vocab`, made when first asked for; shared by models of one vocabulary.
    pub(super) names: Arc<OnceLock<Names>>,
}

/// What a model says besides its vocabulary and merges.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BpeOptions {
    /// The probability that a merge is left out.
    pub dropout: Option<f64>,
    /// The token for unknown characters.
    pub unk_token: Option<String>,
    /// Put before every symbol of a piece but the first.
    pub continuing_subword_prefix: Option<String>,
    /// Put after the last symbol of a piece.
    pub end_of_word_suffix: Option<String>,
    /// Whether a run of unknown characters gives one unknown token.
    pub fuse_unk: bool,
    /// Whether unknown characters become the tokens of their bytes.
    pub byte_fallback: bool,
    /// Whether a whole piece that is a token is that token, whatever the merges say.
    pub ignore_merges: bool,
}

/// The two halves of each merge, one after another.
#[derive(Debug, Clone, Default)]
pub(super) struct MergeStrings {
    slab: Vec<u8>,
    ends: Vec<(usize, usize)>,
}

impl MergeStrings {
    pub(super) fn push(&mut self, left: &str, right: &str) {
        self.slab.extend_from_slice(left.as_bytes());
        let middle = self.slab.len();
        self.slab.extend_from_slice(right.as_bytes());
        self.ends.push((middle, self.slab.len()));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|ends| ends.1));
        starts.zip(&self.ends).map(|(start, &(middle, end))| (&self.slab[start..middle], &self.slab[middle..end]))
    }
}

/// The strings of a vocabulary.
#[derive(Debug, Clone, Copy)]
pub(super) struct Index<'a> {
    names: &'a Names,
    table: &'a TokenTable,
}

impl Index<'_> {
    fn id_of(&self, bytes: &[u8]) -> Option<u32> {
        self.names.entry(self.table, bytes).map(|found| found.1)
    }

    /// The id of a string.
    pub(super) fn id(&self, text: &str) -> Option<u32> {
        self.id_of(text.as_bytes())
    }

    /// The number of different strings.
    pub(super) fn size(&self) -> u32 {
        u32::try_from(self.names.len()).unwrap_or(u32::MAX)
    }

    /// Whether an entry is the one that its string stands for.
    fn counts(&self, entry: usize, bytes: &[u8]) -> bool {
        self.names.len() == self.table.len()
            || self.names.entry(self.table, bytes).is_some_and(|found| found.0 as usize == entry)
    }
}

/// The model as this crate has it.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) bpe: BpeSpec,
    pub(super) options: SymbolOptions,
    pub(super) alphabet: Alphabet,
}

impl BpeModel {
    /// Checks the type of the model, and prepares looking up token strings.
    pub(super) fn index(&self) -> Result<Index<'_>, LoadError> {
        const ALLOWED: &str = BPE_ONLY;
        match (&self.kind, &self.vocab, &self.merges) {
            (Some(kind), ..) if kind != "BPE" => Err(field_error("model.type", format!("{kind:?}"), ALLOWED)),
            (_, Some(table), Some(_)) => Ok(Index { names: self.names.get_or_init(|| Names::new(table)), table }),
            (_, None, _) => Err(field_error("model", "no field `vocab`", ALLOWED)),
            (_, _, None) => Err(field_error("model", "no field `merges`", ALLOWED)),
        }
    }

    /// Puts the parts together; `wanted` is the alphabet in which text reaches the model.
    pub(super) fn to_model(&self, index: &Index<'_>, wanted: Alphabet) -> Result<Model, LoadError> {
        let dropout = self.options.dropout.map(|probability| {
            #[allow(clippy::cast_possible_truncation, reason = "the format has single precision")]
            let dropout = Dropout::new(probability as f32);
            dropout.ok_or_else(|| field_error("model.dropout", format!("{probability:?}"), "null or 0 to 1"))
        });
        let dropout = dropout.transpose()?.filter(|dropout| dropout.probability() > 0.0);
        let unknown = self.options.unk_token.as_deref().and_then(|token| index.id(token));
        let fallback: Vec<Option<u32>> = (0..=255_u8).map(|byte| index.id(&format!("<0x{byte:02X}>"))).collect();
        let fallbacks = fallback.iter().flatten().count();
        let options = SymbolOptions {
            continuing_subword_prefix: self.options.continuing_subword_prefix.clone().unwrap_or_default(),
            end_of_word_suffix: self.options.end_of_word_suffix.clone().unwrap_or_default(),
            partial_byte_fallback: self.options.byte_fallback && (1..256).contains(&fallbacks),
            dropout,
        };
        let has_byte = |byte: u8| index.id(&byte_to_char(byte).to_string()).is_some();
        // Without anything to stand for a missing byte it is left out, which a model of bytes can do too, unless the piece
        // that is left might be taken for a token as a whole.
        let may_lack = |byte: u8| {
            unknown.is_none() && !self.options.byte_fallback && !(self.options.ignore_merges && occurs_in_text(byte))
        };
        let plain_bytes = options.is_default() && (0..=255_u8).all(|byte| has_byte(byte) || may_lack(byte));
        let alphabet = if wanted == Alphabet::ByteLevel && plain_bytes { wanted } else { Alphabet::Text };
        let symbols = if alphabet == Alphabet::ByteLevel {
            Symbols::Bytes
        } else {
            let mut ids = Box::new([0; 256]);
            ids.iter_mut().zip(&fallback).for_each(|(slot, id)| *slot = id.unwrap_or(0));
            let byte_fallback = (self.options.byte_fallback && fallbacks == 256).then_some(ids);
            Symbols::Chars { byte_fallback, unknown, fuse_unknown: self.options.fuse_unk }
        };
        let bpe = BpeSpec {
            tokens: Self::tokens(index, alphabet),
            merges: MergeRule::Pairs(self.pairs(index, alphabet)?),
            symbols,
            ignore_merges: self.options.ignore_merges,
        };
        Ok(Model { bpe, options, alphabet })
    }

    fn tokens(index: &Index<'_>, alphabet: Alphabet) -> TokenTable {
        let mut tokens = TokenTable::with_capacity(index.table.len(), index.table.byte_len());
        let mut bytes = Vec::new();
        for (entry, (string, id)) in index.table.iter().enumerate() {
            if !index.counts(entry, string) {
                continue;
            }
            if alphabet != Alphabet::ByteLevel {
                tokens.push(string, id);
                continue;
            }
            bytes.clear();
            if std::str::from_utf8(string).is_ok_and(|text| text_to_bytes(text, &mut bytes)) {
                tokens.push(&bytes, id);
            } else {
                tokens.push_not_encodable(string, id);
            }
        }
        tokens
    }

    /// The merges as pairs of ids. In the byte alphabet, merges of strings that are not written in it never happen and are
    /// left out.
    fn pairs(&self, index: &Index<'_>, alphabet: Alphabet) -> Result<Vec<(u32, u32)>, LoadError> {
        let writable = |string: &[u8]| {
            alphabet != Alphabet::ByteLevel
                || std::str::from_utf8(string).is_ok_and(|text| text.chars().all(|c| char_to_byte(c).is_some()))
        };
        let Some(merges) = &self.merges else { return Ok(Vec::new()) };
        let mut pairs = Vec::with_capacity(merges.ends.len());
        for (rank, (left, right)) in merges.iter().enumerate() {
            let id = |part| {
                index.id_of(part).ok_or_else(|| {
                    field_error(&format!("model.merges[{rank}]"), quoted(part), "tokens of the vocabulary")
                })
            };
            let pair = (id(left)?, id(right)?);
            if writable(left) && writable(right) {
                pairs.push(pair);
            }
        }
        Ok(pairs)
    }
}

fn field_error(place: &str, found: impl Into<String>, allowed: &str) -> LoadError {
    LoadError::new(FORMAT, Place::Field(place.to_owned()), found, allowed)
}

/// Reads a model.
pub(super) struct ModelSeed;

impl<'de> DeserializeSeed<'de> for ModelSeed {
    type Value = BpeModel;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<BpeModel, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ModelSeed {
    type Value = BpeModel;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a model: an object with the fields `vocab` and `merges`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<BpeModel, A::Error> {
        let mut model = BpeModel::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "type" => {
                    let kind: String = map.next_value()?;
                    if kind != "BPE" {
                        return Err(A::Error::custom(format!("a model of type {kind}, expected {BPE_ONLY}")));
                    }
                    model.kind = Some(kind);
                }
                "vocab" => model.vocab = Some(map.next_value_seed(VocabSeed)?),
                "merges" => model.merges = Some(map.next_value_seed(MergesSeed)?),
                "dropout" => model.options.dropout = map.next_value()?,
                "unk_token" => model.options.unk_token = map.next_value()?,
                "continuing_subword_prefix" => model.options.continuing_subword_prefix = map.next_value()?,
                "end_of_word_suffix" => model.options.end_of_word_suffix = map.next_value()?,
                "fuse_unk" => model.options.fuse_unk = map.next_value::<Option<bool>>()?.unwrap_or(false),
                "byte_fallback" => model.options.byte_fallback = map.next_value::<Option<bool>>()?.unwrap_or(false),
                "ignore_merges" => model.options.ignore_merges = map.next_value::<Option<bool>>()?.unwrap_or(false),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(model)
    }
}

/// A borrowed or copied string, handed on without an allocation.
struct Text<F>(F);

impl<'de, T, F: FnOnce(&str) -> T> DeserializeSeed<'de> for Text<F> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<T, F: FnOnce(&str) -> T> Visitor<'_> for Text<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        Ok((self.0)(text))
    }
}

struct VocabSeed;

impl<'de> DeserializeSeed<'de> for VocabSeed {
    type Value = TokenTable;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<TokenTable, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for VocabSeed {
    type Value = TokenTable;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of token strings and ids")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TokenTable, A::Error> {
        let mut table = TokenTable::default();
        let mut token = Vec::new();
        while map
            .next_key_seed(Text(|text: &str| {
                token.clear();
                token.extend_from_slice(text.as_bytes());
            }))?
            .is_some()
        {
            let id: u32 = map.next_value()?;
            if id > MAX_TOKEN_ID {
                return Err(A::Error::custom(format!("id {id}, expected 0 to {MAX_TOKEN_ID}")));
            }
            table.push(&token, id);
        }
        Ok(table)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<TokenTable, A::Error> {
        Err(A::Error::custom(format!(
            "a list of pieces and scores, as models of type Unigram have it, expected {BPE_ONLY}"
        )))
    }
}

struct MergesSeed;

impl<'de> DeserializeSeed<'de> for MergesSeed {
    type Value = MergeStrings;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<MergeStrings, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for MergesSeed {
    type Value = MergeStrings;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of merges")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<MergeStrings, A::Error> {
        let mut merges = MergeStrings::default();
        while list.next_element_seed(MergeSeed(&mut merges))?.is_some() {}
        Ok(merges)
    }
}

/// One merge: `"a b"`, or `["a", "b"]`.
struct MergeSeed<'a>(&'a mut MergeStrings);

impl<'de> DeserializeSeed<'de> for MergeSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for MergeSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a merge: \"a b\" or [\"a\", \"b\"]")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        if text.starts_with("#version") {
            return Ok(());
        }
        match text.split_once(' ') {
            Some((left, right)) if !right.contains(' ') => {
                self.0.push(left, right);
                Ok(())
            }
            _ => Err(E::custom(format!("the merge {}, expected two tokens and one space", quoted(text.as_bytes())))),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let merges = self.0;
        let start = merges.slab.len();
        let mut parts = 0;
        while let Some(middle) = list.next_element_seed(Text(|text: &str| {
            merges.slab.extend_from_slice(text.as_bytes());
            merges.slab.len()
        }))? {
            parts += 1;
            if parts == 1 {
                merges.ends.push((middle, middle));
            } else if let Some(last) = merges.ends.last_mut() {
                last.1 = middle;
            }
        }
        if parts == 2 {
            return Ok(());
        }
        let found = quoted(&merges.slab[start..]);
        Err(A::Error::custom(format!("a merge of {parts} parts ({found}), expected two")))
    }
}
