//! One string over several threads.

use super::Encoder;
use crate::pretokenize::SplitError;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Shorter parts are not worth the hand-over.
const SHORTEST_PART: usize = 1 << 16;
/// How far behind its ideal place a cut is looked for.
const SEARCH: usize = 1 << 14;
/// Parts a thread: enough that threads of different speed finish together.
const PARTS_PER_THREAD: usize = 12;

impl Encoder {
    /// As [`Encoder::try_encode_ordinary`], with up to `threads` threads of the current rayon pool.
    ///
    /// The text is cut where a piece is proven to end whatever comes before and after, so the ids are those of the whole.
    /// The calling thread encodes parts from the front straight into `out`, the others from the back; only the latter are
    /// copied. A text without provable cuts, such as one long piece, is encoded by the calling thread alone.
    ///
    /// # Errors
    /// As [`Encoder::try_encode_ordinary`].
    pub fn encode_parallel(&self, text: &str, threads: usize, out: &mut Vec<u32>) -> Result<(), SplitError> {
        let parts = self.parts(text, threads);
        if parts.len() < 2 || threads < 2 {
            return self.with_scratch(|scratch| self.try_encode_ordinary(text, scratch, out));
        }
        let queue = TwoEnded::new(parts.len());
        let behind = Mutex::new(Vec::new());
        let mut front = Ok(());
        rayon::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(|_| {
                    let done = self.encode_from_the_back(text, &parts, &queue);
                    behind.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend(done);
                });
            }
            out.reserve(text.len() / 4 + 16);
            front = self.with_scratch(|scratch| {
                while let Some(part) = queue.pop_front() {
                    self.try_encode_ordinary(&text[parts[part].clone()], scratch, out)
                        .map_err(|e| e.moved_by(parts[part].start))?;
                }
                Ok(())
            });
        });
        front?;
        let mut behind = behind.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        behind.sort_unstable_by_key(|(part, _)| *part);
        for (part, ids) in behind {
            out.extend_from_slice(&ids.map_err(|e| e.moved_by(parts[part].start))?);
        }
        Ok(())
    }

    /// What one of the other threads does.
    fn encode_from_the_back(&self, text: &str, parts: &[Range<usize>], queue: &TwoEnded) -> Vec<PartIds> {
        self.with_scratch(|scratch| {
            let mut done = Vec::new();
            while let Some(part) = queue.pop_back() {
                let mut ids = Vec::new();
                let result = self.try_encode_ordinary(&text[parts[part].clone()], scratch, &mut ids);
                done.push((part, result.map(|()| ids)));
            }
            done
        })
    }

    /// Consecutive parts of `text` between proven cuts.
    fn parts(&self, text: &str, threads: usize) -> Vec<Range<usize>> {
        let ideal = (text.len() / (threads.max(1) * PARTS_PER_THREAD)).max(SHORTEST_PART);
        let mut parts = Vec::new();
        let mut start = 0;
        while start < text.len() {
            let aim = start.saturating_add(ideal);
            let limit = aim.saturating_add(SEARCH).min(text.len());
            match (aim..limit).find(|&at| self.pretokenizer.is_safe_cut(text, at)) {
                Some(cut) if text.len() - cut >= SHORTEST_PART / 2 => {
                    parts.push(start..cut);
                    start = cut;
                }
                // No cut near here, or a last part too short: the rest stays together.
                _ => {
                    parts.push(start..text.len());
                    break;
                }
            }
        }
        parts
    }
}

/// The number of a part and its ids.
type PartIds = (usize, Result<Vec<u32>, SplitError>);

/// The numbers from 0 on, taken from both ends, each once. Lock-free.
#[derive(Debug)]
struct TwoEnded(AtomicU64);

impl TwoEnded {
    fn new(count: usize) -> Self {
        Self(AtomicU64::new(u64::try_from(count).unwrap_or(0) & u64::from(u32::MAX)))
    }

    /// Next from the front in the high half, end of what is left in the low half.
    fn take(&self, step: impl Fn(u64, u64) -> (u64, u64, u64)) -> Option<usize> {
        let mut taken = 0;
        let update = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |state| {
            let (next, end) = (state >> 32, state & u64::from(u32::MAX));
            (next < end).then(|| {
                let (number, next, end) = step(next, end);
                taken = number;
                (next << 32) | end
            })
        });
        update.ok().and_then(|_| usize::try_from(taken).ok())
    }

    fn pop_front(&self) -> Option<usize> {
        self.take(|next, end| (next, next + 1, end))
    }

    fn pop_back(&self) -> Option<usize> {
        self.take(|next, end| (end - 1, next, end - 1))
    }
}
