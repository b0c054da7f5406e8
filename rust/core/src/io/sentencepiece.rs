//! SentencePiece `.model` files of type BPE.
//!
//! Such a file is a protocol buffer (`sentencepiece_model.proto`). Only the fields that encoding and decoding need are
//! read, by a reader of its own for the wire format: tags, varints and lengths.
//!
//! SentencePiece merges the pair whose joined piece has the highest score, leftmost first. Here this becomes a list of
//! merges: every cut of every piece into two pieces, by score.

use super::error::{LoadError, Place};
use crate::spec::{
    AddedToken, AddedTokenPolicy, Alphabet, BpeSpec, Decoder, MergeRule, Normalizer, Pattern, Segmentation,
    SymbolOptions, Symbols, TokenTable, TokenizerSpec,
};
use foldhash::fast::RandomState;
use std::collections::HashMap;

const FORMAT: &str = "SentencePiece model";
/// What SentencePiece writes for a space.
const SPACE: &str = "\u{2581}";

/// Longer pieces are refused: every cut of a piece is looked at. Training makes pieces of 16 characters by default.
const LONGEST_PIECE: usize = 1 << 10;

/// `ModelProto.SentencePiece.Type`.
mod kind {
    pub(super) const NORMAL: u64 = 1;
    pub(super) const UNKNOWN: u64 = 2;
    pub(super) const CONTROL: u64 = 3;
    pub(super) const USER_DEFINED: u64 = 4;
    pub(super) const UNUSED: u64 = 5;
    pub(super) const BYTE: u64 = 6;
}

#[derive(Debug)]
struct Piece<'a> {
    text: &'a str,
    score: f32,
    kind: u64,
}

/// `NormalizerSpec`, with its defaults.
#[derive(Debug)]
struct Rules<'a> {
    charsmap: &'a [u8],
    add_dummy_prefix: bool,
    remove_extra_whitespaces: bool,
    escape_whitespaces: bool,
}

/// Whether a file begins as these do: with a message in field 1, the first piece.
///
/// A rank file cannot: its first byte is a character of base64 or white space, and a line break is followed by another line.
#[must_use]
pub fn is_model(file: &[u8]) -> bool {
    let mut fields = Fields::new(file, 0);
    matches!(fields.field(), Some((1, Value::Bytes(message, at))) if piece(message, at).is_ok_and(|piece| !piece.text.is_empty()))
}

/// Reads a model.
///
/// Control pieces are special tokens; user-defined pieces are found in the text before merging. The file does not say
/// which special tokens to put around a text, so none are.
///
/// # Errors
/// If the file is not a protocol buffer of this format, or is of another type than BPE.
pub fn parse(file: &[u8]) -> Result<TokenizerSpec, LoadError> {
    let mut pieces = Vec::new();
    let mut model_type = 1;
    let mut whitespace_as_suffix = false;
    let mut rules =
        Rules { charsmap: &[], add_dummy_prefix: true, remove_extra_whitespaces: true, escape_whitespaces: true };
    for field in Fields::new(file, 0) {
        match field? {
            (1, Value::Bytes(message, at)) => pieces.push(piece(message, at)?),
            (2, Value::Bytes(message, at)) => {
                for field in Fields::new(message, at) {
                    match field? {
                        (3, Value::Varint(value)) => model_type = value,
                        (24, Value::Varint(value)) => whitespace_as_suffix = value != 0,
                        _ => {}
                    }
                }
            }
            (3, Value::Bytes(message, at)) => read_rules(message, at, &mut rules)?,
            _ => {}
        }
    }
    let refuse = |found: String, allowed: &str| Err(LoadError::new(FORMAT, Place::Whole, found, allowed));
    if model_type != 2 {
        let name = ["Unigram", "BPE", "Word", "Char"].get(usize::try_from(model_type).unwrap_or(0).wrapping_sub(1));
        return refuse(format!("a model of type {}", name.unwrap_or(&"unknown")), "a model of type BPE");
    }
    if pieces.is_empty() {
        return refuse("no piece".to_owned(), "at least one piece");
    }
    if whitespace_as_suffix {
        return refuse("spaces written behind words".to_owned(), "spaces written before words");
    }
    spec(&pieces, &rules)
}

fn piece(message: &[u8], at: usize) -> Result<Piece<'_>, LoadError> {
    let mut piece = Piece { text: "", score: 0.0, kind: kind::NORMAL };
    for field in Fields::new(message, at) {
        match field? {
            (1, Value::Bytes(text, at)) => {
                piece.text = std::str::from_utf8(text)
                    .map_err(|_| LoadError::new(FORMAT, Place::Offset(at), "a piece that is not UTF-8", "UTF-8"))?;
            }
            (2, Value::Fixed32(bits)) => piece.score = f32::from_bits(bits),
            (3, Value::Varint(value)) => piece.kind = value,
            _ => {}
        }
    }
    Ok(piece)
}

