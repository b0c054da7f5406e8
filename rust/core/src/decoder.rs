//! Ids back to bytes and text: whole sequences, and streams that never emit a broken character.

mod stream;
mod table;
mod utf8;

pub use stream::DecodeStream;
pub use table::TokenBytes;
pub use utf8::valid_and_invalid_runs;

use std::fmt;

/// An id that no token has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownTokenError {
    id: u32,
    at: usize,
    max_id: Option<u32>,
}

impl UnknownTokenError {
    pub(crate) const fn new(id: u32, at: usize, max_id: Option<u32>) -> Self {
        Self { id, at, max_id }
    }

    /// The id.
    #[must_use]
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// Its position in the sequence.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.at
    }
}

impl fmt::Display for UnknownTokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, at, .. } = self;
        match self.max_id {
            Some(max) if *id > max => write!(f, "id {id} at position {at} is not a token: the largest id is {max}"),
            Some(max) => write!(f, "id {id} at position {at} is not a token: the ids up to {max} have a gap there"),
            None => write!(f, "id {id} at position {at} is not a token: the vocabulary is empty"),
        }
    }
}

impl std::error::Error for UnknownTokenError {}

/// From ids to bytes, for vocabularies whose tokens each stand for fixed bytes.
#[derive(Debug)]
pub struct Decoder {
    tokens: TokenBytes,
    rules: JoinRules,
}

/// What joining tokens does beyond putting their bytes one after another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JoinRules {
    /// Bytes removed from the beginning of the output, and how many times at most.
    pub strip_start: Option<(Box<[u8]>, usize)>,
    /// Bytes between two tokens.
    pub separator: Box<[u8]>,
}

/// How far a joined output has come; lets it be produced token by token.
#[derive(Debug, Clone, Default)]
pub struct JoinState {
    started: bool,
    stripped: usize,
    strip_done: bool,
    /// Bytes that may still turn out to be part of something to strip.
    pending: Vec<u8>,
}

impl Decoder {
    /// A decoder over the bytes of each token.
    #[must_use]
    pub const fn new(tokens: TokenBytes, rules: JoinRules) -> Self {
        Self { tokens, rules }
    }

    /// The bytes of each token.
    #[must_use]
    pub const fn tokens(&self) -> &TokenBytes {
        &self.tokens
    }

    /// Whether the bytes of a sequence are those of its tokens, one after the other.
    pub(crate) fn only_joins(&self) -> bool {
        self.rules == JoinRules::default()
    }

    /// The bytes of a sequence of ids with their positions, which errors name.
    ///
    /// # Errors
    /// If an id is not a token's.
    pub fn decode(&self, ids: impl IntoIterator<Item = (usize, u32)>) -> Result<Vec<u8>, UnknownTokenError> {
        let mut out = Vec::new();
        let mut state = JoinState::default();
        for (at, id) in ids {
            self.push(id, at, &mut state, &mut out)?;
        }
        Self::finish(&mut state, &mut out);
        Ok(out)
    }

    /// Appends what the next token adds to the output.
    ///
    /// # Errors
    /// If `id` is not a token's; the state is then unchanged.
    pub fn push(&self, id: u32, at: usize, state: &mut JoinState, out: &mut Vec<u8>) -> Result<(), UnknownTokenError> {
        let bytes = self.tokens.get(id).ok_or_else(|| UnknownTokenError::new(id, at, self.tokens.max_id()))?;
        if state.started && !self.rules.separator.is_empty() {
            self.append(&self.rules.separator, state, out);
        }
        state.started = true;
        self.append(bytes, state, out);
        Ok(())
    }

    /// Appends what was held back once no token follows.
    pub fn finish(state: &mut JoinState, out: &mut Vec<u8>) {
        out.append(&mut state.pending);
        state.strip_done = true;
    }

    fn append(&self, bytes: &[u8], state: &mut JoinState, out: &mut Vec<u8>) {
        let Some((strip, times)) = self.rules.strip_start.as_ref().filter(|_| !state.strip_done) else {
            out.extend_from_slice(bytes);
            return;
        };
        state.pending.extend_from_slice(bytes);
        let mut rest = &state.pending[..];
        while state.stripped < *times && !strip.is_empty() && rest.starts_with(strip) {
            rest = &rest[strip.len()..];
            state.stripped += 1;
        }
        let undecided = state.stripped < *times && rest.len() < strip.len() && strip.starts_with(rest);
        if undecided {
            state.pending = rest.to_vec();
        } else {
            out.extend_from_slice(rest);
            state.pending.clear();
            state.strip_done = true;
        }
    }
}
