//! Superwords from counted runs of words: the fast, aggregated way.
//!
//! Text cut coarsely hardly repeats: its pieces are whole lines, nothing adds up, and exact training holds the whole text.
//! Here the words of a vocabulary that is trained already are the symbols. Every maximal run of words that are one token each
//! is counted, and runs do repeat. This is another algorithm, not a faster way to the same result: a run ends at a word of
//! several tokens and at punctuation, so that no superword reaches over them, and none begins or ends inside a word.
//!
//! Source: Schmidt, Tanner and Pinter, "Faster Superword Tokenization" (2026), the one without pruning of rare runs.

use super::alphabet::{Alphabet, enter_symbols};
use super::corpus::{Corpus, Layout};
use super::learner::{Learner, Outcome};
use super::replay::Replay;
use super::{Goal, Observe, PieceCounter, Pieces, Start, TrainError, Trained, compatible};
use crate::pipeline::{EncodeError, Tokenizer};
use rayon::prelude::*;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Counts runs of words.
#[derive(Debug)]
pub struct RunCounter {
    /// The words that are one token and have a letter.
    words: HashMap<Box<[u8]>, u32, foldhash::fast::RandomState>,
    tables: Vec<Mutex<PieceCounter>>,
}

impl RunCounter {
    /// Begins with a vocabulary of bytes: what is one token, and reached by its merges, is a word if it has a letter.
    #[must_use]
    pub fn new(trained: &Trained) -> Self {
        let alphabet = Alphabet::Bytes(enter_symbols(&trained.vocabulary));
        let replay = Replay::new(&trained.merges);
        let mut symbols = Vec::new();
        let mut words = HashMap::default();
        for (id, token) in (0_u32..).zip(trained.tokens()) {
            let has_letter = std::str::from_utf8(token).is_ok_and(|text| text.chars().any(char::is_alphabetic));
            if has_letter && !trained.is_apart(id) {
                alphabet.write(token, &mut symbols);
                if replay.whole(&symbols) == Some(id) {
                    words.insert(token.into(), id);
                }
            }
        }
        Self { words, tables: Vec::new() }
    }

    /// Counts the runs of texts, as the tokenizer cuts them.
    ///
    /// # Errors
    /// If a regular expression gives up on a text; then it is not said what was counted.
    pub fn add(&mut self, tokenizer: &Tokenizer, texts: &[&[u8]]) -> Result<(), EncodeError> {
        let threads = if rayon::current_thread_index().is_some() { rayon::current_num_threads() } else { 1 };
        self.tables.resize_with(threads.max(self.tables.len()), Mutex::default);
        let work = |text: &&[u8]| {
            let table = &self.tables[rayon::current_thread_index().unwrap_or(0)];
            let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
            let mut run = Vec::new();
            tokenizer.for_each_run(text, &mut |text, from, ends| {
                let mut start = from;
                for &end in ends {
                    let end = from + end as usize;
                    match self.words.get(&text[start..end]) {
                        Some(id) => run.extend_from_slice(&id.to_le_bytes()),
                        None => finish(&mut run, &mut table),
                    }
                    start = end;
                }
            })?;
            finish(&mut run, &mut table);
            Ok(())
        };
        if threads > 1 { texts.par_iter().try_for_each(work) } else { texts.iter().try_for_each(work) }
    }

    /// The runs, as ids of four bytes each, and their counts.
    #[must_use]
    pub fn finish(self) -> PieceCounter {
        let mut sum = PieceCounter::new();
        for table in self.tables {
            sum.merge(&table.into_inner().unwrap_or_else(PoisonError::into_inner));
        }
        sum
    }
}

/// Counts a run of at least two words.
fn finish(run: &mut Vec<u8>, table: &mut PieceCounter) {
    if run.len() > 4 {
        table.add(run, 1);
    }
    run.clear();
}

/// Learns superwords from runs.
///
/// # Errors
/// As [`train`](super::train).
pub fn train_on_runs(
    trained: &Trained,
    runs: &PieceCounter,
    goal: &Goal,
    observe: &mut dyn Observe,
) -> Result<Trained, TrainError> {
    if goal.vocab_size < trained.len() {
        return Err(TrainError::vocab_too_small(goal.vocab_size, trained.len(), "the tokens of the stage before"));
    }
    let begin = || {
        let corpus = corpus(runs)?;
        let (vocabulary, merges) = (trained.vocabulary.clone(), trained.merges.clone());
        Ok::<_, TrainError>(Start { corpus, vocabulary, inherited: merges.len(), merges })
    };
    let mut start = begin()?;
    let corpus = std::mem::take(&mut start.corpus);
    if Learner::new(corpus, &mut start.vocabulary, &mut start.merges, goal, true).run(observe)? == Outcome::Repeated {
        start = begin()?;
        compatible::run(&start.corpus, &mut start.vocabulary, &mut start.merges, goal, observe)?;
    }
    Ok(Trained { vocabulary: start.vocabulary, merges: start.merges, inherited: start.inherited })
}

fn corpus(runs: &PieceCounter) -> Result<Corpus, TrainError> {
    let mut layout = Layout::new(|add| Pieces::for_each(runs, &mut |run, count| add(run.len() / 4, count)))?;
    Pieces::for_each(runs, &mut |run, count| {
        let symbols = layout.piece(run.len() / 4, count);
        for (symbol, id) in symbols.iter_mut().zip(run.as_chunks::<4>().0) {
            *symbol = u32::from_le_bytes(*id);
        }
    });
    Ok(layout.finish())
}
