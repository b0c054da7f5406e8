//! Long texts in waves, so that a caller can look up in between, and over threads.

use std::ops::Range;

use super::{RankEncoding, Specials};
use crate::pretokenize::SplitError;

/// How far behind its ideal end a wave looks for a cut.
const REACH: usize = 1 << 16;

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
        let encoder = self.encoder();
        let segment = &long.text[long.segment.clone()];
        let from = long.at - long.segment.start;
        let budget = stop.saturating_sub(long.at);
        let next = if threads > 1 && encoder.pretokenizer().machine().is_some() {
            let aim = from.saturating_add(budget).min(segment.len());
            let reach = aim..segment.len().min(aim.saturating_add(REACH));
            let cut = reach.into_iter().find(|&at| encoder.pretokenizer().is_safe_cut(segment, at));
            let cut = cut.unwrap_or(segment.len());
            encoder.encode_parallel(&segment[from..cut], threads, out)?;
            cut
        } else {
            encoder.with_scratch(|scratch| encoder.encode_part(segment, from, budget, scratch, out))?
        };
        long.at = long.segment.start + next;
        Ok(())
    }
}
