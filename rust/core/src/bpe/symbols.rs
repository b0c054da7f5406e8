//! The symbols a piece consists of before the first merge, and what becomes of those the vocabulary lacks.

use crate::spec::Symbols;
use crate::vocab::Vocab;

/// Which symbols are tokens, as a bit set over bytes or Unicode scalars.
#[derive(Debug)]
pub(super) struct SymbolSet {
    kind: Symbols,
    known: Box<[u64]>,
    complete: bool,
}

/// A stretch of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Run<'a> {
    /// Symbols that are all tokens.
    Known(&'a [u8]),
    /// One symbol that is not a token.
    Unknown(&'a [u8]),
}

impl SymbolSet {
    pub(super) fn new(kind: &Symbols, vocab: &Vocab) -> Self {
        let scalars = match kind {
            Symbols::Bytes => 256,
            Symbols::Chars { .. } => char::MAX as usize + 1,
        };
        let mut known = vec![0u64; scalars.div_ceil(64)].into_boxed_slice();
        for (entry, (bytes, _)) in vocab.table().iter().enumerate() {
            if vocab.table().is_encodable(entry)
                && let Some(symbol) = symbol(kind, bytes)
            {
                known[symbol as usize / 64] |= 1 << (symbol % 64);
            }
        }
        let complete = *kind == Symbols::Bytes && known.iter().all(|&word| word == u64::MAX);
        Self { kind: kind.clone(), known, complete }
    }

    /// Whether every input consists of known symbols.
    #[inline]
    pub(super) const fn is_complete(&self) -> bool {
        self.complete
    }

    fn knows(&self, symbol: u32) -> bool {
        self.known[symbol as usize / 64] >> (symbol % 64) & 1 == 1
    }

    /// Length of the symbol that `bytes` begins with, and whether it is a token; `bytes` is not empty.
    fn first(&self, bytes: &[u8]) -> (usize, bool) {
        match self.kind {
            Symbols::Bytes => (1, self.knows(u32::from(bytes[0]))),
            Symbols::Chars { .. } => match first_char(bytes) {
                Some(c) => (c.len_utf8(), self.knows(u32::from(c))),
                None => (1, false),
            },
        }
    }

    /// Cuts a piece into maximal runs of known symbols and single unknown ones. O(n).
    pub(super) fn runs<'a>(&'a self, piece: &'a [u8]) -> impl Iterator<Item = Run<'a>> {
        let mut rest = piece;
        std::iter::from_fn(move || {
            let mut len = 0;
            while len < rest.len() {
                let (symbol, known) = self.first(&rest[len..]);
                if !known {
                    if len == 0 {
                        let (unknown, tail) = rest.split_at(symbol);
                        rest = tail;
                        return Some(Run::Unknown(unknown));
                    }
                    break;
                }
                len += symbol;
            }
            let (known, tail) = rest.split_at(len);
            rest = tail;
            (!known.is_empty()).then_some(Run::Known(known))
        })
    }

    /// Whether symbols are single bytes.
    #[inline]
    pub(super) fn are_bytes(&self) -> bool {
        self.kind == Symbols::Bytes
    }

    /// The symbols of a run of known ones: vocabulary entry and end offset. False if one is unknown after all.
    pub(super) fn entries(&self, vocab: &Vocab, run: &[u8], out: &mut Vec<(u32, u32)>) -> bool {
        out.clear();
        let mut at = 0;
        while at < run.len() {
            let (len, _) = self.first(&run[at..]);
            let (Some(entry), Ok(end)) = (vocab.entry(&run[at..at + len]), u32::try_from(at + len)) else {
                return false;
            };
            out.push((entry, end));
            at += len;
        }
        true
    }

    /// Whether a token is a symbol.
    pub(super) fn is_symbol(&self, bytes: &[u8]) -> bool {
        symbol(&self.kind, bytes).is_some()
    }

    /// Appends what stands for an unknown symbol; `after_unknown` tells that the symbol before was unknown and had no bytes
    /// to fall back to. The answer is the same for this symbol.
    pub(super) fn push_unknown(&self, symbol: &[u8], after_unknown: bool, out: &mut Vec<u32>) -> bool {
        let Symbols::Chars { byte_fallback, unknown, fuse_unknown } = &self.kind else { return false };
        if let Some(ids) = byte_fallback {
            out.extend(symbol.iter().map(|&byte| ids[usize::from(byte)]));
            return false;
        }
        if let Some(id) = unknown
            && !(*fuse_unknown && after_unknown)
        {
            out.push(*id);
        }
        true
    }
}

/// The number of the only symbol in `bytes`.
fn symbol(kind: &Symbols, bytes: &[u8]) -> Option<u32> {
    match kind {
        Symbols::Bytes => {
            if let [byte] = bytes {
                Some(u32::from(*byte))
            } else {
                None
            }
        }
        Symbols::Chars { .. } => first_char(bytes).filter(|c| c.len_utf8() == bytes.len()).map(u32::from),
    }
}

fn first_char(bytes: &[u8]) -> Option<char> {
    let head = &bytes[..bytes.len().min(4)];
    match std::str::from_utf8(head) {
        Ok(text) => text.chars().next(),
        Err(error) => std::str::from_utf8(&head[..error.valid_up_to()]).ok()?.chars().next(),
    }
}