fn read_rules<'a>(message: &'a [u8], at: usize, rules: &mut Rules<'a>) -> Result<(), LoadError> {
    for field in Fields::new(message, at) {
        match field? {
            (2, Value::Bytes(map, _)) => rules.charsmap = map,
            (3, Value::Varint(value)) => rules.add_dummy_prefix = value != 0,
            (4, Value::Varint(value)) => rules.remove_extra_whitespaces = value != 0,
            (5, Value::Varint(value)) => rules.escape_whitespaces = value != 0,
            _ => {}
        }
    }
    Ok(())
}

fn spec(pieces: &[Piece<'_>], rules: &Rules<'_>) -> Result<TokenizerSpec, LoadError> {
    let mut tokens = TokenTable::with_capacity(pieces.len(), pieces.iter().map(|piece| piece.text.len()).sum());
    let mut added_tokens = Vec::new();
    let mut fallback = [None; 256];
    let mut unknown = None;
    let mut scores = Vec::new();
    for (id, piece) in (0..).zip(pieces) {
        let refuse = |found: String, allowed: &str| {
            Err(LoadError::new(FORMAT, Place::Field(format!("pieces[{id}]")), found, allowed))
        };
        match piece.kind {
            kind::NORMAL => {
                if piece.text.len() > LONGEST_PIECE {
                    return refuse(format!("a piece of {} bytes", piece.text.len()), "at most 1024 bytes");
                }
                if piece.score.is_nan() {
                    return refuse("a score that is no number".to_owned(), "a number");
                }
                scores.push((id, piece.score));
                tokens.push(piece.text.as_bytes(), id);
                continue;
            }
            kind::UNKNOWN => unknown = Some(id),
            kind::CONTROL => added_tokens.push(AddedToken::special(piece.text, id)),
            kind::USER_DEFINED => {
                // They are looked for in normalized text, and say how spaces are written there.
                let symbol = AddedToken { special: false, normalized: true, ..AddedToken::special(piece.text, id) };
                added_tokens.push(symbol);
            }
            kind::BYTE => match byte_of(piece.text) {
                Some(byte) => fallback[usize::from(byte)] = Some(id),
                None => return refuse(format!("the byte piece {:?}", piece.text), "<0x00> to <0xFF>"),
            },
            kind::UNUSED => {}
            other => return refuse(format!("a piece of type {other}"), "a type of 1 to 6"),
        }
        tokens.push_not_encodable(piece.text.as_bytes(), id);
    }
    added_tokens.retain(|token| !token.content.is_empty());
    let keep = added_tokens.iter().filter(|token| token.normalized).map(|token| token.content.clone()).collect();
    let byte_fallback = fallback.iter().all(Option::is_some).then(|| Box::new(fallback.map(Option::unwrap_or_default)));
    Ok(TokenizerSpec {
        model: BpeSpec {
            tokens,
            merges: MergeRule::Pairs(merges(&normal(pieces), scores)),
            symbols: Symbols::Chars { byte_fallback, unknown, fuse_unknown: true },
            ignore_merges: false,
        },
        symbol_options: SymbolOptions::default(),
        alphabet: Alphabet::Text,
        normalizer: Some(normalizer(rules, keep)),
        segmentation: Segmentation::Whole,
        added_tokens,
        added_token_policy: AddedTokenPolicy::AllowedOnly,
        post_processor: None,
        decoder: Some(decoder(rules)),
        truncation: None,
        padding: None,
    })
}

/// The pieces that merging may produce and use, by text; of several with one text the first.
fn normal<'a>(pieces: &[Piece<'a>]) -> HashMap<&'a str, u32, RandomState> {
    let mut ids = HashMap::with_capacity_and_hasher(pieces.len(), RandomState::default());
    for (id, piece) in (0..).zip(pieces).filter(|(_, piece)| piece.kind == kind::NORMAL) {
        ids.entry(piece.text).or_insert(id);
    }
    ids
}

/// The pairs of pieces that join to a piece, higher scores first and lower ids first among equal ones.
fn merges(ids: &HashMap<&str, u32, RandomState>, mut scores: Vec<(u32, f32)>) -> Vec<(u32, u32)> {
    scores.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let texts: HashMap<u32, &str, RandomState> = ids.iter().map(|(&text, &id)| (id, text)).collect();
    let mut pairs = Vec::new();
    for text in scores.iter().filter_map(|(id, _)| texts.get(id)) {
        let cuts = text.char_indices().skip(1).map(|(at, _)| text.split_at(at));
        pairs.extend(cuts.filter_map(|(left, right)| Some((*ids.get(left)?, *ids.get(right)?))));
    }
    pairs
}

