//! The adjacency matrix: for every token of the vocabulary the candidates that a model gave after it.

use super::error::DraftError;
use super::row::{MAX_K, Row, Update};
use crate::{hugepage, prefetch};

/// Candidate successors of single tokens (Luo et al. 2024), with probabilities and ages.
///
/// One [`Row`] of 64 bytes per token. A token that has not been seen has an empty row and drafts nothing. Updates are deterministic: rows are written in the order
/// they are given, and the last of several for one token decides (or enters the average last).
///
/// ```
/// use tokengrove::draft::{AdjacencyMatrix, Update};
/// let mut matrix = AdjacencyMatrix::new(100, 2, Update::Replace)?;
/// matrix.update(&[7, 7], &[8, 9, 10, 11], &[-0.1, -3.0, -0.2, -2.0])?;
/// assert_eq!(matrix.row(7).unwrap().ids(), [10, 11]);
/// assert!(matrix.row(8).unwrap().is_empty());
/// # Ok::<(), tokengrove::draft::DraftError>(())
/// ```
#[derive(Debug, Clone)]
pub struct AdjacencyMatrix {
    rows: Vec<Row>,
    k: usize,
    how: Update,
    clock: u32,
}

impl AdjacencyMatrix {
    /// An empty matrix for a vocabulary of `vocab_size` tokens and `k` candidates for each. O(vocabulary).
    ///
    /// # Errors
    ///
    /// If `k` is not in 1..=8, the vocabulary is empty or larger than 2^28, or a rate of averaging is not in (0, 1].
    pub fn new(vocab_size: usize, k: usize, how: Update) -> Result<Self, DraftError> {
        if !(1..=MAX_K).contains(&k) {
            return Err(DraftError::argument(format!("k is {k}; a row holds 1 to {MAX_K} candidates")));
        }
        if !(1..=1 << 28).contains(&vocab_size) {
            return Err(DraftError::argument(format!(
                "the vocabulary has {vocab_size} tokens; 1 to 2^28 are possible"
            )));
        }
        if let Update::Average { rate } = how
            && !(rate > 0.0 && rate <= 1.0)
        {
            return Err(DraftError::argument(format!("the rate of averaging is {rate}; it must be in (0, 1]")));
        }
        Ok(Self { rows: hugepage::filled(Row::default(), vocab_size), k, how, clock: 0 })
    }

    /// How many tokens the vocabulary holds.
    #[must_use]
    pub fn vocab_size(&self) -> usize {
        self.rows.len()
    }

    /// How many candidates a row keeps.
    #[must_use]
    pub fn k(&self) -> usize {
        self.k
    }

    /// How many updates were made: the clock that rows are stamped with.
    #[must_use]
    pub fn clock(&self) -> u32 {
        self.clock
    }

    /// The candidates after `token`; `None` outside the vocabulary.
    #[must_use]
    pub fn row(&self, token: u32) -> Option<&Row> {
        self.rows.get(token as usize)
    }

    /// All rows, by token.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        self.rows.fill(Row::default());
        self.clock = 0;
    }

    /// Enters the candidates that a model gave after each of `tokens`, in order: of repeated tokens the last decides.
    ///
    /// `ids` and `logs` hold `tokens.len()` rows of equal length, likeliest first; `logs` are natural logarithms of
    /// probabilities. Candidates beyond `k` are left out. O(n k).
    ///
    /// # Errors
    ///
    /// If the lengths do not fit or an id is outside the vocabulary; nothing is changed then.
    pub fn update(&mut self, tokens: &[u32], ids: &[u32], logs: &[f32]) -> Result<(), DraftError> {
        let width = check_rows(tokens, ids, logs, self.vocab_size())?;
        self.clock = self.clock.wrapping_add(1);
        let keep = width.min(self.k);
        for (i, &token) in tokens.iter().enumerate() {
            let at = i * width;
            self.enter(token, &Row::of(&ids[at..at + keep], &logs[at..at + keep]));
        }
        Ok(())
    }

    /// Enters one checked row.
    #[inline]
    pub(super) fn enter(&mut self, token: u32, new: &Row) {
        if let Some(row) = self.rows.get_mut(token as usize) {
            row.update(new, self.how);
            row.stamp = self.clock;
        }
    }

    /// Sets a row that was saved.
    pub(super) fn put(&mut self, token: u32, row: Row) {
        if let Some(place) = self.rows.get_mut(token as usize) {
            *place = row;
        }
    }

    /// Takes in a row of another drafter.
    pub(super) fn combine(&mut self, token: u32, other: &Row) {
        if let Some(row) = self.rows.get_mut(token as usize) {
            row.combine(other, self.how);
            row.stamp = self.clock;
        }
    }

    /// Sets the clock that goes on counting.
    pub(super) fn set_clock(&mut self, clock: u32) {
        self.clock = clock;
    }

    /// Starts loading the row of `token`.
    #[inline]
    pub(super) fn prefetch(&self, token: u32) {
        prefetch::line(&self.rows, token as usize);
    }

    /// Starts the next step: rows entered from now on carry its stamp.
    pub(super) fn tick(&mut self) -> u32 {
        self.clock = self.clock.wrapping_add(1);
        self.clock
    }
}

/// Checks rows of candidates against each other and the vocabulary, and gives their width.
pub(super) fn check_rows(tokens: &[u32], ids: &[u32], logs: &[f32], vocab_size: usize) -> Result<usize, DraftError> {
    if ids.len() != logs.len() {
        let (ids, logs) = (ids.len(), logs.len());
        return Err(DraftError::argument(format!("{ids} candidate ids, but {logs} log-probabilities")));
    }
    let rows = tokens.len();
    let width = ids.len().checked_div(rows).unwrap_or(0);
    if width * rows != ids.len() {
        return Err(DraftError::argument(format!("{} candidate ids are no {rows} rows of equal length", ids.len())));
    }
    check_ids("tokens", tokens, vocab_size)?;
    check_ids("candidate ids", ids, vocab_size)?;
    if let Some(at) = logs.iter().position(|log| log.is_nan()) {
        return Err(DraftError::argument(format!(
            "the log-probability at row {}, column {} is NaN",
            at / width,
            at % width
        )));
    }
    Ok(width)
}

/// Checks that every id is inside the vocabulary.
pub(super) fn check_ids(what: &str, ids: &[u32], vocab_size: usize) -> Result<(), DraftError> {
    match ids.iter().find(|&&id| id as usize >= vocab_size) {
        Some(&id) => Err(DraftError::vocabulary(what, id, vocab_size)),
        None => Ok(()),
    }
}
