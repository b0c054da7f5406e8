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
    /// Where each character begins, if the bytes are no UTF-8.
    positions: Option<Vec<usize>>,
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
        Self { bytes, counts, positions: None }
    }

    /// Counts the characters of bytes that need not be UTF-8. O(n).
    ///
    /// What is no UTF-8 counts as it is decoded with replacement: each longest beginning of a character, or else each byte, is
    /// one U+FFFD.
    ///
    /// ```
    /// let index = tokengrove::offsets::CharIndex::of_bytes(b"a\xE2\x82\xFFb");
    /// assert_eq!(index.span(1, 5), (1, 4)); // U+FFFD, U+FFFD, b
    /// ```
    #[must_use]
    pub fn of_bytes(bytes: &'a [u8]) -> Self {
        if let Ok(text) = std::str::from_utf8(bytes) {
            return Self::new(text);
        }
        let mut positions = Vec::new();
        let mut at = 0;
        for chunk in bytes.utf8_chunks() {
            positions.extend(chunk.valid().char_indices().map(|(place, _)| at + place));
            at += chunk.valid().len();
            if !chunk.invalid().is_empty() {
                positions.push(at);
                at += chunk.invalid().len();
            }
        }
        Self { bytes, counts: Vec::new(), positions: Some(positions) }
    }

    /// How many characters begin before byte `at`; beyond the end, all of them.
    #[must_use]
    pub fn starts_before(&self, at: usize) -> usize {
        let at = at.min(self.bytes.len());
        if let Some(positions) = &self.positions {
            return positions.partition_point(|&start| start < at);
        }
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

/// Answers as a [`CharIndex`] for spans that mostly follow one another: each costs what lies between it and the one before.
///
/// ```
/// let mut cursor = tokengrove::offsets::CharCursor::new("né!");
/// assert_eq!(cursor.span(1, 3), (1, 2));
/// assert_eq!(cursor.span(2, 4), (1, 3));
/// ```
#[derive(Debug)]
pub struct CharCursor<'a> {
    bytes: &'a [u8],
    index: CharIndex<'a>,
    /// A place in the text, and how many characters begin before it.
    at: (usize, usize),
}

/// Further away than this, a place is looked up in the index.
const STEP: usize = 128;

impl<'a> CharCursor<'a> {
    /// Counts the characters of a text. O(n).
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        Self { bytes: text.as_bytes(), index: CharIndex::new(text), at: (0, 0) }
    }

    /// How many characters begin before byte `at`; beyond the end, all of them.
    fn starts_before(&mut self, at: usize) -> usize {
        let at = at.min(self.bytes.len());
        let (from, count) = self.at;
        let count = match at.checked_sub(from) {
            Some(0) => return count,
            Some(1..=STEP) => count + starts(&self.bytes[from..at]),
            _ if from > at && from - at <= STEP => count - starts(&self.bytes[at..from]),
            _ => self.index.starts_before(at),
        };
        self.at = (at, count);
        count
    }

    /// The characters that a span of bytes touches.
    pub fn span(&mut self, start: usize, end: usize) -> (usize, usize) {
        if start >= end {
            let at = self.starts_before(start);
            return (at, at);
        }
        // The character that `start` lies in begins there or before.
        let before = self.starts_before(start);
        let inside = self.bytes.get(start).is_some_and(|&byte| byte & 0xC0 == 0x80) || start >= self.bytes.len();
        (if inside { before.saturating_sub(1) } else { before }, self.starts_before(end))
    }
}

/// Bytes at which a character begins.
#[inline]
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
            let mut cursor = CharCursor::new(&text);
            for (start, end) in [(start, start + len), (0, len), (start + len, start), (start, start + 200), (len, start)] {
                prop_assert_eq!(cursor.span(start, end), index.span(start, end));
            }
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
