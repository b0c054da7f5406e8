//! The symbols that merging begins with, and pieces written in them.

use super::Pieces;
use super::corpus::{Corpus, Layout, MAX_IDS};
use super::error::TrainError;
use super::options::{AlphabetOptions, Ties, Units};
use super::vocabulary::Vocabulary;
use crate::spec::{byte_to_char, char_to_byte, text_to_bytes};
use std::collections::HashMap;

/// A unit that is no symbol.
const DROPPED: u32 = u32::MAX;

/// What the symbols of units are.
#[derive(Debug, Clone)]
pub(super) enum Alphabet {
    /// By byte.
    Bytes(Box<[u32; 256]>),
    /// By character: alone or first, last, inside, and both first and last; see [`place_in_word`].
    Chars { ids: HashMap<char, [u32; 4], foldhash::fast::RandomState>, bytes: bool },
}

/// Which of the four forms of a character stands at a place of a word.
const fn place_in_word(first: bool, last: bool) -> usize {
    (!first as usize) * 2 + last as usize
}

/// A counted unit: its character, and how often it occurs.
type Unit = (char, u64);

impl Alphabet {
    /// Finds the symbols of pieces, and a vocabulary of special tokens and symbols.
    ///
    /// # Errors
    /// If there are too many symbols, or options contradict each other.
    pub(super) fn new(options: &AlphabetOptions, pieces: &dyn Pieces) -> Result<(Self, Vocabulary), TrainError> {
        check(options)?;
        let mut vocabulary = Vocabulary::with_prefix(&options.continuing_subword_prefix);
        let mut bytes = Vec::new();
        for token in &options.special_tokens {
            bytes.clear();
            let spelled = options.units == Units::Bytes && text_to_bytes(token, &mut bytes);
            if options.units != Units::Bytes {
                bytes.extend_from_slice(token.as_bytes());
            } else if !spelled {
                if !vocabulary.has_apart(token.as_bytes()) {
                    vocabulary.push_apart(token.as_bytes());
                }
                continue;
            }
            if vocabulary.id(&bytes).is_none() {
                vocabulary.push(&bytes, 0);
            }
        }
        let mut units = kept(options, count(options, pieces));
        // As in tokenizers, a special token of one character is a symbol even if the alphabet is full.
        units.extend(options.special_tokens.iter().filter_map(|token| only_char(token)));
        units.sort_unstable();
        units.dedup();
        if options.ties == Ties::RustBpe {
            units.sort_by_key(|&c| char_to_byte(c).map_or(u32::MAX, u32::from));
        }
        if units.len() >= MAX_IDS as usize {
            return Err(TrainError::too_large("symbols", units.len(), MAX_IDS as usize));
        }
        let alphabet = if options.units == Units::Bytes {
            Self::Bytes(enter_bytes(&units, &mut vocabulary))
        } else {
            let ids = enter_chars(&units, options, pieces, &mut vocabulary);
            Self::Chars { ids, bytes: options.units == Units::ByteChars }
        };
        Ok((alphabet, vocabulary))
    }

    /// Lays out the pieces that have a pair.
    ///
    /// # Errors
    /// If they are too many.
    pub(super) fn corpus(&self, pieces: &dyn Pieces) -> Result<Corpus, TrainError> {
        let mut symbols = Vec::new();
        let mut layout = Layout::new(|add| {
            pieces.for_each(&mut |piece, count| {
                let len = match self {
                    Self::Bytes(ids) if !ids.contains(&DROPPED) => piece.len(),
                    _ => {
                        self.write(piece, &mut symbols);
                        symbols.len()
                    }
                };
                if len > 1 {
                    add(len, count);
                }
            });
        })?;
        pieces.for_each(&mut |piece, count| {
            self.write(piece, &mut symbols);
            if symbols.len() > 1 {
                layout.piece(symbols.len(), count).copy_from_slice(&symbols);
            }
        });
        Ok(layout.finish())
    }

    /// The symbols of a piece.
    pub(super) fn write(&self, piece: &[u8], out: &mut Vec<u32>) {
        out.clear();
        match self {
            Self::Bytes(ids) => out.extend(piece.iter().map(|&byte| ids[byte as usize]).filter(|&id| id != DROPPED)),
            Self::Chars { ids, bytes } => for_each_char(piece, *bytes, |c, first, last| {
                if let Some(id) = ids.get(&c).map(|forms| forms[place_in_word(first, last)]) {
                    out.push(id);
                }
            }),
        }
    }
}

/// The character of a text of one character.
fn only_char(text: &str) -> Option<char> {
    let mut chars = text.chars();
    chars.next().filter(|_| chars.next().is_none())
}

