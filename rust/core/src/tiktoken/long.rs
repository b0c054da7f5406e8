//! Long texts in waves, so that a caller can look up in between, and over threads.

use std::ops::Range;

use rayon::prelude::*;

use super::{RankEncoding, Specials};
use crate::pretokenize::SplitError;

/// How far behind its ideal place a cut is looked for.
const REACH: usize = 1 << 16;
/// Bytes of a part that is encoded apart.
const PART: usize = 1 << 15;
/// Groups of parts that a thread gets in a wave: enough that threads of different speed finish together.
const GROUPS_PER_THREAD: usize = 8;

/// A text that is being encoded.
#[derive(Debug)]
pub struct LongText<'a> {
    text: &'a str,
    allowed: Option<&'a Specials>,
    /// The stretch between special tokens that is being encoded.
    segment: Range<usize>,
    /// The special token after it: its id and where it ends.
    next: Option<(u32, usize)>,
    /// What is left of the segment begins here.
    at: usize,
}

impl<'a> LongText<'a> {
    /// Begins with a text. The special tokens in `allowed` are recognised, all others are ordinary text.
    #[must_use]
    pub fn new(text: &'a str, allowed: Option<&'a Specials>) -> Self {
        let mut long = Self { text, allowed, segment: 0..0, next: None, at: 0 };
        long.begin(0);
        long
    }

    /// Whether all of it is encoded.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.at == self.segment.end && self.next.is_none()
    }

    fn begin(&mut self, start: usize) {
        let found = self.allowed.and_then(|specials| specials.find(self.text, start));
        self.segment = start..found.map_or(self.text.len(), |found| found.start);
        self.next = found.map(|found| (found.id, found.end));
        self.at = start;
    }
}

impl RankEncoding {
    /// Appends the ids of the next stretch of a text: about `budget` bytes, with up to `threads` threads of the current
    /// rayon pool. All waves together give what [`encode`](Self::encode) gives.
    ///
    /// # Errors
    /// If the pattern gives up on the text, see [`crate::pretokenize::Pretokenizer::try_pieces`].
    pub fn encode_wave(
        &self,
        long: &mut LongText<'_>,
        budget: usize,
        threads: usize,
        out: &mut Vec<u32>,
    ) -> Result<(), SplitError> {
        let stop = long.at.saturating_add(budget);
        while long.at < stop && !long.is_done() {
            if long.at < long.segment.end {
                self.encode_stretch(long, stop, threads, out)?;
            }
            if long.at == long.segment.end
                && let Some((id, end)) = long.next
            {
                out.push(id);
                long.begin(end);
            }
        }
        Ok(())
    }

    /// Encodes the segment of a text, up to its end or the first cut at or after `stop`.
    fn encode_stretch(
        &self,
        long: &mut LongText<'_>,
        stop: usize,
        threads: usize,
        out: &mut Vec<u32>,
    ) -> Result<(), SplitError> {
        let segment = &long.text[long.segment.clone()];
        let from = long.at - long.segment.start;
        let end = self.cut(segment, from.saturating_add(stop.saturating_sub(long.at)));
        let mut parts = Vec::new();
        let mut start = from;
        while start < end {
            let part = if threads > 1 { self.cut(&segment[..end], start + PART) } else { end };
            parts.push(&segment[start..part]);
            start = part;
        }
        if let [part] = parts[..] {
            self.encoder().with_scratch(|scratch| self.encoder().encode_ordinary(part, scratch, out))?;
        } else {
            // The ids of a group of parts lie in one buffer, which is copied once.
            let group = parts.len().div_ceil(threads * GROUPS_PER_THREAD).max(1);
            let done: Result<Vec<Vec<u32>>, SplitError> =
                parts.par_chunks(group).with_max_len(1).map(|parts| self.encode_parts(parts)).collect();
            for ids in done? {
                out.extend_from_slice(&ids);
            }
        }
        long.at = long.segment.start + end;
        Ok(())
    }

    fn encode_parts(&self, parts: &[&str]) -> Result<Vec<u32>, SplitError> {
        let mut ids = Vec::new();
        self.encoder().with_scratch(|scratch| {
            parts.iter().try_for_each(|part| self.encoder().encode_ordinary(part, scratch, &mut ids))
        })?;
        Ok(ids)
    }

    /// The first place at or after `aim` where a piece is proven to end whatever comes before and after; the end of the
    /// text if none is near.
    fn cut(&self, text: &str, aim: usize) -> usize {
        let pretokenizer = self.encoder().pretokenizer();
        let reach = aim.min(text.len())..text.len().min(aim.saturating_add(REACH));
        reach.into_iter().find(|&at| pretokenizer.is_safe_cut(text, at)).unwrap_or(text.len())
    }
}
