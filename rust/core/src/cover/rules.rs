//! Which token may follow which: the rules of one tokenizer.

use super::added::Added;
use super::chars::Characters;
use super::config::{Config, EndRule, FRESH, NO_NODE, Place};
use super::error::CoverError;
use super::search::Memory;
use crate::bpe::{Bpe, Neighbours};
use crate::pretokenize::Pretokenizer;
use crate::pretokenize::machine::Machine;
use crate::trie::{ROOT, VocabTrie};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// What cuts text into pieces.
#[derive(Debug, Clone)]
pub enum Cutting {
    /// Nothing: merges of bytes are all there is, and any bytes are text.
    Nothing,
    /// A compiled pretokenizer; text is UTF-8.
    Pattern(Pretokenizer),
    /// Symbols are characters, and those that are unknown are written as bytes.
    Characters(Characters),
}

/// What the rules are made from.
#[derive(Debug)]
pub struct Parts<'a> {
    /// The tokens that ordinary text can have, by the bytes that they spell.
    pub trie: Arc<VocabTrie>,
    /// The model.
    pub bpe: &'a Bpe,
    /// What cuts text.
    pub cutting: Cutting,
    /// Whether a whole piece that is a token is that token.
    pub whole_pieces: bool,
    /// Whether text reaches the model with a mark for every space, so that tokens with a space of their own never occur.
    pub marks_spaces: bool,
    /// Byte tokens, by byte: only with [`Cutting::Characters`].
    pub bytes: Option<&'a [u32; 256]>,
    /// Ids of tokens that are found in the text before the model sees it.
    pub added: &'a [u32],
}

/// What a leaf of the trie is to the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Merges make it; by number.
    Merged(u32),
    /// It is a whole piece or nothing.
    Whole,
    /// It stands for a byte of an unknown character.
    Byte(u8),
    /// It is found in the text before the model sees it.
    Added,
    /// No text leads to it.
    Never,
}

/// The readings of a token sequence under which it is valid; never empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reading {
    pub(super) configs: Box<[Config]>,
    /// Number of the last token, [`NO_NUMBER`] before any and after one that no merges make.
    pub(super) last: u32,
}

/// No merges made the last token.
pub(super) const NO_NUMBER: u32 = u32::MAX;

/// The rules; see the [module](super) documentation. Frozen but for a memory of answers, which changes speed only.
#[derive(Debug)]
pub struct CoverRules {
    pub(super) trie: Arc<VocabTrie>,
    pub(super) neighbours: Neighbours,
    pub(super) cutting: Cutting,
    pub(super) added: Added,
    /// By leaf.
    pub(super) roles: Box<[Role]>,
    /// By number: the leaf.
    pub(super) leaf_of: Box<[u32]>,
    /// Tokens that are whole pieces only.
    whole: Option<VocabTrie>,
    pub(super) memory: Mutex<Memory>,
}

impl CoverRules {
    /// Makes the rules.
    ///
    /// # Errors
    /// If the pattern is not of a compiled family, or added tokens overlap in too many ways.
    pub fn new(parts: &Parts<'_>) -> Result<Self, CoverError> {
        let neighbours = Neighbours::new(parts.bpe);
        if let Cutting::Pattern(pretokenizer) = &parts.cutting
            && pretokenizer.machine().is_none()
        {
            let pattern = pretokenizer.pattern().unwrap_or("none");
            return Err(CoverError::unsupported(
                format_args!("the pattern {pattern:?}, which is of no compiled family"),
                "a pattern of a known family, such as \"o200k_base\", or none at all",
            ));
        }
        let is_added: std::collections::HashSet<u32> = parts.added.iter().copied().collect();
        let byte_of: std::collections::HashMap<u32, u8> =
            parts.bytes.iter().flat_map(|ids| ids.iter().copied().zip(0..=255)).collect();
        let mut leaf_of = vec![NO_NODE; parts.bpe.vocab().len()].into_boxed_slice();
        let role = |(leaf, &id): (u32, &u32)| {
            let bytes = parts.bpe.vocab().bytes(crate::id::TokenId(id));
            if is_added.contains(&id) {
                Role::Added
            } else if parts.marks_spaces && bytes.is_some_and(|bytes| bytes.contains(&b' ')) {
                Role::Never
            } else if let Some(&byte) = byte_of.get(&id) {
                Role::Byte(byte)
            } else if let Some(number) = neighbours.number(id) {
                leaf_of[number as usize] = leaf;
                Role::Merged(number)
            } else if parts.whole_pieces
                && parts
                    .bpe
                    .vocab()
                    .bytes(crate::id::TokenId(id))
                    .and_then(|b| parts.bpe.whole_piece(b))
                    .is_some_and(|w| w.0 == id)
            {
                Role::Whole
            } else {
                Role::Never
            }
        };
        let roles: Box<[Role]> = (0u32..).zip(parts.trie.all_ids()).map(role).collect();
        let texts = |wanted: Role| {
            let leaves = (0..).zip(&roles).filter(move |(_, role)| **role == wanted);
            leaves.map(|(leaf, _)| Self::bytes_of(&parts.trie, leaf)).collect::<Vec<Vec<u8>>>()
        };
        let added = Added::new(texts(Role::Added).iter().map(Vec::as_slice))?;
        let whole = texts(Role::Whole);
        let whole = (!whole.is_empty()).then(|| VocabTrie::new(whole.iter().map(Vec::as_slice).zip(0..)));
        Ok(Self {
            trie: Arc::clone(&parts.trie),
            neighbours,
            cutting: parts.cutting.clone(),
            added,
            roles,
            leaf_of,
            whole,
            memory: Mutex::default(),
        })
    }

