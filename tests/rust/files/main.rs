//! Real vocabulary files: golden strings, one content in several formats, and files that are broken.
//!
//! The files lie in the folder that `TOKENGROVE_TEST_DATA` names; without it these tests say so and pass.

mod broken;
mod formats;
mod golden;

use std::path::PathBuf;
use tokengrove::io::hf_json;
use tokengrove::pipeline::{EncodeOptions, Tokenizer, Unrepresentable, compile};

/// A file of the test data, or `None` (and a word on stderr) where there is no test data.
#[allow(clippy::print_stderr, reason = "the reason for a skipped test")]
fn data(path: &str) -> Option<Vec<u8>> {
    let Some(folder) = std::env::var_os("TOKENGROVE_TEST_DATA").filter(|folder| !folder.is_empty()) else {
        eprintln!("skipped: TOKENGROVE_TEST_DATA does not name the folder of real vocabularies and texts");
        return None;
    };
    let path = PathBuf::from(folder).join(path);
    Some(std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

fn hf_file(name: &str) -> Option<Vec<u8>> {
    data(&format!("vocabs/hf/{name}/tokenizer.json"))
}

fn hf(name: &str) -> Option<Tokenizer> {
    Some(read(&hf_file(name)?))
}

fn read(file: &[u8]) -> Tokenizer {
    compile(hf_json::parse(file).expect("a tokenizer.json")).expect("a tokenizer")
}

/// What the reference does with symbols that have no token.
fn as_reference() -> EncodeOptions<'static> {
    EncodeOptions { unrepresentable: Unrepresentable::Drop, ..EncodeOptions::default() }
}

/// The token strings of a text, as the file writes them.
fn strings(tokenizer: &Tokenizer, text: &str) -> Vec<String> {
    let ids = tokenizer.encode(text, as_reference()).expect("nothing gives up");
    ids.into_iter().map(|id| tokenizer.token_string(id).expect("a token")).collect()
}

/// The beginning of a text of the test data, cut at a character.
fn text(path: &str, len: usize) -> Option<String> {
    let bytes = data(path)?;
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(len)]);
    Some(head.trim_end_matches(char::REPLACEMENT_CHARACTER).to_owned())
}
