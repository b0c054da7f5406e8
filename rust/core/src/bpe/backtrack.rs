//! Exact encoding in linear time, without performing the merges.
//!
//! A sequence of tokens is the encoding of its bytes if and only if every two neighbours are compatible (each pair is the
//! encoding of its own bytes); the idea and its proof are those of the `bpe` crate of github/rust-gems. So the encoding
//! is found left to right: take the longest token that is compatible with the one before, else the next shorter one, and
//! step back when none fits. At any time the tokens taken are the one encoding of the bytes they cover; an end from which
//! nothing fits is therefore dead whatever comes before it, is entered at most once, and the work is linear.

use super::longest::{LongestMatch, NONE};
use crate::merges::{CompatibilityMemo, Merges};

/// A token that text begins with: its order and its length in bytes, in one word.
///
/// [`NONE`] is no token. The trie stores these as they are, so that a match needs no further lookup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Match(pub(crate) u32);

impl Match {
    const LENGTH_BITS: u32 = 11;
    pub(crate) const NONE: Self = Self(NONE);
    /// The longest token that backtracking handles.
    pub(crate) const LONGEST: usize = (1 << Self::LENGTH_BITS) - 1;

    /// Packs an order below 2^21 and a length of at most [`Match::LONGEST`].
    #[allow(clippy::cast_possible_truncation, reason = "the masked length has 11 bits")]
    pub(crate) fn new(order: u32, length: usize) -> Self {
        Self(order << Self::LENGTH_BITS | (length & Self::LONGEST) as u32)
    }

    #[inline(always)]
    pub(crate) const fn is_none(self) -> bool {
        self.0 == NONE
    }

    #[inline(always)]
    pub(crate) const fn order(self) -> u32 {
        self.0 >> Self::LENGTH_BITS
    }

    #[inline(always)]
    pub(crate) const fn length(self) -> usize {
        self.0 as usize & Self::LONGEST
    }
}

/// A vocabulary prepared for backtracking.
#[derive(Debug)]
pub(crate) struct Backtrack {
    /// Answers with a [`Match`].
    pub(crate) longest: LongestMatch,
    /// By order: the longest other token that is a prefix of it, as a [`Match`].
    pub(crate) shorter: Vec<u32>,
}

/// Working memory.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    memo: CompatibilityMemo,
    dead: Vec<u64>,
}

impl Backtrack {
    /// The longest token that `bytes` begins with. O(its length).
    #[inline(always)]
    pub(crate) fn first(&self, bytes: &[u8]) -> Match {
        Match(self.longest.find_longest(bytes))
    }

    /// Appends the tokens of `piece`, which must be made of symbols of the vocabulary; otherwise
    /// `tokens` is left as it was and the answer is false. O(n) for vocabularies of bounded token length.
    pub(crate) fn encode(&self, piece: &[u8], merges: &Merges, scratch: &mut Scratch, tokens: &mut Vec<Match>) -> bool {
        let Scratch { memo, dead } = scratch;
        memo.serve(merges);
        dead.clear();
        dead.resize(piece.len() / 64 + 1, 0);
        let base = tokens.len();
        let mut before = Match::NONE;
        let mut at = 0;
        let mut token = self.first(piece);
        loop {
            // The longest remaining candidate at `at` that fits behind `before`.
            while !token.is_none() {
                let fits = before.is_none() || memo.compatible(merges, before.order(), token.order());
                if fits && !contains(dead, at + token.length()) {
                    break;
                }
                token = Match(self.shorter[token.order() as usize]);
            }
            if token.is_none() {
                // Nothing fits here: the token before was wrong.
                if tokens.len() == base {
                    return false;
                }
                insert(dead, at);
                at -= before.length();
                token = Match(self.shorter[before.order() as usize]);
                tokens.pop();
                before = if tokens.len() == base { Match::NONE } else { tokens[tokens.len() - 1] };
                continue;
            }
            tokens.push(token);
            at += token.length();
            if at == piece.len() {
                return true;
            }
            before = token;
            token = self.first(&piece[at..]);
        }
    }
}

/// Whether a set of positions has `end`.
#[inline(always)]
fn contains(set: &[u64], end: usize) -> bool {
    set[end / 64] >> (end % 64) & 1 == 1
}

fn insert(set: &mut [u64], end: usize) {
    set[end / 64] |= 1 << (end % 64);
}
