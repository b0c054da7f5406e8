//! Patterns put together from every spelling of every alternative: what is compiled must equal its regex.

use tokengrove::pretokenize::{Dialect, Pretokenizer};

use super::compiled_ends;
use super::oracle::{Family, Regex};
use super::random::{Random, text};

const CONTRACTIONS: [&str; 6] = [
    "",
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|",
    "'(?i:[sdmt]|ll|ve|re)|",
    "'(?:[sdmt]|ll|ve|re)|",
    "(?:'s|'t|'re|'ve|'m|'ll|'d)|",
    "'d|'ll|'m|'ve|'re|'t|'s|",
];
const HAN: [&str; 3] = ["", r"[\p{Han}]+|", r"\p{Han}+|"];
const PREFIXES: [&str; 5] = [r"[^\r\n\p{L}\p{N}]?", " ?", r"[^\r\n\p{L}\p{N}]?+", "", r"[^\r\n\p{L}]?"];
const WORDS: [&str; 5] = [r"\p{L}+", r"\p{L}++", r"[\p{L}]+", r"[\p{L}\p{M}]+", r"[\p{L}\p{M}]++"];
const SUFFIXES: [&str; 2] = ["", "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"];
const NUMBERS: [&str; 11] = [
    r" ?\p{N}+",
    r" ?\p{N}++",
    r" ?[\p{N}]+",
    r"\p{N}+",
    r"\p{N}++",
    r"\p{N}",
    r"\p{N}{1}",
    r"\p{N}{1,2}",
    r"\p{N}{1,3}",
    r"\p{N}{1,2}+",
    r"\p{N}{1,3}+",
];
const PUNCT: [&str; 4] = [r"[^\s\p{L}\p{N}]", r"[^\s\p{L}\p{N}\r\n]", r"[^\s\p{L}\p{M}\p{N}]", r"[^\s\p{N}]"];
const TAILS: [&str; 7] = ["", r"[\r\n]*", r"[\r\n]*+", r"[\r\n/]*", r"[\r\n/]*+", r"[\r\n]+", "/*"];
const BLANKS: [&str; 10] = [
    r"\s+(?!\S)|\s+",
    r"\s+(?!\S)|\s",
    r"\s*[\r\n]+|\s+(?!\S)|\s+",
    r"\s*[\r\n]|\s+(?!\S)|\s",
    r"\s+(?!\S)|\s++",
    r"\s++$|\s*[\r\n]|\s+(?!\S)|\s",
    r"\s+$|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"\s++$|\s+(?!\S)|\s",
    r"[\r\n]+|\s+(?!\S)|\s+",
    r"\s+",
];

/// One of the first few, or now and then any.
fn mostly<'a>(random: &mut Random, few: usize, items: &[&'a str]) -> &'a str {
    let any = random.below(16) == 0;
    random.pick(if any { items } else { &items[..few] })
}

/// A pattern of random parts: mostly such that it is compiled, which is for `recognize.rs` to say.
fn pattern(random: &mut Random) -> String {
    let cased = random.below(3) == 0;
    let prefix = mostly(random, if cased { 1 } else { 3 }, &PREFIXES);
    let words = if cased {
        let but = if random.below(2) > 0 { r"&&[^\p{Han}]" } else { "" };
        let upper = format!(r"[\p{{Lu}}\p{{Lt}}\p{{Lm}}\p{{Lo}}\p{{M}}{but}]");
        let lower = format!(r"[\p{{Ll}}\p{{Lm}}\p{{Lo}}\p{{M}}{but}]");
        let suffix = random.pick(&SUFFIXES);
        format!("{prefix}{upper}*{lower}+{suffix}|{prefix}{upper}+{lower}*{suffix}")
    } else {
        format!("{prefix}{}", random.pick(&WORDS))
    };
    format!(
        "{}{}{words}|{}| ?{}{}{}|{}",
        mostly(random, if cased { 1 } else { 6 }, &CONTRACTIONS),
        random.pick(&HAN),
        mostly(random, 9, &NUMBERS),
        mostly(random, 2, &PUNCT),
        ["+", "++"][random.below(2)],
        mostly(random, 5, &TAILS),
        mostly(random, 4, &BLANKS),
    )
}

/// Compares random patterns with their regexes until so many of them have been compiled ones.
fn compare(compiled: usize, seed: u64) {
    let mut random = Random(seed);
    let mut string = String::new();
    let mut found = 0;
    while found < compiled {
        let pattern = pattern(&mut random);
        let dialect = [Dialect::Tiktoken, Dialect::HuggingFace][random.below(2)];
        let pretokenizer = Pretokenizer::from_pattern(&pattern, dialect).expect(&pattern);
        if pretokenizer.machine().is_none() {
            continue;
        }
        found += 1;
        let splits = vec![Regex::new(&pattern, dialect)];
        let family = Family { name: format!("{pattern}, {dialect:?}"), pretokenizer, splits };
        for _ in 0..200 {
            text(&mut random, 20, &mut string);
            assert_eq!(compiled_ends(&family, &string), family.reference_ends(&string), "{}: {string:?}", family.name);
        }
    }
}

#[test]
fn whatever_is_compiled_equals_its_regex() {
    compare(400, 400);
}

#[test]
#[ignore = "20,000 patterns; run by make soak"]
fn whatever_is_compiled_equals_its_regex_soak() {
    compare(20_000, 10_400);
}
