//! The reference: the patterns as text, on the engines that the libraries use.

use tokengrove::pretokenize::{Dialect, Pretokenizer, Split};
use tokengrove::unicode::{Class, ClassSet};

/// A compiled family and the regex engine it must equal.
pub(crate) struct Family {
    pub(crate) name: String,
    pub(crate) pretokenizer: Pretokenizer,
    pub(crate) splits: Vec<Regex>,
}

/// One split by the engine of a library.
pub(crate) enum Regex {
    Fancy(Box<fancy_regex::Regex>),
    Onig(onig::Regex),
    /// The `Digits` pre-tokenizer; its table is tested by asking tokenizers itself when it is generated.
    Digits,
}

impl Regex {
    pub(crate) fn new(pattern: &str, dialect: Dialect) -> Self {
        match dialect {
            Dialect::Tiktoken => Self::Fancy(Box::new(fancy_regex::Regex::new(pattern).expect(pattern))),
            Dialect::HuggingFace => Self::Onig(onig::Regex::new(pattern).expect(pattern)),
        }
    }

    /// Calls `each` with the start and end of every match.
    pub(crate) fn matches(&self, text: &str, mut each: impl FnMut(usize, usize)) {
        match self {
            Self::Fancy(regex) => {
                for found in regex.find_iter(text) {
                    let found = found.expect("no catastrophic backtracking on short strings");
                    each(found.start(), found.end());
                }
            }
            Self::Onig(regex) => regex.find_iter(text).for_each(|(start, end)| each(start, end)),
            Self::Digits => {
                for (start, c) in text.char_indices().filter(|&(_, c)| ClassSet::DIGITS.has(Class::of(c))) {
                    each(start, start + c.len_utf8());
                }
            }
        }
    }

    /// Appends the ends of the matches, and of the text between them.
    fn split(&self, text: &str, from: usize, ends: &mut Vec<usize>) {
        let mut at = 0;
        let mut push = |place: usize| {
            if place > at {
                ends.push(from + place);
                at = place;
            }
        };
        self.matches(text, |start, end| {
            push(start);
            push(end);
        });
        push(text.len());
    }
}

impl Family {
    /// The piece ends that the reference gives.
    pub(crate) fn reference_ends(&self, text: &str) -> Vec<usize> {
        let mut ends = vec![text.len()];
        if text.is_empty() {
            ends.clear();
        }
        for split in &self.splits {
            let mut finer = Vec::new();
            let mut start = 0;
            for &end in &ends {
                split.split(&text[start..end], start, &mut finer);
                start = end;
            }
            ends = finer;
        }
        ends
    }
}

fn one(name: &str, dialect: Dialect, pattern: &str) -> Family {
    let pretokenizer = Pretokenizer::from_pattern(pattern, dialect).expect(pattern);
    Family { name: format!("{name}, {dialect:?}"), pretokenizer, splits: vec![Regex::new(pattern, dialect)] }
}

fn sequence(name: &str, splits: &[Split<'_>]) -> Family {
    let pretokenizer = Pretokenizer::from_splits(splits).expect(name).expect(name);
    let regexes = splits.iter().map(|split| match split {
        Split::Pattern(pattern) => Regex::new(pattern, Dialect::HuggingFace),
        Split::Digits => Regex::Digits,
    });
    Family { name: name.to_owned(), pretokenizer, splits: regexes.collect() }
}

/// The text of a named pattern.
pub(crate) fn pattern_named(name: &str) -> String {
    Pretokenizer::named(name).expect(name).pattern().expect(name).to_owned()
}

pub(crate) const BYTE_LEVEL: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
/// The Hugging Face port of cl100k as Phi-4 spells it.
pub(crate) const PHI4: &str = concat!(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*",
    r"|\s*[\r\n]|\s+(?!\S)|\s+"
);
pub(crate) const BAILING: &str = concat!(
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*",
    r"|\s*[\r\n]|\s+(?!\S)|\s+"
);
pub(crate) const SEED_CODER: &str = concat!(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+",
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
);

/// Every compiled family with every engine it is claimed to equal.
pub(crate) fn families() -> Vec<Family> {
    use Dialect::{HuggingFace, Tiktoken};
    let mut families = Vec::new();
    for (name, dialects) in [
        ("r50k_base", &[Tiktoken][..]),
        ("cl100k_base", &[Tiktoken]),
        ("llama3", &[Tiktoken, HuggingFace]),
        ("qwen2", &[Tiktoken, HuggingFace]),
        ("qwen3.5", &[Tiktoken, HuggingFace]),
        ("o200k_base", &[Tiktoken, HuggingFace]),
        ("tekken", &[Tiktoken, HuggingFace]),
        ("kimi", &[Tiktoken, HuggingFace]),
    ] {
        families.extend(dialects.iter().map(|&dialect| one(name, dialect, &pattern_named(name))));
    }
    for (name, pattern) in [("gpt2", BYTE_LEVEL), ("phi4", PHI4), ("bailing", BAILING), ("seed coder", SEED_CODER)] {
        families.push(one(name, Tiktoken, pattern));
        families.push(one(name, HuggingFace, pattern));
    }
    families.push(sequence("digits, gpt2", &[Split::Digits, Split::Pattern(BYTE_LEVEL)]));
    families.push(sequence("numbers, gpt2", &[Split::Pattern(r"\p{N}"), Split::Pattern(BYTE_LEVEL)]));
    let deepseek = Pretokenizer::named("deepseek_v3").expect("deepseek_v3");
    let splits: Vec<_> = deepseek.patterns().iter().map(|pattern| Split::Pattern(pattern)).collect();
    families.push(sequence("deepseek_v3", &splits));
    families
}

/// The predicates on characters that a pattern is made of, as patterns of their own, read off its text.
///
/// Whether two characters can be told apart by the pattern is decided by these alone. Within `(?i:` a predicate
/// ignores case.
pub(crate) fn predicates(pattern: &str) -> Vec<String> {
    let mut found = Vec::new();
    let chars: Vec<char> = pattern.chars().collect();
    let mut at = 0;
    let mut caseless = false;
    while at < chars.len() {
        let start = at;
        match chars[at] {
            '(' if chars[at..].starts_with(&['(', '?', 'i', ':']) => {
                assert!(!caseless, "groups within a caseless group are not understood here");
                caseless = true;
                at += 4;
                continue;
            }
            ')' => {
                caseless = false;
                at += 1;
                continue;
            }
            '[' => {
                let mut depth = 0;
                loop {
                    match chars[at] {
                        '\\' => at += 1,
                        '[' => depth += 1,
                        ']' => depth -= 1,
                        _ => {}
                    }
                    at += 1;
                    if depth == 0 {
                        break;
                    }
                }
            }
            '\\' => {
                at += 2;
                if chars.get(at) == Some(&'{') {
                    while chars[at] != '}' {
                        at += 1;
                    }
                    at += 1;
                }
            }
            '{' => {
                while chars[at] != '}' {
                    at += 1;
                }
                at += 1;
                continue;
            }
            '(' | '|' | '?' | '+' | '*' | '$' | '!' | ':' => {
                at += 1;
                continue;
            }
            _ => at += 1,
        }
        let item: String = chars[start..at].iter().collect();
        found.push(if caseless { format!("(?i:{item})") } else { item });
    }
    found.sort();
    found.dedup();
    found
}
