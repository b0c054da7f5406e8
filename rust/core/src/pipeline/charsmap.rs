//! SentencePiece's precompiled character map: longest-prefix replacement by a double-array trie.
//!
//! Format, from SentencePiece's `normalizer.cc`: the length of the trie in bytes as a little-endian `u32`, the trie as
//! little-endian `u32` units of a darts-clone double array, then the replacements, each ended by a zero byte. The value
//! of a key is the offset of its replacement.

use super::error::CompileError;
use super::rewrite::Rewriter;
use aho_corasick::{AhoCorasick, Anchored, Input, MatchKind, StartKind};

/// A compiled map.
#[derive(Debug)]
pub(super) struct CharsMap {
    units: Vec<u32>,
    replacements: Box<[u8]>,
    /// Finds what is not looked up.
    keep: Option<AhoCorasick>,
}

const PLACE: &str = "precompiled character map";

impl CharsMap {
    pub(super) fn new(blob: &[u8], keep: &[String]) -> Result<Self, CompileError> {
        if blob.is_empty() {
            return Ok(Self { units: Vec::new(), replacements: Box::default(), keep: None });
        }
        let broken = |found: String, allowed: &str| CompileError::component(PLACE, found, allowed);
        let (head, rest) = blob
            .split_first_chunk::<4>()
            .ok_or_else(|| broken(format!("{} bytes", blob.len()), "at least the length of the trie"))?;
        let trie_len = u32::from_le_bytes(*head) as usize;
        if trie_len > rest.len() || !trie_len.is_multiple_of(4) {
            return Err(broken(
                format!("a trie of {trie_len} bytes"),
                &format!("a multiple of 4 up to {}", rest.len()),
            ));
        }
        let (trie, replacements) = rest.split_at(trie_len);
        let (chunks, _) = trie.as_chunks::<4>();
        let units = chunks.iter().map(|c| u32::from_le_bytes(*c)).collect();
        Ok(Self { units, replacements: replacements.into(), keep: prefixes(keep)? })
    }

    /// Whether no text changes.
    pub(super) const fn is_identity(&self) -> bool {
        self.units.is_empty()
    }

    /// The longest key that `text` begins with: its length and its replacement.
    fn longest(&self, text: &str) -> Option<(usize, &str)> {
        // Darts-clone: a unit holds either an offset to its children and the label it is entered by, or a value.
        let offset = |unit: u32| ((unit >> 10) << ((unit & (1 << 9)) >> 6)) as usize;
        let mut unit = *self.units.first()?;
        let mut place = offset(unit);
        let mut best = None;
        for (index, byte) in text.bytes().enumerate() {
            place ^= usize::from(byte);
            match self.units.get(place) {
                Some(&child) if child & 0x8000_00FF == u32::from(byte) => unit = child,
                _ => break,
            }
            place ^= offset(unit);
            if unit >> 8 & 1 == 1 {
                let value = self.units.get(place).map_or(u32::MAX, |leaf| leaf & 0x7FFF_FFFF);
                best = Some((index + 1, value));
            }
        }
        let (len, value) = best?;
        let tail = self.replacements.get(value as usize..)?;
        let end = memchr::memchr(0, tail)?;
        Some((text.is_char_boundary(len).then_some(len)?, std::str::from_utf8(&tail[..end]).ok()?))
    }

    /// The length of the longest kept string that `text` begins with.
    fn kept(&self, text: &str) -> Option<usize> {
        Some(self.keep.as_ref()?.find(Input::new(text).anchored(Anchored::Yes))?.end())
    }

    /// Replaces what the map knows, from left to right; other characters stay.
    pub(super) fn rewrite(&self, text: &str, rewriter: &mut Rewriter<'_>) {
        let mut at = 0;
        while let Some(c) = text[at..].chars().next() {
            if let Some(len) = self.kept(&text[at..]) {
                rewriter.keep(len);
                at += len;
                continue;
            }
            match self.longest(&text[at..]) {
                None => {
                    rewriter.keep(c.len_utf8());
                    at += c.len_utf8();
                }
                Some((len, replacement)) => {
                    let mut chars = replacement.chars();
                    match chars.next() {
                        None => rewriter.remove(len),
                        Some(first) => {
                            rewriter.replace(first);
                            rewriter.remove(len - c.len_utf8());
                            chars.for_each(|more| rewriter.insert(more));
                        }
                    }
                    at += len;
                }
            }
        }
    }
}

/// Finds the longest of the strings that a text begins with.
fn prefixes(strings: &[String]) -> Result<Option<AhoCorasick>, CompileError> {
    if strings.is_empty() {
        return Ok(None);
    }
    AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .start_kind(StartKind::Anchored)
        .build(strings)
        .map(Some)
        .map_err(|error| CompileError::component(PLACE, error.to_string(), "fewer or shorter symbols"))
}
