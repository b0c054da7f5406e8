//! A text with the candidates a model gave at each of its positions, searchable for what happened before.

use super::row::Row;
use super::suffix::{Match, NONE, SuffixAutomaton};

/// Tokens, the row after each, and the automaton that finds earlier occurrences.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    tokens: Vec<u32>,
    rows: Vec<Row>,
    automaton: SuffixAutomaton,
}

/// What followed an earlier occurrence.
#[derive(Debug, Clone, Copy)]
pub(super) struct Precedent<'a> {
    /// How many tokens of the present agree with it.
    pub(super) len: usize,
    /// The token that followed.
    pub(super) token: u32,
    /// The candidates that the model gave there; empty if they are not known.
    pub(super) row: &'a Row,
}

impl History {
    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    pub(super) fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    pub(super) fn row(&self, position: usize) -> Option<&Row> {
        self.rows.get(position)
    }

    /// Adds a token whose successors are not known yet. O(1) amortised.
    pub(super) fn push(&mut self, token: u32) {
        self.tokens.push(token);
        self.rows.push(Row::default());
        self.automaton.push(token);
    }

    /// Adds a border that nothing matches across.
    pub(super) fn border(&mut self) {
        self.push(NONE);
    }

    /// Sets the candidates after a token that is there.
    pub(super) fn set_row(&mut self, position: usize, row: Row) {
        if let Some(place) = self.rows.get_mut(position) {
            *place = row;
        }
    }

    /// Where the end of the text stands: the longest end that occurred before.
    pub(super) fn end(&self) -> Match {
        self.automaton.longest()
    }

    /// Where a match stands after one more token.
    pub(super) fn follow(&self, at: Match, token: u32) -> Match {
        self.automaton.follow(at, token)
    }

    /// What followed the latest occurrence of a match of at least `least` tokens, or of its longest suffix that has a successor.
    pub(super) fn precedent(&self, mut at: Match, least: usize) -> Option<Precedent<'_>> {
        while at.len() >= least {
            let end = self.automaton.end_of(at)?;
            if let (Some(&token), Some(row)) = (self.tokens.get(end + 1), self.rows.get(end))
                && token != NONE
            {
                return Some(Precedent { len: at.len(), token, row });
            }
            at = self.automaton.shorter(at)?;
        }
        None
    }

    /// Adds another history after a border, or its last `most` positions.
    pub(super) fn append(&mut self, other: &Self, most: usize) {
        self.border();
        let begin = other.len().saturating_sub(most);
        for (&token, &row) in other.tokens.iter().zip(&other.rows).skip(begin) {
            self.push(token);
            self.set_row(self.len() - 1, row);
        }
    }

    /// The last `most` positions, as a history of their own. O(most).
    pub(super) fn latest(&self, most: usize) -> Self {
        let mut latest = Self::default();
        latest.append(self, most);
        latest
    }
}
