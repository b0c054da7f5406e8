//! Pieces whose spaces stand for marks, as they are in the text: the marks are written only for what the cache does not know.

use super::{Encoder, Scratch};
use crate::pretokenize::PieceEnds;
use memchr::{memchr, memchr_iter, memmem};

/// SentencePiece's mark of a space.
pub(crate) const MARK: &str = "▁";

/// How pieces are spelled to the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// As they are.
    AsIs,
    /// With a mark for every space.
    Marks,
}

impl Spelling {
    /// Whether a piece is spelled otherwise than it is.
    #[inline]
    pub(super) fn applies_to(self, piece: &[u8]) -> bool {
        self == Self::Marks && memchr(b' ', piece).is_some()
    }

    /// A piece as it is spelled to the model.
    #[inline]
    pub(super) fn of<'a>(self, piece: &'a [u8], spelled: &'a mut Vec<u8>) -> &'a [u8] {
        if !self.applies_to(piece) {
            return piece;
        }
        spelled.clear();
        push(piece, spelled);
        spelled
    }

    /// The ends of pieces that are spelled one after another, or `None` if all stay as they are.
    pub(super) fn of_all<'a>(
        self,
        pieces: impl Iterator<Item = &'a [u8]>,
        spelled: &mut Vec<u8>,
    ) -> Option<Vec<usize>> {
        if self == Self::AsIs {
            return None;
        }
        spelled.clear();
        let one = |piece| {
            push(piece, spelled);
            spelled.len()
        };
        Some(pieces.map(one).collect())
    }

    /// The piece that is spelled as a token is, if there is one.
    pub(super) fn undone<'a>(self, token: &'a [u8], piece: &'a mut Vec<u8>) -> Option<&'a [u8]> {
        if self == Self::AsIs {
            return Some(token);
        }
        if memchr(b' ', token).is_some() {
            return None;
        }
        piece.clear();
        let mut rest = token;
        while let Some(at) = memmem::find(rest, MARK.as_bytes()) {
            piece.extend_from_slice(&rest[..at]);
            piece.push(b' ');
            rest = &rest[at + MARK.len()..];
        }
        piece.extend_from_slice(rest);
        Some(piece)
    }
}

/// Appends a piece, with marks for spaces.
fn push(piece: &[u8], spelled: &mut Vec<u8>) {
    for &byte in piece {
        if byte == b' ' {
            spelled.extend_from_slice(MARK.as_bytes());
        } else {
            spelled.push(byte);
        }
    }
}

/// Words that are looked up together.
const WORDS: usize = 1024;

impl Encoder {
    /// From now on the cache takes a space in a piece for a mark; see [`Encoder::encode_words`].
    pub(crate) fn spell_spaces_as_marks(&mut self) {
        self.spelling = Spelling::Marks;
    }

    /// Appends the ids of a text of less than 4 GiB, without marks, each of whose spaces stands for one; `marked` puts
    /// another before it.
    ///
    /// The text is cut before each run of spaces, which must make no difference to this vocabulary.
    pub(crate) fn encode_words(&self, text: &str, marked: bool, scratch: &mut Scratch, out: &mut Vec<u32>) {
        debug_assert!(self.spelling == Spelling::Marks, "spaces stand for marks");
        self.attach(scratch);
        out.reserve(text.len() / 4 + 16);
        let bytes = text.as_bytes();
        let mut cuts = memchr_iter(b' ', bytes).filter(|&at| at > 0 && bytes[at - 1] != b' ');
        let mut start = 0;
        if marked {
            start = cuts.next().unwrap_or(bytes.len());
            let first = [b" ", &bytes[..start]].concat();
            self.slow_piece(&first, scratch, out);
        }
        // The buffer is moved out while the pieces are encoded, for the borrow checker; this costs nothing.
        let mut buffer = std::mem::take(&mut scratch.ends);
        while start < bytes.len() {
            let PieceEnds { ends, .. } = &mut buffer;
            ends.clear();
            ends.extend(cuts.by_ref().take(WORDS).filter_map(|at| u32::try_from(at - start).ok()));
            let mut end = ends.last().map_or(start, |&end| start + end as usize);
            if ends.len() < WORDS {
                end = bytes.len();
                ends.extend(u32::try_from(end - start));
            }
            self.encode_pieces(&bytes[start..], ends, scratch, out);
            start = end;
        }
        scratch.ends = buffer;
    }

    /// Appends the ids of consecutive pieces with the given ends, faster than one by one.
    pub(crate) fn encode_cut(
        &self,
        text: &str,
        ends: impl Iterator<Item = u32>,
        scratch: &mut Scratch,
        out: &mut Vec<u32>,
    ) {
        if self.spelling.applies_to(text.as_bytes()) {
            let mut start = 0;
            for end in ends {
                self.encode_piece(&text.as_bytes()[start..end as usize], scratch, out);
                start = end as usize;
            }
            return;
        }
        self.attach(scratch);
        let mut buffer = std::mem::take(&mut scratch.ends);
        buffer.clear();
        buffer.ends.extend(ends);
        self.encode_pieces(text.as_bytes(), &buffer.ends, scratch, out);
        scratch.ends = buffer;
    }
}
