//! The further successors of states that have more than one.

use crate::hash;

const NONE: u32 = u32::MAX;

/// One successor of one state.
#[derive(Debug, Clone, Copy)]
struct Edge {
    state: u32,
    token: u32,
    target: u32,
    /// The next successor of the same state.
    next: u32,
}

/// Successors by state and token: a hash table over edges that are also chained per state, so that a state can be copied.
#[derive(Debug, Clone, Default)]
pub(super) struct EdgeMap {
    edges: Vec<Edge>,
    /// Open addressing: indices of edges; its length is a power of two.
    slots: Vec<u32>,
    /// By state: its first edge.
    heads: Vec<u32>,
}

impl EdgeMap {
    /// The successor of `state` by `token`.
    #[inline]
    pub(super) fn get(&self, state: u32, token: u32) -> Option<u32> {
        self.heads.get(state as usize).filter(|&&head| head != NONE)?;
        let edge = self.slots[self.find(state, token)?];
        self.edges.get(edge as usize).map(|edge| edge.target)
    }

    /// Adds a successor that is not there yet.
    pub(super) fn insert(&mut self, state: u32, token: u32, target: u32) {
        if self.slots.len() < (self.edges.len() + 1) * 2 {
            self.grow();
        }
        if self.heads.len() <= state as usize {
            self.heads.resize(state as usize + 1, NONE);
        }
        if let Some(slot) = self.find(state, token) {
            let id = u32::try_from(self.edges.len()).unwrap_or(NONE);
            let next = std::mem::replace(&mut self.heads[state as usize], id);
            self.slots[slot] = id;
            self.edges.push(Edge { state, token, target, next });
        }
    }

    /// Sets the target of a successor that is there.
    pub(super) fn replace(&mut self, state: u32, token: u32, target: u32) {
        if let Some(slot) = self.find(state, token)
            && let Some(edge) = self.edges.get_mut(self.slots[slot] as usize)
        {
            edge.target = target;
        }
    }

    /// Gives `to` all successors of `from`.
    pub(super) fn copy(&mut self, from: u32, to: u32) {
        let mut at = self.heads.get(from as usize).copied().unwrap_or(NONE);
        while let Some(&Edge { token, target, next, .. }) = self.edges.get(at as usize) {
            self.insert(to, token, target);
            at = next;
        }
    }

    /// The slot of an edge, or the free one where it belongs; `None` in a table without slots.
    #[inline]
    fn find(&self, state: u32, token: u32) -> Option<usize> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut slot = Self::home(state, token) & mask;
        loop {
            match self.edges.get(self.slots[slot] as usize) {
                Some(edge) if (edge.state, edge.token) != (state, token) => slot = (slot + 1) & mask,
                _ => return Some(slot),
            }
        }
    }

    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "as many bits as an index has")]
    fn home(state: u32, token: u32) -> usize {
        hash::fold(u64::from(state), u64::from(token)) as usize
    }

    fn grow(&mut self) {
        let len = (self.slots.len() * 2).max(64);
        self.slots = vec![NONE; len];
        for (id, edge) in (0_u32..).zip(&self.edges) {
            let mut slot = Self::home(edge.state, edge.token) & (len - 1);
            while self.slots[slot] != NONE {
                slot = (slot + 1) & (len - 1);
            }
            self.slots[slot] = id;
        }
    }
}
