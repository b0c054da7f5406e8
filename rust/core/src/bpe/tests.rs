//! Every way of encoding equals the merge loop, for random vocabularies.

use super::heap::{self, Pairs};
use super::short::{LONGER, Several, Short, Tokens, USUAL};
use super::tables::Tables;
use super::{Bpe, Method, Neighbours, PrefixEncoder, Scratch, build, reference};
use crate::spec::{BpeSpec, MergeRule, Symbols, TokenTable};
use proptest::prelude::*;

/// Ids by the merge loop, as the formats define them.
fn oracle(bpe: &Bpe, spec: &BpeSpec, piece: &[u8]) -> Vec<u32> {
    bpe.whole_piece(piece).map_or_else(|| merged(bpe, spec, piece), |id| vec![id.0])
}

/// Ids by the merges of a specification alone, also where the whole piece is a token.
fn merged(bpe: &Bpe, spec: &BpeSpec, piece: &[u8]) -> Vec<u32> {
    let mut out = Vec::new();
    match &spec.merges {
        MergeRule::Ranks => by_merges(bpe, &build::RankPairs(&bpe.vocab), piece, &mut out),
        MergeRule::Pairs(pairs) => {
            let listed = build::listed_pairs(&bpe.vocab, pairs).expect("checked by Bpe::new");
            by_merges(bpe, &listed, piece, &mut out);
        }
    }
    out
}

/// Ids by the merges alone, also where the whole piece is a token.
fn by_merges(bpe: &Bpe, pairs: &impl Pairs, piece: &[u8], out: &mut Vec<u32>) {
    let mut symbols = Vec::new();
    assert!(bpe.symbols.entries(&bpe.vocab, piece, &mut symbols));
    let (mut by_loop, mut by_heap) = (Vec::new(), Vec::new());
    reference::merge(piece, &symbols, pairs, &mut by_loop);
    heap::merge(piece, &symbols, pairs, &mut by_heap);
    assert_eq!(by_loop, by_heap, "heap and loop on {piece:?}");
    out.extend(by_loop.iter().map(|&e| bpe.vocab.table().get(e as usize).expect("an entry").1));
}

/// Characters that share bytes, of one to four bytes, and those bytes.
const CHARACTERS: &[&str] = &["a", " ", "о", "п", "р", "你", "佾", "侠", "\u{11020}"];
const PARTS: &[u8] = &[b'a', b' ', 0xD0, 0xD1, 0xBE, 0xBF, 0x80, 0xE4, 0xBD, 0xA0, 0xBE, 0xF0, 0x91];

const ALPHABET: &[u8] = &[b'a', b'b', b'c', 0xE4, 0xBD, 0xA0];

fn bytes_of(alphabet: &'static [u8], max: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(alphabet), 0..max)
}

/// A vocabulary grown by joining earlier tokens, as training grows it; `shuffle` breaks the order of the ranks.
fn grown(joins: &[(usize, usize)], shuffle: &[usize]) -> BpeSpec {
    grown_from(ALPHABET, joins, shuffle)
}

fn grown_from(alphabet: &[u8], joins: &[(usize, usize)], shuffle: &[usize]) -> BpeSpec {
    let mut surfaces: Vec<Vec<u8>> = (0..=255u8).map(|b| vec![b]).collect();
    let start: Vec<usize> = alphabet.iter().map(|&b| usize::from(b)).collect();
    let mut pool = start;
    for &(l, r) in joins {
        let joined = [surfaces[pool[l % pool.len()]].clone(), surfaces[pool[r % pool.len()]].clone()].concat();
        if joined.len() <= 12 && !surfaces.contains(&joined) {
            pool.push(surfaces.len());
            surfaces.push(joined);
        }
    }
    for &s in shuffle {
        let count = surfaces.len() - 256;
        if count > 1 {
            surfaces.swap(256 + s % count, 256 + (s / 7) % count);
        }
    }
    let mut tokens = TokenTable::default();
    for (id, surface) in (0u32..).zip(&surfaces) {
        tokens.push(surface, id);
    }
    BpeSpec { tokens, merges: MergeRule::Ranks, symbols: Symbols::Bytes, ignore_merges: false }
}