    /// The bytes of a leaf.
    fn bytes_of(trie: &VocabTrie, leaf: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut node = ROOT;
        while let Some((byte, child)) = trie.children(node).find(|&(_, child)| trie.leaves(child).contains(&leaf)) {
            bytes.push(byte);
            node = child;
        }
        bytes
    }

    /// The trie of the tokens.
    #[must_use]
    pub fn trie(&self) -> &Arc<VocabTrie> {
        &self.trie
    }

    /// The reading at the start of a text.
    #[must_use]
    pub fn start(&self) -> Reading {
        Reading { configs: [Config::START].into(), last: NO_NUMBER }
    }

    /// Whether the text may end: the sequence is then the encoding of what it spells.
    #[must_use]
    pub fn may_end(&self, reading: &Reading) -> bool {
        reading.configs.iter().any(|config| self.config_may_end(config))
    }

    pub(super) fn config_may_end(&self, config: &Config) -> bool {
        match self.machine() {
            _ if config.is_fresh() => config.end != EndRule::NoBoundary,
            Some(machine) => config.may_finish(machine),
            None => config.partial().is_empty() && config.end != EndRule::NoBoundary,
        }
    }

    pub(super) fn machine(&self) -> Option<&Machine> {
        match &self.cutting {
            Cutting::Pattern(pretokenizer) => pretokenizer.machine(),
            Cutting::Nothing | Cutting::Characters(_) => None,
        }
    }

    /// Appends a token; `None` if the longer sequence is not valid.
    ///
    /// # Panics
    /// If there is no such leaf.
    #[must_use]
    pub fn append(&self, reading: &Reading, leaf: usize) -> Option<Reading> {
        let bytes = Self::bytes_of(&self.trie, leaf);
        self.append_bytes(reading, leaf, &bytes)
    }

    /// The same for a caller who knows the token's bytes.
    pub(super) fn append_bytes(&self, reading: &Reading, leaf: usize, bytes: &[u8]) -> Option<Reading> {
        let role = self.roles[leaf];
        let last = if let Role::Merged(number) = role { number } else { NO_NUMBER };
        let mut configs: Vec<Config> = Vec::new();
        for config in &reading.configs {
            for &start in config.starts() {
                if let Some(next) = self.extend(config, reading.last, role, start, bytes)
                    && !configs.contains(&next)
                    && self.is_hopeful(&next, last)
                {
                    configs.push(next);
                }
            }
        }
        (!configs.is_empty()).then(|| Reading { configs: configs.into(), last })
    }

    /// Whether a pair may have no boundary between its tokens.
    pub(super) fn joins(&self, last: u32, role: Role) -> bool {
        match role {
            Role::Merged(number) => last != NO_NUMBER && self.neighbours.compatible(last, number),
            _ => false,
        }
    }

    /// Appends a token to one reading under one assumption about where it begins, if the pair allows that assumption.
    fn extend(&self, config: &Config, last: u32, role: Role, start: Place, bytes: &[u8]) -> Option<Config> {
        let pair_is_right =
            role == Role::Added || start != Place::Inside || !matches!(role, Role::Merged(_)) || self.joins(last, role);
        if pair_is_right { self.extend_any(config, role, start, bytes) } else { None }
    }

