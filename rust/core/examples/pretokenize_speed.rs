//! Times the scalar pretokenizers on a text: `cargo run --profile dev-release --example pretokenize_speed -- FILE...`

use std::hint::black_box;
use std::io::Write;
use std::time::Instant;

use tokengrove::pretokenize::{PieceEnds, Pretokenizer};

/// Characters of each file that are timed; a run is short, so that some run is not interrupted.
const PREFIX: usize = 1 << 18;

/// Seconds of the fastest of some runs: the scan has no state that a first run would warm.
fn best(mut run: impl FnMut() -> usize) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..100 {
        let start = Instant::now();
        black_box(run());
        best = best.min(start.elapsed().as_secs_f64());
    }
    best
}

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout();
    for path in std::env::args().skip(1) {
        let text = std::fs::read_to_string(&path)?;
        let text: String = text.chars().take(PREFIX).collect();
        writeln!(out, "{path}, {} bytes", text.len())?;
        for name in ["gpt2", "cl100k_base", "llama3", "qwen3.5", "o200k_base", "kimi", "deepseek_v3"] {
            let pretokenizer = Pretokenizer::named(name).map_err(std::io::Error::other)?;
            let machine = pretokenizer.machine().ok_or_else(|| std::io::Error::other("not compiled"))?;
            let single = best(|| {
                let (mut at, mut count) = (0, 0);
                while at < text.len() {
                    at = machine.next_end(text.as_bytes(), at);
                    count += 1;
                }
                count
            });
            let mut buffer = PieceEnds::default();
            let mut pieces = 0;
            let run = best(|| {
                let mut at = 0;
                pieces = 0;
                while at < text.len() {
                    buffer.clear();
                    at = machine.pieces(&text, at, &mut buffer).expect("pieces are short");
                    pieces += buffer.ends.len();
                }
                pieces
            });
            #[allow(clippy::cast_precision_loss, reason = "texts are short")]
            let speed = |seconds: f64| text.len() as f64 / seconds / 1e6;
            writeln!(
                out,
                "{name:12} {pieces:8} pieces  next_end {:5.0} MB/s  pieces {:5.0} MB/s",
                speed(single),
                speed(run)
            )?;
        }
    }
    Ok(())
}
