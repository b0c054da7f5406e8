//! How fast the pretokenizers split text, by instruction set: `split_speed FILE... [-- NAME...]`.
//!
//! Reads each file whole; prints megabytes per second and bytes per piece. All
//! instruction sets must give the same pieces, or it stops.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    reason = "a program that prints rates"
)]

use std::fs;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use tokengrove::pretokenize::{InstructionSet, PieceEnds, Pretokenizer, SplitError};

const PASSES: usize = 20;
/// A pass is timed in parts of at least this many bytes; the best time of each part counts, so that other work on the
/// machine disturbs little.
const PART: usize = 1 << 16;

/// What a pass found: how many pieces, and a sum that depends on every end.
#[derive(PartialEq, Clone, Copy)]
struct Outcome {
    pieces: usize,
    sum: u64,
}

/// One pass; lowers `best`, the times of the parts.
fn pass(pretokenizer: &Pretokenizer, text: &str, best: &mut Vec<Duration>) -> Result<Outcome, SplitError> {
    let mut buffer = PieceEnds::default();
    let mut outcome = Outcome { pieces: 0, sum: 0 };
    let (mut at, mut part) = (0, 0);
    while at < text.len() {
        let start = Instant::now();
        let end = at + PART;
        while at < end.min(text.len()) {
            buffer.clear();
            at = pretokenizer.try_pieces(text, at, &mut buffer)?;
            outcome.pieces += buffer.ends.len();
            let last = buffer.ends.last().copied().unwrap_or(0);
            let middle = buffer.ends.get(buffer.ends.len() / 2).copied().unwrap_or(0);
            outcome.sum = outcome.sum.wrapping_mul(31).wrapping_add(u64::from(last ^ middle));
        }
        let time = start.elapsed();
        match best.get_mut(part) {
            Some(best) => *best = time.min(*best),
            None => best.push(time),
        }
        part += 1;
    }
    Ok(outcome)
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (files, names) = arguments.split_at(arguments.iter().position(|a| a == "--").unwrap_or(arguments.len()));
    let mut names: Vec<&str> = names.iter().skip(1).map(String::as_str).collect();
    if names.is_empty() {
        names = vec!["gpt2", "cl100k_base", "qwen2", "o200k_base", "tekken"];
    }
    for name in names {
        for file in files {
            let text = fs::read_to_string(file)?;
            let mut expected = None;
            for set in InstructionSet::available() {
                let pretokenizer = Pretokenizer::named(name)?.on(set);
                let mut best = Vec::new();
                let outcome = pass(&pretokenizer, &text, &mut best)?;
                if *expected.get_or_insert(outcome) != outcome {
                    return Err(format!("{name} on {set} splits {file} differently").into());
                }
                for _ in 1..PASSES {
                    pass(&pretokenizer, &text, &mut best)?;
                }
                let rate = text.len() as f64 / best.iter().sum::<Duration>().as_secs_f64() / 1e6;
                let length = text.len() as f64 / outcome.pieces as f64;
                println!("{name:12} {:8} {rate:7.0} MB/s  {length:5.2} B/piece  {file}", set.name());
            }
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("split_speed: {error}");
            ExitCode::FAILURE
        }
    }
}
