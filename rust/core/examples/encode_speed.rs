//! Time of the first and of repeated passes, the fastest of several, of an [`Encoder`](tokengrove::encoder::Encoder) over files.
//!
//! `cargo run --release --example encode_speed -- o200k_base ranks.tiktoken text.txt ...`
#![allow(clippy::print_stdout, clippy::cast_precision_loss, clippy::unwrap_used, clippy::panic, reason = "an example")]

use std::sync::Arc;
use std::time::{Duration, Instant};
use tokengrove::bpe::Bpe;
use tokengrove::encoder::Encoder;
use tokengrove::io::tiktoken::parse;
use tokengrove::pretokenize::{PieceEnds, Pretokenizer};
use tokengrove::spec::{BpeSpec, MergeRule, Symbols};

/// First passes that are timed, each with an encoder that has seen no text.
const FIRST: usize = 9;
/// Repeated passes that are timed.
const REPEATED: usize = 15;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [pattern, ranks, texts @ ..] = &args[..] else { panic!("pattern, rank file, texts") };
    let start = Instant::now();
    let tokens = parse(&std::fs::read(ranks).unwrap()).unwrap();
    let parsed = Instant::now();
    let spec = BpeSpec { tokens, merges: MergeRule::Ranks, symbols: Symbols::Bytes, ignore_merges: false };
    let bpe = Arc::new(Bpe::new(&spec).unwrap());
    let built = Instant::now();
    let new_encoder = || Encoder::new(Arc::clone(&bpe), Pretokenizer::named(pattern).unwrap());
    let encoder = new_encoder();
    encoder.prepare(1);
    println!("parse {:?}, build {:?}, warm up {:?}", parsed - start, built - parsed, built.elapsed());
    for path in texts {
        let text = std::fs::read_to_string(path).unwrap();
        let rate = |time: Duration| text.len() as f64 / time.as_secs_f64() / 1e6;
        let mut pieces = 0;
        let scans = (0..FIRST).map(|_| {
            let (mut at, mut ends, start) = (0, PieceEnds::default(), Instant::now());
            pieces = 0;
            while at < text.len() {
                ends.clear();
                at = encoder.pretokenizer().try_pieces(&text, at, &mut ends).unwrap();
                pieces += ends.ends.len();
            }
            start.elapsed()
        });
        let scan = scans.min().unwrap();
        let mut tokens = 0;
        let mut pass = |encoder: &Encoder| {
            let (start, mut ids) = (Instant::now(), Vec::new());
            encoder.with_scratch(|scratch| encoder.encode_ordinary(&text, scratch, &mut ids)).unwrap();
            tokens = ids.len();
            start.elapsed()
        };
        let first = (0..FIRST).map(|_| {
            let encoder = new_encoder();
            encoder.prepare(1);
            pass(&encoder)
        });
        let first = first.min().unwrap();
        let repeated = (0..REPEATED).map(|_| pass(&encoder)).min().unwrap();
        println!(
            "{path}: {pieces} pieces, {tokens} tokens; scan {:.0} MB/s, first {:.0} MB/s, repeated {:.0} MB/s ({:.1} ns a piece)",
            rate(scan),
            rate(first),
            rate(repeated),
            repeated.as_nanos() as f64 / pieces as f64
        );
    }
}
