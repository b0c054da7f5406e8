//! Bytes and characters: from positions in one to positions in the other.

/// Number of bytes between two remembered counts.
const BLOCK: usize = 64;

/// Answers how many characters lie before a byte of a text, in constant time.
///
/// ```
/// let index = tokengrove::offsets::CharIndex::new("né!");
/// assert_eq!(index.span(1, 3), (1, 2));
/// assert_eq!(index.span(2, 4), (1, 3));
/// ```
#[derive(Debug)]
pub struct CharIndex<'a> {
    bytes: &'a [u8],
    /// Characters that begin before each block; empty if every character is one byte.
    counts: Vec<usize>,
}

impl<'a> CharIndex<'a> {
    /// Counts the characters of a text. O(n).
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        let bytes = text.as_bytes();
        let mut counts = Vec::new();
        if !text.is_ascii() {
            counts.reserve(bytes.len() / BLOCK + 1);
            let mut count = 0;
            for block in bytes.chunks(BLOCK) {
                counts.push(count);
                count += starts(block);
            }
            counts.push(count);
        }
        Self { bytes, counts }
    }

    /// How many characters begin before byte `at`; beyond the end, all of them.
    #[must_use]
    pub fn starts_before(&self, at: usize) -> usize {
        let at = at.min(self.bytes.len());
        match self.counts.get(at / BLOCK) {
            None => at,
            Some(count) => count + starts(&self.bytes[at / BLOCK * BLOCK..at]),
        }
    }

    /// The characters that a span of bytes touches.
    #[must_use]
    pub fn span(&self, start: usize, end: usize) -> (usize, usize) {
        if start >= end {
            let at = self.starts_before(start);
            return (at, at);
        }
        (self.starts_before(start + 1).saturating_sub(1), self.starts_before(end))
    }
}

/// Bytes at which a character begins.
fn starts(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&byte| byte & 0xC0 != 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn equals_counting(text in "[a-cé日🎉]{0,200}", start in 0_usize..600, len in 0_usize..9) {
            let index = CharIndex::new(&text);
            let (start, end) = (start.min(text.len()), (start + len).min(text.len()));
            let touched: Vec<usize> = text
                .char_indices()
                .enumerate()
                .filter(|(_, (at, c))| *at < end && start < at + c.len_utf8())
                .map(|(place, _)| place)
                .collect();
            if let (Some(first), Some(last)) = (touched.first(), touched.last())
                && start < end
            {
                prop_assert_eq!(index.span(start, end), (*first, last + 1));
            }
            prop_assert_eq!(index.starts_before(text.len()), text.chars().count());
        }
    }
}
