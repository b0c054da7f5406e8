//! Which patterns are compiled, and which are left to the regex engine.

use tokengrove::pretokenize::{Dialect, Pretokenizer, Split};

use super::oracle::{BYTE_LEVEL, pattern_named};

fn is_compiled(pattern: &str, dialect: Dialect) -> bool {
    Pretokenizer::from_pattern(pattern, dialect).expect(pattern).machine().is_some()
}

#[test]
fn end_anchors_and_possessive_counts_are_compiled_for_tiktoken_only() {
    for name in ["gpt2", "cl100k_base"] {
        assert!(is_compiled(&pattern_named(name), Dialect::Tiktoken));
        assert!(!is_compiled(&pattern_named(name), Dialect::HuggingFace), "$ is the end of a line in oniguruma");
    }
    let possessive = pattern_named("llama3").replace("{1,3}", "{1,3}+");
    assert!(is_compiled(&possessive, Dialect::Tiktoken));
    assert!(!is_compiled(&possessive, Dialect::HuggingFace), "{{1,3}}+ is repeated in oniguruma");
}

#[test]
fn patterns_that_leave_gaps_are_not_compiled() {
    let no_marks = pattern_named("qwen3.5").replace(r"[\p{L}\p{M}]", r"\p{L}");
    assert!(!is_compiled(&no_marks, Dialect::HuggingFace));
    let no_last = BYTE_LEVEL.strip_suffix(r"|\s+").expect("the last alternative");
    assert!(!is_compiled(no_last, Dialect::HuggingFace));
}

#[test]
fn line_breaks_that_are_plain_white_space_but_no_prefix_are_not_compiled() {
    let pattern = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
    assert!(!is_compiled(pattern, Dialect::Tiktoken));
    assert!(is_compiled(&pattern.replace(r"|\s+(?!", r"|\s*[\r\n]+|\s+(?!"), Dialect::Tiktoken));
}

#[test]
fn spellings_of_the_same_set_are_the_same() {
    for name in ["llama3", "o200k_base"] {
        assert!(is_compiled(&pattern_named(name).replace(r"\r\n", "\r\n"), Dialect::HuggingFace));
    }
    let bracketed = BYTE_LEVEL.replace(r" ?\p{L}+", r" ?[\p{L}]+").replace(r" ?\p{N}+", r" ?[\p{N}]+");
    assert!(is_compiled(&bracketed, Dialect::HuggingFace));
    let deepseek = Pretokenizer::named("deepseek_v3").expect("deepseek_v3");
    let literal: Vec<_> = deepseek.patterns().iter().map(|pattern| pattern.replace(r"\r\n", "\r\n")).collect();
    let splits: Vec<_> = literal.iter().map(|pattern| Split::Pattern(pattern)).collect();
    assert!(Pretokenizer::from_splits(&splits).expect("a path").is_some());
}

#[test]
fn sequences_are_compiled_only_if_known() {
    let pattern = Split::Pattern(BYTE_LEVEL);
    assert!(Pretokenizer::from_splits(&[pattern]).expect("a path").is_some());
    assert!(Pretokenizer::from_splits(&[Split::Digits, pattern]).expect("a path").is_some());
    assert!(Pretokenizer::from_splits(&[pattern, Split::Digits]).expect("a path").is_none());
    assert!(Pretokenizer::from_splits(&[pattern, pattern]).expect("a path").is_none());
    assert!(Pretokenizer::from_splits(&[]).expect("a path").is_none());
    let qwen2 = pattern_named("qwen2");
    let threes = Split::Pattern(r"\p{N}{1,3}");
    assert!(
        Pretokenizer::from_splits(&[threes, Split::Pattern(&qwen2)]).expect("a path").is_none(),
        "it would split the threes"
    );
}

#[test]
fn equal_plans_share_one_automaton() {
    let a = Pretokenizer::named("llama3").expect("llama3");
    let b = Pretokenizer::from_pattern(&pattern_named("llama3").replace("]+|", "]|"), Dialect::HuggingFace);
    let b = b.expect("a pattern");
    assert!(std::ptr::eq(a.machine().expect("compiled"), b.machine().expect("compiled")));
}

#[test]
fn an_unknown_name_is_refused_with_the_known_ones() {
    let error = Pretokenizer::named("gpt9").expect_err("no such name").to_string();
    assert!(error.contains("gpt9") && error.contains("o200k_base"), "{error}");
}
