//! Decoding: whole against token by token, and back through encoding.

use crate::input::Input;
use std::sync::OnceLock;
use tokengrove::decoder::DecodeStream;
use tokengrove::pipeline::{self, AllowedSpecials, EncodeOptions, Tokenizer};
use tokengrove::spec::{AddedToken, TokenTable, TokenizerSpec};

const MAX_TOKENS: usize = 512;

/// Bytes, tokens that are parts of characters, tokens that join two characters' parts, specials, and a gap in the ids.
fn tokenizer() -> &'static Tokenizer {
    static TOKENIZER: OnceLock<Tokenizer> = OnceLock::new();
    TOKENIZER.get_or_init(|| {
        let mut table = TokenTable::default();
        for byte in 0..=255u8 {
            table.push(&[byte], u32::from(byte));
        }
        let joined: [&[u8]; 12] = [
            b"th",
            b"the",
            b"  ",
            "é".as_bytes(),
            "東".as_bytes(),
            "😀".as_bytes(),
            b"\xE6\x9D",
            b"\x9D\xB1",
            b"\xF0\x9F",
            b"\x98\x80",
            b"\xC3\xA9\xC3",
            b"\xB1\xE6",
        ];
        for (token, id) in joined.iter().zip(260u32..) {
            table.push(token, id);
        }
        let specials = vec![AddedToken::special("<|end|>", 280), AddedToken::special("<|é|>", 281)];
        pipeline::compile(TokenizerSpec::from_ranks(table, None, specials)).expect("a valid vocabulary")
    })
}

/// Decodes ids at random, and the ids of the rest of the input as text.
pub(crate) fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let tokenizer = tokenizer();
    let skip = input.byte() & 1 == 1;
    let ids: Vec<u32> = (0..input.below(MAX_TOKENS))
        .map(|_| match u32::from(input.byte()) {
            id @ 0..=239 => id,
            id @ 240..=254 => id + 25,
            // Rarely an id anywhere, mostly unknown.
            _ => u32::from(input.byte()) << 16 | u32::from(input.byte()),
        })
        .collect();
    stream_equals_whole(tokenizer, &ids, skip);

    let text = input.rest(MAX_TOKENS);
    let all = AllowedSpecials::all();
    let mut encoded = Vec::new();
    let options = EncodeOptions { allowed: &all, ..EncodeOptions::default() };
    tokenizer.encode_bytes_into(text, options, &mut encoded).expect("every byte has a token");
    assert_eq!(tokenizer.decode_bytes(&encoded, false).as_deref(), Ok(text), "decode(encode(x)) == x");
    stream_equals_whole(tokenizer, &encoded, skip);
}

fn stream_equals_whole(tokenizer: &Tokenizer, ids: &[u32], skip: bool) {
    let mut stream = DecodeStream::new();
    let mut streamed = String::new();
    let mut failed = None;
    for (position, &id) in ids.iter().enumerate() {
        match tokenizer.step(&mut stream, id, skip) {
            Ok(text) => streamed.push_str(&text),
            Err(error) => {
                assert_eq!((error.id(), error.position()), (id, position));
                failed = Some(error);
                break;
            }
        }
    }
    match (tokenizer.decode(ids, skip), failed) {
        (Ok(whole), None) => {
            streamed.push_str(&stream.finish());
            assert_eq!(streamed, whole, "streaming {ids:?}");
        }
        (Err(whole), Some(streamed)) => assert_eq!(whole.id(), streamed.id()),
        (whole, streamed) => panic!("decoding {ids:?} at once gives {whole:?}, as a stream {streamed:?}"),
    }
}
