//! Why a BPE model could not be built.

use crate::vocab::VocabError;
use std::fmt;

/// A vocabulary and merges that do not make a BPE model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BpeError(Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Vocab(VocabError),
    MissingByte(u8),
    UnknownMergePart { rank: u32, left: u32, right: u32 },
    UnknownMergeProduct { rank: u32, left: u32, right: u32 },
}

impl BpeError {
    pub(crate) const fn missing_byte(byte: u8) -> Self {
        Self(Kind::MissingByte(byte))
    }
    pub(crate) const fn unknown_merge_part(rank: u32, left: u32, right: u32) -> Self {
        Self(Kind::UnknownMergePart { rank, left, right })
    }
    pub(crate) const fn unknown_merge_product(rank: u32, left: u32, right: u32) -> Self {
        Self(Kind::UnknownMergeProduct { rank, left, right })
    }
}

impl From<VocabError> for BpeError {
    fn from(error: VocabError) -> Self {
        Self(Kind::Vocab(error))
    }
}

impl fmt::Display for BpeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Vocab(error) => error.fmt(f),
            Kind::MissingByte(byte) => {
                write!(f, "byte 0x{byte:02X} is not a token: a rank vocabulary must hold all 256 single bytes")
            }
            Kind::UnknownMergePart { rank, left, right } => {
                write!(f, "merge {rank} joins ids {left} and {right}, but the vocabulary does not hold both")
            }
            Kind::UnknownMergeProduct { rank, left, right } => {
                write!(f, "merge {rank} joins ids {left} and {right}, but their concatenation is not a token")
            }
        }
    }
}

impl std::error::Error for BpeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            Kind::Vocab(error) => Some(error),
            _ => None,
        }
    }
}
