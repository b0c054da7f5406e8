//! Truncating, padding and merging.

use super::{Encoding, NO_WORD};
use std::ops::Range;

/// A side of a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// Its beginning.
    Left,
    /// Its end.
    #[default]
    Right,
}

/// What fills up a sequence that is too short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pad {
    /// The side that is filled.
    pub direction: Direction,
    /// The id of padding.
    pub id: u32,
    /// Its type id.
    pub type_id: u32,
    /// Its token string.
    pub token: String,
}

impl Encoding {
    /// Keeps the first or last `max_length` tokens; all windows of that length that cover the rest, each sharing `stride`
    /// tokens with the one before, are then [`overflowing`](Self::overflowing). Says no more which input a token is of.
    ///
    /// False, and nothing changes, if `stride` is not less than `max_length`, unless nothing has to be cut or all is.
    #[must_use]
    pub fn truncate(&mut self, max_length: usize, stride: usize, direction: Direction) -> bool {
        if max_length >= self.len() {
            return true;
        }
        if max_length == 0 {
            let all = std::mem::take(self);
            self.overflowing.push(all);
            return true;
        }
        if stride >= max_length {
            return false;
        }
        let windows = windows(self.len(), max_length, max_length - stride, direction);
        let mut parts = windows.into_iter().map(|window| self.slice(window));
        let Some(mut first) = parts.next() else { return true };
        first.overflowing = parts.collect();
        *self = first;
        true
    }

    /// Some of the tokens.
    fn slice(&self, range: Range<usize>) -> Self {
        Self {
            ids: self.ids[range.clone()].to_vec(),
            type_ids: self.type_ids[range.clone()].to_vec(),
            tokens: self.tokens.slice(range.clone()),
            words: self.words[range.clone()].to_vec(),
            offsets: self.offsets[range.clone()].to_vec(),
            special_tokens_mask: self.special_tokens_mask[range.clone()].to_vec(),
            attention_mask: self.attention_mask[range].to_vec(),
            overflowing: Vec::new(),
            sequences: Vec::new(),
        }
    }

    /// Fills up to `length` tokens, and so what was cut off.
    pub fn pad(&mut self, length: usize, pad: &Pad) {
        self.overflowing.iter_mut().for_each(|part| part.pad(length, pad));
        let Some(count) = length.checked_sub(self.len()).filter(|&count| count > 0) else { return };
        let before = pad.direction == Direction::Left;
        extend(&mut self.ids, count, pad.id, before);
        extend(&mut self.type_ids, count, pad.type_id, before);
        extend(&mut self.words, count, NO_WORD, before);
        extend(&mut self.offsets, count, [0, 0], before);
        extend(&mut self.special_tokens_mask, count, 1, before);
        extend(&mut self.attention_mask, count, 0, before);
        self.tokens.pad(count, &pad.token, before);
        if before {
            for (_, range) in &mut self.sequences {
                *range = range.start + count..range.end + count;
            }
        }
    }

    /// Puts encodings one after another. Where `growing_offsets`, offsets go on counting from the end of the encoding before.
    #[must_use]
    pub fn merge(encodings: impl IntoIterator<Item = Self>, growing_offsets: bool) -> Self {
        let mut encodings = encodings.into_iter();
        let Some(mut all) = encodings.next() else { return Self::default() };
        encodings.for_each(|more| all.append(more, growing_offsets));
        all
    }

    /// Appends another encoding. What was cut off of either is combined with every part of the other.
    pub fn append(&mut self, more: Self, growing_offsets: bool) {
        let mut overflowing = Vec::new();
        for part in &self.overflowing {
            for other in std::iter::once(&more).chain(&more.overflowing) {
                let mut both = part.clone();
                both.append(other.clone(), growing_offsets);
                overflowing.push(both);
            }
        }
        for other in &more.overflowing {
            let mut both = self.clone();
            both.append(other.clone(), growing_offsets);
            overflowing.push(both);
        }
        self.append_tokens(more, growing_offsets);
        self.overflowing = overflowing;
    }

    fn append_tokens(&mut self, more: Self, growing_offsets: bool) {
        let from = self.len();
        for (sequence, range) in more.sequences {
            let range = from + range.start..from + range.end;
            match self.sequences.binary_search_by_key(&sequence, |known| known.0) {
                Ok(at) => self.sequences[at].1 = range,
                Err(at) => self.sequences.insert(at, (sequence, range)),
            }
        }
        let shift = if growing_offsets { self.offsets.last().map_or(0, |last| last[1]) } else { 0 };
        let shifted = |[start, end]: [u32; 2]| [start.saturating_add(shift), end.saturating_add(shift)];
        self.tokens.append(&self.ids, &more.tokens, &more.ids);
        self.ids.extend_from_slice(&more.ids);
        self.type_ids.extend_from_slice(&more.type_ids);
        self.words.extend_from_slice(&more.words);
        self.offsets.extend(more.offsets.into_iter().map(shifted));
        self.special_tokens_mask.extend_from_slice(&more.special_tokens_mask);
        self.attention_mask.extend_from_slice(&more.attention_mask);
    }
}

/// Windows of `size` tokens over `len` of them, each `step` behind the one before, until all are covered.
fn windows(len: usize, size: usize, step: usize, direction: Direction) -> Vec<Range<usize>> {
    let mut windows = Vec::new();
    let mut at = 0;
    loop {
        let end = len.min(at + size);
        windows.push(match direction {
            Direction::Right => at..end,
            // The same, seen from the end.
            Direction::Left => len - end..len - at,
        });
        if end == len {
            return windows;
        }
        at += step;
    }
}

/// Puts the same value before or after all others some times.
fn extend<T: Copy>(values: &mut Vec<T>, count: usize, value: T, before: bool) {
    if before {
        values.splice(0..0, std::iter::repeat_n(value, count));
    } else {
        values.resize(values.len() + count, value);
    }
}