fn literal(text: &str) -> Pattern {
    Pattern::Literal(text.to_owned())
}

fn normalizer(rules: &Rules<'_>, keep: Vec<String>) -> Normalizer {
    let mut steps = Vec::new();
    if !rules.charsmap.is_empty() {
        steps.push(Normalizer::Precompiled { map: rules.charsmap.to_vec(), keep });
    }
    if rules.remove_extra_whitespaces {
        steps.push(Normalizer::CollapseSpaces);
    }
    if rules.add_dummy_prefix {
        steps.push(Normalizer::Prepend(" ".to_owned()));
    }
    if rules.escape_whitespaces {
        steps.push(Normalizer::Replace { pattern: literal(" "), content: SPACE.to_owned() });
    }
    Normalizer::Sequence(steps)
}

fn decoder(rules: &Rules<'_>) -> Decoder {
    let mut steps = Vec::new();
    if rules.escape_whitespaces {
        steps.push(Decoder::Replace { pattern: literal(SPACE), content: " ".to_owned() });
    }
    steps.extend([Decoder::ByteFallback, Decoder::Fuse]);
    if rules.add_dummy_prefix {
        steps.push(Decoder::Strip { content: ' ', start: 1, stop: 0 });
    }
    Decoder::Sequence(steps)
}

/// The byte that a piece such as `<0x0A>` stands for.
fn byte_of(text: &str) -> Option<u8> {
    let digits = text.strip_prefix("<0x")?.strip_suffix('>')?;
    (digits.len() == 2).then(|| u8::from_str_radix(digits, 16).ok())?
}

/// A field's value; bytes with their offset in the file.
#[derive(Debug, Clone, Copy)]
enum Value<'a> {
    Varint(u64),
    Fixed64,
    Bytes(&'a [u8], usize),
    Fixed32(u32),
}

/// The fields of a message, in order: number and value.
struct Fields<'a> {
    rest: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    const fn new(message: &'a [u8], at: usize) -> Self {
        Self { rest: message, at }
    }

    fn take(&mut self, count: u64) -> Option<&'a [u8]> {
        let count = usize::try_from(count).ok()?;
        let (head, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        self.at += count;
        Some(head)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = *self.take(1)? else { return None };
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn field(&mut self) -> Option<(u64, Value<'a>)> {
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => Value::Varint(self.varint()?),
            1 => self.take(8).map(|_| Value::Fixed64)?,
            2 => {
                let len = self.varint()?;
                let at = self.at;
                Value::Bytes(self.take(len)?, at)
            }
            5 => Value::Fixed32(u32::from_le_bytes(self.take(4)?.try_into().ok()?)),
            _ => return None,
        };
        Some((tag >> 3, value))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), LoadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let at = self.at;
        let field = self.field();
        if field.is_none() {
            self.rest = &[];
        }
        Some(field.ok_or_else(|| LoadError::new(FORMAT, Place::Offset(at), "no field", "a protocol buffer")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(number: u8, content: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, u8::try_from(content.len()).expect("short")], content].concat()
    }

    fn piece(text: &str, score: f32, kind: u8) -> Vec<u8> {
        let score = [&[2 << 3 | 5], &score.to_le_bytes()[..]].concat();
        bytes(1, &[bytes(1, text.as_bytes()), score, vec![3 << 3, kind]].concat())
    }

    fn model(kind: u8) -> Vec<u8> {
        let pieces = [piece("<unk>", 0.0, 2), piece("<s>", 0.0, 3), piece("\u{2581}a", -0.0, 1), piece("a", -1.0, 1)];
        [pieces.concat(), bytes(2, &[3 << 3, kind])].concat()
    }

    #[test]
    fn pieces_and_rules_are_read() {
        let spec = parse(&model(2)).expect("a model");
        assert_eq!(spec.model.tokens.get(2), Some(("\u{2581}a".as_bytes(), 2)));
        assert!(!spec.model.tokens.is_encodable(0) && spec.model.tokens.is_encodable(3));
        assert_eq!(spec.added_tokens.len(), 1);
    }

    #[test]
    fn other_types_and_broken_files_are_refused() {
        let mut no_number = model(2);
        no_number.extend(piece("b", f32::NAN, 1));
        for (file, message) in [
            (model(1), "Unigram"),
            (no_number, "pieces[4]"),
            (model(2)[..20].to_vec(), "byte"),
            (vec![0xFF; 100], "protocol buffer"),
            (Vec::new(), "Unigram"),
        ] {
            let error = parse(&file).expect_err("broken").to_string();
            assert!(error.contains(message), "{error:?} should mention {message:?}");
        }
    }
}
