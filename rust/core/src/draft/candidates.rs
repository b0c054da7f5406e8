//! What may follow a node of a draft tree, as every source sees it.

use super::history::Precedent;
use super::mixer::{Classes, INPUTS, Inputs};
use super::row::{MAX_K, Row};

/// Context rows of one, two and three tokens.
pub(super) const ORDERS: usize = 3;
/// The most candidates of one node: a row per order, one at a precedent and its token, the runners-up.
const MOST: usize = (ORDERS + 2) * MAX_K + 1;
/// The same as whole blocks of eight.
const PLACES: usize = MOST.next_multiple_of(8);

const BIAS: usize = 0;
const PRECEDENT: usize = ORDERS + 1;
const RUNNERS_UP: usize = ORDERS + 2;
const FOLLOWED: usize = ORDERS + 3;

/// A logit for what a source that knows the context does not list.
const UNLISTED: f32 = -6.0;

/// How many sets of weights the first and the second class choose from.
pub(super) const FIRST_SETS: usize = (ORDERS + 1) * COUNTS as usize * RANKS as usize;
pub(super) const SECOND_SETS: usize = LENGTHS as usize * STATUSES as usize;
const COUNTS: u16 = 3;
const RANKS: u16 = 5;
const LENGTHS: u16 = 9;
const STATUSES: u16 = 4;

/// The second class of a candidate that the precedent does not list.
const NEITHER: u16 = 3;

/// Everything that the sources say about the successors of one node.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Evidence<'a> {
    /// Rows of the last one, two and three tokens.
    pub(super) rows: [Option<&'a Row>; ORDERS],
    pub(super) precedent: Option<Precedent<'a>>,
    /// The candidates beside the last emitted token where it was chosen; at level 1 only.
    pub(super) runners_up: Option<&'a Row>,
}

/// The union of all sources' candidates of a node, with what the mixer wants to know of each.
#[derive(Debug, Clone)]
pub(super) struct Candidates {
    ids: [u32; PLACES],
    inputs: [Inputs; MOST],
    classes: [Classes; MOST],
    len: usize,
}

impl Default for Candidates {
    fn default() -> Self {
        Self { ids: [0; PLACES], inputs: [[0.0; INPUTS]; MOST], classes: [Classes::default(); MOST], len: 0 }
    }
}

impl Candidates {
    /// Each candidate's id, inputs and classes.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Inputs, Classes)> {
        (0..self.len.min(MOST)).map(|i| (self.ids[i], &self.inputs[i], self.classes[i]))
    }

    /// Fills in the candidates of one node.
    pub(super) fn collect(&mut self, evidence: &Evidence<'_>) {
        self.len = 0;
        let mut blank = [0.0; INPUTS];
        blank[BIAS] = 1.0;
        let mut class = 0;
        for (order, row) in (1_u16..).zip(&evidence.rows) {
            if let Some(row) = row {
                blank[usize::from(order)] = UNLISTED;
                class = (order * COUNTS + count_class(row.count())) * RANKS;
            }
        }
        let mut length = 0;
        if let Some(precedent) = &evidence.precedent {
            blank[FOLLOWED] = -1.0;
            blank[PRECEDENT] = if precedent.row.is_empty() { 0.0 } else { UNLISTED };
            length = length_class(precedent.len) * STATUSES;
        }
        let classes = Classes { first: class + RANKS - 1, second: length + NEITHER };
        // The longest context comes first: its order of candidates decides their ranks.
        let mut longest = true;
        for (order, row) in evidence.rows.iter().enumerate().rev() {
            let Some(row) = row else { continue };
            self.merge(row, order + 1, 0.0, &blank, classes, |rank, classes| {
                if longest {
                    classes.first = class + rank.min(RANKS - 2);
                }
            });
            longest = false;
        }
        if let Some(precedent) = &evidence.precedent {
            let status = |status: u16| length + status;
            self.merge(precedent.row, PRECEDENT, 0.0, &blank, classes, |rank, classes| {
                classes.second = status(if rank == 0 { 1 } else { 2 });
            });
            let at = self.place(precedent.token, &blank, classes);
            self.inputs[at][FOLLOWED] = 1.0;
            self.classes[at].second = status(0);
        }
        if let Some(row) = evidence.runners_up {
            self.merge(row, RUNNERS_UP, -UNLISTED, &blank, classes, |_, _| {});
        }
    }

    /// Adds the candidates of one source, or its opinion of those that are there.
    #[inline]
    fn merge(
        &mut self,
        row: &Row,
        input: usize,
        offset: f32,
        blank: &Inputs,
        classes: Classes,
        mut note: impl FnMut(u16, &mut Classes),
    ) {
        for (rank, (&id, probability)) in (0_u16..).zip(row.ids().iter().zip(row.probabilities())) {
            let at = self.place(id, blank, classes);
            self.inputs[at][input] = probability.stretch() + offset;
            note(rank, &mut self.classes[at]);
        }
    }

    /// The place of a candidate, made if there is none yet.
    #[inline]
    fn place(&mut self, id: u32, blank: &Inputs, classes: Classes) -> usize {
        let len = self.len.min(MOST - 1);
        if let Some(at) = find(&self.ids, len, id) {
            return at;
        }
        (self.ids[len], self.inputs[len], self.classes[len]) = (id, *blank, classes);
        self.len = len + 1;
        len
    }
}

/// Where `id` is among the first `len`. Eight are compared at a time, without a branch for each.
#[inline]
fn find(ids: &[u32; PLACES], len: usize, id: u32) -> Option<usize> {
    for (block, eight) in ids.chunks_exact(8).enumerate().take(len.div_ceil(8)) {
        let hits = eight.iter().enumerate().fold(0_u32, |hits, (i, &have)| hits | (u32::from(have == id) << i));
        let at = block * 8 + hits.trailing_zeros() as usize;
        if hits != 0 && at < len {
            return Some(at);
        }
    }
    None
}

fn count_class(count: u16) -> u16 {
    match count {
        0 | 1 => 0,
        2 | 3 => 1,
        _ => 2,
    }
}

fn length_class(len: usize) -> u16 {
    match len {
        0..=2 => 1,
        3 | 4 => 2,
        5 | 6 => 3,
        7 | 8 => 4,
        9..=12 => 5,
        13..=20 => 6,
        21..=40 => 7,
        _ => LENGTHS - 1,
    }
}
