//! Byte-pair encoding of one piece.

mod error;
mod reference;

pub use error::BpeError;

use crate::spec::{BpeSpec, MergeRule};
use std::collections::HashMap;

/// Working memory of one encoding thread; reuse it between calls.
#[derive(Debug, Default)]
pub struct Scratch {}

/// A frozen BPE model.
#[derive(Debug)]
pub struct Bpe {
    ids: HashMap<Vec<u8>, u32>,
    pairs: Option<HashMap<(u32, u32), (u32, u32)>>,
    ignore_merges: bool,
}

impl Bpe {
    /// Builds a model.
    ///
    /// # Errors
    /// If a byte has no token, or a merge names an unknown token.
    pub fn new(spec: &BpeSpec) -> Result<Self, BpeError> {
        let mut ids = HashMap::with_capacity(spec.tokens.len());
        for (index, (bytes, id)) in spec.tokens.iter().enumerate() {
            if spec.tokens.is_encodable(index) {
                ids.entry(bytes.to_vec()).or_insert(id);
            }
        }
        for byte in 0..=255u8 {
            if matches!(spec.merges, MergeRule::Ranks) && !ids.contains_key(&[byte][..]) {
                return Err(BpeError::missing_byte(byte));
            }
        }
        let pairs = match &spec.merges {
            MergeRule::Ranks => None,
            MergeRule::Pairs(list) => {
                let by_id: HashMap<u32, &[u8]> = spec.tokens.iter().map(|(b, id)| (id, b)).collect();
                let mut pairs = HashMap::new();
                for (rank, &(left, right)) in list.iter().enumerate() {
                    let (Some(l), Some(r)) = (by_id.get(&left), by_id.get(&right)) else {
                        return Err(BpeError::unknown_merge_part(rank, left, right));
                    };
                    let joined = [*l, *r].concat();
                    let Some(&id) = ids.get(&joined) else {
                        return Err(BpeError::unknown_merge_product(rank, left, right));
                    };
                    pairs.entry((left, right)).or_insert((u32::try_from(rank).unwrap_or(u32::MAX), id));
                }
                Some(pairs)
            }
        };
        Ok(Self { ids, pairs, ignore_merges: spec.ignore_merges })
    }

    /// Appends the ids of one piece.
    pub fn encode_piece(&self, piece: &[u8], _scratch: &mut Scratch, out: &mut Vec<u32>) {
        if (self.ignore_merges || self.pairs.is_none())
            && let Some(&id) = self.ids.get(piece)
        {
            out.push(id);
            return;
        }
        reference::merge(piece, &self.ids, self.pairs.as_ref(), out);
    }
}
