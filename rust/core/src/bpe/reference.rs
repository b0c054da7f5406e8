//! The obvious merge loop: the oracle that every faster encoder is compared with.

use std::collections::HashMap;

/// Merges the best adjacent pair, leftmost first, until none is left. O(n^2).
pub(crate) fn merge(
    piece: &[u8],
    ids: &HashMap<Vec<u8>, u32>,
    pairs: Option<&HashMap<(u32, u32), (u32, u32)>>,
    out: &mut Vec<u32>,
) {
    let mut parts: Vec<(usize, usize, u32)> =
        (0..piece.len()).filter_map(|i| ids.get(&piece[i..=i]).map(|&id| (i, i + 1, id))).collect();
    loop {
        let mut best: Option<(u32, usize, u32)> = None;
        for i in 0..parts.len().saturating_sub(1) {
            let (left, right) = (parts[i], parts[i + 1]);
            let found = match pairs {
                None => ids.get(&piece[left.0..right.1]).map(|&id| (id, id)),
                Some(pairs) => pairs.get(&(left.2, right.2)).copied(),
            };
            if let Some((rank, id)) = found
                && best.is_none_or(|b| rank < b.0)
            {
                best = Some((rank, i, id));
            }
        }
        let Some((_, at, id)) = best else { break };
        parts[at] = (parts[at].0, parts[at + 1].1, id);
        parts.remove(at + 1);
    }
    out.extend(parts.iter().map(|p| p.2));
}
