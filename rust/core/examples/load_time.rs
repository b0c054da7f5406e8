//! Times loading of a `.tiktoken` file and encoding of its corpus pieces without any cache.
#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]
use std::time::Duration;
use tokengrove::bpe::{Bpe, Scratch};
use tokengrove::spec::{BpeSpec, MergeRule, Symbols, TokenTable};

struct Instant(u64);
impl Instant {
    fn cpu() -> u64 {
        std::fs::read_to_string("/proc/thread-self/schedstat").unwrap().split(' ').next().unwrap().parse().unwrap()
    }
    fn now() -> Self {
        Self(Self::cpu())
    }
    fn elapsed(&self) -> Duration {
        Duration::from_nanos(Self::cpu() - self.0)
    }
}

fn b64(s: &str) -> Vec<u8> {
    let v = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let mut out = Vec::new();
    for chunk in s.trim_end_matches('=').as_bytes().chunks(4) {
        let mut acc = 0u32;
        for &c in chunk {
            acc = acc << 6 | u32::from(v(c));
        }
        acc <<= 6 * (4 - chunk.len());
        out.extend_from_slice(&acc.to_be_bytes()[1..chunk.len()]);
    }
    out
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let file = std::fs::read_to_string(&args[1]).unwrap();
    let mut tokens = TokenTable::default();
    for line in file.lines() {
        let (t, r) = line.split_once(' ').unwrap();
        tokens.push(&b64(t), r.parse().unwrap());
    }
    let spec = BpeSpec { tokens, merges: MergeRule::Ranks, symbols: Symbols::Bytes, ignore_merges: false };
    let mut best = Duration::MAX;
    for _ in 0..8 {
        let t = Instant::now();
        let bpe = Bpe::new(&spec).unwrap();
        best = best.min(t.elapsed());
        assert!(bpe.is_linear());
    }
    println!("Bpe::new {best:?}");
    let bpe = Bpe::new(&spec).unwrap();
    for path in &args[2..] {
        let text = std::fs::read_to_string(path).unwrap();
        let re = fancy_regex::Regex::new(
            r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        )
        .unwrap();
        let mut seen = std::collections::HashSet::new();
        let pieces: Vec<&str> = re
            .find_iter(&text)
            .map(|m| m.unwrap().as_str())
            .filter(|p| seen.insert(*p))
            .filter(|p| bpe.whole_piece(p.as_bytes()).is_none())
            .collect();
        let mut scratch = Scratch::default();
        let mut out = Vec::new();
        let mut best = f64::MAX;
        for _ in 0..12 {
            out.clear();
            let t = Instant::now();
            for p in &pieces {
                bpe.encode_piece(p.as_bytes(), &mut scratch, &mut out);
            }
            let e = t.elapsed();
            best = best.min(e.as_nanos() as f64 / pieces.len() as f64);
        }
        let bytes: usize = pieces.iter().map(|p| p.len()).sum();
        println!(
            "{path}: {} missed pieces of {:.1} bytes, {:.2} tokens: {best:.0} ns each",
            pieces.len(),
            bytes as f64 / pieces.len() as f64,
            out.len() as f64 / pieces.len() as f64
        );
    }
}
