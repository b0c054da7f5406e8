//! Strings whose tokens are published, or known from the reference.

use crate::{as_reference, data, hf, read, strings};
use tokengrove::decoder::DecodeStream;
use tokengrove::pipeline::{AllowedSpecials, EncodeOptions};

/// From the model card of `SuperBPE` (Liu, Hayase et al., arXiv 2503.13423).
const MILKY_WAY: &str = "By the way, I am a fan of the Milky Way.";

#[test]
fn superbpe_joins_words() {
    let cases = [
        ("superbpe-200k-t180k", "ByĠtheĠway|,ĠIĠam|Ġa|Ġfan|ĠofĠthe|ĠMilkyĠWay|."),
        ("superbpe-200k-t80k", "ByĠtheĠway|,ĠIĠamĠa|ĠfanĠofĠthe|ĠMilkyĠWay|."),
    ];
    for (name, expected) in cases {
        let Some(tokenizer) = hf(name) else { return };
        assert_eq!(strings(&tokenizer, MILKY_WAY).join("|"), expected, "{name}");
        let ids = tokenizer.encode(MILKY_WAY, EncodeOptions::default()).expect("text");
        assert_eq!(tokenizer.decode(&ids, false).expect("its own ids"), MILKY_WAY);
    }
}

/// From the paper on the KL3M tokenizers (Bommarito et al., arXiv 2503.17247), its table on text with scanning errors.
const SCANNED: &str = "Thc Vnited S tates 5enate is nesp0nslbe for the";
const CLEAN: &str = "The United States Senate is responsible for the";

#[test]
fn kl3m_splits_words_into_few_characters() {
    let cases = [
        (
            "kl3m-004-char-4k-cased",
            "Th|c|ĠV|n|it|ed|ĠS|Ġt|at|es|Ġ5|en|ate|Ġis|Ġn|esp|0|ns|l|be|Ġf|or|Ġt|he",
            Some("The|ĠUn|it|ed|ĠSt|at|es|ĠS|en|ate|Ġis|Ġre|sp|ons|ib|le|Ġf|or|Ġt|he"),
        ),
        ("kl3m-004-char-8k-cased", "Th|c|ĠV|nit|ed|ĠS|Ġt|at|es|Ġ5|en|ate|Ġis|Ġn|esp|0|ns|l|be|Ġf|or|Ġt|he", None),
        (
            "kl3m-004-char-16k-cased",
            "Th|c|ĠV|n|ited|ĠS|Ġt|ates|Ġ5|en|ate|Ġis|Ġn|esp|0|ns|l|be|Ġfor|Ġthe",
            Some("The|ĠUn|ited|ĠSt|ates|ĠSen|ate|Ġis|Ġre|sp|ons|ible|Ġfor|Ġthe"),
        ),
    ];
    for (name, scanned, clean) in cases {
        let Some(tokenizer) = hf(name) else { return };
        assert_eq!(strings(&tokenizer, SCANNED).join("|"), scanned, "{name}");
        if let Some(clean) = clean {
            assert_eq!(strings(&tokenizer, CLEAN).join("|"), clean, "{name}");
        }
    }
}

#[test]
fn kl3m_has_tokens_that_no_text_leads_to() {
    let Some(tokenizer) = hf("kl3m-004-char-4k-cased") else { return };
    assert_eq!(tokenizer.vocab_size(), 4096);
    let tokens = &tokenizer.spec().model.tokens;
    // The characters up to U+00FE that are not in the byte alphabet, beside 254 that are.
    assert_eq!((0..tokens.len()).filter(|&entry| !tokens.is_encodable(entry)).count(), 68);
}

#[test]
fn stories_260k_falls_back_to_bytes() {
    let Some(file) = data("models/stories260K/tokenizer.json") else { return };
    let tokenizer = read(&file);
    assert_eq!(tokenizer.vocab_size(), 512);
    assert_eq!(strings(&tokenizer, "Once upon a time").join("|"), "▁Once|▁upon|▁a|▁time");
    // 日 has no token: its three bytes have.
    let ids = tokenizer.encode("日", EncodeOptions::default()).expect("bytes");
    let names: Vec<String> = ids.iter().filter_map(|&id| tokenizer.token_string(id)).collect();
    assert_eq!(names, ["▁", "<0xE6>", "<0x97>", "<0xA5>"]);
    let mut stream = DecodeStream::new();
    let steps: Vec<String> = ids.iter().map(|&id| tokenizer.step(&mut stream, id, false).expect("a token")).collect();
    // The space that the tokenizer put before the text is gone, and no part of the character is shown.
    assert_eq!(steps, ["", "", "", "日"]);
    let options = EncodeOptions { add_special_tokens: true, ..EncodeOptions::default() };
    assert_eq!(tokenizer.encode("日", options).expect("bytes")[0], 1);
}

#[test]
fn special_tokens_are_text_unless_allowed() {
    let Some(tokenizer) = hf("qwen3") else { return };
    let text = "<|im_start|>user";
    let (none, all) = (AllowedSpecials::none(), AllowedSpecials::all());
    let encode = |allowed| tokenizer.encode(text, EncodeOptions { allowed, ..EncodeOptions::default() }).expect("text");
    assert_eq!(encode(&all)[0], 151_644);
    assert!(!encode(&none).contains(&151_644));
    let one = tokenizer.allow(["<|im_start|>"]).expect("a special token");
    assert_eq!(encode(&one), encode(&all));
    assert_eq!(tokenizer.allow(["user"]).unwrap_err().to_string(), "\"user\" is not a special token of this tokenizer");
    assert_eq!(tokenizer.decode(&encode(&all), true).expect("its own ids"), "user");
}

#[test]
fn clip_ends_words_with_a_suffix() {
    let Some(tokenizer) = hf("clip") else { return };
    assert_eq!(strings(&tokenizer, "A  PHOTO of a cat!").join("|"), "a</w>|photo</w>|of</w>|a</w>|cat</w>|!</w>");
    let ids = tokenizer.encode("cat", EncodeOptions { add_special_tokens: true, ..as_reference() }).expect("text");
    assert_eq!((ids[0], ids[2]), (49_406, 49_407));
}
