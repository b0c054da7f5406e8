//! Patterns that are not compiled.

use tokengrove::pretokenize::{Dialect, Gaps, PieceEnds, Pretokenizer};

use super::oracle::Family;
use super::oracle::Regex;
use super::random::{Random, text};

fn pieces(pretokenizer: &Pretokenizer, text: &str, capacity: usize) -> Vec<String> {
    let mut buffer = PieceEnds { capacity, ..PieceEnds::default() };
    let (mut at, mut out) = (0, vec![]);
    while at < text.len() {
        buffer.clear();
        let next = pretokenizer.try_pieces(text, at, &mut buffer).expect("no endless backtracking");
        out.extend(buffer.ranges(at).map(|range| text[range].to_owned()));
        assert!(next > at);
        at = next;
    }
    out
}

#[test]
fn gaps_are_kept_or_dropped() {
    let text = "..12..345.";
    for capacity in 1..6 {
        let keep = Pretokenizer::from_pattern(r"\d+", Dialect::Tiktoken).expect("a pattern");
        assert_eq!(pieces(&keep, text, capacity), ["..", "12", "..", "345", "."]);
        let drop = Pretokenizer::from_pattern_with(r"\d+", Dialect::Tiktoken, Gaps::Drop).expect("a pattern");
        assert_eq!(pieces(&drop, text, capacity), ["12", "345"]);
    }
}

#[test]
fn empty_matches_split() {
    for dialect in [Dialect::Tiktoken, Dialect::HuggingFace] {
        let pretokenizer = Pretokenizer::from_pattern(r"(?=(\d{3})+(?!\d))", dialect).expect("a pattern");
        for capacity in 1..4 {
            assert_eq!(pieces(&pretokenizer, "a1234567b", capacity), ["a1", "234", "567b"]);
        }
    }
}

#[test]
fn a_pattern_that_backtracks_without_end_is_an_error() {
    let pretokenizer = Pretokenizer::from_pattern(r"(?:(?:a|a)+)+(?=b)c", Dialect::Tiktoken).expect("a pattern");
    let text = "a".repeat(60);
    let error = pretokenizer.try_pieces(&text, 0, &mut PieceEnds::default()).expect_err("too many steps");
    assert!(error.to_string().contains("gave up"), "{error}");
}

#[test]
fn an_invalid_pattern_is_an_error() {
    let error = Pretokenizer::from_pattern(r"(\p{L}", Dialect::Tiktoken).expect_err("unbalanced").to_string();
    assert!(error.contains(r"(\\p{L}"), "{error}");
}

/// Patterns of real models that are not compiled, and constructs whose meaning differs between the engines.
const PATTERNS: [&str; 12] = [
    r"(?=(\d{3})+(?!\d))",
    concat!(
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}",
        r"| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+"
    ),
    r" ?[^(\s|[.,!?…。，、।۔،])]+",
    r"\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1}",
    r"[一-龥ࠀ-一가-퟿]+",
    r"\s?\p{L}+|\s?\p{P}+|[\r\n]",
    r"[^\n]+|[\n]+",
    r"\s+$|^\s+",
    r"\s++$|\s",
    r"\p{N}{1,3}+",
    r"\h+",
    r"(?i:straße|ss)|.",
];

#[test]
fn the_general_engine_follows_each_dialect() {
    let mut differing = vec![];
    for pattern in PATTERNS {
        for dialect in [Dialect::Tiktoken, Dialect::HuggingFace] {
            let pretokenizer = Pretokenizer::from_pattern(pattern, dialect).expect(pattern);
            assert!(pretokenizer.machine().is_none());
            let splits = vec![Regex::new(pattern, dialect)];
            let family = Family { name: pattern.to_owned(), pretokenizer, splits };
            let mut random = Random(7);
            let mut string = String::new();
            for _ in 0..3000 {
                text(&mut random, 20, &mut string);
                let mut start = 0;
                let expected: Vec<_> = family
                    .reference_ends(&string)
                    .into_iter()
                    .map(|end| string[std::mem::replace(&mut start, end)..end].to_owned())
                    .collect();
                let found = pieces(&family.pretokenizer, &string, 1 + random.below(5));
                if found != expected {
                    differing.push(format!("{pattern} {dialect:?} {string:?}: {found:?}, reference {expected:?}"));
                    break;
                }
            }
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}
