//! Rank files: one token a line, base64 of its bytes, white space, its rank.

use super::error::{LoadError, Place, quoted};
use crate::spec::{MAX_TOKEN_ID, TokenTable, base64};

const FORMAT: &str = "tiktoken rank file";
/// Bytes of a line of an ordinary vocabulary, rounded down: a first guess of the number of tokens.
const TYPICAL_LINE: usize = 14;

/// Reads the tokens and ranks of a rank file.
///
/// Lines may end in `\n` or `\r\n`; empty lines are skipped. Ranks may have gaps and any order, and several tokens may
/// have the same bytes. A token without bytes is kept but never produced.
///
/// ```
/// let table = tokengrove::io::tiktoken::parse(b"IQ== 0\nIg== 1\n").unwrap();
/// assert_eq!(table.get(1), Some((&b"\""[..], 1)));
/// ```
///
/// # Errors
/// If a line is not base64, white space and a rank below 2^31, or if two tokens have the same rank.
pub fn parse(file: &[u8]) -> Result<TokenTable, LoadError> {
    let mut table = TokenTable::with_capacity(file.len() / TYPICAL_LINE, file.len() / 2);
    let mut token = Vec::new();
    let mut line_number = 0;
    let mut rest = file;
    while !rest.is_empty() {
        line_number += 1;
        let end = memchr::memchr(b'\n', rest);
        let line = end.map_or(rest, |end| &rest[..end]);
        rest = end.map_or(&[], |end| &rest[end + 1..]);
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let (encoded, rank) = split_line(line)
            .ok_or_else(|| error(line_number, quoted(line), "a base64 token, white space and a rank"))?;
        token.clear();
        base64::decode_into(encoded, &mut token).map_err(|bad| {
            let found = bad.map_or_else(|| format!("{} characters", encoded.len()), |byte| quoted(&[byte]));
            error(line_number, format!("{found} in the token {}", quoted(encoded)), "base64 with padding")
        })?;
        let rank = parse_rank(rank)
            .ok_or_else(|| error(line_number, format!("the rank {}", quoted(rank)), format!("0 to {MAX_TOKEN_ID}")))?;
        if token.is_empty() {
            table.push_not_encodable(&token, rank);
        } else {
            table.push(&token, rank);
        }
    }
    if table.is_empty() {
        return Err(LoadError::new(FORMAT, Place::Whole, "no token", "at least one line"));
    }
    match table.first_duplicate_id() {
        None => Ok(table),
        Some((first, second)) => {
            let found =
                format!("the rank of the tokens {} and {} to be the same", show(&table, first), show(&table, second));
            Err(LoadError::new(FORMAT, Place::Whole, found, "every rank once"))
        }
    }
}

/// Writes a rank file: the inverse of [`parse`], in order of rank.
#[must_use]
pub fn write(table: &TokenTable) -> Vec<u8> {
    let mut entries: Vec<(&[u8], u32)> = table.iter().collect();
    entries.sort_by_key(|entry| entry.1);
    let mut file = Vec::new();
    for (bytes, rank) in entries {
        base64::encode_into(bytes, &mut file);
        file.extend_from_slice(format!(" {rank}\n").as_bytes());
    }
    file
}

fn show(table: &TokenTable, index: usize) -> String {
    table.get(index).map_or_else(String::new, |(bytes, id)| format!("{} (rank {id})", quoted(bytes)))
}

fn error(line: usize, found: impl Into<String>, allowed: impl Into<String>) -> LoadError {
    LoadError::new(FORMAT, Place::Line(line), found, allowed)
}

/// The two fields of a line that has exactly two.
fn split_line(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let gap = line.iter().position(u8::is_ascii_whitespace)?;
    let rank = line[gap..].trim_ascii_start();
    rank.iter().all(|b| !b.is_ascii_whitespace()).then_some((&line[..gap], rank))
}

fn parse_rank(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    let mut value: u32 = 0;
    for &digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u32::from(digit - b'0'))?;
    }
    (value <= MAX_TOKEN_ID).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(file: &[u8]) -> String {
        parse(file).unwrap_err().to_string()
    }

    #[test]
    fn reads_what_it_writes() {
        let mut table = TokenTable::default();
        for (id, bytes) in [&b"a"[..], b"ab", b"abc", &[0, 255, 128, 7]].into_iter().enumerate() {
            table.push(bytes, u32::try_from(id).unwrap() * 3);
        }
        assert_eq!(parse(&write(&table)).unwrap(), table);
    }

    #[test]
    fn accepts_blank_lines_carriage_returns_and_no_final_newline() {
        let table = parse(b"\n  IQ==   7\r\n\r\nIg== 2147483647").unwrap();
        assert_eq!(table.iter().collect::<Vec<_>>(), [(&b"!"[..], 7), (&b"\""[..], 2_147_483_647)]);
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        assert_eq!(
            message(b"IQ== 0\nIg==\n"),
            "tiktoken rank file, line 2: found \"Ig==\", expected a base64 token, white space and a rank"
        );
        assert_eq!(
            message(b"I!== 0\n"),
            "tiktoken rank file, line 1: found \"!\" in the token \"I!==\", expected base64 with padding"
        );
        assert_eq!(
            message(b"IQ 0\n"),
            "tiktoken rank file, line 1: found 2 characters in the token \"IQ\", expected base64 with padding"
        );
        assert_eq!(
            message(b"IQ== 4294967296\n"),
            "tiktoken rank file, line 1: found the rank \"4294967296\", expected 0 to 2147483647"
        );
        assert!(message(b"IQ== -1").contains("found the rank \"-1\""));
        assert!(message(b"IQ== 1\nIg== 1").contains("every rank once"));
        assert!(message(b"").contains("no token"));
    }
}
