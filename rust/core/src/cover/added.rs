//! Added tokens within text: found before the model sees it, leftmost first and of those the longest.
//!
//! A sequence of ordinary tokens must not spell an added token, and an added token must not be the beginning of a longer one
//! that the text goes on to spell. Both are watched by *threads*: every place where an added token may have begun, followed
//! through their trie. A thread that comes to the end of an added token shows that the text would have been cut otherwise.

use super::config::{DEAD, MAX_THREADS};
use super::error::CoverError;
use crate::trie::{ROOT, VocabTrie};

/// The trie of the texts of added tokens.
#[derive(Debug, Clone)]
pub(super) struct Added {
    trie: VocabTrie,
}

/// Threads, sorted, with [`DEAD`] at the end.
pub(super) type Threads = [u16; MAX_THREADS];

impl Added {
    /// Prepares the texts.
    ///
    /// # Errors
    /// If there are too many bytes, or too many of them can have begun at one place.
    pub(super) fn new<'a>(texts: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, CoverError> {
        let trie = VocabTrie::new(texts.into_iter().zip(0..));
        if trie.node_count() >= usize::from(DEAD) {
            return Err(CoverError::added("have too many characters together"));
        }
        let added = Self { trie };
        // One more thread is that of an added token that longer ones begin with.
        if added.most_threads() + 2 > MAX_THREADS {
            return Err(CoverError::added("overlap in too many ways"));
        }
        Ok(added)
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.trie.is_empty()
    }

    /// The thread of a byte that follows a thread's bytes: `Err` if an added token ends there.
    fn follow(&self, node: u32, byte: u8) -> Result<Option<u16>, ()> {
        let Some(next) = self.trie.child(node, byte) else { return Ok(None) };
        if self.trie.exact(next).is_empty() { Ok(u16::try_from(next).ok()) } else { Err(()) }
    }

    /// Reads a byte; `begins` tells that an added token that begins here would be found. False if one ends here.
    pub(super) fn read(&self, threads: &mut Threads, byte: u8, begins: bool) -> bool {
        if !begins && threads[0] == DEAD || self.is_empty() {
            return true;
        }
        let mut next = [DEAD; MAX_THREADS];
        let mut count = 0;
        let alive = threads.iter().take_while(|&&node| node != DEAD).map(|&node| u32::from(node));
        for node in alive.chain(begins.then_some(ROOT)) {
            match self.follow(node, byte) {
                Err(()) => return false,
                Ok(None) => {}
                // More threads than there is room for: such tokens are refused when this is made.
                Ok(Some(_)) if count == MAX_THREADS => return false,
                Ok(Some(node)) => {
                    next[count] = node;
                    count += 1;
                }
            }
        }
        next[..count].sort_unstable();
        *threads = next;
        true
    }

    /// Reads the text of an added token that is taken as such; false if another would have been found before it.
    pub(super) fn take(&self, threads: &mut Threads, text: &[u8]) -> bool {
        if !text.iter().all(|&byte| self.read(threads, byte, false)) {
            return false;
        }
        // A longer token with the same start would have been taken instead.
        let longer = self.trie.find(text).filter(|&node| self.trie.has_children(node));
        let Some(node) = longer.and_then(|node| u16::try_from(node).ok()) else { return true };
        let Some(free) = threads.iter().position(|&thread| thread == DEAD) else { return false };
        threads[free] = node;
        threads.sort_unstable();
        true
    }

    /// The most threads that ordinary text can have at one place.
    fn most_threads(&self) -> usize {
        // Threads are ends of the text that are beginnings of tokens; the longest thread holds all others.
        let beginnings = self.beginnings();
        let is_one = |bytes: &[u8]| beginnings.iter().any(|one| one == bytes);
        beginnings.iter().map(|text| (0..text.len()).filter(|&at| is_one(&text[at..])).count()).max().unwrap_or(0)
    }

    /// The proper beginnings of tokens that are no tokens, nor begin with one.
    fn beginnings(&self) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        let mut stack: Vec<(u32, Vec<u8>)> = vec![(ROOT, Vec::new())];
        while let Some((node, bytes)) = stack.pop() {
            for (byte, child) in self.trie.children(node).filter(|&(_, child)| self.trie.exact(child).is_empty()) {
                let longer = [&bytes[..], &[byte]].concat();
                found.push(longer.clone());
                stack.push((child, longer));
            }
        }
        found
    }
}
