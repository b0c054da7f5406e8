//! The obvious merge loop: the oracle that every faster encoder is compared with.

use super::heap::Pairs;

/// Merges the pair of lowest rank, leftmost first, until none merges, and appends the tokens. O(n^2).
///
/// `symbols` are the initial tokens and their end offsets in `bytes`.
pub(crate) fn merge(bytes: &[u8], symbols: &[(u32, u32)], pairs: &impl Pairs, out: &mut Vec<u32>) {
    let mut parts: Vec<(usize, usize, u32)> = Vec::with_capacity(symbols.len());
    for &(token, end) in symbols {
        let start = parts.last().map_or(0, |p| p.1);
        parts.push((start, end as usize, token));
    }
    loop {
        let best = (1..parts.len())
            .filter_map(|i| {
                let (left, right) = (parts[i - 1], parts[i]);
                let (rank, product) = pairs.merge_of(left.2, right.2, &bytes[left.0..right.1])?;
                Some((rank, i, product))
            })
            .min();
        let Some((_, i, product)) = best else { break };
        parts[i - 1] = (parts[i - 1].0, parts[i].1, product);
        parts.remove(i);
    }
    out.extend(parts.iter().map(|p| p.2));
}
