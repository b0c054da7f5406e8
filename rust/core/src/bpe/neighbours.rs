//! Which tokens can never stand to the right of a token.
//!
//! `left` and `right` are the encoding of their bytes unless a merge across their border comes before one that made them.
//! Undo the merges of both, newest first: the right edge of `left` goes down its *right spine* (its right part, the right
//! part of that, ...), the left edge of `right` down its *left spine*. The pair is invalid exactly if some `l` on the one
//! and `r` on the other merge, into `p`, before `l` was consumed by the token above it on the spine, and not later than `r`
//! was (of two merges of one order, the one further left comes first). The tokens with `r` on their left spine are the
//! descendants of `r` in the tree "child of its left part"; those in which `r` is consumed no earlier than `p` are `r` itself
//! and the subtrees of its children from `p` on. So the invalid right neighbours of a token are a handful of single tokens
//! and ranges of that tree's walk, and none of them is tested one by one.

use super::build::RankPairs;
use super::times::merges_by_time;
use super::{Bpe, Method};
use crate::merges::{Merges, SYMBOL};

/// No order.
pub(crate) const NO_ORDER: u32 = u32::MAX;

/// A vocabulary prepared to answer which tokens can be neighbours. Tokens are numbered by order, see [`Neighbours::order`].
#[derive(Debug, Clone)]
pub struct Neighbours {
    merges: Merges,
    /// By order: the id.
    ids: Box<[u32]>,
    /// By id: the order, or [`NO_ORDER`].
    orders: Box<[u32]>,
    /// By order, one more at the end: where in `children` the tokens begin that have it as left part.
    splits: Box<[u32]>,
    /// Tokens by left part, each list increasing.
    children: Box<[u32]>,
    walk: Walk,
}

impl Neighbours {
    /// Prepares a model. O(number of tokens), or O(merges of all tokens) if it is not [linear](Bpe::is_linear).
    #[must_use]
    pub fn new(bpe: &Bpe) -> Self {
        let (merges, ids) = match &bpe.method {
            Method::Ordered(tables) => (tables.merges.clone(), tables.ids.clone()),
            Method::Heap(listed) => {
                let (merges, entries) = match listed {
                    Some(listed) => merges_by_time(&bpe.vocab, &bpe.symbols, listed),
                    None => merges_by_time(&bpe.vocab, &bpe.symbols, &RankPairs(&bpe.vocab)),
                };
                let table = bpe.vocab.table();
                (merges, entries.iter().map(|&entry| table.get(entry as usize).map_or(0, |token| token.1)).collect())
            }
        };
        let count = merges.splits.len();
        let mut orders = vec![NO_ORDER; bpe.vocab.max_id().index() + 1].into_boxed_slice();
        for (order, &id) in (0u32..).zip(&ids) {
            orders[id as usize] = order;
        }
        let mut splits = vec![0u32; count + 1];
        for &(left, _) in merges.splits.iter().filter(|split| **split != SYMBOL) {
            splits[left as usize + 1] += 1;
        }
        for i in 0..count {
            splits[i + 1] += splits[i];
        }
        let mut fill = splits.clone();
        let mut children = vec![0; splits[count] as usize].into_boxed_slice();
        for (order, &(left, _)) in (0u32..).zip(&merges.splits).filter(|(_, split)| **split != SYMBOL) {
            children[fill[left as usize] as usize] = order;
            fill[left as usize] += 1;
        }
        let ids: Box<[u32]> = ids.into();
        let walk = walk(&merges, &splits, &children);
        Self { merges, ids, orders, splits: splits.into(), children, walk }
    }

    /// The order of a token: its place in the order of merges. `None` if encoding its bytes does not give it.
    #[must_use]
    pub fn order(&self, id: u32) -> Option<u32> {
        self.orders.get(id as usize).copied().filter(|&order| order != NO_ORDER)
    }

    /// The id of an order.
    #[must_use]
    pub fn id(&self, order: u32) -> Option<u32> {
        self.ids.get(order as usize).copied()
    }

    /// Whether two tokens, by order, next to each other are the encoding of their bytes. O(depth of their merges), no text.
    ///
    /// # Panics
    /// If either is no order.
    #[must_use]
    pub fn compatible(&self, left: u32, right: u32) -> bool {
        self.merges.compatible(left, right)
    }

    /// Calls `found` with every token, by order, that cannot follow `left`; some more than once.
    ///
    /// O(merges that begin with the right spine of `left` + tokens found).
    ///
    /// # Panics
    /// If `left` is no order.
    pub fn for_each_invalid_right(&self, left: u32, mut found: impl FnMut(u32)) {
        let (mut edge, mut consumed) = (left, u32::MAX);
        loop {
            for &product in self.children(edge).iter().take_while(|&&product| product < consumed) {
                let right = self.merges.splits[product as usize].1;
                found(right);
                let above = self.children(right);
                if let Some(&first) = above.get(above.partition_point(|&child| child < product)) {
                    let range = self.walk.enter[first as usize] as usize..self.walk.exit[right as usize] as usize;
                    self.walk.orders[range].iter().for_each(|&order| found(order));
                }
            }
            let parts = self.merges.splits[edge as usize];
            if parts == SYMBOL {
                return;
            }
            (consumed, edge) = (edge, parts.1);
        }
    }

    /// The tokens whose left part is a token, increasing.
    fn children(&self, order: u32) -> &[u32] {
        &self.children[self.splits[order as usize] as usize..self.splits[order as usize + 1] as usize]
    }
}

/// A walk of the tree of left parts, children in order.
#[derive(Debug, Clone)]
struct Walk {
    /// By order: its place.
    enter: Box<[u32]>,
    /// By order: behind its last descendant.
    exit: Box<[u32]>,
    /// By place: the order.
    orders: Box<[u32]>,
}

fn walk(merges: &Merges, splits: &[u32], children: &[u32]) -> Walk {
    let count = merges.splits.len();
    // Descendants have higher orders, so sizes can be summed from the back.
    let mut sizes = vec![1u32; count];
    for order in (0..count).rev() {
        let (left, _) = merges.splits[order];
        if merges.splits[order] != SYMBOL {
            sizes[left as usize] += sizes[order];
        }
    }
    let mut enter = vec![0u32; count].into_boxed_slice();
    let mut place = 0;
    for order in (0..count).filter(|&order| merges.splits[order] == SYMBOL) {
        enter[order] = place;
        place += sizes[order];
    }
    for order in 0..count {
        let mut place = enter[order] + 1;
        for &child in &children[splits[order] as usize..splits[order + 1] as usize] {
            enter[child as usize] = place;
            place += sizes[child as usize];
        }
    }
    let exit = enter.iter().zip(&sizes).map(|(enter, size)| enter + size).collect();
    let mut orders = vec![0; count].into_boxed_slice();
    for (order, &place) in (0u32..).zip(&enter) {
        orders[place as usize] = order;
    }
    Walk { enter, exit, orders }
}
