//! Making encodings fit: truncation of one or two together, padding of a batch.

use super::{Direction, Encoding, Pad};
use std::fmt;

/// Which of two inputs is cut if both together are too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    /// The longer one, then both.
    #[default]
    LongestFirst,
    /// The first.
    OnlyFirst,
    /// The second.
    OnlySecond,
}

/// How long encodings may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Truncation {
    /// The most tokens, added ones included.
    pub max_length: usize,
    /// How many tokens of a window are the last of the window before.
    pub stride: usize,
    /// Which input is cut.
    pub strategy: Strategy,
    /// The side that is cut off.
    pub direction: Direction,
}

/// How long encodings are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Padding {
    /// The length, or `None` for that of the longest of a batch.
    pub length: Option<usize>,
    /// The length is made a multiple of this.
    pub multiple_of: Option<usize>,
    /// What is put there.
    pub pad: Pad,
}

/// Why encodings cannot be truncated as asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TruncationError {
    /// The second input is to be cut, and there is none.
    NoSecond,
    /// The input that is to be cut would have to lose all of its tokens.
    TooShort,
    /// Windows would not move on.
    Stride,
}

impl fmt::Display for TruncationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSecond => "Truncation error: Second sequence not provided",
            Self::TooShort => "Truncation error: Sequence to truncate too short to respect the provided max_length",
            Self::Stride => {
                "Truncation error: stride must be strictly less than max_length (note that max_length is less by the \
                 number of special tokens added)"
            }
        })
    }
}

impl std::error::Error for TruncationError {}

impl Truncation {
    /// Cuts one encoding or two so that together they are not too long.
    ///
    /// # Errors
    /// If that is not possible in the way asked for.
    pub fn apply(&self, first: &mut Encoding, second: Option<&mut Encoding>) -> Result<(), TruncationError> {
        let cut = |encoding: &mut Encoding, length| {
            let done = encoding.truncate(length, self.stride, self.direction);
            if done { Ok(()) } else { Err(TruncationError::Stride) }
        };
        if self.max_length == 0 {
            cut(first, 0)?;
            return second.map_or(Ok(()), |second| cut(second, 0));
        }
        let total = first.len() + second.as_ref().map_or(0, |second| second.len());
        let Some(excess) = total.checked_sub(self.max_length).filter(|&excess| excess > 0) else { return Ok(()) };
        match (self.strategy, second) {
            (Strategy::LongestFirst, None) => cut(first, self.max_length),
            (Strategy::LongestFirst, Some(second)) => {
                let (one, two) = shares(first.len(), second.len(), self.max_length);
                cut(first, one)?;
                cut(second, two)
            }
            (Strategy::OnlySecond, None) => Err(TruncationError::NoSecond),
            (Strategy::OnlyFirst, _) => shorten(first, excess, cut),
            (Strategy::OnlySecond, Some(second)) => shorten(second, excess, cut),
        }
    }
}

fn shorten(
    encoding: &mut Encoding,
    excess: usize,
    cut: impl Fn(&mut Encoding, usize) -> Result<(), TruncationError>,
) -> Result<(), TruncationError> {
    match encoding.len().checked_sub(excess).filter(|&left| left > 0) {
        Some(left) => cut(encoding, left),
        None => Err(TruncationError::TooShort),
    }
}

/// How many tokens two inputs keep of `max` together: the shorter all, if that is not more than half, else half each.
fn shares(first: usize, second: usize, max: usize) -> (usize, usize) {
    let shorter = first.min(second);
    let longer = if shorter > max { shorter } else { shorter.max(max - shorter) };
    let (shorter, longer) = if shorter + longer > max { (max / 2, max / 2 + max % 2) } else { (shorter, longer) };
    if first > second { (longer, shorter) } else { (shorter, longer) }
}

impl Padding {
    /// Fills up all encodings of a batch.
    pub fn apply(&self, encodings: &mut [Encoding]) {
        let longest = encodings.iter().map(Encoding::len).max().unwrap_or(0);
        let mut length = self.length.unwrap_or(longest);
        if let Some(multiple) = self.multiple_of.filter(|&multiple| multiple > 0) {
            length = length.div_ceil(multiple).saturating_mul(multiple);
        }
        for encoding in encodings {
            encoding.pad(length, &self.pad);
        }
    }
}
