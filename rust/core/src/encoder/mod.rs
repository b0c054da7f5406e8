//! Text to ids: pieces, then the cache, then BPE.

mod idle;
mod spelling;
#[cfg(test)]
mod tests;

use crate::bpe::{Bpe, Scratch as BpeScratch};
use crate::cache::{Hit, Key, LongKey, PieceCache, Place, SHORT};
use crate::pretokenize::{PieceEnds, Pretokenizer, SplitError};
use idle::Idle;
pub(crate) use spelling::MARK;
use spelling::Spelling;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Memory that one scratch may use for pieces it has seen.
pub const DEFAULT_CACHE_BYTES: usize = 24 << 20;

/// Working memory of one encoding thread.
///
/// It remembers pieces on behalf of the encoder it was last used with; with another encoder it starts afresh, so use
/// [`Encoder::with_scratch`] where several encoders take turns.
#[derive(Debug, Default)]
pub struct Scratch {
    ends: PieceEnds,
    bpe: BpeScratch,
    /// The number of the encoder that `cache` belongs to; 0 for none.
    owner: u64,
    cache: PieceCache,
    missed: Vec<u32>,
    unknown: Vec<Unknown>,
    spelled: Vec<u8>,
    block: Block,
}

/// A piece that the cache may not know.
#[derive(Debug)]
struct Unknown {
    piece: Range<usize>,
    key: UnknownKey,
}

/// What the cache finds it by.
#[derive(Debug, Clone, Copy)]
enum UnknownKey {
    Short(Key, Place),
    Long(LongKey),
}

/// Pieces looked up together: the lines of the cache that they need are asked for first.
const BLOCK: usize = 128;

/// Ids of one block of pieces, before they go to the output together.
#[derive(Debug)]
struct Block {
    ids: [u32; 4 * BLOCK],
    len: usize,
}

impl Default for Block {
    fn default() -> Self {
        Self { ids: [0; 4 * BLOCK], len: 0 }
    }
}

impl Block {
    /// Appends `count` of four ids; the others are overwritten by the next.
    #[inline(always)]
    fn push(&mut self, ids: [u32; 4], count: usize) {
        if let Some(target) = self.ids.get_mut(self.len..self.len + 4) {
            target.copy_from_slice(&ids);
        }
        self.len += count;
    }

    #[inline(always)]
    fn flush(&mut self, out: &mut Vec<u32>) {
        out.extend_from_slice(&self.ids[..self.len]);
        self.len = 0;
    }
}

/// A frozen encoder of ordinary text, without special tokens.
#[derive(Debug)]
pub struct Encoder {
    bpe: Arc<Bpe>,
    pretokenizer: Pretokenizer,
    number: u64,
    cache_bytes: usize,
    idle: Idle<Box<Scratch>>,
    spelling: Spelling,
}

/// Scratches that an encoder keeps for later calls.
const IDLE_SCRATCHES: usize = 64;

/// Tokens of the vocabulary, the commonest, that a new cache is offered.
const SEEDS: usize = 1 << 17;

impl Encoder {
    /// Joins a model and its pretokenizer; each working thread may use about [`DEFAULT_CACHE_BYTES`] for pieces seen.
    #[must_use]
    pub fn new(bpe: impl Into<Arc<Bpe>>, pretokenizer: Pretokenizer) -> Self {
        Self::with_cache_bytes(bpe, pretokenizer, DEFAULT_CACHE_BYTES)
    }

