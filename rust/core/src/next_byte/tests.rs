//! The three ways to the probability of a text agree, with a pretokenizer too.
#![allow(clippy::float_cmp, reason = "infinities and exact zeros are compared")]

use super::{ByteState, ByteVocab, END, Mode, NodeScore, Prompt, PromptRow, Row, Scorer};
use crate::pipeline;
use crate::spec::{AddedToken, TokenTable, TokenizerSpec};
use proptest::prelude::*;
use std::sync::Arc;

const WORDS: [&[u8]; 14] =
    [b"ab", b" a", b"  ", b"'s", b"re", b"'re", b" ab", b"11", b"111", b"\n\n", b"ba", b"aa", b"\xc3\xa9", b"\xe4\xb8"];

fn vocab(pattern: Option<&str>, mode: Mode) -> Arc<ByteVocab> {
    let mut table = TokenTable::default();
    for byte in 0..=255_u8 {
        table.push(&[byte], u32::from(byte));
    }
    for (id, word) in (256..).zip(WORDS) {
        table.push(word, id);
    }
    let end = AddedToken::special("<|end|>", 300);
    let tokenizer = pipeline::compile(TokenizerSpec::from_ranks(table, pattern, vec![end])).expect("complete");
    Arc::new(ByteVocab::new(&tokenizer, mode, &[300]).expect("a compiled family"))
}

/// Logits that depend on the whole history.
fn logits(history: &[u32]) -> Vec<f64> {
    let mut seed = history.iter().fold(0x9E37_79B9_7F4A_7C15_u64, |seed, &id| {
        (seed ^ u64::from(id)).wrapping_mul(0xD6E8_FEB8_6659_FD93).rotate_left(29)
    });
    (0..301)
        .map(|_| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            f64::from(u32::try_from(seed >> 40).expect("24 bits")) / 2_f64.powi(21)
        })
        .collect()
}

fn resolved(state: &ByteState, eps: f64) -> ByteState {
    let mut state = state.clone();
    loop {
        let pending = state.pending(eps, usize::MAX);
        if pending.is_empty() {
            return state;
        }
        let rows: Vec<(usize, Row)> = pending
            .into_iter()
            .map(|bundle| (bundle, state.row(bundle, &logits(&state.path(bundle))).expect("good logits")))
            .collect();
        state = state.resolve(rows);
    }
}

/// Logarithms of the probabilities of each byte and of the end, step by step.
fn by_steps(vocab: &Arc<ByteVocab>, text: &[u8]) -> (Vec<f64>, f64) {
    let mut state = ByteState::start(Arc::clone(vocab));
    let mut found = Vec::new();
    for &byte in text {
        state = resolved(&state, 0.0);
        let logprobs = state.logprobs();
        let sum: f64 = logprobs.iter().map(|log| log.exp()).sum();
        assert!((sum - 1.0).abs() < 1e-12, "{sum}");
        found.push(logprobs[usize::from(byte)]);
        state = state.advance(byte);
    }
    let state = resolved(&state, 0.0);
    assert!((state.logprob() - found.iter().sum::<f64>()).abs() < 1e-9);
    (found, state.logprobs()[END])
}

fn by_score(vocab: &Arc<ByteVocab>, text: &[u8]) -> (Vec<f64>, f64, usize) {
    let scorer = Scorer::new(Arc::clone(vocab), text).expect("not all sequences");
    let paths: Vec<Vec<u32>> = (0..scorer.tree().len()).map(|node| scorer.tree().path(node)).collect();
    let with_empty = std::iter::once(Vec::new()).chain(paths).enumerate();
    let rows: Vec<NodeScore> =
        with_empty.map(|(row, path)| scorer.read(row, &logits(&path)).expect("good logits")).collect();
    assert_eq!(rows.len(), scorer.rows());
    assert!(scorer.finish(&rows[1..]).is_none() && scorer.finish(rows.iter().chain(&rows)).is_none());
    let found = scorer.finish(&rows).expect("complete");
    (found.logprobs, found.end_logprob, scorer.tree().len())
}

