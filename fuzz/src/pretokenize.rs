//! Pretokenizers against their regular expressions, run by the engine the source library uses.

use crate::input::Input;
use fancy_regex::Regex;
use std::sync::OnceLock;
use tokengrove::pretokenize::{Dialect, PieceEnds, Pretokenizer};

const MAX_TEXT: usize = 8192;

/// Patterns that no model is known by, so that the general engine runs them; some leave text unmatched.
const OTHERS: [&str; 3] = [r"\d+|[A-Za-z]+(?=\s)|\s", r"(?i)the|\p{Lu}\p{Ll}*|[^\p{L}]", r"\S+\s?|\s{2,}(?=\S)"];

struct Pair {
    regex: Regex,
    ours: Pretokenizer,
}

/// Every compiled family that is one pattern, and the general engine.
fn pairs() -> &'static [Pair] {
    static PAIRS: OnceLock<Vec<Pair>> = OnceLock::new();
    PAIRS.get_or_init(|| {
        let named = Pretokenizer::names().filter_map(|name| Pretokenizer::named(name).ok());
        let others = OTHERS.iter().filter_map(|pattern| Pretokenizer::from_pattern(pattern, Dialect::Tiktoken).ok());
        let pairs: Vec<Pair> = named
            .chain(others)
            .filter_map(|ours| {
                let regex = Regex::new(ours.pattern()?).expect("the pattern is valid");
                Some(Pair { regex, ours })
            })
            .collect();
        assert!(pairs.len() > 10, "most names are of one pattern");
        pairs
    })
}

/// Ends of all matches, and of the text between them.
fn expected(regex: &Regex, text: &str) -> Vec<usize> {
    let (mut ends, mut at) = (Vec::new(), 0);
    for found in regex.find_iter(text) {
        let found = found.expect("no limit is reached");
        if found.start() > at {
            ends.push(found.start());
        }
        at = found.end();
        ends.push(at);
    }
    if at < text.len() {
        ends.push(text.len());
    }
    ends
}

/// Ends of all pieces, gathered with a buffer of the given capacity.
fn ends(pretokenizer: &Pretokenizer, text: &str, capacity: usize) -> Vec<usize> {
    let mut buffer = PieceEnds { capacity, ..PieceEnds::default() };
    let (mut all, mut at) = (Vec::new(), 0);
    while at < text.len() {
        buffer.clear();
        let next = pretokenizer.try_pieces(text, at, &mut buffer).expect("no limit is reached");
        assert!(next > at, "no progress at {at}");
        all.extend(buffer.ends.iter().map(|&end| at + end as usize));
        assert_eq!(all.last(), Some(&next));
        at = next;
    }
    all
}

/// Splits one text with one pattern: with a long and a short buffer, and in two halves wherever that is called safe.
pub(crate) fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let pair = &pairs()[input.below(pairs().len())];
    let capacity = 1 + input.below(200);
    let cuts = [input.below(MAX_TEXT), input.below(MAX_TEXT), input.below(MAX_TEXT)];
    let text: &str = &String::from_utf8_lossy(input.rest(MAX_TEXT));

    let expected = expected(&pair.regex, text);
    assert_eq!(ends(&pair.ours, text, 1024), expected);
    assert_eq!(ends(&pair.ours, text, capacity), expected);
    for cut in cuts.map(|cut| if text.is_empty() { 0 } else { cut % text.len() }) {
        if pair.ours.is_safe_cut(text, cut) {
            let (left, right) = text.split_at(cut);
            let mut halves = ends(&pair.ours, left, 1024);
            halves.extend(ends(&pair.ours, right, 1024).iter().map(|end| cut + end));
            assert_eq!(halves, expected, "cut at {cut}");
        }
    }
}
