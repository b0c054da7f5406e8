//! Counting the pieces of texts, on several threads.

use super::counter::PieceCounter;
use crate::pipeline::{EncodeError, Tokenizer};
use crate::pretokenize::Pretokenizer;
use rayon::prelude::*;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Bytes of text that one task counts, about.
const TASK: usize = 1 << 18;
/// How far a place to cut is looked for.
const LOOK: usize = 1 << 12;

/// Counts pieces, one table for each thread of the pool that it is used in.
#[derive(Debug, Default)]
pub struct ParallelCounter {
    tables: Vec<Mutex<PieceCounter>>,
}

impl ParallelCounter {
    /// An empty counter.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts the pieces of texts, which may hold bytes that are no UTF-8.
    ///
    /// # Errors
    /// If a regular expression gives up on a text; then it is not said what was counted.
    pub fn add(&mut self, tokenizer: &Tokenizer, texts: &[&[u8]]) -> Result<(), EncodeError> {
        let threads = if rayon::current_thread_index().is_some() { rayon::current_num_threads() } else { 1 };
        self.tables.resize_with(threads.max(self.tables.len()), Mutex::default);
        let items = items(tokenizer, texts);
        let work = |&(text, ref part): &(usize, Range<usize>)| {
            let table = &self.tables[rayon::current_thread_index().unwrap_or(0)];
            let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
            tokenizer.for_each_run(&texts[text][part.clone()], &mut |text, from, ends| table.add_run(text, from, ends))
        };
        if threads > 1 { items.par_iter().with_max_len(1).try_for_each(work) } else { items.iter().try_for_each(work) }
    }

    /// The sum of all tables.
    #[must_use]
    pub fn finish(self) -> PieceCounter {
        let mut tables =
            self.tables.into_iter().map(|table| table.into_inner().unwrap_or_else(PoisonError::into_inner));
        let mut sum = tables.next().unwrap_or_default();
        for mut table in tables {
            if table.len() > sum.len() {
                std::mem::swap(&mut table, &mut sum);
            }
            sum.merge(&table);
        }
        sum
    }
}

/// Cuts texts where that changes nothing.
fn items(tokenizer: &Tokenizer, texts: &[&[u8]]) -> Vec<(usize, Range<usize>)> {
    let pretokenizer = tokenizer.cutting_pretokenizer();
    let mut items = Vec::with_capacity(texts.len());
    for (number, text) in texts.iter().enumerate() {
        match (pretokenizer, std::str::from_utf8(text)) {
            (Some(pretokenizer), Ok(text)) if text.len() >= 2 * TASK => {
                let mut from = 0;
                while let Some(at) = cut(pretokenizer, text, from + TASK) {
                    items.push((number, from..at));
                    from = at;
                }
                items.push((number, from..text.len()));
            }
            _ => items.push((number, 0..text.len())),
        }
    }
    items
}

/// The first place at or after one where a text may be cut; none if the text ends before.
fn cut(pretokenizer: &Pretokenizer, text: &str, mut at: usize) -> Option<usize> {
    while at < text.len() {
        let end = (at + LOOK).min(text.len());
        if let Some(found) = (at..end).find(|&at| pretokenizer.is_safe_cut(text, at)) {
            return Some(found);
        }
        at += TASK;
    }
    None
}