/// The same vocabulary with an explicit list of merges: random pairs whose product is a token.
fn listed(mut spec: BpeSpec, picks: &[(usize, usize)]) -> BpeSpec {
    let surfaces: Vec<(Vec<u8>, u32)> = spec.tokens.iter().map(|(b, id)| (b.to_vec(), id)).collect();
    let id_of = |bytes: &[u8]| surfaces.iter().find(|s| s.0 == bytes).map(|s| s.1);
    let mut pairs = Vec::new();
    for &(token, cut) in picks {
        let (bytes, _) = &surfaces[256 + token % (surfaces.len() - 256).max(1) % surfaces.len().max(1)];
        let (left, right) = bytes.split_at(1 + cut % (bytes.len() - 1).max(1));
        if let (Some(l), Some(r)) = (id_of(left), id_of(right)) {
            pairs.push((l, r));
        }
    }
    spec.merges = MergeRule::Pairs(pairs);
    spec
}

fn check(spec: &BpeSpec, texts: &[Vec<u8>]) -> Result<(), TestCaseError> {
    let bpe = Bpe::new(spec).expect("a complete vocabulary");
    let mut scratch = Scratch::default();
    let surfaces = spec.tokens.iter().map(|(bytes, _)| bytes.to_vec());
    for piece in texts.iter().cloned().chain(surfaces) {
        let mut ids = Vec::new();
        bpe.encode_piece(&piece, &mut scratch, &mut ids);
        prop_assert_eq!(&ids, &oracle(&bpe, spec, &piece), "piece {:?}, linear: {}", piece, bpe.is_linear());
        if let Method::Ordered(tables) = &bpe.method
            && !piece.is_empty()
        {
            prop_assert_eq!(backtracked(&bpe, tables, &piece), merged(&bpe, spec, &piece), "{:?}", piece);
        }
    }
    check_several(&bpe, spec, texts, &mut scratch)
}

/// Pieces merged in turn, for this processor and for any.
fn check_several(bpe: &Bpe, spec: &BpeSpec, texts: &[Vec<u8>], scratch: &mut Scratch) -> Result<(), TestCaseError> {
    let mut several: Vec<Option<Vec<u32>>> = vec![None; texts.len()];
    bpe.encode_several(texts.len(), |at| &texts[at], scratch, |at, ids| several[at] = Some(ids.to_vec()));
    for (piece, ids) in texts.iter().zip(several) {
        let strange = !bpe.symbols.is_complete()
            && (bpe.symbols.are_bytes()
                || bpe.symbols.runs(piece).any(|run| matches!(run, super::symbols::Run::Unknown(_))));
        let left_out = piece.len() > LONGER - 2 || !bpe.is_linear() || strange;
        prop_assert!(ids.is_some() || left_out || bpe.whole_piece(piece).is_some(), "{:?} was left out", piece);
        if let Some(ids) = ids {
            prop_assert_eq!(ids, oracle(bpe, spec, piece), "{:?}", piece);
        }
    }
    if let Method::Ordered(tables) = &bpe.method {
        prop_assert_eq!(in_turn::<USUAL>(tables, texts, true), in_turn::<USUAL>(tables, texts, false));
        prop_assert_eq!(in_turn::<LONGER>(tables, texts, true), in_turn::<LONGER>(tables, texts, false));
    }
    Ok(())
}

/// The orders that the pieces with room are merged into, as this processor does it or as any does.
fn in_turn<const N: usize>(tables: &Tables, texts: &[Vec<u8>], this: bool) -> Vec<(usize, Vec<u32>)> {
    let starts = &tables.starts;
    let (mut several, mut merged) = (Several::<N>::default(), Vec::new());
    let mut numbers = 0..texts.len();
    let next = |short: &mut Short<N>| numbers.find(|&number| starts.fill(&texts[number], short));
    let done = |number: usize, tokens: Tokens<'_, N>| merged.push((number, tokens.collect()));
    if this {
        several.merge(&tables.merges.pairs, next, done);
    } else {
        several.merge_in_turn(&tables.merges.pairs, next, done);
    }
    merged.sort_unstable();
    merged
}

