//! How fast the pretokenizers split text, by instruction set: `split_speed FILE... [-- NAME...]`.
//!
//! Reads each file whole; prints megabytes per second and bytes per piece, the best of several passes. All
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

/// One pass: how long, how many pieces, and a sum that depends on every end.
fn pass(pretokenizer: &Pretokenizer, text: &str) -> Result<(Duration, usize, u64), SplitError> {
    let mut buffer = PieceEnds::default();
    let start = Instant::now();
    let (mut at, mut pieces, mut sum) = (0, 0, 0_u64);
    while at < text.len() {
        buffer.clear();
        let next = pretokenizer.try_pieces(text, at, &mut buffer)?;
        pieces += buffer.ends.len();
        sum = buffer.ends.iter().fold(sum, |sum, &end| sum.wrapping_mul(31).wrapping_add(u64::from(end)));
        at = next;
    }
    Ok((start.elapsed(), pieces, sum))
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
                let (mut best, pieces, sum) = pass(&pretokenizer, &text)?;
                if *expected.get_or_insert((pieces, sum)) != (pieces, sum) {
                    return Err(format!("{name} on {set} splits {file} differently").into());
                }
                for _ in 1..PASSES {
                    best = best.min(pass(&pretokenizer, &text)?.0);
                }
                let rate = text.len() as f64 / best.as_secs_f64() / 1e6;
                let length = text.len() as f64 / pieces as f64;
                println!("{name:12} {set:8} {rate:7.0} MB/s  {length:5.2} B/piece  {file}");
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
