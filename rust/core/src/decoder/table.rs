//! Id to bytes.

/// The bytes of every token, by id: a slab in order of id.
///
/// Ids may be sparse: the index is dense only while that takes at most a few words per token.
#[derive(Debug, Clone, Default)]
pub struct TokenBytes {
    slab: Vec<u8>,
    /// `slab[starts[i]..starts[i + 1]]` for the token at index `i`.
    starts: Vec<u32>,
    index: Index,
}

#[derive(Debug, Clone, Default)]
enum Index {
    /// Index = id, and every id below the number of entries is a token's.
    #[default]
    Full,
    /// Index = id; a bit says whether the id is a token's.
    Gaps(Vec<u64>),
    /// The ids in order; index = position.
    Sparse(Vec<u32>),
}

/// A dense index may have this many ids per token.
const DENSE_FACTOR: usize = 4;
/// Or this many ids in any case.
const DENSE_FLOOR: usize = 4096;

impl TokenBytes {
    /// Builds the index from pairs in any order; of several with one id the last counts.
    ///
    /// Returns `None` if the tokens together have 4 GiB or more.
    #[must_use]
    pub fn new<'a>(pairs: impl IntoIterator<Item = (u32, &'a [u8])>) -> Option<Self> {
        let mut entries: Vec<(u32, &[u8])> = pairs.into_iter().collect();
        if !entries.is_sorted_by(|a, b| a.0 < b.0) {
            entries.sort_by_key(|entry| entry.0);
            // Keep the last of each group: walk backwards.
            entries.reverse();
            entries.dedup_by_key(|entry| entry.0);
            entries.reverse();
        }
        let total: usize = entries.iter().map(|entry| entry.1.len()).sum();
        u32::try_from(total).ok()?;
        let ids = entries.last().map_or(0, |entry| entry.0 as usize + 1);
        let dense = ids <= DENSE_FLOOR.max(entries.len().saturating_mul(DENSE_FACTOR));
        let mut table = Self {
            slab: Vec::with_capacity(total),
            starts: Vec::with_capacity(if dense { ids } else { entries.len() } + 1),
            index: Index::Full,
        };
        table.starts.push(0);
        if !dense {
            table.index = Index::Sparse(entries.iter().map(|entry| entry.0).collect());
        } else if ids > entries.len() {
            let mut present = vec![0_u64; ids.div_ceil(64)];
            for &(id, _) in &entries {
                present[id as usize / 64] |= 1 << (id % 64);
            }
            table.index = Index::Gaps(present);
        }
        for (id, bytes) in entries {
            while dense && table.starts.len() <= id as usize {
                table.starts.push(table.end());
            }
            table.slab.extend_from_slice(bytes);
            table.starts.push(table.end());
        }
        Some(table)
    }

    /// The bytes of a token.
    #[must_use]
    pub fn get(&self, id: u32) -> Option<&[u8]> {
        let index = match &self.index {
            Index::Full => id as usize,
            Index::Gaps(present) => {
                let word = present.get(id as usize / 64)?;
                if word >> (id % 64) & 1 == 0 {
                    return None;
                }
                id as usize
            }
            Index::Sparse(ids) => ids.binary_search(&id).ok()?,
        };
        let end = *self.starts.get(index.checked_add(1)?)?;
        self.slab.get(self.starts[index] as usize..end as usize)
    }

    /// The largest id.
    #[must_use]
    pub fn max_id(&self) -> Option<u32> {
        match &self.index {
            Index::Sparse(ids) => ids.last().copied(),
            _ => u32::try_from(self.starts.len()).ok()?.checked_sub(2),
        }
    }

    /// The number of tokens.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.index {
            Index::Full => self.starts.len().saturating_sub(1),
            Index::Gaps(present) => present.iter().map(|word| word.count_ones() as usize).sum(),
            Index::Sparse(ids) => ids.len(),
        }
    }

    /// Whether there is no token.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every id and its bytes, in order of id.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &[u8])> {
        let entries = self.starts.len().saturating_sub(1);
        (0..entries).filter_map(|index| {
            let id = match &self.index {
                Index::Sparse(ids) => ids[index],
                _ => u32::try_from(index).ok()?,
            };
            self.get(id).map(|bytes| (id, bytes))
        })
    }

    fn end(&self) -> u32 {
        u32::try_from(self.slab.len()).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ids: &[u32]) {
        let bytes: Vec<Vec<u8>> = ids.iter().map(|id| id.to_string().into_bytes()).collect();
        let table = TokenBytes::new(ids.iter().copied().zip(bytes.iter().map(Vec::as_slice))).unwrap();
        for (id, bytes) in ids.iter().zip(&bytes) {
            assert_eq!(table.get(*id), Some(&bytes[..]));
        }
        let mut sorted = ids.to_vec();
        sorted.sort_unstable();
        assert_eq!(table.iter().map(|pair| pair.0).collect::<Vec<_>>(), sorted);
        assert_eq!(table.len(), ids.len());
        assert_eq!(table.max_id(), sorted.last().copied());
        for id in (0..200).chain([u32::MAX, u32::MAX - 1, 5_000]) {
            assert_eq!(table.get(id).is_some(), ids.contains(&id), "{id}");
        }
    }

    #[test]
    fn finds_tokens_whatever_the_ids() {
        check(&[]);
        check(&[0, 1, 2, 3]);
        check(&[3, 1, 0]);
        check(&[100, 3, 64, 63]);
        check(&[0, 2_147_483_647, 9]);
    }

    #[test]
    fn keeps_the_last_of_two_entries_and_empty_tokens() {
        let table = TokenBytes::new([(1, &b"a"[..]), (0, b""), (1, b"b")]).unwrap();
        assert_eq!(table.get(1), Some(&b"b"[..]));
        assert_eq!(table.get(0), Some(&b""[..]));
    }
}
