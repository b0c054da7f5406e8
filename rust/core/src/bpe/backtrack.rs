//! Exact encoding in linear time, without performing the merges.
//!
//! A sequence of tokens is the encoding of its bytes if and only if every two neighbours are compatible (each pair is the
//! encoding of its own bytes); the idea and its proof are those of the `bpe` crate of github/rust-gems. So the encoding
//! is found left to right: take the longest token that is compatible with the one before, else the next shorter one, and
//! step back when none fits. At any time the tokens taken are the one encoding of the bytes they cover; an end from which
//! nothing fits is therefore dead whatever comes before it, is entered at most once, and the work is linear.

use super::longest::{LongestMatch, NONE};
use crate::merges::{CompatibilityMemo, Merges};

/// A vocabulary prepared for backtracking. Tokens are orders (see [`crate::merges`]).
#[derive(Debug, Clone)]
pub(crate) struct Backtrack {
    pub(crate) longest: LongestMatch,
    /// By token: the longest other token that is a prefix of it, or [`NONE`].
    pub(crate) shorter: Vec<u32>,
    /// By token: its length in bytes.
    pub(crate) lengths: Vec<u32>,
    pub(crate) merges: Merges,
}

/// Working memory.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    memo: CompatibilityMemo,
    dead: Vec<u64>,
}

impl Backtrack {
    /// Appends the tokens of `piece`, which must be made of symbols of the vocabulary; otherwise `tokens` is left as it was and
    /// the answer is false. O(n) for vocabularies of bounded token length.
    pub(crate) fn encode(&self, piece: &[u8], scratch: &mut Scratch, tokens: &mut Vec<u32>) -> bool {
        if piece.len() < 64 {
            self.search(piece, &mut Small(0), &mut scratch.memo, tokens)
        } else {
            scratch.dead.clear();
            scratch.dead.resize(piece.len() / 64 + 1, 0);
            self.search(piece, &mut scratch.dead, &mut scratch.memo, tokens)
        }
    }

    #[inline(always)]
    fn search(&self, piece: &[u8], dead: &mut impl Ends, memo: &mut CompatibilityMemo, tokens: &mut Vec<u32>) -> bool {
        let base = tokens.len();
        let mut before = NONE;
        let mut at = 0;
        let mut token = self.longest.find_longest(piece);
        loop {
            // The longest remaining candidate at `at` that fits behind `before`.
            while token != NONE {
                let end = at + self.lengths[token as usize] as usize;
                if !dead.contains(end) && (before == NONE || memo.compatible(&self.merges, before, token)) {
                    break;
                }
                token = self.shorter[token as usize];
            }
            if token == NONE {
                // Nothing fits here: the token before was wrong.
                if tokens.len() == base {
                    return false;
                }
                dead.insert(at);
                token = before;
                tokens.pop();
                at -= self.lengths[token as usize] as usize;
                before = if tokens.len() == base { NONE } else { tokens[tokens.len() - 1] };
                token = self.shorter[token as usize];
                continue;
            }
            tokens.push(token);
            at += self.lengths[token as usize] as usize;
            if at == piece.len() {
                return true;
            }
            before = token;
            token = self.longest.find_longest(&piece[at..]);
        }
    }
}

/// A set of positions within a piece.
trait Ends {
    fn contains(&self, end: usize) -> bool;
    fn insert(&mut self, end: usize);
}

/// Positions below 64.
struct Small(u64);

impl Ends for Small {
    #[inline(always)]
    fn contains(&self, end: usize) -> bool {
        self.0 >> end & 1 == 1
    }
    fn insert(&mut self, end: usize) {
        self.0 |= 1 << end;
    }
}

impl Ends for Vec<u64> {
    #[inline(always)]
    fn contains(&self, end: usize) -> bool {
        self[end / 64] >> (end % 64) & 1 == 1
    }
    fn insert(&mut self, end: usize) {
        self[end / 64] |= 1 << (end % 64);
    }
}
