//! Base64 with padding (RFC 4648): how rank files hold tokens and `tokenizer.json` holds character maps.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const NOT_BASE64: u8 = 0xFF;
const VALUES: [u8; 256] = values();

const fn values() -> [u8; 256] {
    let mut values = [NOT_BASE64; 256];
    let mut i = 0;
    while i < ALPHABET.len() {
        #[allow(clippy::cast_possible_truncation, reason = "i < 64")]
        let value = i as u8;
        values[ALPHABET[i] as usize] = value;
        i += 1;
    }
    values
}

const fn value(byte: u8) -> u8 {
    VALUES[byte as usize]
}

/// Appends the decoded bytes.
///
/// ```
/// let mut bytes = Vec::new();
/// assert_eq!(tokengrove::spec::base64::decode_into(b"QlBF", &mut bytes), Ok(()));
/// assert_eq!(bytes, b"BPE");
/// ```
///
/// # Errors
/// The offending byte, or `None` if the length is wrong.
pub fn decode_into(text: &[u8], out: &mut Vec<u8>) -> Result<(), Option<u8>> {
    if text == b"=" {
        return Ok(()); // how some published files write the empty token
    }
    if !text.len().is_multiple_of(4) {
        return Err(None);
    }
    let padding = text.iter().rev().take(2).take_while(|&&b| b == b'=').count();
    let (full, last) = text.split_at(if padding == 0 { text.len() } else { text.len() - 4 });
    for quad in full.chunks_exact(4) {
        let (a, b, c, d) = (value(quad[0]), value(quad[1]), value(quad[2]), value(quad[3]));
        if (a | b | c | d) & 0xC0 != 0 {
            return Err(quad.iter().copied().find(|&byte| value(byte) == NOT_BASE64));
        }
        out.extend_from_slice(&[a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d]);
    }
    if let [a, b, c, _] = *last {
        if let Some(bad) = last[..4 - padding].iter().copied().find(|&byte| value(byte) == NOT_BASE64) {
            return Err(Some(bad));
        }
        out.push(value(a) << 2 | value(b) >> 4);
        if padding == 1 {
            out.push(value(b) << 4 | value(c) >> 2);
        }
    }
    Ok(())
}

/// Appends the encoded bytes.
pub fn encode_into(bytes: &[u8], out: &mut Vec<u8>) {
    for chunk in bytes.chunks(3) {
        let (a, b, c) = (chunk[0], chunk.get(1).copied().unwrap_or(0), chunk.get(2).copied().unwrap_or(0));
        let sextets = [a >> 2, (a & 3) << 4 | b >> 4, (b & 15) << 2 | c >> 6, c & 63];
        for (i, sextet) in sextets.into_iter().enumerate() {
            out.push(if i <= chunk.len() { ALPHABET[usize::from(sextet)] } else { b'=' });
        }
    }
}

/// The encoded bytes as text.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let mut out = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    encode_into(bytes, &mut out);
    out.into_iter().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(bytes: Vec<u8>) {
            let mut read = Vec::new();
            prop_assert_eq!(decode_into(encode(&bytes).as_bytes(), &mut read), Ok(()));
            prop_assert_eq!(read, bytes);
        }
    }
}
