//! How a character that a token leaves unfinished can go on.
//!
//! A token may end inside a character, and merges may forbid some of the tokens that would complete it. Which *classes* of
//! characters can come out does not depend on what cuts the text, so it is found once for each token.

use super::config::Utf8;
use super::rules::{CoverRules, Role};
use crate::trie::ROOT;
use crate::unicode::{self, Class, ClassSet};

/// The classes of characters that the tokens after one can complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Completions {
    /// With tokens that end where the character does.
    pub(super) exact: ClassSet,
    /// With tokens that go on behind it.
    pub(super) beyond: ClassSet,
}

impl Completions {
    const NONE: Self = Self { exact: ClassSet::NONE, beyond: ClassSet::NONE };

    fn add(&mut self, other: Self) {
        self.exact = self.exact.or(other.exact);
        self.beyond = self.beyond.or(other.beyond);
    }
}

/// Bytes of a character that is not complete, zero behind them.
pub(super) type Beginning = [u8; 3];

impl CoverRules {
    /// What can become of a character of which `partial` is known, behind a token given by number.
    pub(super) fn completions(&self, last: u32, partial: &[u8]) -> Completions {
        let mut key: Beginning = [0; 3];
        key[..partial.len()].copy_from_slice(partial);
        if let Some(known) = self.remember(|memory| memory.completions.get(&(last, key)).copied()) {
            return known;
        }
        let mut found = Completions::NONE;
        let possible = self.possible(key, partial.len());
        let mut bytes = partial.to_vec();
        self.complete_below(ROOT, last, possible, &mut bytes, &mut found);
        self.remember(|memory| memory.completions.insert((last, key), found));
        found
    }

    fn complete_below(&self, node: u32, last: u32, possible: ClassSet, bytes: &mut Vec<u8>, found: &mut Completions) {
        for byte in 0x80..0xC0 {
            if found.exact == possible {
                return;
            }
            let Some(child) = self.trie.child(node, byte) else { continue };
            bytes.push(byte);
            match Utf8::of(bytes) {
                Utf8::Wrong => {}
                Utf8::Partial => {
                    for number in self.followers(child, last) {
                        found.add(self.completions(number, bytes));
                    }
                    self.complete_below(child, last, possible, bytes, found);
                }
                Utf8::Complete => {
                    let class = unicode::class_at(bytes, 0).0;
                    if !found.exact.has(class) && self.followers(child, last).next().is_some() {
                        found.exact = found.exact.or(class.set());
                    } else if !found.exact.has(class) && !found.beyond.has(class) && self.goes_on(child, last) {
                        found.beyond = found.beyond.or(class.set());
                    }
                }
            }
            bytes.pop();
        }
    }

    /// The tokens that are exactly a node's bytes and may follow, by number.
    fn followers(&self, node: u32, last: u32) -> impl Iterator<Item = u32> + '_ {
        self.roles(self.trie.exact(node)).filter_map(move |(_, role)| match role {
            Role::Merged(number) if self.joins(last, role) => Some(number),
            _ => None,
        })
    }

    /// Whether a token that is longer than a node's bytes may follow.
    fn goes_on(&self, node: u32, last: u32) -> bool {
        self.roles(self.trie.longer(node)).any(|(_, role)| matches!(role, Role::Merged(_)) && self.joins(last, role))
    }

    /// The classes of all characters that begin with some bytes.
    fn possible(&self, key: Beginning, len: usize) -> ClassSet {
        if let Some(known) = self.remember(|memory| memory.possible.get(&key).copied()) {
            return known;
        }
        let mut found = ClassSet::NONE;
        collect(&mut key[..len].to_vec(), &mut found);
        self.remember(|memory| memory.possible.insert(key, found));
        found
    }

    /// The classes of a set.
    pub(super) fn classes(set: ClassSet) -> impl Iterator<Item = Class> {
        Class::ALL.into_iter().filter(move |&class| set.has(class))
    }
}

/// Adds the classes of all characters that begin with some bytes.
fn collect(bytes: &mut Vec<u8>, found: &mut ClassSet) {
    for byte in 0x80..0xC0 {
        bytes.push(byte);
        match Utf8::of(bytes) {
            Utf8::Wrong => {}
            Utf8::Partial => collect(bytes, found),
            Utf8::Complete => *found = found.or(unicode::class_at(bytes, 0).0.set()),
        }
        bytes.pop();
    }
}
