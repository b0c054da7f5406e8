//! Counts of pieces in a file that can be mapped into memory.
//!
//! Layout, all numbers little-endian: `TGCOUNTS`, a format version, the length of the description, the number of pieces, the
//! length of all pieces together, the sum of all counts, a checksum (each 64 bits); the description (UTF-8, padded with zeros
//! to a multiple of 8 bytes); then for each piece its count, then for each piece where it ends among the bytes of all (64 bits
//! each), then those bytes. Pieces are in the order of their bytes, so that equal counts give equal files. The checksum covers
//! everything but itself: a file that was cut short or damaged is noticed.

use super::Pieces;
use crate::hash;
use std::fmt;
use std::io::{self, Write};

const MAGIC: &[u8; 8] = b"TGCOUNTS";
const VERSION: u64 = 1;
/// Bytes before the description.
const HEAD: usize = 56;

/// Why a file is not taken for counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountsError(String);

impl CountsError {
    fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for CountsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CountsError {}

/// Memory that holds a file: read, or mapped.
pub trait Source: AsRef<[u8]> {}
impl<T: AsRef<[u8]>> Source for T {}

/// Counts in a file; nothing is copied from it.
#[derive(Debug, Clone)]
pub struct CountsFile<S> {
    source: S,
    pieces: usize,
    description: usize,
    counts: usize,
    ends: usize,
    slab: usize,
    total: u64,
}

impl<S: Source> CountsFile<S> {
    /// Takes memory that holds a file.
    ///
    /// # Errors
    /// If it is no such file, of another version, cut short or damaged. O(size of the file): all of it is read once.
    pub fn new(source: S) -> Result<Self, CountsError> {
        let data = source.as_ref();
        if data.get(..8) != Some(MAGIC) {
            return Err(CountsError::new("not a file of counted pieces: it does not begin with TGCOUNTS"));
        }
        let cut = |needed: &dyn fmt::Display| {
            CountsError::new(format!("the file of counted pieces was cut short: {} bytes, of {needed}", data.len()))
        };
        let field = |at: usize| word(data, at).ok_or_else(|| cut(&format_args!("at least {HEAD}")));
        let version = field(8)?;
        if version != VERSION {
            return Err(CountsError::new(format!("format version {version}; this package reads {VERSION}")));
        }
        let (text, pieces, slab, total, checksum) = (field(16)?, field(24)?, field(32)?, field(40)?, field(48)?);
        let size = || {
            let text = text.checked_next_multiple_of(8)?;
            let tables = pieces.checked_mul(16)?;
            let needed = (HEAD as u64).checked_add(text)?.checked_add(tables)?.checked_add(slab)?;
            Some((usize::try_from(needed).ok()?, usize::try_from(text).ok()?))
        };
        let Some((needed, padded)) = size() else {
            return Err(CountsError::new("the file of counted pieces is damaged: its sizes do not fit memory"));
        };
        if data.len() != needed {
            return Err(cut(&needed));
        }
        if checksum != sum(&data[..48], &data[HEAD..]) {
            return Err(CountsError::new(
                "the file of counted pieces is damaged: its checksum is not that of its content",
            ));
        }
        let damaged =
            || CountsError::new("the file of counted pieces is damaged: its description or its lists are not in order");
        let pieces = usize::try_from(pieces).map_err(|_| damaged())?;
        let text = usize::try_from(text).map_err(|_| damaged())?;
        let counts = HEAD + padded;
        let (ends, bytes) = (counts + 8 * pieces, counts + 16 * pieces);
        let description = HEAD + text;
        std::str::from_utf8(&data[HEAD..description]).map_err(|_| damaged())?;
        let mut before = 0;
        for end in data[ends..bytes].chunks_exact(8).filter_map(|chunk| word(chunk, 0)) {
            if end <= before || end > slab {
                return Err(damaged());
            }
            before = end;
        }
        if before != slab {
            return Err(damaged());
        }
        Ok(Self { pieces, description, counts, ends, slab: bytes, total, source })
    }

    /// What the file says about itself.
    #[must_use]
    pub fn description(&self) -> &str {
        self.source
            .as_ref()
            .get(HEAD..self.description)
            .and_then(|text| std::str::from_utf8(text).ok())
            .unwrap_or_default()
    }

    /// The number of distinct pieces.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.pieces
    }

    /// Whether there is no piece.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.pieces == 0
    }

    /// The sum of all counts.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }
}