    /// The same without a look at the pair.
    pub(super) fn extend_any(&self, config: &Config, role: Role, start: Place, bytes: &[u8]) -> Option<Config> {
        if role == Role::Added {
            return self.take_added(config, bytes);
        }
        let mut next = *config;
        match &self.cutting {
            Cutting::Characters(characters) => {
                // The text says at once whether a piece begins here, so one assumption is right.
                let (allowed, inside) = match role {
                    Role::Byte(byte) => (characters.append_byte(&mut next, byte), !config.partial().is_empty()),
                    Role::Merged(_) => (true, characters.append_known(&mut next, bytes)?),
                    _ => return None,
                };
                let right = inside == (start == Place::Inside);
                (allowed && right && self.read_threads(&mut next, bytes)).then_some(next)
            }
            Cutting::Nothing => {
                if start == Place::Cut || !self.begin(&mut next, role, start) || !self.read_threads(&mut next, bytes) {
                    return None;
                }
                next.state = FRESH + 1;
                let read = bytes.iter().all(|&byte| self.read_whole(&mut next, byte));
                (read && self.finish(&mut next, role)).then_some(next)
            }
            Cutting::Pattern(_) => {
                if !self.begin(&mut next, role, start) {
                    return None;
                }
                let mut place = start;
                for &byte in bytes {
                    if !self.read(&mut next, byte, std::mem::take(&mut place)) {
                        return None;
                    }
                }
                self.finish(&mut next, role).then_some(next)
            }
        }
    }

    /// Prepares a config for a token's bytes.
    pub(super) fn begin(&self, config: &mut Config, role: Role, start: Place) -> bool {
        config.end = EndRule::Free;
        if start == Place::Inside {
            config.several = self.whole.is_some();
            role != Role::Whole
        } else {
            config.several = false;
            config.whole = if self.whole.is_some() { ROOT } else { NO_NODE };
            true
        }
    }

    /// Reads one byte of an ordinary token.
    pub(super) fn read(&self, config: &mut Config, byte: u8, start: Place) -> bool {
        self.added.read(&mut config.threads, byte, true)
            && self.read_whole(config, byte)
            && self.read_text(config, byte, start)
    }

    /// Shows a byte to what cuts.
    fn read_text(&self, config: &mut Config, byte: u8, start: Place) -> bool {
        if let Some(machine) = self.machine() {
            return config.read(machine, byte, start);
        }
        config.state = FRESH + 1;
        true
    }

    fn read_threads(&self, config: &mut Config, bytes: &[u8]) -> bool {
        bytes.iter().all(|&byte| self.added.read(&mut config.threads, byte, true))
    }

    /// Follows the piece through the trie of tokens that are whole pieces only.
    fn read_whole(&self, config: &mut Config, byte: u8) -> bool {
        if let Some(whole) = &self.whole
            && config.whole != NO_NODE
        {
            config.whole = whole.child(config.whole, byte).unwrap_or(NO_NODE);
        }
        true
    }

    /// What the token's end means for the piece.
    pub(super) fn finish(&self, config: &mut Config, role: Role) -> bool {
        let Some(whole) = &self.whole else { return role != Role::Never };
        let is_whole = config.whole != NO_NODE && !whole.exact(config.whole).is_empty();
        config.end = match role {
            Role::Whole => EndRule::Boundary,
            // As one piece, these bytes are another token.
            _ if is_whole && config.several => EndRule::NoBoundary,
            _ => EndRule::Free,
        };
        role != Role::Never
    }

    /// Appends a token that is found in the text: the text before it ends, and another begins behind it.
    fn take_added(&self, config: &Config, bytes: &[u8]) -> Option<Config> {
        if !self.config_may_end(config) {
            return None;
        }
        let mut next = Config::START;
        next.threads = config.threads;
        self.added.take(&mut next.threads, bytes).then_some(next)
    }

    /// Runs `f` on the memory of answers.
    pub(super) fn remember<T>(&self, f: impl FnOnce(&mut Memory) -> T) -> T {
        f(&mut self.memory.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The leaves of a range with their roles.
    pub(super) fn roles(&self, leaves: Range<usize>) -> impl Iterator<Item = (usize, Role)> + '_ {
        leaves.clone().zip(self.roles[leaves].iter().copied())
    }
}
