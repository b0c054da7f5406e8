//! Encoding text that may go on: which ids are settled, and what the rest may become.
//!
//! The last piece of a text can still grow, so the tokens it gives today need not be those it will have. tiktoken answers with
//! the settled ids and a set of completions of the unsettled bytes; this module gives the same ids and the same set (tiktoken's
//! `encode_with_unstable` and `_encode_bytes`, version 0.14).

use std::collections::BTreeSet;

use super::{RankEncoding, Specials, split};
use crate::encoder::Scratch;
use crate::id::TokenId;
#[cfg(doc)]
use crate::pretokenize::Pretokenizer;
use crate::pretokenize::SplitError;

/// The encoding of a text that may go on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unstable {
    /// Ids that do not depend on what follows (as far as tiktoken looks).
    pub stable: Vec<u32>,
    /// Id sequences that begin with the bytes after the stable ids and are encodings of some continuation, in id order.
    pub completions: BTreeSet<Vec<u32>>,
}

impl RankEncoding {
    /// Encodes a text that may go on.
    ///
    /// # Errors
    /// If the pattern gives up on the text, see [`Pretokenizer::try_pieces`].
    pub fn encode_with_unstable(
        &self,
        text: &str,
        allowed: Option<&Specials>,
        scratch: &mut Scratch,
    ) -> Result<Unstable, SplitError> {
        let (mut stable, last_piece) = self.encode_tail(text, allowed, scratch)?;
        if last_piece == 0 {
            return Ok(Unstable { stable, completions: BTreeSet::new() });
        }
        let settled = stable.len() - self.widen_over_spaces(&stable, last_piece);
        let rest: Vec<u8> =
            stable[settled..].iter().filter_map(|&id| self.vocab().bytes(TokenId(id))).flatten().copied().collect();
        stable.truncate(settled);
        let completions = if rest.is_empty() { BTreeSet::new() } else { self.completions(&rest, scratch) };
        Ok(Unstable { stable, completions })
    }

    /// Encodes bytes of which the end may not be UTF-8, without special tokens.
    ///
    /// From the last piece that is valid on, bytes are merged without a pattern; they may be a character cut short.
    ///
    /// # Errors
    /// If the pattern gives up on the text, see [`Pretokenizer::try_pieces`].
    pub fn encode_bytes(&self, bytes: &[u8], scratch: &mut Scratch, out: &mut Vec<u32>) -> Result<(), SplitError> {
        let valid = match std::str::from_utf8(bytes) {
            Ok(text) => return self.encoder().encode_ordinary(text, scratch, out),
            Err(error) => error.valid_up_to(),
        };
        let text = std::str::from_utf8(&bytes[..valid]).unwrap_or_default();
        let (ids, last_piece) = self.encode_tail(text, None, scratch)?;
        let settled = ids.len() - self.widen_over_spaces(&ids, last_piece);
        let mut rest: Vec<u8> =
            ids[settled..].iter().filter_map(|&id| self.vocab().bytes(TokenId(id))).flatten().copied().collect();
        rest.extend_from_slice(&bytes[valid..]);
        out.extend_from_slice(&ids[..settled]);
        self.encode_piece(&rest, scratch, out);
        Ok(())
    }

    /// The ids of `text` and how many of them come from its last piece; none if it ends with a special token.
    fn encode_tail(
        &self,
        text: &str,
        allowed: Option<&Specials>,
        scratch: &mut Scratch,
    ) -> Result<(Vec<u32>, usize), SplitError> {
        let mut tail = 0;
        while let Some(found) = allowed.and_then(|specials| specials.find(text, tail)) {
            tail = found.end;
        }
        let mut ids = Vec::new();
        self.encode(&text[..tail], allowed, scratch, &mut ids)?;
        let mut last_piece = 0;
        for piece in split(self.encoder().pretokenizer(), &text[tail..])? {
            let before = ids.len();
            self.encode_piece(&text.as_bytes()[tail..][piece], scratch, &mut ids);
            last_piece = ids.len() - before;
        }
        Ok((ids, last_piece))
    }

