//! All tokens that may follow, at once: bit sets over the leaves of the trie.
//!
//! Which tokens a reading allows depends on two things that vary separately: what it assumes about boundaries (few different
//! [`Config`]s occur), and which tokens merges forbid behind the last one. So there is one bit set for each, made when it is
//! first asked for and remembered.

use super::config::{Config, Place};
use super::partial::{Beginning, Completions};
use super::rules::{CoverRules, Cutting, NO_NUMBER, Reading, Role};
use crate::trie::ROOT;
use crate::unicode::ClassSet;
use std::collections::HashMap;
use std::sync::Arc;

/// A bit for each leaf.
type Leaves = Arc<[u64]>;

/// Bit sets remembered, of each kind; 16 KB each for a vocabulary of 128,000 tokens.
const MOST_SETS: usize = 512;
/// Answers remembered about single tokens.
const MOST_ANSWERS: usize = 1 << 18;

/// Answers given before.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// By config and assumption about the start: tokens that the text between boundaries allows.
    allowed: HashMap<(Config, Place), Leaves, foldhash::fast::RandomState>,
    /// By number of the last token: tokens that merges forbid behind it.
    forbidden: HashMap<u32, Leaves, foldhash::fast::RandomState>,
    /// By config and number of the last token: whether anything can follow.
    hopeful: HashMap<(Config, u32), bool, foldhash::fast::RandomState>,
    /// By number of the last token and the beginning of a character: what can become of it.
    pub(super) completions: HashMap<(u32, Beginning), Completions, foldhash::fast::RandomState>,
    /// By beginning: the classes of all characters that begin so.
    pub(super) possible: HashMap<Beginning, ClassSet, foldhash::fast::RandomState>,
}

/// Inserts, after emptying a map that is full.
fn insert<K: std::hash::Hash + Eq, V, S: std::hash::BuildHasher>(
    map: &mut HashMap<K, V, S>,
    most: usize,
    key: K,
    value: V,
) {
    if map.len() >= most {
        map.clear();
    }
    map.insert(key, value);
}

/// How many tokens ahead a way out of open assumptions is looked for. The longest is a contraction of two letters whose bytes
/// are single tokens, or a character of four bytes and one more.
const DEPTH: usize = 4;

impl CoverRules {
    /// The tokens that may follow, as a bit for each leaf of the trie.
    ///
    /// The first call for a reading unlike any before takes milliseconds, all others microseconds.
    #[must_use]
    pub fn valid(&self, reading: &Reading) -> Box<[u64]> {
        let mut valid = vec![0u64; self.trie.len().div_ceil(64)].into_boxed_slice();
        for config in &reading.configs {
            for &start in config.starts() {
                let allowed = self.allowed(config, start);
                if start == Place::Inside && reading.last != NO_NUMBER {
                    let forbidden = self.forbidden(reading.last);
                    for ((valid, allowed), forbidden) in valid.iter_mut().zip(&*allowed).zip(&*forbidden) {
                        *valid |= allowed & !forbidden;
                    }
                } else {
                    valid.iter_mut().zip(&*allowed).for_each(|(valid, allowed)| *valid |= allowed);
                }
            }
        }
        valid
    }

    /// Tokens that may follow under one assumption, whatever the last token was.
    fn allowed(&self, config: &Config, start: Place) -> Leaves {
        let key = (*config, start);
        if let Some(known) = self.remember(|memory| memory.allowed.get(&key).cloned()) {
            return known;
        }
        let mut bits = vec![0u64; self.trie.len().div_ceil(64)];
        self.walk(config, start, &mut |leaf, role, next| {
            let number = if let Role::Merged(number) = role { number } else { NO_NUMBER };
            if self.is_hopeful(next, number) {
                bits[leaf / 64] |= 1 << (leaf % 64);
            }
            false
        });
        let bits: Leaves = bits.into();
        self.remember(|memory| insert(&mut memory.allowed, MOST_SETS, key, Arc::clone(&bits)));
        bits
    }

    /// Tokens that merges forbid behind a token.
    fn forbidden(&self, last: u32) -> Leaves {
        if let Some(known) = self.remember(|memory| memory.forbidden.get(&last).cloned()) {
            return known;
        }
        let mut bits = vec![0u64; self.trie.len().div_ceil(64)];
        self.neighbours.for_each_invalid_right(last, |number| {
            let leaf = self.leaf_of[number as usize] as usize;
            if let Some(word) = bits.get_mut(leaf / 64) {
                *word |= 1 << (leaf % 64);
            }
        });
        let bits: Leaves = bits.into();
        self.remember(|memory| insert(&mut memory.forbidden, MOST_SETS, last, Arc::clone(&bits)));
        bits
    }

    /// Whether some text can follow that bears out everything assumed.
    pub(super) fn is_hopeful(&self, config: &Config, last: u32) -> bool {
        // Byte tokens look ahead themselves: an unknown character can always be completed.
        if self.is_settled(config) || matches!(self.cutting, Cutting::Characters(_)) {
            return true;
        }
        if let Some(known) = self.remember(|memory| memory.hopeful.get(&(*config, last)).copied()) {
            return known;
        }
        let search = || (1..=DEPTH).any(|depth| self.leads_out(config, last, depth));
        let found = self.by_completion(config, last).unwrap_or_else(search);
        self.remember(|memory| insert(&mut memory.hopeful, MOST_ANSWERS, (*config, last), found));
        found
    }

