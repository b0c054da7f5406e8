//! Symbols that are characters, with bytes for those that the vocabulary lacks (SentencePiece's byte fallback).
//!
//! Merges join known characters only. An unknown character is the byte tokens of its UTF-8, and merges do not reach over it.
//! A byte token is therefore valid only where some unknown character goes on with it.

use super::config::{Config, Utf8};
use crate::unicode;

/// States of a [`Config`]: what the last token was. Before any text it is [`FRESH`](super::config::FRESH).
pub(super) const AFTER_KNOWN: u8 = 1;
/// After the last byte of an unknown character.
pub(super) const AFTER_UNKNOWN: u8 = 2;

/// Which characters are symbols, and where pieces begin.
#[derive(Debug, Clone)]
pub struct Characters {
    /// Known characters in order.
    known: Box<[u32]>,
    /// Whether a piece begins at every space.
    cut_at_spaces: bool,
}

const SCALARS: u32 = 0x11_0000;

impl Characters {
    /// Characters that are symbols as they are written in text, in any order.
    #[must_use]
    pub fn new(known: impl IntoIterator<Item = char>, cut_at_spaces: bool) -> Self {
        let mut known: Vec<u32> = known.into_iter().map(u32::from).collect();
        known.sort_unstable();
        known.dedup();
        Self { known: known.into(), cut_at_spaces }
    }

    fn is_known(&self, scalar: u32) -> bool {
        self.known.binary_search(&scalar).is_ok()
    }

    /// Whether some unknown character begins with bytes that are the beginning of a character.
    fn some_unknown(&self, partial: &[u8]) -> bool {
        // Characters that begin with the same bytes are consecutive.
        let shift = match partial.first() {
            None => return true,
            Some(0xC0..0xE0) => 6 * (2 - partial.len()),
            Some(0xE0..0xF0) => 6 * (3 - partial.len()),
            Some(_) => 6 * (4 - partial.len()),
        };
        let lead = match partial[0] {
            0xC0..0xE0 => 0x1F,
            0xE0..0xF0 => 0x0F,
            _ => 0x07,
        };
        let head =
            partial[1..].iter().fold(u32::from(partial[0] & lead), |head, byte| head << 6 | u32::from(byte & 0x3F));
        let (first, end) = (head << shift, (head + 1) << shift);
        let shortest = [0, 0x80, 0x800, 0x1_0000][shift / 6 + partial.len() - 1];
        let first = first.max(shortest);
        let end = end.min(SCALARS);
        let known = self.known.partition_point(|&c| c < end) - self.known.partition_point(|&c| c < first);
        let surrogates = end.min(0xE000).saturating_sub(first.max(0xD800)) as usize;
        ((end.saturating_sub(first)) as usize) > known + surrogates
    }

    /// Appends a byte token; false if no unknown character goes on so.
    pub(super) fn append_byte(&self, config: &mut Config, byte: u8) -> bool {
        let mut bytes = [0; 4];
        let len = config.partial().len();
        bytes[..len].copy_from_slice(config.partial());
        bytes[len] = byte;
        let bytes = &bytes[..=len];
        match Utf8::of(bytes) {
            Utf8::Wrong => false,
            Utf8::Partial => {
                config.set_partial(bytes);
                self.some_unknown(bytes)
            }
            Utf8::Complete => {
                let scalar = unicode_scalar(bytes);
                config.set_partial(&[]);
                config.state = AFTER_UNKNOWN;
                scalar.is_some_and(|scalar| !self.is_known(scalar))
            }
        }
    }

    /// Appends a token of known characters; whether it may be one piece with what is before it, `None` if it is not allowed.
    pub(super) fn append_known(&self, config: &mut Config, bytes: &[u8]) -> Option<bool> {
        let begins_piece = self.cut_at_spaces && bytes.first() == Some(&b' ');
        let cut_inside = self.cut_at_spaces && bytes[1..].contains(&b' ');
        if !config.partial().is_empty() || cut_inside {
            return None;
        }
        let joins = config.state == AFTER_KNOWN && !begins_piece;
        config.state = AFTER_KNOWN;
        Some(joins)
    }
}

fn unicode_scalar(bytes: &[u8]) -> Option<u32> {
    debug_assert!(unicode::class_at(bytes, 0).1 == bytes.len());
    std::str::from_utf8(bytes).ok()?.chars().next().map(u32::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_unknown_counts_the_characters_that_begin_with_bytes() {
        let all = |range: std::ops::RangeInclusive<char>| range;
        let two = Characters::new(all('\u{80}'..='\u{BE}'), false);
        assert!(two.some_unknown(&[0xC2]));
        assert!(!Characters::new(all('\u{80}'..='\u{BF}'), false).some_unknown(&[0xC2]));
        assert!(!Characters::new(all('\u{800}'..='\u{FFF}'), false).some_unknown(&[0xE0]));
        assert!(Characters::new(all('\u{800}'..='\u{FFE}'), false).some_unknown(&[0xE0, 0xBF]));
        assert!(!Characters::new(all('\u{D000}'..='\u{D7FF}'), false).some_unknown(&[0xED]));
        assert!(Characters::new(all('\u{D000}'..='\u{D7FE}'), false).some_unknown(&[0xED]));
        assert!(!Characters::new(all('\u{100000}'..='\u{10FFFF}'), false).some_unknown(&[0xF4]));
        assert!(Characters::new([], false).some_unknown(&[0xF0, 0x90, 0x80]));
    }
}
