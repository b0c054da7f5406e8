//! Which tokens can never stand to the right of a token.
//!
//! `left` and `right` are the encoding of their bytes unless a merge across their border comes before one that made them.
//! The right edge of `left` is a token of its *right spine* (its right part, the right part of that, ...) at any time, the left
//! edge of `right` one of its *left spine*; [`times`](super::times) says when such two merge. The tokens with `y` on their left
//! spine are the descendants of `y` in the tree "child of its left part", so the invalid right neighbours of a token are a
//! handful of single tokens and ranges of that tree's walk, and none of them is tested one by one.

use super::build::TabledPairs;
use super::times::{Made, Times};
use super::{Bpe, Method};
use crate::merges::SYMBOL;

/// No number.
pub(crate) const NO_NUMBER: u32 = u32::MAX;

/// A vocabulary prepared to answer which tokens can be neighbours. Tokens are numbered, see [`Neighbours::number`].
#[derive(Debug, Clone)]
pub struct Neighbours {
    times: Times,
    /// By number: the id.
    ids: Box<[u32]>,
    /// By id: the number, or [`NO_NUMBER`].
    numbers: Box<[u32]>,
    /// By number, one more at the end: where in `children` the tokens begin that have it as left part.
    splits: Box<[u32]>,
    /// Tokens by left part, each list increasing.
    children: Box<[u32]>,
    walk: Walk,
}

impl Neighbours {
    /// Prepares a model. O(number of tokens), or O(merges of all tokens) if it is not [linear](Bpe::is_linear).
    #[must_use]
    pub fn new(bpe: &Bpe) -> Self {
        let times = match &bpe.method {
            Method::Ordered(tables) => Times::in_order(&tables.merges, &tables.entries),
            Method::Heap(Some(listed)) => Times::new(&bpe.vocab, &bpe.symbols, listed),
            Method::Heap(None) => Times::new(&bpe.vocab, &bpe.symbols, &TabledPairs::new(&bpe.vocab)),
        };
        let table = bpe.vocab.table();
        let id = |&entry: &u32| table.get(entry as usize).map_or(0, |token| token.1);
        let ids: Box<[u32]> = times.entries.iter().map(id).collect();
        let mut numbers = vec![NO_NUMBER; bpe.vocab.max_id().index() + 1].into_boxed_slice();
        for (number, &id) in (0u32..).zip(&ids) {
            numbers[id as usize] = number;
        }
        let count = times.made.len();
        let products = || (0u32..).zip(&times.made).filter(|(_, made)| made.parts != SYMBOL);
        let mut splits = vec![0u32; count + 1];
        for (_, made) in products() {
            splits[made.parts.0 as usize + 1] += 1;
        }
        for i in 0..count {
            splits[i + 1] += splits[i];
        }
        let mut fill = splits.clone();
        let mut children = vec![0; splits[count] as usize].into_boxed_slice();
        for (number, made) in products() {
            let left = made.parts.0 as usize;
            children[fill[left] as usize] = number;
            fill[left] += 1;
        }
        let walk = walk(&times.made, &splits, &children);
        Self { times, ids, numbers, splits: splits.into(), children, walk }
    }

    /// The number of a token: parts have lower numbers than what they make. `None` if encoding its bytes does not give it.
    #[must_use]
    pub fn number(&self, id: u32) -> Option<u32> {
        self.numbers.get(id as usize).copied().filter(|&number| number != NO_NUMBER)
    }

    /// The id of a number.
    #[must_use]
    pub fn id(&self, number: u32) -> Option<u32> {
        self.ids.get(number as usize).copied()
    }

    /// Whether two tokens, by number, next to each other are the encoding of their bytes. O(depth of their merges), no text.
    ///
    /// # Panics
    /// If either is no number.
    #[must_use]
    pub fn compatible(&self, left: u32, right: u32) -> bool {
        self.times.compatible(left, right)
    }

    /// Calls `found` with every token, by number, that cannot follow `left`; some more than once.
    ///
    /// O(merges that begin with the right spine of `left` + tokens found).
    ///
    /// # Panics
    /// If `left` is no number.
    pub fn for_each_invalid_right(&self, left: u32, mut found: impl FnMut(u32)) {
        let made = |number: u32| &self.times.made[number as usize];
        // The token at the right edge, how long it is there, and below which rank its pairs merge.
        let (mut edge, mut until, mut limit) = (left, u32::MAX, u32::MAX);
        loop {
            let from = made(edge).phase;
            for &product in self.children(edge) {
                let Made { parts: (_, right), rank, phase, .. } = *made(product);
                if phase > until {
                    break;
                }
                if rank >= limit || made(right).phase >= until {
                    continue;
                }
                found(right);
                // Tokens made of `right` and more before the edge is there do not meet it, nor those made before the pair merges.
                let above = self.children(right);
                let early = above.partition_point(|&child| made(child).phase < from.max(rank));
                for &child in above[early..].iter().filter(|&&child| rank < made(child).before_right) {
                    let range = self.walk.enter[child as usize] as usize..self.walk.exit[child as usize] as usize;
                    self.walk.numbers[range].iter().for_each(|&number| found(number));
                }
            }
            let above = made(edge);
            if above.parts == SYMBOL {
                return;
            }
            (until, limit, edge) = (above.phase, above.before_left, above.parts.1);
        }
    }

    /// The tokens whose left part is a token, increasing.
    fn children(&self, number: u32) -> &[u32] {
        &self.children[self.splits[number as usize] as usize..self.splits[number as usize + 1] as usize]
    }
}

/// A walk of the tree of left parts, children in order.
#[derive(Debug, Clone)]
struct Walk {
    /// By number: its place.
    enter: Box<[u32]>,
    /// By number: behind its last descendant.
    exit: Box<[u32]>,
    /// By place: the number.
    numbers: Box<[u32]>,
}

fn walk(made: &[Made], splits: &[u32], children: &[u32]) -> Walk {
    let count = made.len();
    // Descendants have higher numbers, so sizes can be summed from the back.
    let mut sizes = vec![1u32; count];
    for (number, made) in made.iter().enumerate().rev().filter(|(_, made)| made.parts != SYMBOL) {
        sizes[made.parts.0 as usize] += sizes[number];
    }
    let mut enter = vec![0u32; count].into_boxed_slice();
    let mut place = 0;
    for (number, _) in made.iter().enumerate().filter(|(_, made)| made.parts == SYMBOL) {
        enter[number] = place;
        place += sizes[number];
    }
    for number in 0..count {
        let mut place = enter[number] + 1;
        for &child in &children[splits[number] as usize..splits[number + 1] as usize] {
            enter[child as usize] = place;
            place += sizes[child as usize];
        }
    }
    let exit = enter.iter().zip(&sizes).map(|(enter, size)| enter + size).collect();
    let mut numbers = vec![0; count].into_boxed_slice();
    for (number, &place) in (0u32..).zip(&enter) {
        numbers[place as usize] = number;
    }
    Walk { enter, exit, numbers }
}
