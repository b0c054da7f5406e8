//! Laws of drafting, against plain re-implementations.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::float_cmp,
    reason = "small numbers of a test"
)]

mod drafter;
mod paper;
mod saving;
mod suffix;
mod tables;

use super::{Config, Draft, Recycling, Sequence};
use crate::accept::accept;
use crate::hash;
use crate::id::TokenId;

pub(super) const VOCAB: u32 = 50;
pub(super) const K: usize = 8;

/// A made-up model: eight candidates after every context of three tokens, likeliest first.
pub(super) fn model(context: &[u32]) -> ([u32; K], [f32; K]) {
    let from = context.len().saturating_sub(3);
    let hash = context[from..].iter().fold(7, |state, &token| hash::fold(state, u64::from(token)));
    let last = u64::from(*context.last().unwrap());
    let mut ids = [0; K];
    for (i, id) in ids.iter_mut().enumerate() {
        // Steps of 3 keep the eight apart; most contexts differ from the last token's favourites in their order only.
        let turn = if hash % 3 == 0 { hash >> 8 } else { 0 };
        *id = ((last * 7 + (i as u64 + turn % 3) * 3) % u64::from(VOCAB)) as u32;
    }
    (ids, [0.5_f32, 0.2, 0.1, 0.06, 0.05, 0.03, 0.02, 0.01].map(f32::ln))
}

/// The text of the made-up model from a beginning, greedily.
pub(super) fn greedy(prompt: &[u32], length: usize) -> Vec<u32> {
    let mut text = prompt.to_vec();
    while text.len() < length {
        text.push(model(&text).0[0]);
    }
    text
}

pub(super) fn rows<'a>(contexts: impl IntoIterator<Item = &'a [u32]>) -> (Vec<u32>, Vec<f32>) {
    let (mut ids, mut logs) = (Vec::new(), Vec::new());
    for context in contexts {
        let (i, l) = model(context);
        ids.extend(i);
        logs.extend(l);
    }
    (ids, logs)
}

/// The text that each node of a tree stands for.
pub(super) fn contexts(text: &[u32], draft: &Draft) -> Vec<Vec<u32>> {
    let mut all: Vec<Vec<u32>> = vec![text.to_vec()];
    for node in 1..draft.len() {
        let mut context = all[draft.parents[node] as usize].clone();
        context.push(draft.tokens[node]);
        all.push(context);
    }
    all
}

/// A drafter at work on one text.
pub(super) struct Session {
    pub(super) drafter: Recycling,
    pub(super) sequence: Sequence,
    pub(super) draft: Draft,
    pub(super) steps: usize,
}

impl Session {
    pub(super) fn start(mut drafter: Recycling, prompt: &[u32]) -> Self {
        let mut sequence = Sequence::default();
        let (ids, logs) = rows((1..=prompt.len()).map(|end| &prompt[..end]));
        drafter.prompt(&mut sequence, prompt, &ids, &logs).unwrap();
        sequence.push(model(prompt).0[0]);
        Self { drafter, sequence, draft: Draft::default(), steps: 0 }
    }

    /// Drafts, verifies and learns.
    pub(super) fn step(&mut self, budget: usize) -> Vec<usize> {
        self.drafter.draft(&self.sequence, budget, &mut self.draft).unwrap();
        let contexts = contexts(self.sequence.tokens(), &self.draft);
        let tokens: Vec<_> = self.draft.tokens.iter().copied().map(TokenId).collect();
        let taken = accept(&tokens, &self.draft.parents, |node| TokenId(model(&contexts[node]).0[0])).unwrap();
        let (ids, logs) = rows(contexts.iter().map(Vec::as_slice));
        self.drafter.learn(&mut self.sequence, &self.draft, &taken.path, taken.next.0, &ids, &logs).unwrap();
        self.steps += 1;
        taken.path
    }

    pub(super) fn run(&mut self, length: usize, budget: usize) {
        while self.sequence.tokens().len() < length {
            self.step(budget);
        }
    }
}

pub(super) fn dynamic() -> Recycling {
    Recycling::new(Config { context_rows: 1 << 12, shared_tokens: 1 << 12, ..Config::dynamic(VOCAB as usize) }).unwrap()
}
