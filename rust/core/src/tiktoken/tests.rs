//! Small cases by hand; the comparison with tiktoken itself is in the Python tests.

use super::{LongText, RankEncoding};
use crate::encoder::Scratch;
use crate::spec::TokenTable;

fn encoding(pattern: &str, merged: &[&[u8]]) -> RankEncoding {
    let mut tokens = TokenTable::default();
    for byte in 0..=255 {
        tokens.push(&[byte], u32::from(byte));
    }
    for (id, token) in (256..).zip(merged) {
        tokens.push(token, id);
    }
    RankEncoding::new(tokens, [("<s>", 1000), ("<s>>", 1001), ("", 1002), ("<t>", 1001)], pattern).expect("valid")
}

#[test]
fn special_tokens_are_ordinary_text_unless_allowed() {
    let encoding = encoding(r"\w+|\W", &[b"ab"]);
    let scratch = &mut Scratch::default();
    let mut ids = Vec::new();
    encoding.encode("ab<s>", None, scratch, &mut ids).expect("short text");
    assert_eq!(ids, [256, 60, 115, 62]);
    ids.clear();
    encoding.encode("<s>>ab<s>", Some(encoding.specials()), scratch, &mut ids).expect("short text");
    assert_eq!(ids, [1001, 256, 1000]);
    ids.clear();
    let allowed = encoding.allow(|token| token == "<s>").expect("small");
    encoding.encode("<s>>", Some(&allowed), scratch, &mut ids).expect("short text");
    assert_eq!(ids, [1000, 62]);
}

#[test]
fn tokens_both_ways() {
    let encoding = encoding(r"\w+|\W", &[b"ab"]);
    assert_eq!(encoding.token_id(b"ab"), Some(256));
    assert_eq!(encoding.token_id(b"<s>"), Some(1000));
    assert_eq!((encoding.token_id(b""), encoding.token_bytes(1002)), (Some(1002), Some(&b""[..])));
    assert_eq!(encoding.token_bytes(1001), Some(&b"<s>>"[..]));
    assert_eq!(encoding.token_id(b"<t>"), Some(1001));
    assert_eq!(encoding.token_bytes(257), None);
    assert_eq!(encoding.decode(&[256, 1000]), Ok(b"ab<s>".to_vec()));
    assert_eq!(encoding.decode(&[256, 500]), Err(500));
}

#[test]
fn the_last_piece_may_grow() {
    let encoding = encoding(r"\w+| ", &[b"bd", b"ab", b"abc"]);
    let scratch = &mut Scratch::default();
    let unstable = encoding.encode_with_unstable("ab ab", None, scratch).expect("short text");
    assert_eq!(unstable.stable, [257, 32]);
    // "ab", "abc", or "a" and "bd".
    assert_eq!(unstable.completions.into_iter().collect::<Vec<_>>(), [vec![97, 256], vec![257], vec![258]]);
    let unstable = encoding.encode_with_unstable("ab<s>", Some(encoding.specials()), scratch).expect("short text");
    assert_eq!((unstable.stable, unstable.completions.len()), (vec![257, 1000], 0));
}

#[test]
fn bytes_may_end_inside_a_character() {
    let encoding = encoding(r"\w+| ", &["é".as_bytes(), "eé".as_bytes()]);
    let scratch = &mut Scratch::default();
    let mut ids = Vec::new();
    encoding.encode_bytes("a é".as_bytes(), scratch, &mut ids).expect("short text");
    assert_eq!(ids, [97, 32, 256]);
    ids.clear();
    encoding.encode_bytes(b"a e\xC3", scratch, &mut ids).expect("short text");
    assert_eq!(ids, [97, 32, 101, 0xC3]);
}

#[test]
fn text_that_the_pattern_does_not_match_is_dropped() {
    let encoding = encoding(r"\p{L}+", &[b"ab"]);
    let scratch = &mut Scratch::default();
    let mut ids = Vec::new();
    encoding.encode("12 ab, ab!", None, scratch, &mut ids).expect("short text");
    assert_eq!(ids, [256, 256]);
    let unstable = encoding.encode_with_unstable("ab 1", None, scratch).expect("short text");
    assert_eq!(unstable.completions.into_iter().collect::<Vec<_>>(), [[256]]);
}

#[test]
fn a_pattern_that_gives_up_is_an_error() {
    let encoding = encoding(r"(a|a)*(?=b)|a+", &[]);
    let scratch = &mut Scratch::default();
    let mut ids = Vec::new();
    let error = encoding.encode(&"a".repeat(100_000), None, scratch, &mut ids).expect_err("exponential");
    assert!(error.to_string().contains("gave up on the text at byte 0"), "{error}");
}

#[test]
fn waves_give_the_ids_of_the_whole() {
    let text = "ab c<s> abab 12\n\n<s><s>> é ".repeat(12_000) + "ab";
    for pattern in [r"\w+|\W", r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"] {
        let encoding = encoding(pattern, &[b"ab", b"\n\n"]);
        for allowed in [None, Some(encoding.specials())] {
            let mut whole = Vec::new();
            let scratch = &mut Scratch::default();
            encoding.encode(&text, allowed, scratch, &mut whole).expect("plain");
            for (budget, threads) in [(1, 1), (1000, 1), (100_000, 3), (usize::MAX, 1), (usize::MAX, 3)] {
                let mut long = LongText::new(&text, allowed);
                let mut ids = Vec::new();
                let mut waves = 0;
                while !long.is_done() {
                    encoding.encode_wave(&mut long, budget, threads, &mut ids).expect("plain");
                    waves += 1;
                    if waves > 5 && budget == 1 {
                        break;
                    }
                }
                assert!(whole.starts_with(&ids) && (budget == 1 || ids.len() == whole.len()));
                let is_cut = allowed.is_some() || encoding.encoder().pretokenizer().machine().is_some();
                assert_eq!(waves > 1, is_cut && budget < text.len());
            }
        }
    }
}