    /// Takes more ids into the last piece while they are white space, if it begins with white space: a piece of white space
    /// before the last may join with it once a line break follows.
    fn widen_over_spaces(&self, ids: &[u32], last_piece: usize) -> usize {
        let is_space = |id: u32| {
            self.vocab()
                .bytes(TokenId(id))
                .is_some_and(|bytes| bytes.iter().all(|byte| matches!(byte, b' ' | b'\n' | b'\t')))
        };
        let first = ids.len() - last_piece;
        if last_piece == 0 || !is_space(ids[first]) {
            return last_piece;
        }
        last_piece + ids[..first].iter().rev().take_while(|&&id| is_space(id)).count()
    }

    /// What `rest`, the bytes of a last piece, may become.
    fn completions(&self, rest: &[u8], scratch: &mut Scratch) -> BTreeSet<Vec<u32>> {
        // One token covers all of it ...
        let mut found: BTreeSet<Vec<u32>> = self.with_prefix(rest).map(|(_, id)| vec![id]).collect();
        // ... or a token begins inside it and reaches over its end.
        let mut grown = Vec::new();
        let mut ids = Vec::new();
        for start in 1..rest.len() {
            for (token, _) in self.with_prefix(&rest[start..]) {
                grown.clear();
                grown.extend_from_slice(&rest[..start]);
                grown.extend_from_slice(token);
                ids.clear();
                let text = std::str::from_utf8(&grown).ok();
                if text.is_none_or(|text| self.encoder().encode_ordinary(text, scratch, &mut ids).is_err()) {
                    ids.clear();
                    self.merge_only(&grown, scratch, &mut ids);
                }
                ids.truncate(self.cover(&ids, rest.len()));
                if !found.contains(&ids) {
                    found.insert(ids.clone());
                }
            }
        }
        // White space at the end may be split off by what follows it (`\s+(?!\S)`).
        if let Some(split) = trailing_space(rest).filter(|&at| at > 0) {
            let mut ids = Vec::new();
            self.merge_only(&rest[..split], scratch, &mut ids);
            self.merge_only(&rest[split..], scratch, &mut ids);
            found.insert(ids);
        }
        found
    }

    /// How many of the ids it takes to cover `length` bytes.
    fn cover(&self, ids: &[u32], length: usize) -> usize {
        let mut covered = 0;
        for (at, &id) in ids.iter().enumerate() {
            covered += self.vocab().bytes(TokenId(id)).map_or(0, <[u8]>::len);
            if covered >= length {
                return at + 1;
            }
        }
        ids.len()
    }

    /// Merges as tiktoken's `byte_pair_encode` does, which, unlike encoding a piece, does not look first whether the whole is a
    /// token. The two differ only for a token that its own merges do not reach.
    fn merge_only(&self, piece: &[u8], scratch: &mut Scratch, out: &mut Vec<u32>) {
        if piece.len() < 2 || self.vocab().id(piece).is_none() {
            return self.encode_piece(piece, scratch, out);
        }
        let mut cuts: Vec<usize> = (0..=piece.len()).collect();
        loop {
            let best = (2..cuts.len())
                .filter_map(|end| Some((self.vocab().id(&piece[cuts[end - 2]..cuts[end]])?, end - 1)))
                .min();
            let Some((_, middle)) = best else { break };
            cuts.remove(middle);
        }
        out.extend(cuts.windows(2).filter_map(|cut| self.vocab().id(&piece[cut[0]..cut[1]])).map(|id| id.0));
    }
}

/// Where the last character of `bytes` begins, if it is white space.
fn trailing_space(bytes: &[u8]) -> Option<usize> {
    let start = bytes.iter().rposition(|byte| byte & 0xC0 != 0x80)?;
    let last = std::str::from_utf8(&bytes[start..]).ok()?.chars().next()?;
    last.is_whitespace().then_some(start)
}
