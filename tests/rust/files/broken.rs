//! Files that are cut short, overwritten, or at odds with themselves.

use crate::{data, hf_file};
use tokengrove::io::{hf_json, sentencepiece, tekken, tiktoken};
use tokengrove::pipeline::{EncodeOptions, compile};
use tokengrove::spec::TokenizerSpec;

/// Reads a file in every format; what loads must encode and decode without a panic.
fn try_all(file: &[u8]) {
    let specs = [
        hf_json::parse(file).ok(),
        tekken::parse(file).ok(),
        sentencepiece::parse(file).ok(),
        tiktoken::parse(file).ok().map(|table| TokenizerSpec::from_ranks(table, Some("gpt2"), vec![])),
    ];
    for tokenizer in specs.into_iter().flatten().filter_map(|spec| compile(spec).ok()) {
        if let Ok(ids) = tokenizer.encode("Some text, 12 <s>日本 é\u{301}\n", EncodeOptions::default()) {
            assert!(tokenizer.decode(&ids, false).is_ok());
        }
        assert!(tokenizer.decode_as_tokenizers(&[u32::MAX], false).is_empty());
    }
}

#[test]
fn files_cut_short_or_overwritten_do_no_harm() {
    let files = [
        data("models/stories260K/tokenizer.json"),
        data("vocabs/sentencepiece/llama2.model").map(|file| file[..40_000].to_vec()),
        data("vocabs/tiktoken/r50k_base.tiktoken").map(|file| file[..20_000].to_vec()),
        hf_file("kl3m-004-char-4k-cased").map(|file| file[..60_000].to_vec()),
    ];
    for file in files.into_iter().flatten() {
        let mut random = 12_345_u32;
        for round in 0..60 {
            let mut next = |below: usize| {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (random >> 8) as usize % below
            };
            let mut broken = file.clone();
            if round % 2 == 0 {
                broken.truncate(next(file.len()));
            }
            for _ in 0..next(20) {
                let at = next(broken.len().max(1));
                let byte = u8::try_from(next(256)).unwrap_or(0);
                if let Some(place) = broken.get_mut(at) {
                    *place = byte;
                }
            }
            try_all(&broken);
        }
    }
}

fn bpe(vocab: &str, merges: &str, rest: &str) -> String {
    format!(r#"{{"version":"1.0"{rest},"model":{{"type":"BPE","vocab":{vocab},"merges":{merges}}}}}"#)
}

fn message(file: &str) -> String {
    match hf_json::parse(file.as_bytes()) {
        Err(error) => error.to_string(),
        Ok(spec) => compile(spec).map_or_else(|error| error.to_string(), |_| "it loads".to_owned()),
    }
}

#[test]
fn messages_say_where_what_and_what_is_allowed() {
    let cases = [
        (bpe(r#"{"a":0}"#, r#"["a b"]"#, ""), r#"model.merges[0]: found "b", expected tokens of the vocabulary"#),
        (bpe(r#"{"a":0}"#, r#"["a a"]"#, ""), "merge 0"),
        (bpe(r#"{"a":0}"#, r#"["a a a"]"#, ""), r#"found the merge "a a a", expected two tokens and one space"#),
        (bpe(r#"{"a":0}"#, r#"[["a"]]"#, ""), r#"found a merge of 1 parts ("a"), expected two"#),
        (bpe(r#"{"a":-1}"#, "[]", ""), "found invalid value: integer `-1`, expected u32"),
        (bpe(r#"{"a":4294967296}"#, "[]", ""), "expected u32"),
        (bpe(r#"{"a":2147483648}"#, "[]", ""), "found id 2147483648, expected 0 to 2147483647"),
        (bpe(r#"{"a":7,"b":7}"#, "[]", ""), "id 7"),
        (bpe("{}", "[]", r#","normalizer":{"type":"Nmt2"}"#), r#"normalizer.type: found "Nmt2", expected one of NFC"#),
        (
            bpe("{}", "[]", r#","pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Digits"}]}"#),
            "pre_tokenizer.pretokenizers[0]: found no field `individual_digits`",
        ),
        (
            bpe(
                "{}",
                "[]",
                r#","pre_tokenizer":{"type":"Split","pattern":{"Regex":"("},"behavior":"Isolated","invert":false}"#,
            ),
            "pattern",
        ),
        (bpe("{}", "[]", r#","decoder":{"type":"Strip","content":"ab","start":0,"stop":0}"#), "expected one character"),
        (r#"{"version":"2.0","model":{}}"#.to_owned(), r#"expected "1.0""#),
        (r#"{"model":{"type":"WordPiece"}}"#.to_owned(), "WordPiece"),
        ("{}".to_owned(), "no field `model`"),
        ("[".repeat(100_000), "tokenizer.json, line 1"),
    ];
    for (file, expected) in cases {
        let found = message(&file);
        assert!(found.contains(expected), "{found:?} should contain {expected:?}");
    }
}

#[test]
fn odd_but_usable_files_load() {
    let cases = [
        // An empty token, ids with gaps, a huge id.
        bpe(r#"{"":3,"a":0,"b":2147483647}"#, "[]", ""),
        // The same string twice: the last counts. A merge twice: the last rank counts.
        bpe(r#"{"a":0,"b":1,"a":2,"ab":3}"#, r#"["a b","a b"]"#, ""),
        // Merges that make each other's parts.
        bpe(r#"{"a":0,"aa":1,"aaa":2}"#, r#"["a aa","aa a","a a"]"#, ""),
        // Tokens that nothing leads to.
        bpe(
            r#"{"a":0,"xyz":1}"#,
            "[]",
            r#","pre_tokenizer":{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true}"#,
        ),
    ];
    for file in cases {
        assert_eq!(message(&file), "it loads", "{file}");
    }
}

#[test]
fn other_models_are_named() {
    let Some(file) = hf_file("t5-small") else { return };
    let error = hf_json::parse(&file).unwrap_err().to_string();
    assert!(error.contains("Unigram") && error.contains("expected a model of type BPE"), "{error}");
}