    /// As [`Encoder::new`] with another budget per thread, in bytes.
    #[must_use]
    pub fn with_cache_bytes(bpe: impl Into<Arc<Bpe>>, pretokenizer: Pretokenizer, cache_bytes: usize) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let idle = Idle::new(IDLE_SCRATCHES);
        Self { bpe: bpe.into(), pretokenizer, number, cache_bytes, idle, spelling: Spelling::AsIs }
    }

    /// The model.
    #[must_use]
    pub const fn bpe(&self) -> &Arc<Bpe> {
        &self.bpe
    }

    /// The pretokenizer.
    #[must_use]
    pub const fn pretokenizer(&self) -> &Pretokenizer {
        &self.pretokenizer
    }

    /// Calls `f` with working memory of this encoder, which keeps it for later calls. Never waits for
    /// another thread.
    pub fn with_scratch<T>(&self, f: impl FnOnce(&mut Scratch) -> T) -> T {
        let mut scratch = self.idle.take().unwrap_or_default();
        self.attach(&mut scratch);
        let result = f(&mut scratch);
        self.idle.give(scratch);
        result
    }

    /// Prepares working memory for so many threads, at most 64, ahead of their calls.
    ///
    /// What is missing begins with all that another thread has seen. O(the cache's size) for each. Never waits for another
    /// thread: what is in use is made anew when it is needed.
    pub fn prepare(&self, threads: usize) {
        if threads == 0 {
            return;
        }
        let mut ready: Vec<Box<Scratch>> = std::iter::from_fn(|| self.idle.take()).take(threads).collect();
        if ready.is_empty() {
            let mut first = Box::<Scratch>::default();
            self.attach(&mut first);
            ready.push(first);
        }
        for _ in ready.len()..threads.min(IDLE_SCRATCHES) {
            let cache = ready[0].cache.copy();
            ready.push(Box::new(Scratch { owner: ready[0].owner, cache, ..Scratch::default() }));
        }
        for scratch in ready {
            self.idle.give(scratch);
        }
    }

    /// Makes the scratch's cache ours, filled with short tokens of the vocabulary.
    fn attach(&self, scratch: &mut Scratch) {
        if scratch.owner == self.number {
            return;
        }
        scratch.cache = PieceCache::with_budget(self.cache_bytes);
        scratch.owner = self.number;
        for (bytes, id) in self.bpe.reachable().take(SEEDS) {
            if let Some(piece) = self.spelling.undone(bytes, &mut scratch.spelled)
                && piece.len() <= SHORT
            {
                scratch.cache.seed(Key::of(piece), id);
            }
        }
    }

    /// Appends the ids of `text`, in which special tokens are ordinary text. O(n), or O(n log n) if the model is not linear.
    ///
    /// # Errors
    /// If the pattern is a general regular expression and its engine gives up, or a piece is longer than 4 GiB. `out` then
    /// holds the ids of the text before.
    pub fn encode_ordinary(&self, text: &str, scratch: &mut Scratch, out: &mut Vec<u32>) -> Result<(), SplitError> {
        self.attach(scratch);
        out.reserve(text.len() / 4 + 16);
        let mut at = 0;
        while at < text.len() {
            // The buffer is moved out while the pieces are encoded, for the borrow checker; this costs nothing.
            let mut buffer = std::mem::take(&mut scratch.ends);
            buffer.clear();
            let next = self.pretokenizer.try_pieces(text, at, &mut buffer);
            if buffer.dropped.is_empty() {
                self.encode_pieces(&text.as_bytes()[at..], &buffer.ends, scratch, out);
            } else {
                for piece in buffer.ranges(at) {
                    self.slow_piece(&text.as_bytes()[piece], scratch, out);
                }
            }
            scratch.ends = buffer;
            at = next?;
        }
        Ok(())
    }

    /// Appends the ids of one piece, which need not be UTF-8.
    pub fn encode_piece(&self, piece: &[u8], scratch: &mut Scratch, out: &mut Vec<u32>) {
        self.attach(scratch);
        if self.spelling.applies_to(piece) {
            // A space that is one is not what the cache takes a space for.
            self.bpe.encode_piece(piece, &mut scratch.bpe, out);
        } else {
            self.slow_piece(piece, scratch, out);
        }
    }

    /// Appends the ids of consecutive pieces with the given ends. `bytes` may go on behind the last piece.
    fn encode_pieces(&self, bytes: &[u8], ends: &[u32], scratch: &mut Scratch, out: &mut Vec<u32>) {
        let mut keys = [(Key::default(), Place::default()); BLOCK];
        let mut start = 0;
        for block in ends.chunks(BLOCK) {
            let mut from = start;
            for (&end, slot) in block.iter().zip(&mut keys) {
                *slot = Self::key_of(bytes, from, end as usize, &scratch.cache);
                from = end as usize;
            }
            let mut met_unknown = false;
            for (i, (&end, &(key, place))) in block.iter().zip(&keys).enumerate() {
                let end = end as usize;
                match scratch.cache.get(key, place) {
                    Some(Hit::Inline { ids, count }) => scratch.block.push(ids, count),
                    Some(Hit::Arena { start, count }) => {
                        scratch.block.flush(out);
                        out.extend_from_slice(scratch.cache.arena(start, count));
                    }
                    None => {
                        let piece = &bytes[start..end];
                        let long = LongKey::of(piece).and_then(|key| scratch.cache.get_long(piece, key));
                        if let Some((start, count)) = long {
                            scratch.block.flush(out);
                            out.extend_from_slice(scratch.cache.arena(start, count));
                        } else {
                            if !met_unknown {
                                met_unknown = true;
                                self.learn(bytes, start, &block[i..], &keys[i..], scratch);
                            }
                            self.slow_piece(piece, scratch, out);
                        }
                    }
                }
                start = end;
            }
            scratch.block.flush(out);
        }
    }

    /// Encodes those of consecutive pieces that the cache does not know, all together, and enters them.
    #[inline(never)]
    fn learn(&self, bytes: &[u8], mut start: usize, ends: &[u32], keys: &[(Key, Place)], scratch: &mut Scratch) {
        let Scratch { bpe, cache, unknown, spelled, .. } = scratch;
        unknown.clear();
        for (&end, &(key, place)) in ends.iter().zip(keys) {
            let piece = start..end as usize;
            start = end as usize;
            if piece.is_empty() {
                continue;
            }
            let key = if piece.len() > SHORT {
                let Some(key) = LongKey::of(&bytes[piece.clone()]) else { continue };
                cache.prefetch_long(key);
                UnknownKey::Long(key)
            } else {
                if cache.get(key, place).is_some() {
                    continue;
                }
                // The last piece of a text has no key yet.
                let (key, place) = if key == Key::NEVER {
                    let key = Key::of(&bytes[piece.clone()]);
                    (key, cache.place(key))
                } else {
                    (key, place)
                };
                cache.prefetch_neighbour(place);
                UnknownKey::Short(key, place)
            };
            unknown.push(Unknown { piece, key });
        }
        unknown.retain(|Unknown { piece, key }| match *key {
            UnknownKey::Short(key, place) => cache.recall(key, place).is_none(),
            UnknownKey::Long(key) => cache.get_long(&bytes[piece.clone()], key).is_none(),
        });
        let piece = |number: usize| &bytes[unknown[number].piece.clone()];
        let ends = self.spelling.of_all((0..unknown.len()).map(piece), spelled);
        let spelled = |number: usize| match &ends {
            None => piece(number),
            Some(ends) => &spelled[number.checked_sub(1).map_or(0, |before| ends[before])..ends[number]],
        };
        self.bpe.encode_several(unknown.len(), spelled, bpe, |number, ids| match unknown[number].key {
            UnknownKey::Short(key, place) if cache.get(key, place).is_none() => cache.insert(key, ids),
            UnknownKey::Short(..) => {}
            UnknownKey::Long(key) => cache.insert_long(piece(number), key, ids),
        });
    }

    /// The key of a short piece and its place, already on its way; for any other piece a key that is never found.
    #[inline(always)]
    fn key_of(bytes: &[u8], start: usize, end: usize, cache: &PieceCache) -> (Key, Place) {
        let len = end - start;
        let Some(window) = bytes.get(start..).and_then(<[u8]>::first_chunk).filter(|_| len <= SHORT) else {
            return (Key::NEVER, Place::default());
        };
        let key = Key::new(window, len);
        let place = cache.place(key);
        cache.prefetch(place);
        (key, place)
    }

    /// Encodes a piece that is long, unknown to the cache, at the very end of the text, or of many ids.
    #[inline(never)]
    fn slow_piece(&self, piece: &[u8], scratch: &mut Scratch, out: &mut Vec<u32>) {
        if piece.is_empty() {
            return;
        }
        scratch.block.flush(out);
        if piece.len() > SHORT {
            let key = LongKey::of(piece);
            if let Some((start, count)) = key.and_then(|key| scratch.cache.get_long(piece, key)) {
                out.extend_from_slice(scratch.cache.arena(start, count));
                return;
            }
            let from = out.len();
            let spelled = self.spelling.of(piece, &mut scratch.spelled);
            self.bpe.encode_piece(spelled, &mut scratch.bpe, out);
            if let Some(key) = key {
                scratch.cache.insert_long(piece, key, &out[from..]);
            }
            return;
        }
        let key = Key::of(piece);
        let place = scratch.cache.place(key);
        match scratch.cache.get(key, place).or_else(|| scratch.cache.recall(key, place)) {
            Some(Hit::Inline { ids, count }) => out.extend_from_slice(&ids[..count]),
            Some(Hit::Arena { start, count }) => out.extend_from_slice(scratch.cache.arena(start, count)),
            None => {
                scratch.missed.clear();
                let spelled = self.spelling.of(piece, &mut scratch.spelled);
                self.bpe.encode_piece(spelled, &mut scratch.bpe, &mut scratch.missed);
                scratch.cache.insert(key, &scratch.missed);
                out.extend_from_slice(&scratch.missed);
            }
        }
    }
}
