//! Patterns that are not compiled.

use tokengrove::pretokenize::regex::Splitter;
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
const PATTERNS: [&str; 18] = [
    r"\d{1,3}(?=(?:\d{3})*\b)",
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
    r"\w+|[^\w\s]+",
    r"\p{N}{1,3}+",
    r"\h+",
    r"[[:punct:]]+",
    r"[[:alpha:]]+|[[:space:]]",
    r"(?i:straße|ss)|.",
    r"a.b|(?m:a.)|.+",
    r"\bword\b|\Aa|a\z|a\Z",
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

/// Sets whose members differ between the engines, or whose names only oniguruma knows.
const SETS: [&str; 34] = [
    r"\w",
    r"\W",
    r"[\w\s]",
    r"[^\w]",
    r"\d",
    r"\s",
    r"\h",
    r"\H",
    ".",
    "(?m:.)",
    "[[:alnum:]]",
    "[[:alpha:]]",
    "[[:ascii:]]",
    "[[:blank:]]",
    "[[:cntrl:]]",
    "[[:^digit:]]",
    "[[:graph:][:lower:]]",
    "[[:print:]]",
    "[[:punct:]]",
    "[^[:space:]]",
    "[[:upper:]]",
    "[[:xdigit:]]",
    "[[:word:]]",
    r"\p{Alnum}",
    r"\p{Word}",
    r"[\p{Word}]",
    r"\p{^Punct}",
    r"\P{XDigit}",
    r"[^\p{graph}a]",
    r"\p{Cyrillic}",
    "[]a]",
    r"[\[\b]",
    r"[\W\d]",
    r"\b(?!a).",
];

#[test]
fn sets_of_oniguruma_hold_the_same_characters() {
    for pattern in SETS {
        let splitter = Splitter::new(pattern, Dialect::HuggingFace, Gaps::Keep).expect(pattern);
        let reference = onig::Regex::new(pattern).expect(pattern);
        let scalars: Vec<char> = ('\0'..=char::MAX).collect();
        for chars in scalars.chunks(4096) {
            let text: String = chars.iter().collect();
            let ours: Vec<_> = splitter.matches(&text).map(|found| found.expect(pattern).start).collect();
            let theirs: Vec<_> = reference.find_iter(&text).map(|(start, _)| start).collect();
            let differing = std::iter::zip(&ours, &theirs).find(|(a, b)| a != b).map(|(a, b)| *a.min(b));
            let differing = differing.and_then(|at| text[at..].chars().next());
            assert!(ours == theirs, "{pattern} on {differing:?}");
        }
    }
}

proptest::proptest! {
    #[test]
    fn no_pattern_makes_compilation_panic(pattern in r"[\\\[\]\(\)\?:^iwWbBZpP{}|*+$\-ms&a é中]{0,12}") {
        for dialect in [Dialect::Tiktoken, Dialect::HuggingFace] {
            if let Ok(pretokenizer) = Pretokenizer::from_pattern(&pattern, dialect) {
                let text = "a é中\n12";
                if let Ok(end) = pretokenizer.try_pieces(text, 0, &mut PieceEnds::default()) {
                    proptest::prop_assert_eq!(end, text.len());
                }
            }
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_neither_panic_nor_stall(bytes in proptest::collection::vec(0_u8.., 1..40)) {
        for name in ["gpt2", "cl100k_base", "o200k_base", "kimi", "deepseek_v3"] {
            let pretokenizer = Pretokenizer::named(name).expect(name);
            let machine = pretokenizer.machine().expect(name);
            let mut at = 0;
            while at < bytes.len() {
                let end = machine.next_end(&bytes, at);
                proptest::prop_assert!(end > at && end <= bytes.len());
                at = end;
            }
        }
    }
}
