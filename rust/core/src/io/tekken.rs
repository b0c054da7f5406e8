//! Tekken files: Mistral's JSON form of a rank vocabulary with its pattern and special tokens.

use super::error::{LoadError, Place, quoted};
use crate::spec::{AddedToken, MAX_TOKEN_ID, TokenTable, TokenizerSpec, base64};
use serde::Deserialize;
use std::borrow::Cow;

const FORMAT: &str = "tekken file";

/// The special tokens of files that do not list any, by id; ids up to the file's number of special tokens that have no name
/// here are called `<SPECIAL_id>`. Source: `Tekkenizer.DEPRECATED_SPECIAL_TOKENS` of mistral-common 1.13.
const UNLISTED: [&str; 20] = [
    "<unk>",
    "<s>",
    "</s>",
    "[INST]",
    "[/INST]",
    "[AVAILABLE_TOOLS]",
    "[/AVAILABLE_TOOLS]",
    "[TOOL_RESULTS]",
    "[/TOOL_RESULTS]",
    "[TOOL_CALLS]",
    "[IMG]",
    "<pad>",
    "[IMG_BREAK]",
    "[IMG_END]",
    "[PREFIX]",
    "[MIDDLE]",
    "[SUFFIX]",
    "[SYSTEM_PROMPT]",
    "[/SYSTEM_PROMPT]",
    "[TOOL_CONTENT]",
];

#[derive(Deserialize)]
struct File<'a> {
    #[serde(borrow)]
    config: Config<'a>,
    #[serde(borrow)]
    vocab: Vec<Token<'a>>,
    #[serde(default)]
    special_tokens: Option<Vec<SpecialToken>>,
}

#[derive(Deserialize)]
struct Config<'a> {
    #[serde(borrow)]
    pattern: Cow<'a, str>,
    default_vocab_size: Option<u32>,
    default_num_special_tokens: u32,
}

#[derive(Deserialize)]
struct Token<'a> {
    rank: u32,
    #[serde(borrow)]
    token_bytes: Cow<'a, str>,
}

#[derive(Deserialize)]
struct SpecialToken {
    rank: u32,
    token_str: String,
}

/// Whether a JSON file is one of these and not a `tokenizer.json`: it has the field `token_bytes`.
#[must_use]
pub fn is_tekken(file: &[u8]) -> bool {
    let head = &file[..file.len().min(1 << 16)];
    memchr::memmem::find(head, b"\"token_bytes\"").is_some()
}

/// Reads a tekken file.
///
/// The special tokens have the first ids; a token's id is its rank behind them. Of the vocabulary, as much is used as the
/// file's default size has room for.
///
/// # Errors
/// If the file is not JSON of this format, a token is not base64, an id is above 2^31 - 1, or two tokens have one id.
pub fn parse(file: &[u8]) -> Result<TokenizerSpec, LoadError> {
    let File { config, vocab, special_tokens } = serde_json::from_slice(file).map_err(|error| {
        let place = Place::LineColumn(error.line(), error.column());
        LoadError::new(FORMAT, place, error.to_string(), "a tekken JSON object")
    })?;
    let first = config.default_num_special_tokens;
    let specials = special_tokens_of(first, special_tokens, vocab.len())?;
    let room = config.default_vocab_size.map_or(usize::MAX, |size| size.saturating_sub(first) as usize);
    let mut table = TokenTable::with_capacity(vocab.len(), vocab.len() * 8);
    let mut bytes = Vec::new();
    for (index, token) in vocab.iter().enumerate().take(room) {
        let place = || Place::Field(format!("vocab[{index}]"));
        bytes.clear();
        base64::decode_into(token.token_bytes.as_bytes(), &mut bytes).map_err(|_| {
            LoadError::new(FORMAT, place(), quoted(token.token_bytes.as_bytes()), "base64 with padding")
        })?;
        let id = token.rank.checked_add(first).filter(|&id| id <= MAX_TOKEN_ID).ok_or_else(|| {
            LoadError::new(FORMAT, place(), format!("rank {}", token.rank), format!("0 to {}", MAX_TOKEN_ID - first))
        })?;
        if bytes.is_empty() {
            table.push_not_encodable(&bytes, id);
        } else {
            table.push(&bytes, id);
        }
    }
    if let Some((index, _)) = table.first_duplicate_id() {
        let found = format!("the rank {} twice", vocab[index].rank);
        return Err(LoadError::new(FORMAT, Place::Field(format!("vocab[{index}]")), found, "every rank once"));
    }
    Ok(TokenizerSpec::from_ranks(table, Some(&config.pattern), specials))
}