/// Refuses options that contradict each other.
fn check(options: &AlphabetOptions) -> Result<(), TrainError> {
    let affixed = !options.continuing_subword_prefix.is_empty() || !options.end_of_word_suffix.is_empty();
    if affixed && options.units == Units::Bytes {
        return Err(TrainError::argument("bytes have no prefix or suffix: write them as characters"));
    }
    if options.ties == Ties::RustBpe && options.units != Units::Bytes {
        return Err(TrainError::argument("the order of rustbpe is one of bytes; the text is split into characters"));
    }
    Ok(())
}

/// Calls `f` with each character of a piece and whether it is the first and the last.
fn for_each_char(piece: &[u8], bytes: bool, mut f: impl FnMut(char, bool, bool)) {
    if bytes {
        for (at, &byte) in piece.iter().enumerate() {
            f(byte_to_char(byte), at == 0, at + 1 == piece.len());
        }
    } else {
        let text = String::from_utf8_lossy(piece);
        for (at, c) in text.char_indices() {
            f(c, at == 0, at + c.len_utf8() == text.len());
        }
    }
}

/// Counts units, most of them by their byte.
fn count(options: &AlphabetOptions, pieces: &dyn Pieces) -> HashMap<char, u64, foldhash::fast::RandomState> {
    let mut counts = HashMap::default();
    let mut bytes = [0_u64; 256];
    let seen = !options.all_bytes || options.limit.is_some() || options.units != Units::Bytes;
    if seen {
        pieces.for_each(&mut |piece, count| {
            if options.units == Units::Chars {
                for_each_char(piece, false, |c, _, _| {
                    let sum: &mut u64 = counts.entry(c).or_default();
                    *sum = sum.saturating_add(count);
                });
            } else {
                for &byte in piece {
                    bytes[byte as usize] = bytes[byte as usize].saturating_add(count);
                }
            }
        });
    }
    let units = (0..=u8::MAX).zip(bytes).filter(|&(_, count)| count > 0);
    counts.extend(units.map(|(byte, count)| (byte_to_char(byte), count)));
    counts
}

/// The characters of the alphabet.
fn kept(options: &AlphabetOptions, mut counts: HashMap<char, u64, foldhash::fast::RandomState>) -> Vec<char> {
    let bytes = options.all_bytes.then(|| (0..=u8::MAX).map(byte_to_char));
    counts.extend(options.initial.iter().copied().chain(bytes.into_iter().flatten()).map(|c| (c, u64::MAX)));
    let mut units: Vec<Unit> = counts.into_iter().collect();
    if let Some(limit) = options.limit {
        units.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        units.truncate(limit);
    }
    units.into_iter().map(|unit| unit.0).collect()
}

/// Enters bytes; a character that stands for no byte is a token that no text has.
fn enter_bytes(units: &[char], vocabulary: &mut Vocabulary) -> Box<[u32; 256]> {
    let mut ids = Box::new([DROPPED; 256]);
    for &unit in units {
        if let Some(byte) = char_to_byte(unit) {
            ids[byte as usize] = vocabulary.symbol(&[byte]);
            continue;
        }
        let mut buffer = [0; 4];
        let string = unit.encode_utf8(&mut buffer).as_bytes();
        if !vocabulary.has_apart(string) {
            vocabulary.push_apart(string);
        }
    }
    ids
}

/// The bytes of a vocabulary.
pub(super) fn enter_symbols(vocabulary: &Vocabulary) -> Box<[u32; 256]> {
    let mut ids = Box::new([DROPPED; 256]);
    for byte in 0..=u8::MAX {
        ids[byte as usize] = vocabulary.id(&[byte]).unwrap_or(DROPPED);
    }
    ids
}

/// Enters characters, then those of their forms with a prefix or a suffix that occur, in order.
fn enter_chars(
    units: &[char],
    options: &AlphabetOptions,
    pieces: &dyn Pieces,
    vocabulary: &mut Vocabulary,
) -> HashMap<char, [u32; 4], foldhash::fast::RandomState> {
    let mut ids = HashMap::default();
    for &unit in units {
        ids.insert(unit, [vocabulary.symbol(unit.to_string().as_bytes()); 4]);
    }
    let (prefix, suffix) = (&options.continuing_subword_prefix, &options.end_of_word_suffix);
    if prefix.is_empty() && suffix.is_empty() {
        return ids;
    }
    let mut occurring: HashMap<char, [bool; 4]> = HashMap::new();
    pieces.for_each(&mut |piece, _| {
        for_each_char(piece, options.units == Units::ByteChars, |c, first, last| {
            occurring.entry(c).or_default()[place_in_word(first, last)] = true;
        });
    });
    for &unit in units {
        for (first, last) in [(true, true), (false, false), (false, true)] {
            let place = place_in_word(first, last);
            if occurring.get(&unit).is_some_and(|places| places[place]) {
                let mut form = String::new();
                form.push_str(if first { "" } else { prefix });
                form.push(unit);
                form.push_str(if last { suffix } else { "" });
                let id = vocabulary.symbol(form.as_bytes());
                ids.entry(unit).and_modify(|forms: &mut [u32; 4]| forms[place] = id);
            }
        }
    }
    ids
}