impl<S: Source> Pieces for CountsFile<S> {
    /// If the memory changes underneath, what is no longer sound is left out.
    fn for_each(&self, f: &mut dyn FnMut(&[u8], u64)) {
        let data = self.source.as_ref();
        let mut start = 0;
        for piece in 0..self.pieces {
            let (Some(count), Some(end)) = (word(data, self.counts + 8 * piece), word(data, self.ends + 8 * piece))
            else {
                return;
            };
            let end = usize::try_from(end).unwrap_or(usize::MAX);
            let range = self.slab.saturating_add(start)..self.slab.saturating_add(end);
            match data.get(range) {
                Some(piece) if !piece.is_empty() && count > 0 => f(piece, count),
                _ => {}
            }
            start = end;
        }
    }
}

/// The number at a place.
fn word(data: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*data.get(at..)?.first_chunk()?))
}

fn sum(head: &[u8], rest: &[u8]) -> u64 {
    hash::bytes(hash::bytes(VERSION, head), rest)
}

/// Writes pieces with a description.
///
/// # Errors
/// If writing fails.
pub fn write_counts(pieces: &dyn Pieces, description: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut slab = Vec::new();
    let mut list: Vec<(usize, usize, u64)> = Vec::new();
    pieces.for_each(&mut |piece, count| {
        list.push((slab.len(), slab.len() + piece.len(), count));
        slab.extend_from_slice(piece);
    });
    list.sort_unstable_by(|a, b| slab[a.0..a.1].cmp(&slab[b.0..b.1]));
    let total = list.iter().fold(0_u64, |sum, entry| sum.saturating_add(entry.2));
    let mut body = Vec::with_capacity(description.len() + 8 + list.len() * 16 + slab.len());
    body.extend_from_slice(description.as_bytes());
    body.resize(description.len().next_multiple_of(8), 0);
    for entry in &list {
        body.extend_from_slice(&entry.2.to_le_bytes());
    }
    let mut end = 0_u64;
    for entry in &list {
        end += (entry.1 - entry.0) as u64;
        body.extend_from_slice(&end.to_le_bytes());
    }
    for entry in &list {
        body.extend_from_slice(&slab[entry.0..entry.1]);
    }
    let mut head = MAGIC.to_vec();
    for number in [VERSION, description.len() as u64, list.len() as u64, slab.len() as u64, total] {
        head.extend_from_slice(&number.to_le_bytes());
    }
    let checksum = sum(&head, &body);
    head.extend_from_slice(&checksum.to_le_bytes());
    out.write_all(&head)?;
    out.write_all(&body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::PieceCounter;
    use std::collections::BTreeMap;

    fn contents(pieces: &dyn Pieces) -> BTreeMap<Vec<u8>, u64> {
        let mut all = BTreeMap::new();
        pieces.for_each(&mut |piece, count| assert_eq!(all.insert(piece.to_vec(), count), None));
        all
    }

    fn file() -> (PieceCounter, Vec<u8>) {
        let mut counter = PieceCounter::new();
        for i in 1..500_u64 {
            counter.add(format!("{}{}", "piece ".repeat((i % 5) as usize), i * i).as_bytes(), i << 30);
        }
        let mut file = Vec::new();
        write_counts(&counter, "{\"ü\": 1}", &mut file).unwrap();
        (counter, file)
    }

    #[test]
    fn what_was_written_is_read() {
        let (counter, file) = file();
        let read = CountsFile::new(&file).unwrap();
        assert_eq!(contents(&read), contents(&counter));
        assert_eq!((read.description(), read.len(), read.total()), ("{\"ü\": 1}", counter.len(), counter.total()));
        let mut again = Vec::new();
        write_counts(&read, read.description(), &mut again).unwrap();
        assert_eq!(again, file);
        let mut empty = Vec::new();
        write_counts(&PieceCounter::new(), "", &mut empty).unwrap();
        assert!(CountsFile::new(&empty).unwrap().is_empty());
    }

    #[test]
    fn a_damaged_file_is_refused_wherever_it_is_damaged() {
        let (_, file) = file();
        for len in (0..file.len()).step_by(97).chain(0..80) {
            CountsFile::new(&file[..len]).unwrap_err();
        }
        for at in (0..file.len()).step_by(61).chain(0..80) {
            let mut damaged = file.clone();
            damaged[at] ^= 0x10;
            CountsFile::new(&damaged).unwrap_err();
        }
    }
}
