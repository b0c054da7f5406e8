//! Token identifiers.

/// The number by which a model knows a token.
///
/// A newtype, so that ids, merge ranks and byte offsets cannot be mixed up. Any `u32` is a well-formed id; whether a
/// vocabulary holds it is a question for [`Vocab`](crate::vocab::Vocab).
///
/// ```
/// use tokengrove::id::TokenId;
/// assert_eq!(TokenId(7).index(), 7);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(transparent)]
pub struct TokenId(pub u32);

impl TokenId {
    /// The id as an array index.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}
