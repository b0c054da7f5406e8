//! The tokens learned so far.

use super::options::{JoinRule, MaxLength};
use std::collections::HashMap;

/// Tokens by id, with what the limits ask about.
///
/// Strings are bytes for byte units and UTF-8 otherwise.
#[derive(Debug, Clone, Default)]
pub(super) struct Vocabulary {
    slab: Vec<u8>,
    ends: Vec<usize>,
    /// The number of initial symbols, by id; 0 for special tokens.
    units: Vec<u32>,
    ids: HashMap<Box<[u8]>, u32, foldhash::fast::RandomState>,
    /// Those that no merge can spell: characters where the others are bytes.
    apart: HashMap<Box<[u8]>, u32, foldhash::fast::RandomState>,
    /// What the right part of a merge loses.
    prefix: Vec<u8>,
}

impl Vocabulary {
    pub(super) fn with_prefix(prefix: &str) -> Self {
        Self { prefix: prefix.as_bytes().to_vec(), ..Self::default() }
    }

    pub(super) const fn len(&self) -> usize {
        self.ends.len()
    }

    /// How many different strings there are: what the size of a vocabulary means to `BpeTrainer`.
    pub(super) fn distinct(&self) -> usize {
        self.ids.len() + self.apart.len()
    }

    #[inline]
    pub(super) fn get(&self, id: u32) -> &[u8] {
        let id = id as usize;
        let start = if id == 0 { 0 } else { self.ends[id - 1] };
        &self.slab[start..self.ends[id]]
    }

    pub(super) fn id(&self, token: &[u8]) -> Option<u32> {
        self.ids.get(token).copied()
    }

    /// Appends a token; if it is known, the first one keeps its string. Ids are below 2^30.
    #[allow(clippy::cast_possible_truncation, reason = "sizes are checked before training")]
    pub(super) fn push(&mut self, token: &[u8], units: u32) -> u32 {
        let id = self.ends.len() as u32;
        self.slab.extend_from_slice(token);
        self.ends.push(self.slab.len());
        self.units.push(units);
        self.ids.entry(token.into()).or_insert(id);
        id
    }

    /// Enters a symbol that merging begins with; one that is a special token too keeps its id, and counts as one symbol.
    pub(super) fn symbol(&mut self, string: &[u8]) -> u32 {
        let id = self.id(string).unwrap_or_else(|| self.push(string, 1));
        self.units[id as usize] = 1;
        id
    }

    /// Appends a token that no merge can spell.
    #[allow(clippy::cast_possible_truncation, reason = "sizes are checked before training")]
    pub(super) fn push_apart(&mut self, token: &[u8]) -> u32 {
        let id = self.ends.len() as u32;
        self.slab.extend_from_slice(token);
        self.ends.push(self.slab.len());
        self.units.push(0);
        self.apart.entry(token.into()).or_insert(id);
        id
    }

    /// Whether a token that no merge can spell has this string.
    pub(super) fn has_apart(&self, token: &[u8]) -> bool {
        self.apart.contains_key(token)
    }

    /// Whether no merge can spell a token.
    pub(super) fn is_apart(&self, id: u32) -> bool {
        self.apart.values().any(|&apart| apart == id)
    }

    /// What merging two tokens spells.
    pub(super) fn joined(&self, left: u32, right: u32, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(self.get(left));
        let right = self.get(right);
        out.extend_from_slice(right.strip_prefix(self.prefix.as_slice()).unwrap_or(right));
    }

    pub(super) fn units(&self, id: u32) -> u32 {
        self.units[id as usize]
    }

    /// Forgets the tokens from an id on.
    pub(super) fn truncate(&mut self, len: usize) {
        let end = if len == 0 { 0 } else { self.ends[len - 1] };
        self.slab.truncate(end);
        self.ends.truncate(len);
        self.units.truncate(len);
        self.ids.retain(|_, id| (*id as usize) < len);
        self.apart.retain(|_, id| (*id as usize) < len);
    }

    /// All tokens in order of id.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.ends.len()).map(|id| &self.slab[if id == 0 { 0 } else { self.ends[id - 1] }..self.ends[id]])
    }
}

/// Which pairs may merge.
#[derive(Debug)]
pub(super) struct Limits<'a> {
    pub(super) max_length: MaxLength,
    pub(super) rule: &'a JoinRule,
    buffer: Vec<u8>,
}

impl<'a> Limits<'a> {
    pub(super) const fn new(max_length: MaxLength, rule: &'a JoinRule) -> Self {
        Self { max_length, rule, buffer: Vec::new() }
    }

    /// Whether two tokens may merge.
    #[inline]
    pub(super) fn allow(&mut self, vocabulary: &Vocabulary, left: u32, right: u32) -> bool {
        let fits = match self.max_length {
            MaxLength::Unlimited | MaxLength::Bytes(_) => true,
            MaxLength::Compatible(limit) => {
                let units = vocabulary.units(left) as usize + vocabulary.units(right) as usize;
                units <= 2 || units < limit
            }
        };
        fits && self.allow_string(vocabulary, left, right)
    }

    /// Whether two tokens may merge, going by what they spell.
    pub(super) fn allow_string(&mut self, vocabulary: &Vocabulary, left: u32, right: u32) -> bool {
        let fits = match self.max_length {
            MaxLength::Bytes(most) => vocabulary.get(left).len() + vocabulary.get(right).len() <= most,
            MaxLength::Unlimited | MaxLength::Compatible(_) => true,
        };
        fits && (self.rule.is_empty() || {
            vocabulary.joined(left, right, &mut self.buffer);
            self.rule.allows(&self.buffer)
        })
    }
}