fn close(left: &[f64], right: &[f64]) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|(a, b)| (a - b).abs() < 1e-10 || a == b)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn steps_scores_and_prompts_agree(
        text in prop::collection::vec(prop::sample::select(vec!["a", "b", " ", "'", "s", "r", "e", "1", "\n", "é", "中"]), 0..14),
    ) {
        let text = text.concat().into_bytes();
        for pattern in [None, Some("gpt2"), Some("o200k_base")] {
            for mode in [Mode::Canonical, Mode::CanonicalRaw] {
                let vocab = vocab(pattern, mode);
                let (scores, end, nodes) = by_score(&vocab, &text);
                prop_assert!(nodes <= 2 * text.len() + 1, "{nodes} nodes");
                if mode == Mode::Canonical {
                    let (steps, last) = by_steps(&vocab, &text);
                    prop_assert!(close(&steps, &scores), "{steps:?} {scores:?}");
                    prop_assert!((last - end).abs() < 1e-10 || last == end);
                    let prompt = Prompt::new(Arc::clone(&vocab), &text).expect("canonical");
                    let needed = prompt.needed();
                    let mut paths: Vec<Vec<u32>> = Vec::new();
                    for (id, parent) in needed {
                        let before = parent.map_or(Vec::new(), |parent| paths[parent].clone());
                        paths.push([&before[..], &[id]].concat());
                    }
                    let with_empty = std::iter::once(Vec::new()).chain(paths).enumerate();
                    let rows: Vec<PromptRow> =
                        with_empty.map(|(row, path)| prompt.read(row, &logits(&path)).expect("good logits")).collect();
                    prop_assert_eq!(rows.len(), prompt.rows());
                    prop_assert!(prompt.finish(&rows[1..]).is_none() && prompt.finish(rows.iter().chain(&rows)).is_none());
                    let state = prompt.finish(&rows).expect("complete");
                    prop_assert!((state.logprob() - scores.iter().sum::<f64>()).abs() < 1e-9);
                    prop_assert!((state.logprobs()[END] - end).abs() < 1e-10);
                    prop_assert_eq!(state.unresolved_mass(), 0.0);
                }
            }
        }
    }

    #[test]
    fn what_is_unresolved_bounds_the_error(
        text in prop::collection::vec(prop::sample::select(vec![b'a', b'b', b' ', b'1', b'\'', b's']), 0..12),
        eps in prop::sample::select(vec![1e-3, 1e-2, 0.3]),
    ) {
        let vocab = vocab(Some("gpt2"), Mode::Canonical);
        let (mut exact, mut pruned) = (ByteState::start(Arc::clone(&vocab)), ByteState::start(vocab));
        for &byte in &text {
            (exact, pruned) = (resolved(&exact, 0.0), resolved(&pruned, eps));
            let bound = pruned.unresolved_mass();
            prop_assert!(bound <= eps);
            let difference: f64 =
                exact.logprobs().iter().zip(pruned.logprobs().iter()).map(|(a, b)| (a.exp() - b.exp()).abs()).sum();
            prop_assert!(difference / 2.0 <= bound + 1e-12, "{difference} {bound}");
            prop_assert!(pruned.logprob() <= exact.logprob() + 1e-10);
            (exact, pruned) = (exact.advance(byte), pruned.advance(byte));
        }
    }
}

#[test]
fn a_long_history_is_dropped_without_a_call_for_each_token() {
    let vocab = vocab(None, Mode::Canonical);
    let text = b"ab1".repeat(20_000);
    let prompt = Prompt::new(vocab, &text).expect("canonical");
    let rows: Vec<PromptRow> =
        (0..prompt.rows()).map(|row| prompt.read(row, &[0.0_f32; 301]).expect("good logits")).collect();
    let state = prompt.finish(&rows).expect("complete");
    assert_eq!((0..state.len()).map(|bundle| state.path(bundle).len()).max(), Some(40_000));
    drop(state);
}

#[test]
fn logits_that_say_nothing_are_named() {
    let vocab = vocab(None, Mode::Canonical);
    let message = |logits: &[f64]| Row::new(&vocab, None, logits).expect_err("no logits").to_string();
    assert!(message(&[0.0; 10]).contains("10 logits"));
    assert!(message(&[f64::NAN; 301]).contains("NaN for id 0"));
    assert!(message(&[f64::NEG_INFINITY; 301]).contains("-inf"));
}
