//! What a step of speculative decoding costs outside the forward pass: drafting, learning and following the text, for a
//! vocabulary of 128,000 tokens. `cargo run --release --example draft_speed [steps [file]]`, where the file has token ids
//! of a real text, four bytes each, for the suffix automaton.
//!
//! The model is made up: every context of three tokens has eight candidates drawn from a hash, skewed as those of language
//! are, so that rows are spread over the tables as real ones would be. Medians over the steps, in microseconds.
#![allow(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an example"
)]

use std::time::Instant;
use tokengrove::draft::{Config, Draft, Recycling, Sequence, SuffixAutomaton, Template};

const VOCAB: u32 = 128_000;
const K: usize = 8;
const BUDGET: usize = 80;

fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 31)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// A token by a skewed law: small ids are frequent.
fn skewed(hash: u64) -> u32 {
    let u = (hash >> 11) as f64 / (1_u64 << 53) as f64;
    ((f64::from(VOCAB)).powf(u) - 1.0) as u32
}

/// The candidates after three tokens: mostly decided by the last, partly by all.
fn model(context: [u32; 3]) -> ([u32; K], [f32; K]) {
    let last = mix(u64::from(context[0]) + 1);
    let all = mix(last ^ mix(u64::from(context[1]) << 20 ^ u64::from(context[2]) << 40));
    let mut ids = [0; K];
    for (i, id) in ids.iter_mut().enumerate() {
        let base = if (all >> i).trailing_zeros() >= 2 { all } else { last };
        *id = (skewed(mix(base.wrapping_add(i as u64 * 77))) + i as u32) % VOCAB;
    }
    let logs = [0.45_f32, 0.2, 0.1, 0.06, 0.04, 0.02, 0.01, 0.005].map(f32::ln);
    (ids, logs)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

fn contexts(sequence: &Sequence, draft: &Draft) -> Vec<[u32; 3]> {
    let tokens = sequence.tokens();
    let at = |back: usize| tokens.len().checked_sub(back).map_or(0, |i| tokens[i]);
    let mut all = vec![[at(1), at(2), at(3)]];
    for node in 1..draft.len() {
        let [a, b, _] = all[draft.parents[node] as usize];
        all.push([draft.tokens[node], a, b]);
    }
    all
}

fn run(name: &str, config: Config, steps: usize) {
    let mut drafter = Recycling::new(config).expect("a valid configuration");
    let (mut drafting, mut repeated, mut learning, mut accepted) = (Vec::new(), Vec::new(), Vec::new(), 0);
    let (mut draft, mut seed) = (Draft::default(), 1_u64);
    for request in 0..(steps / 200).max(1) {
        let mut sequence = Sequence::default();
        for i in 0..3 {
            sequence.push(skewed(mix(request as u64 * 3 + i)));
        }
        for _ in 0..200 {
            let start = Instant::now();
            drafter.draft(&sequence, BUDGET, &mut draft).expect("a root");
            drafting.push(start.elapsed().as_secs_f64() * 1e6);
            // The same tree again: what it reads is now in the cache.
            let start = Instant::now();
            drafter.draft(&sequence, BUDGET, &mut draft).expect("a root");
            repeated.push(start.elapsed().as_secs_f64() * 1e6);
            let (mut ids, mut logs) = (Vec::new(), Vec::new());
            let all = contexts(&sequence, &draft);
            for context in &all {
                let (i, l) = model(*context);
                ids.extend(i);
                logs.extend(l);
            }
            let (mut path, mut at) = (vec![0], 0);
            let next = loop {
                seed = mix(seed.wrapping_add(0x9E37));
                let rank = [0, 0, 0, 0, 1, 1, 2, 3][(seed >> 40) as usize & 7];
                let token = ids[at * K + rank];
                match (1..draft.len()).find(|&n| draft.parents[n] as usize == at && draft.tokens[n] == token) {
                    Some(child) => (path.push(child), at = child).1,
                    None => break token,
                }
            };
            accepted += path.len();
            let start = Instant::now();
            drafter.learn(&mut sequence, &draft, &path, next, &ids, &logs).expect("a tree of this drafter");
            if draft.len() > BUDGET * 9 / 10 {
                learning.push(start.elapsed().as_secs_f64() * 1e6);
            }
        }
        drafter.finish(&sequence);
    }
    let mean = accepted as f64 / drafting.len() as f64;
    let (first, again, learn) = (median(drafting), median(repeated), median(learning));
    println!(
        "{name:28} draft {first:6.2} us   again {again:6.2} us   learn {learn:6.2} us   ({mean:.2} tokens a step)"
    );
}

/// What the model of this example would say, one token after the other.
fn made_up(tokens: usize) -> Vec<u32> {
    let mut recent = [0, 0, 0];
    let mut seed = 5;
    (0..tokens)
        .map(|_| {
            seed = mix(seed + 1);
            let token = model(recent).0[[0, 0, 0, 0, 1, 1, 2, 3][(seed >> 40) as usize & 7]];
            recent = [token, recent[0], recent[1]];
            token
        })
        .collect()
}

/// Adds tokens and looks for the longest match after each.
fn suffix(trace: &[u32]) {
    let mut text = SuffixAutomaton::new();
    let start = Instant::now();
    let mut longest = 0;
    for &token in trace {
        text.push(token);
        longest = longest.max(text.longest().len());
    }
    let each = start.elapsed().as_secs_f64() * 1e6 / trace.len() as f64;
    println!("suffix automaton             {each:.3} us a token over {} tokens (longest match {longest})", trace.len());
}

fn main() {
    let steps = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(4000);
    run("static-80", Config::fixed(VOCAB as usize, Template::static_80()), steps);
    run("dynamic", Config::dynamic(VOCAB as usize), steps);
    run(
        "dynamic, one-token rows",
        Config { rates: [0.1, 0.0, 0.0], suffix: false, ..Config::dynamic(VOCAB as usize) },
        steps,
    );
    suffix(&made_up(1000));
    suffix(&made_up(200_000));
    if let Some(file) = std::env::args().nth(2) {
        let bytes = std::fs::read(file).expect("a file that can be read");
        let words = bytes.chunks_exact(4).filter_map(|word| word.try_into().ok().map(u32::from_le_bytes));
        suffix(&words.take(200_000).collect::<Vec<_>>());
    }
}
