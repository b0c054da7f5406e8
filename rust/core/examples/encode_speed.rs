//! CPU time of the first and of repeated passes of an [`Encoder`](tokengrove::encoder::Encoder) over files.
//!
//! `cargo run --release --example encode_speed -- o200k_base ranks.tiktoken text.txt ...`
#![allow(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::unwrap_used,
    clippy::unchecked_time_subtraction,
    clippy::panic,
    reason = "an example"
)]

use std::time::Duration;
use tokengrove::bpe::Bpe;
use tokengrove::encoder::Encoder;
use tokengrove::io::tiktoken::parse;
use tokengrove::pretokenize::{PieceEnds, Pretokenizer};
use tokengrove::spec::{BpeSpec, MergeRule, Symbols};

/// CPU time of this thread.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(stat.split(' ').next().unwrap().parse().unwrap())
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [pattern, ranks, texts @ ..] = &args[..] else { panic!("pattern, rank file, texts") };
    let start = cpu();
    let tokens = parse(&std::fs::read(ranks).unwrap()).unwrap();
    let parsed = cpu();
    let spec = BpeSpec { tokens, merges: MergeRule::Ranks, symbols: Symbols::Bytes, ignore_merges: false };
    let bpe = Bpe::new(&spec).unwrap();
    let built = cpu();
    let encoder = Encoder::new(bpe, Pretokenizer::named(pattern).unwrap());
    encoder.warm_up();
    println!("parse {:?}, build {:?}, warm up {:?}", parsed - start, built - parsed, cpu() - built);
    for path in texts {
        let text = std::fs::read_to_string(path).unwrap();
        let rate = |time: Duration| text.len() as f64 / time.as_secs_f64() / 1e6;
        let mut scan = Duration::MAX;
        let mut pieces = 0;
        for _ in 0..5 {
            let (mut at, mut ends, start) = (0, PieceEnds::default(), cpu());
            pieces = 0;
            while at < text.len() {
                ends.clear();
                at = encoder.pretokenizer().try_pieces(&text, at, &mut ends).unwrap();
                pieces += ends.ends.len();
            }
            scan = scan.min(cpu() - start);
        }
        let mut passes = Vec::new();
        let mut tokens = 0;
        for _ in 0..9 {
            let (start, mut ids) = (cpu(), Vec::new());
            encoder.with_scratch(|scratch| encoder.encode_ordinary(&text, scratch, &mut ids)).unwrap();
            passes.push(cpu() - start);
            tokens = ids.len();
        }
        let repeated = passes[1..].iter().min().unwrap();
        println!(
            "{path}: {} pieces, {tokens} tokens; scan {:.0} MB/s, first {:.0} MB/s, repeated {:.0} MB/s ({:.1} ns a piece)",
            pieces,
            rate(scan),
            rate(passes[0]),
            rate(*repeated),
            repeated.as_nanos() as f64 / pieces as f64
        );
    }
}
