//! One tokenizer in several formats does the same.

use crate::{as_reference, data, hf, hf_file, read, text};
use tokengrove::io::{hf_json, sentencepiece, tekken, tiktoken};
use tokengrove::pipeline::{EncodeOptions, Side, Tokenizer, compile};
use tokengrove::spec::{AddedToken, TokenizerSpec};

const HF: [&str; 22] = [
    "clip",
    "deepseek-v3",
    "falcon-180b-chat",
    "gpt-neox-20b",
    "gpt2",
    "kl3m-001-32k",
    "kl3m-004-char-16k-cased",
    "kl3m-004-char-4k-cased",
    "kl3m-004-char-8k-cased",
    "kl3m-005-multi-word-example-32k",
    "llama-2-13b-chat",
    "llama-3.2",
    "mistral-7b-instruct-v0.1",
    "mistral-nemo-tekken",
    "phi-2",
    "phi-3-mini",
    "qwen2",
    "qwen3",
    "roberta-base",
    "superbpe-200k-t180k",
    "superbpe-200k-t80k",
    "yi-1.5-34b-chat",
];

fn ranks(name: &str, pattern: &str, special: &[(&str, u32)]) -> Option<Tokenizer> {
    let table = tiktoken::parse(&data(&format!("vocabs/tiktoken/{name}.tiktoken"))?).expect("a rank file");
    let special = special.iter().map(|(content, id)| AddedToken::special(*content, *id)).collect();
    Some(compile(TokenizerSpec::from_ranks(table, Some(pattern), special)).expect("a tokenizer"))
}

fn sample() -> Option<String> {
    let parts = ["english", "multilingual", "cjk", "json_log", "chat_md"];
    parts.iter().map(|part| text(&format!("corpora/{part}.txt"), 20_000)).collect()
}

fn assert_same(left: &Tokenizer, right: &Tokenizer, text: &str) {
    let left = left.encode(text, as_reference()).expect("text");
    let right = right.encode(text, as_reference()).expect("text");
    assert!(left == right, "ids differ from token {:?} on", left.iter().zip(&right).position(|(a, b)| a != b));
}

#[test]
fn written_files_are_read_back_the_same() {
    for name in HF {
        let Some(file) = hf_file(name) else { return };
        let spec = hf_json::parse(&file).expect(name);
        let written = hf_json::write(&spec).expect(name);
        let again = hf_json::parse(written.as_bytes()).expect(name);
        assert!(spec == again, "{name} changes when it is written");
        assert_eq!(written, hf_json::write(&again).expect(name), "{name}");
    }
}

#[test]
fn rank_vocabularies_become_merges() {
    let Some(text) = sample() else { return };
    let cases: [(_, _, &[_]); 5] = [
        ("cl100k_base", "cl100k_base", &[("<|endoftext|>", 100_257), ("<|endofprompt|>", 100_276)]),
        ("o200k_base", "o200k_base", &[("<|endoftext|>", 199_999), ("<|endofprompt|>", 200_018)]),
        ("p50k_base", "p50k_base", &[("<|endoftext|>", 50_256)]),
        ("r50k_base", "r50k_base", &[("<|endoftext|>", 50_256)]),
        ("llama3", "llama3", &[("<|begin_of_text|>", 128_000)]),
    ];
    for (name, pattern, special) in cases {
        let Some(tokenizer) = ranks(name, pattern, special) else { return };
        let written = hf_json::write(&tokenizer.portable_spec().expect(name)).expect(name);
        let again = read(written.as_bytes());
        assert_same(&tokenizer, &again, &text);
        assert_eq!(
            tokenizer.special_tokens().collect::<Vec<_>>(),
            again.special_tokens().collect::<Vec<_>>(),
            "{name}"
        );
        assert!(again.parts(&text, EncodeOptions::default(), 1000).is_some(), "{name} has lost its compiled pattern");
    }
}

#[test]
fn sentencepiece_and_tokenizer_json_of_llama_2_agree() {
    let (Some(file), Some(hf), Some(text)) =
        (data("vocabs/sentencepiece/llama2.model"), hf("llama-2-13b-chat"), sample())
    else {
        return;
    };
    let model = compile(sentencepiece::parse(&file).expect("a model")).expect("a tokenizer");
    assert_same(&model, &hf, &text);
    for text in ["", " ", "a", "  two  spaces ", "▁marks▁", "tab\tline\n", "日本語 🎉", "<s> is text </s>"] {
        assert_same(&model, &hf, text);
        let ids = model.encode(text, EncodeOptions::default()).expect("bytes for everything");
        assert_eq!(model.decode(&ids, false).expect("its own ids"), text.replace('▁', " "));
    }
}

