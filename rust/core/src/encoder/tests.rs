//! The encoder equals BPE of each piece, whatever the cache holds.

use super::{Encoder, Scratch};
use crate::bpe::{Bpe, Scratch as BpeScratch};
use crate::cache::LongKey;
use crate::pretokenize::{PieceEnds, Pretokenizer};
use crate::spec::{BpeSpec, MergeRule, Symbols, TokenTable};
use proptest::prelude::*;

/// All bytes and some words, with the given pattern.
fn encoder(pattern: &str, cache_bytes: usize) -> Encoder {
    let mut tokens = TokenTable::default();
    let words =
        ["th", "the", " the", "an", " an", "and", " and", "12", "123", "  ", "\u{4e2d}\u{6587}", "\n\n", "aa", "aaaa"];
    let bytes = (0..=255u8).map(|b| vec![b]);
    for (id, token) in (0u32..).zip(bytes.chain(words.iter().map(|w| w.as_bytes().to_vec()))) {
        tokens.push(&token, id);
    }
    let spec = BpeSpec { tokens, merges: MergeRule::Ranks, symbols: Symbols::Bytes, ignore_merges: false };
    let pretokenizer = Pretokenizer::named(pattern).expect("a known name");
    Encoder::with_cache_bytes(Bpe::new(&spec).expect("complete"), pretokenizer, cache_bytes)
}

fn piece_by_piece(encoder: &Encoder, text: &str) -> Vec<u32> {
    let (mut out, mut at, mut ends) = (Vec::new(), 0, PieceEnds::default());
    while at < text.len() {
        ends.clear();
        let next = encoder.pretokenizer().try_pieces(text, at, &mut ends).expect("a compiled family");
        for piece in ends.ranges(at) {
            encoder.bpe().encode_piece(text[piece].as_bytes(), &mut BpeScratch::default(), &mut out);
        }
        at = next;
    }
    out
}

fn text() -> impl Strategy<Value = String> {
    let words = vec![
        "the",
        " the",
        "and",
        " ",
        "  ",
        "\n",
        "12345",
        "'s",
        "I'll",
        "!",
        "\u{4e2d}\u{6587}",
        "\u{e9}",
        "\u{1f600}",
        "aaaaaaaaa",
        "averyverylongwordthatdoesnotfit",
        "\u{4e2d}\u{6587}\u{4e2d}\u{6587}\u{4e2d}\u{6587}\u{4e2d}",
        "\0",
        "\t",
    ];
    prop::collection::vec(prop::sample::select(words), 0..80).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn cached_ids_equal_those_of_each_piece(texts in prop::collection::vec(text(), 1..6), small in any::<bool>()) {
        let encoder = encoder("cl100k_base", if small { 1 << 16 } else { 1 << 20 });
        let mut scratch = Scratch::default();
        for text in texts.iter().chain(&texts) {
            let mut ids = Vec::new();
            encoder.encode_ordinary(text, &mut scratch, &mut ids).expect("a compiled family");
            prop_assert_eq!(ids, piece_by_piece(&encoder, text));
        }
    }
}

#[test]
fn a_cache_that_overflows_stays_exact() {
    let encoder = encoder("cl100k_base", 1 << 16);
    let text: String = (0..40_000).fold(String::new(), |text, i| text + &format!(" w{i:x}verylongishword{i}\n"));
    let mut ids = Vec::new();
    encoder.with_scratch(|scratch| encoder.encode_ordinary(&text, scratch, &mut ids)).expect("a compiled family");
    assert_eq!(ids, piece_by_piece(&encoder, &text));
}

#[test]
fn scratches_prepared_from_a_used_one_know_what_it_knows_and_change_no_ids() {
    let encoder = encoder("cl100k_base", 1 << 20);
    let text = "the averyverylongwordthatdoesnotfit xyz the 12345 and averyverylongwordthatdoesnotfit";
    let mut ids = Vec::new();
    encoder.with_scratch(|scratch| encoder.encode_ordinary(text, scratch, &mut ids)).expect("a compiled family");
    encoder.prepare(3);
    let scratches: Vec<Box<Scratch>> = std::iter::from_fn(|| encoder.idle.take()).collect();
    assert_eq!(scratches.len(), 3);
    for mut scratch in scratches {
        let key = LongKey::of(b" averyverylongwordthatdoesnotfit").expect("a long piece");
        assert!(scratch.cache.get_long(b" averyverylongwordthatdoesnotfit", key).is_some());
        let mut again = Vec::new();
        encoder.encode_ordinary(text, &mut scratch, &mut again).expect("a compiled family");
        assert_eq!(again, ids);
    }
}
