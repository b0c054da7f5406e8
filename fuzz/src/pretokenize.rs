//! Pretokenizers against their regular expressions, run by the engine the source library uses.

use crate::input::Input;
use fancy_regex::Regex;
use std::sync::OnceLock;
use tokengrove::pretokenize::{Dialect, PieceEnds, Pretokenizer};

const MAX_TEXT: usize = 8192;

/// Patterns with a hand-compiled automaton, from the model families that publish them.
const PATTERNS: [&str; 4] = [
    // GPT-2
    r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    // cl100k_base
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
    // Llama 3
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    // o200k_base
    concat!(
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|",
        r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    ),
];

struct Pair {
    regex: Regex,
    ours: Pretokenizer,
}

fn pairs() -> &'static [Pair] {
    static PAIRS: OnceLock<Vec<Pair>> = OnceLock::new();
    PAIRS.get_or_init(|| {
        PATTERNS
            .iter()
            .map(|pattern| Pair {
                regex: Regex::new(pattern).expect("the pattern is valid"),
                ours: Pretokenizer::from_pattern(pattern, Dialect::Tiktoken).expect("the pattern is known"),
            })
            .collect()
    })
}

/// Ends of all pieces, gathered with a buffer of the given capacity.
fn ends(pretokenizer: &Pretokenizer, text: &str, capacity: usize) -> Vec<usize> {
    let mut buffer = PieceEnds { capacity, ..PieceEnds::default() };
    let (mut all, mut at) = (Vec::new(), 0);
    while at < text.len() {
        buffer.ends.clear();
        let next = pretokenizer.pieces(text, at, &mut buffer);
        assert!(next > at, "no progress at {at}");
        all.extend(buffer.ends.iter().map(|&end| at + end as usize));
        assert_eq!(all.last(), Some(&next));
        at = next;
    }
    all
}

/// Splits one text with one pattern, with a long and a short buffer.
pub(crate) fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let pair = &pairs()[input.below(PATTERNS.len())];
    let capacity = 1 + input.below(200);
    let text: &str = &String::from_utf8_lossy(input.rest(MAX_TEXT));
    let expected: Vec<usize> =
        pair.regex.find_iter(text).map(|found| found.expect("no limit is reached").end()).collect();
    assert_eq!(ends(&pair.ours, text, 1024), expected);
    assert_eq!(ends(&pair.ours, text, capacity), expected);
}
