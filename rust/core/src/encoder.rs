//! Text to ids: pieces, then BPE.

use crate::bpe::{Bpe, Scratch as BpeScratch};
use crate::pretokenize::{PieceEnds, Pretokenizer};

/// Working memory of one encoding thread; reuse it between calls.
#[derive(Debug, Default)]
pub struct Scratch {
    ends: PieceEnds,
    bpe: BpeScratch,
}

/// A frozen text encoder.
#[derive(Debug)]
pub struct Encoder {
    bpe: Bpe,
    pretokenizer: Pretokenizer,
}

impl Encoder {
    /// Joins a model and its pretokenizer.
    #[must_use]
    pub const fn new(bpe: Bpe, pretokenizer: Pretokenizer) -> Self {
        Self { bpe, pretokenizer }
    }

    /// Appends the ids of `text`, in which special tokens are ordinary text.
    pub fn encode_ordinary(&self, text: &str, scratch: &mut Scratch, out: &mut Vec<u32>) {
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            scratch.ends.ends.clear();
            let next = self.pretokenizer.pieces(text, at, &mut scratch.ends);
            let mut start = at;
            for &end in &scratch.ends.ends {
                let end = at + end as usize;
                self.bpe.encode_piece(&bytes[start..end], &mut scratch.bpe, out);
                start = end;
            }
            at = next;
        }
    }
}
