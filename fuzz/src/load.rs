//! Loading: any bytes give a tokenizer that works or an error that can be printed.

use crate::input::Input;
use tokengrove::io;
use tokengrove::pipeline::{self, AllowedSpecials, EncodeOptions};
use tokengrove::spec::TokenizerSpec;

const MAX_FILE: usize = 1 << 16;
const PATTERN: &str = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
const TEXTS: [&str; 4] = ["", "the thing, 123 <|end|>\n\n", "é 東京 \u{1F600}\0", "aaaaaaaaaaaaaaaaaaaaaaaa"];

/// The first byte chooses the format; the rest is the file.
pub(crate) fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let format = input.byte();
    let file = input.rest(MAX_FILE);
    let spec = match format % 4 {
        0 => io::tiktoken::parse(file).map(|table| TokenizerSpec::from_ranks(table, Some(PATTERN), Vec::new())),
        1 => io::hf_json::parse(file),
        2 => io::tekken::parse(file),
        _ => io::sentencepiece::parse(file),
    };
    match spec {
        Ok(spec) => exercise(spec),
        Err(error) => assert!(error.to_string().len() > 10, "a message for a reader"),
    }
}

fn exercise(spec: TokenizerSpec) {
    let tokenizer = match pipeline::compile(spec) {
        Ok(tokenizer) => tokenizer,
        Err(error) => {
            assert!(error.to_string().len() > 10, "a message for a reader");
            return;
        }
    };
    let all = AllowedSpecials::all();
    for text in TEXTS {
        for add_special_tokens in [false, true] {
            let options = EncodeOptions { add_special_tokens, allowed: &all, ..EncodeOptions::default() };
            if let Ok(ids) = tokenizer.encode(text, options) {
                tokenizer.decode(&ids, false).expect("ids that encoding gives can be decoded");
            }
        }
    }
    let beyond = tokenizer.max_token_id().map_or(0, |id| id.saturating_add(1));
    let _ = tokenizer.decode(&[beyond, u32::MAX], true);
    let _ = tokenizer.token_to_id(b"the");
}