    /// Whether completing the character at the end leaves nothing to bear out, if that is certain without a search.
    fn by_completion(&self, config: &Config, last: u32) -> Option<bool> {
        let machine = self.machine()?;
        if config.partial().is_empty() || last == NO_NUMBER {
            return None;
        }
        let completions = self.completions(last, config.partial());
        let mut certain = true;
        for class in Self::classes(completions.exact.or(completions.beyond)) {
            let mut next = *config;
            if next.complete(machine, class) {
                if completions.exact.has(class) && self.is_settled(&next) {
                    return Some(true);
                }
                certain = false;
            }
        }
        certain.then_some(false)
    }

    /// Whether the text may end here or a new piece begin, with nothing left to bear out.
    fn is_settled(&self, config: &Config) -> bool {
        self.config_may_end(config) || self.machine().is_some_and(|machine| config.may_cut(machine))
    }

    /// Whether so many tokens lead to where nothing is left to bear out.
    fn leads_out(&self, config: &Config, last: u32, tokens: usize) -> bool {
        config.starts().iter().any(|&start| {
            self.walk(config, start, &mut |_, role, next| {
                let Role::Merged(number) = role else { return false };
                (start != Place::Inside || self.joins(last, role))
                    && if tokens == 1 { self.is_settled(next) } else { self.leads_out(next, number, tokens - 1) }
            })
        })
    }

    /// Calls `found` with the leaves that can follow under one assumption, until it returns true; whether it did.
    fn walk(&self, config: &Config, start: Place, found: &mut dyn FnMut(usize, Role, &Config) -> bool) -> bool {
        if self.walks_by_bytes() {
            self.walk_from(ROOT, config, (config, start), &mut Vec::new(), found)
        } else {
            self.walk_tokens(ROOT, (config, start), &mut Vec::new(), found)
        }
    }

    /// Whether reading the bytes of a token one by one tells whether it can follow, so that whole subtrees are left out.
    fn walks_by_bytes(&self) -> bool {
        matches!(self.cutting, Cutting::Pattern(_))
    }

    /// The walk below a node that `read` has read the bytes of.
    fn walk_from(
        &self,
        node: u32,
        read: &Config,
        from: (&Config, Place),
        bytes: &mut Vec<u8>,
        found: &mut dyn FnMut(usize, Role, &Config) -> bool,
    ) -> bool {
        for (byte, child) in self.trie.children(node) {
            let place = if node == ROOT { from.1 } else { Place::Inside };
            let mut next = *read;
            if node == ROOT {
                self.begin(&mut next, Role::Never, place);
            }
            bytes.push(byte);
            let alive = self.read(&mut next, byte, place);
            for (leaf, role) in self.roles(self.trie.exact(child)) {
                let end = match role {
                    Role::Added => self.extend_any(from.0, role, from.1, bytes),
                    Role::Whole if from.1 == Place::Inside => None,
                    _ if !alive => None,
                    _ => {
                        let mut end = next;
                        self.finish(&mut end, role).then_some(end)
                    }
                };
                if end.is_some_and(|end| found(leaf, role, &end)) {
                    return true;
                }
            }
            if (alive || !self.added.is_empty()) && self.walk_below(child, alive, &next, from, bytes, found) {
                return true;
            }
            bytes.pop();
        }
        false
    }

    /// The walk below a node; where ordinary tokens have died, added tokens are still looked for.
    fn walk_below(
        &self,
        child: u32,
        alive: bool,
        next: &Config,
        from: (&Config, Place),
        bytes: &mut Vec<u8>,
        found: &mut dyn FnMut(usize, Role, &Config) -> bool,
    ) -> bool {
        if alive {
            return self.walk_from(child, next, from, bytes, found);
        }
        let any_added = self.roles(self.trie.longer(child)).any(|(_, role)| role == Role::Added);
        any_added && self.walk_added(child, from, bytes, found)
    }

    /// The walk among added tokens alone.
    fn walk_added(
        &self,
        node: u32,
        from: (&Config, Place),
        bytes: &mut Vec<u8>,
        found: &mut dyn FnMut(usize, Role, &Config) -> bool,
    ) -> bool {
        for (byte, child) in self.trie.children(node) {
            bytes.push(byte);
            for (leaf, role) in self.roles(self.trie.exact(child)).filter(|(_, role)| *role == Role::Added) {
                let end = self.extend_any(from.0, role, from.1, bytes);
                if end.is_some_and(|end| found(leaf, role, &end)) {
                    return true;
                }
            }
            if self.walk_added(child, from, bytes, found) {
                return true;
            }
            bytes.pop();
        }
        false
    }

    /// The walk over all tokens, each looked at as a whole.
    fn walk_tokens(
        &self,
        node: u32,
        from: (&Config, Place),
        bytes: &mut Vec<u8>,
        found: &mut dyn FnMut(usize, Role, &Config) -> bool,
    ) -> bool {
        for (leaf, role) in self.roles(self.trie.exact(node)) {
            let end = self.extend_any(from.0, role, from.1, bytes);
            if end.is_some_and(|end| found(leaf, role, &end)) {
                return true;
            }
        }
        for (byte, child) in self.trie.children(node) {
            bytes.push(byte);
            if self.walk_tokens(child, from, bytes, found) {
                return true;
            }
            bytes.pop();
        }
        false
    }
}
