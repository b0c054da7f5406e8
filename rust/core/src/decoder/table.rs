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
/// Bytes that are copied at once when tokens are joined.
const BLOCK: usize = 16;
/// Bytes of an ordinary token: a first guess of how long the joined tokens are.
const TYPICAL_TOKEN: usize = 5;
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
        let (start, len) = self.place(id)?;
        self.slab.get(start..start + len)
    }

    /// Where the bytes of a token start in the slab, and how many they are.
    #[inline]
    fn place(&self, id: u32) -> Option<(usize, usize)> {
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
        let &[start, end] = self.starts.get(index..index.checked_add(2)?)? else { return None };
        Some((start as usize, (end - start) as usize))
    }

    /// Appends the bytes of each token. O(bytes).
    ///
    /// # Errors
    /// The place of the first id that is no token's; `out` is then as it was.
    pub fn append(&self, ids: &[u32], out: &mut Vec<u8>) -> Result<(), usize> {
        let before = out.len();
        let mut end = before;
        // Tokens are copied in blocks of a fixed size, most often one, into memory that is there already; what a block
        // brings too much is overwritten by the next token, or cut off.
        out.resize(before + ids.len() * TYPICAL_TOKEN + BLOCK, 0);
        for (at, &id) in ids.iter().enumerate() {
            let Some((start, len)) = self.place(id) else {
                out.truncate(before);
                return Err(at);
            };
            if out.len() < end + len + BLOCK {
                out.resize((end + len + BLOCK).max(out.len() + out.len() / 2), 0);
            }
            match (out.get_mut(end..end + BLOCK), self.slab.get(start..start + BLOCK)) {
                (Some(to), Some(from)) if len <= BLOCK => to.copy_from_slice(from),
                _ => out[end..end + len].copy_from_slice(&self.slab[start..start + len]),
            }
            end += len;
        }
        out.truncate(end);
        Ok(())
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
    fn joins_tokens_of_any_length() {
        let tokens: Vec<Vec<u8>> =
            [0, 1, 15, 16, 17, 100, 1000].iter().zip(b'a'..).map(|(&length, letter)| vec![letter; length]).collect();
        let table = TokenBytes::new((0_u32..).zip(tokens.iter().map(Vec::as_slice))).unwrap();
        for ids in [&[][..], &[6, 0, 1, 2, 3, 4, 5, 6, 6, 6, 1, 0], &[3; 50], &[5, 1], &[0]] {
            let mut out = b"before".to_vec();
            table.append(ids, &mut out).unwrap();
            let joined: Vec<u8> = ids.iter().flat_map(|&id| tokens[id as usize].clone()).collect();
            assert_eq!(out, [b"before", &joined[..]].concat());
        }
        let mut out = b"before".to_vec();
        assert_eq!(table.append(&[1, 2, 7, 8], &mut out), Err(2));
        assert_eq!(out, b"before");
    }

    #[test]
    fn keeps_the_last_of_two_entries_and_empty_tokens() {
        let table = TokenBytes::new([(1, &b"a"[..]), (0, b""), (1, b"b")]).unwrap();
        assert_eq!(table.get(1), Some(&b"b"[..]));
        assert_eq!(table.get(0), Some(&b""[..]));
    }
}
