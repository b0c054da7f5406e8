//! SentencePiece's precompiled character map: longest-prefix replacement by a double-array trie.
//!
//! Format, from SentencePiece's `normalizer.cc`: the length of the trie in bytes as a little-endian `u32`, the trie as
//! little-endian `u32` units of a darts-clone double array, then the replacements, each ended by a zero byte. The value
//! of a key is the offset of its replacement.

use super::error::CompileError;
use super::rewrite::Rewriter;
use aho_corasick::{AhoCorasick, Anchored, Input, MatchKind, StartKind};
use unicode_segmentation::UnicodeSegmentation;

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
        let (len, value) = self.key(text, true)?;
        Some((text.is_char_boundary(len).then_some(len)?, self.replacement(value)?))
    }

    /// The replacement of the shortest key that `text` begins with.
    fn of_shortest(&self, text: &str) -> Option<&str> {
        self.replacement(self.key(text, false)?.1)
    }

    /// The replacement at an offset.
    fn replacement(&self, value: u32) -> Option<&str> {
        let tail = self.replacements.get(value as usize..)?;
        let end = memchr::memchr(0, tail)?;
        std::str::from_utf8(&tail[..end]).ok()
    }

    /// The longest or the shortest key that `text` begins with: its length and its value.
    fn key(&self, text: &str, longest: bool) -> Option<(usize, u32)> {
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
                if !longest {
                    break;
                }
            }
        }
        best
    }

    /// Replaces as Hugging Face tokenizers does: grapheme clusters of fewer than six bytes as a whole, then single characters,
    /// each by what the shortest key stands for that it begins with.
    pub(super) fn rewrite_graphemes(&self, text: &str, rewriter: &mut Rewriter<'_>) {
        for cluster in text.graphemes(true) {
            if cluster.len() < 6
                && let Some(replacement) = self.of_shortest(cluster)
            {
                substitute(cluster, replacement, rewriter);
                continue;
            }
            let mut buffer = [0; 4];
            for c in cluster.chars() {
                let part: &str = c.encode_utf8(&mut buffer);
                match self.of_shortest(part) {
                    Some(replacement) => substitute(part, replacement, rewriter),
                    None => rewriter.keep(part.len()),
                }
            }
        }
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

/// Puts text in place of other text, character by character; what is left of the old goes with the last, what is left of the
/// new is inserted.
fn substitute(old: &str, new: &str, rewriter: &mut Rewriter<'_>) {
    let (before, after) = (old.chars().count(), new.chars().count());
    for (index, c) in new.chars().enumerate() {
        if index < before {
            rewriter.replace(c);
        } else {
            rewriter.insert(c);
        }
    }
    rewriter.remove_chars(before.saturating_sub(after));
}