/// Ids by backtracking, which [`Bpe::encode_piece`] leaves to longer pieces than these.
fn backtracked(bpe: &Bpe, tables: &Tables, piece: &[u8]) -> Vec<u32> {
    let backtrack = tables.backtrack(&bpe.vocab).expect("a small vocabulary");
    let (mut scratch, mut matches) = (Scratch::default(), Vec::new());
    assert!(backtrack.encode(piece, &tables.merges, &mut scratch.backtrack, &mut matches), "{piece:?}");
    matches.iter().map(|found| tables.ids[found.order() as usize]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn rank_vocabularies_encode_as_the_merge_loop(
        joins in prop::collection::vec((0..500usize, 0..500usize), 0..60),
        shuffle in prop::collection::vec(0..5000usize, 0..3),
        texts in prop::collection::vec(bytes_of(ALPHABET, 40), 1..12),
        long in bytes_of(b"ab", 300),
    ) {
        let spec = grown(&joins, &shuffle);
        check(&spec, &[texts, vec![long]].concat())?;
    }

    #[test]
    fn characters_taken_at_once_change_nothing(
        joins in prop::collection::vec((0..500usize, 0..500usize), 0..80),
        texts in prop::collection::vec(prop::collection::vec(prop::sample::select(CHARACTERS), 0..90), 1..12),
        broken in prop::collection::vec(bytes_of(PARTS, 90), 1..6),
    ) {
        let spec = grown_from(PARTS, &joins, &[]);
        let texts: Vec<Vec<u8>> = texts.iter().map(|characters| characters.concat().into_bytes()).collect();
        check(&spec, &[texts, broken].concat())?;
    }

    #[test]
    fn listed_merges_encode_as_the_merge_loop(
        joins in prop::collection::vec((0..500usize, 0..500usize), 1..60),
        picks in prop::collection::vec((0..500usize, 0..12usize), 1..90),
        sorted in any::<bool>(),
        texts in prop::collection::vec(bytes_of(ALPHABET, 40), 1..12),
    ) {
        let base = grown(&joins, &[]);
        prop_assume!(base.tokens.len() > 256);
        let mut spec = listed(base, &picks);
        if sorted && let MergeRule::Pairs(pairs) = &mut spec.merges {
            // Closer to what training gives: parts before products.
            pairs.sort_by_key(|&(l, r)| l.max(r));
        }
        check(&spec, &texts)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn invalid_neighbours_are_those_that_the_merge_loop_would_change(
        joins in prop::collection::vec((0..500usize, 0..500usize), 0..60),
        same in prop::collection::vec((0..3usize, 0..3usize), 0..8),
        shuffle in prop::collection::vec(0..5000usize, 0..12),
        picks in prop::option::of(prop::collection::vec((0..500usize, 0..12usize), 1..90)),
    ) {
        // Joins among the first few give runs of one character, where ties between equal merges decide; swaps let tokens come
        // before their parts.
        let spec = grown(&[same, joins].concat(), &shuffle);
        let spec = match picks {
            Some(picks) if spec.tokens.len() > 256 => listed(spec, &picks),
            _ => spec,
        };
        let bpe = Bpe::new(&spec).expect("a complete vocabulary");
        let neighbours = Neighbours::new(&bpe);
        let tokens: Vec<(Vec<u8>, u32)> = spec.tokens.iter().map(|(b, id)| (b.to_vec(), id)).collect();
        let interesting = |id: u32| id >= 256 || ALPHABET.contains(&u8::try_from(id).expect("a byte"));
        for (left, a) in tokens.iter().filter(|t| interesting(t.1)) {
            let Some(left_number) = neighbours.number(*a) else { continue };
            let mut invalid = std::collections::HashSet::new();
            neighbours.for_each_invalid_right(left_number, |number| {
                invalid.insert(neighbours.id(number).expect("a number"));
            });
            for (right, b) in tokens.iter().filter(|t| interesting(t.1)) {
                let Some(right_number) = neighbours.number(*b) else { continue };
                let valid = merged(&bpe, &spec, &[&left[..], right].concat()) == [*a, *b];
                prop_assert_eq!(neighbours.compatible(left_number, right_number), valid, "{:?} {:?}", left, right);
                prop_assert_eq!(invalid.contains(b), !valid, "{:?} {:?}", left, right);
            }
        }
    }

    #[test]
    fn every_prefix_has_its_own_encoding_after_appending_and_rewinding(
        joins in prop::collection::vec((0..500usize, 0..500usize), 0..60),
        shuffle in prop::collection::vec(0..5000usize, 0..4),
        edits in prop::collection::vec((bytes_of(ALPHABET, 12), 0..12usize), 1..6),
    ) {
        let spec = grown(&joins, &shuffle);
        let bpe = Bpe::new(&spec).expect("a complete vocabulary");
        let mut prefixes = PrefixEncoder::new(&bpe);
        let mut text = Vec::new();
        for (more, back) in edits {
            prefixes.rewind(text.len().saturating_sub(back));
            text.truncate(text.len().saturating_sub(back));
            prefixes.extend(&more);
            text.extend(more);
            prop_assert_eq!(prefixes.len(), text.len());
            for len in 1..=text.len() {
                let mut ids = Vec::new();
                by_merges(&bpe, &build::RankPairs(&bpe.vocab), &text[..len], &mut ids);
                prop_assert_eq!(prefixes.encoding(len), ids);
            }
        }
    }
}

#[test]
fn a_rank_order_that_contradicts_itself_is_encoded_by_the_heap() {
    let mut tokens = TokenTable::default();
    for byte in 0..=255u8 {
        tokens.push(&[byte], u32::from(byte));
    }
    tokens.push(b"abc", 256);
    tokens.push(b"ab", 257);
    let spec = BpeSpec { tokens, merges: MergeRule::Ranks, symbols: Symbols::Bytes, ignore_merges: false };
    let bpe = Bpe::new(&spec).expect("complete");
    assert!(!bpe.is_linear());
    let mut ids = Vec::new();
    bpe.encode_piece(b"xabc", &mut Scratch::default(), &mut ids);
    assert_eq!(ids, [u32::from(b'x'), 256]);
}

#[test]
fn a_missing_byte_is_refused() {
    let mut tokens = TokenTable::default();
    tokens.push(b"a", 0);
    let spec = BpeSpec { tokens, merges: MergeRule::Ranks, symbols: Symbols::Bytes, ignore_merges: false };
    let message = Bpe::new(&spec).expect_err("255 bytes are missing").to_string();
    assert!(message.starts_with("byte 0x00 is not a token"), "{message}");
}

#[test]
fn one_scratch_serves_several_models() {
    let model = |tokens: &[&[u8]]| {
        let mut table = TokenTable::default();
        for byte in 0..=255u8 {
            table.push(&[byte], u32::from(byte));
        }
        for (id, token) in (256..).zip(tokens) {
            table.push(token, id);
        }
        let spec = BpeSpec { tokens: table, merges: MergeRule::Ranks, symbols: Symbols::Bytes, ignore_merges: false };
        Bpe::new(&spec).expect("complete")
    };
    // Token 257 stands before `b` in the first model; in the second that pair never does, for `cb` merges first.
    let (first, second) = (model(&[b"ab", b"xd"]), model(&[b"cb", b"xc"]));
    let mut scratch = Scratch::default();
    for _ in 0..2 {
        for (bpe, piece, expected) in
            [(&first, b"xdb", [257, u32::from(b'b')]), (&second, b"xcb", [u32::from(b'x'), 256])]
        {
            let mut ids = Vec::new();
            bpe.encode_piece(piece, &mut scratch, &mut ids);
            assert_eq!(ids, expected);
        }
    }
}
