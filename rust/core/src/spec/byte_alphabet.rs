//! GPT-2's byte alphabet: one printable character for each byte.
//!
//! The bytes that Latin-1 prints without a space stand for themselves; the others get the characters from U+0100 on, in
//! order. Source: `bytes_to_unicode` in the GPT-2 release (openai/gpt-2, `src/encoder.py`).

/// How many characters from U+0100 on are used.
const SHIFTED: usize = 68;

const fn is_itself(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF)
}

const CHARS: [char; 256] = chars();
const SHIFTED_BYTES: [u8; SHIFTED] = shifted_bytes();

#[allow(clippy::cast_possible_truncation, reason = "index < 256")]
const fn chars() -> [char; 256] {
    let mut table = ['\0'; 256];
    let (mut index, mut next) = (0, 0);
    while index < 256 {
        let byte = index as u8;
        table[index] = if is_itself(byte) {
            byte as char
        } else {
            next += 1;
            match char::from_u32(0xFF + next) {
                Some(c) => c,
                None => '\0',
            }
        };
        index += 1;
    }
    table
}

#[allow(clippy::cast_possible_truncation, reason = "index < 256")]
const fn shifted_bytes() -> [u8; SHIFTED] {
    let mut table = [0; SHIFTED];
    let (mut index, mut next) = (0_u32, 0);
    while index < 256 {
        if !is_itself(index as u8) {
            table[next] = index as u8;
            next += 1;
        }
        index += 1;
    }
    table
}

/// Whether UTF-8 text may contain a byte.
#[must_use]
pub const fn occurs_in_text(byte: u8) -> bool {
    !matches!(byte, 0xC0 | 0xC1 | 0xF5..=0xFF)
}

/// The character of a byte.
///
/// ```
/// assert_eq!(tokengrove::spec::byte_to_char(b' '), 'Ġ');
/// ```
#[must_use]
pub const fn byte_to_char(byte: u8) -> char {
    CHARS[byte as usize]
}

/// The byte of a character of the alphabet.
#[must_use]
pub fn char_to_byte(c: char) -> Option<u8> {
    match u32::from(c) {
        code @ 0..0x100 => u8::try_from(code).ok().filter(|&byte| is_itself(byte)),
        code => SHIFTED_BYTES.get(code as usize - 0x100).copied(),
    }
}

/// Appends the bytes that a text in the alphabet stands for; false, and nothing appended, if it has another character.
pub fn text_to_bytes(text: &str, out: &mut Vec<u8>) -> bool {
    let start = out.len();
    for c in text.chars() {
        let Some(byte) = char_to_byte(c) else {
            out.truncate(start);
            return false;
        };
        out.push(byte);
    }
    true
}

/// Writes bytes in the alphabet.
#[must_use]
pub fn bytes_to_text(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| byte_to_char(byte)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alphabet_is_a_bijection() {
        for byte in 0..=255 {
            assert_eq!(char_to_byte(byte_to_char(byte)), Some(byte));
        }
        let letters = ('\0'..=char::MAX).filter(|&c| char_to_byte(c).is_some()).count();
        assert_eq!(letters, 256);
    }

    #[test]
    fn known_letters() {
        assert_eq!(bytes_to_text(b" a\n\xC3\xAD\x7F"), "ĠaĊÃŃġ");
        let mut bytes = b"x".to_vec();
        assert!(!text_to_bytes("Ġ ", &mut bytes));
        assert_eq!(bytes, b"x");
    }
}
