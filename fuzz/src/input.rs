//! Reading structure out of arbitrary bytes.

/// A reader that never fails: beyond the end everything is zero.
pub(crate) struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    pub(crate) const fn new(data: &'a [u8]) -> Self {
        Self { rest: data }
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        first
    }

    /// A number below `bound`, which must be positive.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (usize::from(self.byte()) << 8 | usize::from(self.byte())) % bound
    }

    /// Everything not read yet, cut to `limit` bytes so that quadratic oracles stay fast.
    pub(crate) fn rest(&mut self, limit: usize) -> &'a [u8] {
        let rest = std::mem::take(&mut self.rest);
        &rest[..rest.len().min(limit)]
    }
}