#[test]
fn tekken_and_tokenizer_json_of_mistral_nemo_agree() {
    let (Some(file), Some(hf), Some(text)) =
        (data("vocabs/tiktoken/mistral_tekken.tiktoken"), hf("mistral-nemo-tekken"), sample())
    else {
        return;
    };
    let Some(pattern) = tokengrove::pretokenize::Pretokenizer::named("tekken")
        .ok()
        .and_then(|named| named.pattern().map(str::to_owned))
    else {
        panic!("the pattern of tekken has a name");
    };
    let mut tokens = Vec::new();
    for line in String::from_utf8(file).expect("ASCII").lines() {
        let (bytes, rank) = line.split_once(' ').expect("two fields");
        let rank: u32 = rank.parse().expect("a number");
        tokens.push(format!(r#"{{"rank":{},"token_bytes":"{bytes}","token_str":null}}"#, rank - 1000));
    }
    let pattern = pattern.replace('\\', r"\\");
    let config = format!(
        r#"{{"pattern":"{pattern}","num_vocab_tokens":{0},"default_vocab_size":{1},"default_num_special_tokens":1000}}"#,
        tokens.len(),
        tokens.len() + 1000
    );
    let json = format!(r#"{{"config":{config},"vocab":[{}]}}"#, tokens.join(","));
    assert!(tekken::is_tekken(json.as_bytes()));
    let tekken = compile(tekken::parse(json.as_bytes()).expect("a tekken file")).expect("a tokenizer");
    assert_same(&tekken, &hf, &text);
    assert_eq!(tekken.token_to_id(b"[INST]"), Some(3));
}

#[test]
fn fingerprints_tell_contents_apart_and_not_files() {
    let (Some(gpt2), Some(qwen2), Some(qwen3)) = (hf("gpt2"), hf("qwen2"), hf("qwen3")) else { return };
    let again = read(hf_json::write(gpt2.spec()).expect("a file").as_bytes());
    assert_eq!(gpt2.fingerprint(), again.fingerprint());
    assert_ne!(qwen2.fingerprint(), qwen3.fingerprint());
    let (Some(by_name), Some(by_pattern)) = (
        ranks("r50k_base", "gpt2", &[]),
        ranks("r50k_base", r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s", &[]),
    ) else {
        return;
    };
    assert_eq!(by_name.fingerprint(), by_pattern.fingerprint());
}

#[test]
fn smaller_vocabularies_keep_the_first_tokens() {
    let (Some(tokenizer), Some(text)) = (ranks("o200k_base", "o200k_base", &[("<|endoftext|>", 199_999)]), sample())
    else {
        return;
    };
    let cut = |size| tokenizer.spec().with_vocab_size(size);
    let small = compile(cut(5001).expect("more than the bytes")).expect("a tokenizer");
    assert_eq!((small.vocab_size(), small.max_token_id()), (5001, Some(5000)));
    assert_eq!(small.special_tokens().collect::<Vec<_>>(), [("<|endoftext|>", 5000)]);
    let ids = small.encode(&text, EncodeOptions::default()).expect("text");
    assert!(ids.iter().all(|&id| id < 5000));
    assert_eq!(small.decode(&ids, false).expect("its own ids"), text);
    let whole = compile(cut(tokenizer.vocab_size()).expect("all")).expect("a tokenizer");
    assert_eq!(whole.fingerprint(), tokenizer.fingerprint());
    let error = cut(100).expect_err("bytes would go").to_string();
    assert!(error.contains("cut to 100 tokens") && error.contains("without which text is lost"), "{error}");
}

#[test]
fn real_texts_are_cut_to_a_number_of_tokens() {
    let (Some(cl100k), Some(llama), Some(text)) =
        (ranks("cl100k_base", "cl100k_base", &[]), hf("llama-2-13b-chat"), sample())
    else {
        return;
    };
    for tokenizer in [&cl100k, &llama] {
        let options = EncodeOptions::default();
        let count = |text: &str| tokenizer.encode(text, options).expect("text").len();
        for max in [0, 1, 7, 100, 5000] {
            let kept = tokenizer.truncate(&text, max, Side::Right, options).expect("text");
            assert!(kept.start == 0 && count(&text[kept.clone()]) <= max);
            let longer: Vec<usize> =
                text[kept.end..].char_indices().skip(1).map(|(at, _)| kept.end + at).take(30).collect();
            assert!(longer.into_iter().all(|end| count(&text[..end]) > max), "{max}");
            let kept = tokenizer.truncate(&text, max, Side::Left, options).expect("text");
            assert!(kept.end == text.len() && count(&text[kept]) <= max);
        }
    }
}