/// The special tokens, those without a name filled in.
fn special_tokens_of(
    count: u32,
    listed: Option<Vec<SpecialToken>>,
    vocab: usize,
) -> Result<Vec<AddedToken>, LoadError> {
    // A thousand are usual. A file must not make us invent more tokens than it could have listed.
    if count as usize > vocab.max(1 << 16) {
        let place = Place::Field("config.default_num_special_tokens".to_owned());
        return Err(LoadError::new(FORMAT, place, count.to_string(), format!("at most {}", vocab.max(1 << 16))));
    }
    let mut names: Vec<Option<String>> = vec![None; count as usize];
    let listed = listed.unwrap_or_else(|| {
        (0..count).zip(UNLISTED).map(|(rank, name)| SpecialToken { rank, token_str: name.to_owned() }).collect()
    });
    for (index, token) in listed.into_iter().enumerate() {
        let name = names.get_mut(token.rank as usize).filter(|name| name.is_none()).ok_or_else(|| {
            let place = Place::Field(format!("special_tokens[{index}]"));
            LoadError::new(FORMAT, place, format!("rank {}", token.rank), format!("each of 0 to {count} once at most"))
        })?;
        *name = Some(token.token_str);
    }
    let names = (0..).zip(names).map(|(id, name)| (id, name.unwrap_or_else(|| format!("<SPECIAL_{id}>"))));
    Ok(names.filter(|(_, name)| !name.is_empty()).map(|(id, name)| AddedToken::special(name, id)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All bytes and "ab", with three special tokens of which one is named.
    fn file(extra: &str) -> String {
        let token =
            |rank: usize, base64: &str| format!(r#"{{"rank":{rank},"token_bytes":"{base64}","token_str":null}}"#);
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let one = |byte: usize| {
            let (a, b) = (alphabet[byte >> 2], alphabet[(byte & 3) << 4]);
            format!("{}{}==", char::from(a), char::from(b))
        };
        let mut vocab: Vec<String> = (0..256).map(|byte| token(byte, &one(byte))).collect();
        vocab.push(token(256, "YWI="));
        format!(
            r#"{{"config":{{"pattern":"\\p{{L}}+|\\P{{L}}+","default_vocab_size":260,"default_num_special_tokens":3}},
                "vocab":[{}]{extra}}}"#,
            vocab.join(",")
        )
    }

    #[test]
    fn ids_follow_the_special_tokens() {
        let spec = parse(file(r#","special_tokens":[{"rank":1,"token_str":"<s>","is_control":true}]"#).as_bytes());
        let spec = spec.expect("a well-formed file");
        assert_eq!(spec.model.tokens.get(256), Some((&b"ab"[..], 259)));
        let names: Vec<&str> = spec.added_tokens.iter().map(|token| token.content.as_str()).collect();
        assert_eq!(names, ["<SPECIAL_0>", "<s>", "<SPECIAL_2>"]);
    }

    #[test]
    fn a_file_without_names_has_the_usual_ones() {
        let spec = parse(file("").replace("tokens\":3", "tokens\":30").replace("260", "300").as_bytes());
        let spec = spec.expect("a well-formed file");
        assert_eq!(spec.added_tokens[2].content, "</s>");
        assert_eq!(spec.added_tokens[19].content, "[TOOL_CONTENT]");
        assert_eq!(spec.added_tokens[20].content, "<SPECIAL_20>");
        assert_eq!(spec.model.tokens.get(0), Some((&b"\0"[..], 30)));
    }

    #[test]
    fn broken_files_say_what_is_wrong() {
        for (text, message) in [
            (file("").replace("YWI=", "Y!I="), "vocab[256]"),
            (file("").replace("\"rank\":255", "\"rank\":7"), "twice"),
            (file("").replace("\"rank\":255", "\"rank\":4294967295"), "rank 4294967295"),
            (file("").replace("tokens\":3", "tokens\":4000000000"), "default_num_special_tokens"),
            (file(r#","special_tokens":[{"rank":9,"token_str":"x"}]"#), "special_tokens[0]"),
            ("{\"config\":".to_owned(), "line 1"),
            ("[]".to_owned(), "tekken"),
        ] {
            let error = parse(text.as_bytes()).expect_err("broken").to_string();
            assert!(error.contains(message), "{error:?} should mention {message:?}");
        }
    }
}
