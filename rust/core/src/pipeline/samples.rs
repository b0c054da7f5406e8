//! A small tokenizer and texts that find its seams, for the tests of this module.

use super::{Tokenizer, compile};
use crate::spec::{AddedToken, TokenTable, TokenizerSpec};
use proptest::prelude::*;

/// Every byte and a few words, with the given pattern and two special tokens, `<|a|>` and another.
pub(super) fn tokenizer(pattern: Option<&str>, other_special: &str) -> Tokenizer {
    let mut table = TokenTable::default();
    let words = ["th", "the", " the", "  ", "12", "\n\n", "!!", "\u{4e2d}\u{6587}"];
    let bytes = (0..=255u8).map(|byte| vec![byte]);
    for (id, token) in (0..).zip(bytes.chain(words.iter().map(|word| word.as_bytes().to_vec()))) {
        table.push(&token, id);
    }
    let special = vec![AddedToken::special("<|a|>", 900), AddedToken::special(other_special, 901)];
    compile(TokenizerSpec::from_ranks(table, pattern, special)).expect("a complete vocabulary")
}

/// Texts of up to `most` words, white space, digits, and whole and broken special tokens.
pub(super) fn texts(most: usize) -> impl Strategy<Value = String> {
    let words = vec![
        "the",
        " the",
        " ",
        "   ",
        "\n",
        "12345",
        "'s",
        "!!",
        "\u{4e2d}\u{6587}",
        "\u{e9}",
        "<|a|>",
        "<|a",
        "|>",
        "|> the",
        "<|b|>",
    ];
    prop::collection::vec(prop::sample::select(words), 0..most).prop_map(|words| words.concat())
}
