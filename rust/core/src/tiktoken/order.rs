//! The tokens of a vocabulary in byte order, for finding those that begin with given bytes.

use std::ops::Range;

use crate::vocab::Vocab;

/// The entries of a vocabulary sorted by their bytes.
#[derive(Debug)]
pub(super) struct ByteOrder(Vec<u32>);

impl ByteOrder {
    /// Sorts a vocabulary. O(n log n).
    pub(super) fn new(vocab: &Vocab) -> Self {
        let mut entries: Vec<u32> = (0..u32::try_from(vocab.len()).unwrap_or(u32::MAX)).collect();
        entries.sort_unstable_by_key(|&entry| entry_of(vocab, entry).0);
        Self(entries)
    }

    /// All tokens with their ids, in byte order.
    pub(super) fn all<'v>(&self, vocab: &'v Vocab) -> impl ExactSizeIterator<Item = (&'v [u8], u32)> {
        self.range(vocab, 0..self.0.len())
    }

    /// The tokens that begin with `prefix` (also `prefix` itself), in byte order.
    pub(super) fn with_prefix<'v>(
        &self,
        vocab: &'v Vocab,
        prefix: &[u8],
    ) -> impl ExactSizeIterator<Item = (&'v [u8], u32)> {
        let start = self.0.partition_point(|&entry| entry_of(vocab, entry).0 < prefix);
        let length = self.0[start..].partition_point(|&entry| entry_of(vocab, entry).0.starts_with(prefix));
        self.range(vocab, start..start + length)
    }

    fn range<'v>(&self, vocab: &'v Vocab, range: Range<usize>) -> impl ExactSizeIterator<Item = (&'v [u8], u32)> {
        self.0[range].iter().map(|&entry| entry_of(vocab, entry))
    }
}

fn entry_of(vocab: &Vocab, entry: u32) -> (&[u8], u32) {
    vocab.table().get(entry as usize).unwrap_or((&[], 0))
}

#[cfg(test)]
mod tests {
    use super::ByteOrder;
    use crate::spec::TokenTable;
    use crate::vocab::Vocab;

    #[test]
    fn finds_tokens_by_prefix() {
        let mut table = TokenTable::default();
        for (bytes, id) in [(&b"b"[..], 0), (b"ab", 1), (b"a", 9), (b"abc", 3)] {
            table.push(bytes, id);
        }
        let vocab = Vocab::new(table).expect("distinct ids");
        let order = ByteOrder::new(&vocab);
        let ids = |prefix: &[u8]| order.with_prefix(&vocab, prefix).map(|(_, id)| id).collect::<Vec<_>>();
        assert_eq!(ids(b"ab"), [1, 3]);
        assert_eq!(ids(b""), [9, 1, 3, 0]);
        assert!(ids(b"ac").is_empty());
        assert!(ids(b"c").is_empty());
        assert!(order.all(&vocab).map(|(bytes, _)| bytes).is_sorted());
    }
}
