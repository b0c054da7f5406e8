//! Why a draft could not be made or learned from.

use std::fmt;

/// An argument that does not fit a drafter, a tree or a file; the drafter is as it was before the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftError(String);

impl DraftError {
    /// A shape that is no tree.
    pub(super) fn template(what: String) -> Self {
        Self(what)
    }

    /// A value outside what is allowed.
    pub(super) fn argument(what: String) -> Self {
        Self(what)
    }

    /// An id that the vocabulary does not hold.
    pub(super) fn vocabulary(what: &str, id: u32, size: usize) -> Self {
        Self(format!("{what}: id {id} is outside the drafter's vocabulary of {size} tokens"))
    }
}

impl fmt::Display for DraftError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DraftError {}
