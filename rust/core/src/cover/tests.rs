//! Covers equal those found by trying every continuation.

use super::{Characters, CoverRules, CoverTree, Cutting, Parts};
use crate::bpe::{Bpe, Scratch};
use crate::pretokenize::{PieceEnds, Pretokenizer};
use crate::spec::{BpeSpec, MergeRule, Symbols, TokenTable};
use crate::trie::{ROOT, VocabTrie};
use proptest::prelude::*;
use std::cell::LazyCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// A tokenizer as its parts, and how it encodes a text.
struct Model {
    bpe: Bpe,
    cutting: Cutting,
    added: Vec<(String, u32)>,
    rules: Arc<CoverRules>,
}

impl Model {
    fn new(spec: &BpeSpec, cutting: Cutting, added: &[&str]) -> Option<Self> {
        let bpe = Bpe::new(spec).expect("a complete vocabulary");
        let first = u32::try_from(spec.tokens.len()).expect("few tokens");
        let added: Vec<(String, u32)> = added.iter().map(|&text| text.to_owned()).zip(first..).collect();
        let bytes = match &spec.symbols {
            Symbols::Chars { byte_fallback: Some(ids), .. } => Some(&**ids),
            _ => None,
        };
        let spelled = |bytes_of: &[u8], id: u32| match bytes.and_then(|ids| ids.iter().position(|&one| one == id)) {
            Some(byte) => vec![u8::try_from(byte).expect("a byte")],
            None => bytes_of.to_vec(),
        };
        let mut tokens: Vec<(Vec<u8>, u32)> = spec.tokens.iter().map(|(bytes, id)| (spelled(bytes, id), id)).collect();
        tokens.extend(added.iter().map(|(text, id)| (text.clone().into_bytes(), *id)));
        let trie = Arc::new(VocabTrie::new(tokens.iter().map(|(bytes, id)| (bytes.as_slice(), *id))));
        let ids: Vec<u32> = added.iter().map(|token| token.1).collect();
        let whole_pieces = spec.ignore_merges || spec.merges == MergeRule::Ranks;
        let parts =
            Parts { trie, bpe: &bpe, cutting: cutting.clone(), whole_pieces, marks_spaces: false, bytes, added: &ids };
        let rules = Arc::new(CoverRules::new(&parts).ok()?);
        Some(Self { bpe, cutting, added, rules })
    }

    fn encode(&self, text: &str, scratch: &mut Scratch) -> Vec<u32> {
        let mut ids = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let found = self.added.iter().filter_map(|(text, id)| Some((rest.find(text.as_str())?, text, *id)));
            let found = found.min_by_key(|(at, text, _)| (*at, usize::MAX - text.len()));
            let end = found.map_or(rest.len(), |f| f.0);
            self.encode_ordinary(&rest[..end], scratch, &mut ids);
            rest = &rest[end..];
            if let Some((_, text, id)) = found {
                ids.push(id);
                rest = &rest[text.len()..];
            }
        }
        ids
    }

    fn encode_ordinary(&self, text: &str, scratch: &mut Scratch, ids: &mut Vec<u32>) {
        let Cutting::Pattern(pretokenizer) = &self.cutting else {
            if !text.is_empty() {
                self.bpe.encode_piece(text.as_bytes(), scratch, ids);
            }
            return;
        };
        let mut buffer = PieceEnds::default();
        let mut at = 0;
        while at < text.len() {
            buffer.clear();
            let next = pretokenizer.try_pieces(text, at, &mut buffer).expect("compiled");
            for piece in buffer.ranges(at) {
                self.bpe.encode_piece(&text.as_bytes()[piece], scratch, ids);
            }
            at = next;
        }
    }

    fn bytes_of(&self, id: u32) -> Vec<u8> {
        let leaf = self.rules.trie().all_ids().iter().position(|&one| one == id).expect("a leaf");
        let mut bytes = Vec::new();
        let trie = self.rules.trie();
        let mut node = ROOT;
        while let Some((byte, child)) = trie.children(node).find(|&(_, child)| trie.leaves(child).contains(&leaf)) {
            bytes.push(byte);
            node = child;
        }
        bytes
    }
}

type Covers = HashMap<Vec<u8>, HashSet<Vec<u32>>>;

/// Enters the covers of the prefixes of a text that are longer than `from`, up to `to`.
fn enter(
    model: &Model,
    text: &str,
    from: usize,
    to: usize,
    scratch: &mut Scratch,
    lengths: &mut HashMap<u32, usize>,
    covers: &mut Covers,
) {
    let ids = model.encode(text, scratch);
    let (mut count, mut end) = (0, 0);
    for prefix in from..=to {
        while end < prefix {
            end += *lengths.entry(ids[count]).or_insert_with(|| model.bytes_of(ids[count]).len());
            count += 1;
        }
        covers.entry(text.as_bytes()[..prefix].to_vec()).or_default().insert(ids[..count].to_vec());
    }
}

/// Every string over the alphabet of up to `most` characters.
fn strings(alphabet: &[char], most: usize) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut from = 0;
    for _ in 0..most {
        let end = all.len();
        for at in from..end {
            for &c in alphabet {
                let longer = format!("{}{c}", all[at]);
                all.push(longer);
            }
        }
        from = end;
    }
    all
}

/// The covers of the tree's text.
fn covers_of(tree: &CoverTree) -> HashSet<Vec<u32>> {
    let rules = tree.rules();
    let mut covers = HashSet::new();
    for (node, at) in tree.open() {
        let path = node.map_or(Vec::new(), |node| tree.path(node));
        if at == ROOT {
            assert!(covers.insert(path), "one sequence twice");
            continue;
        }
        let reading = tree.reading(node).expect("a node");
        let valid = rules.valid(reading);
        for leaf in rules.trie().longer(at) {
            let follows = rules.append(reading, leaf).is_some();
            assert_eq!(
                valid[leaf / 64] >> (leaf % 64) & 1 == 1,
                follows,
                "the set of valid tokens and the token itself"
            );
            if follows {
                covers.insert([&path[..], rules.trie().ids(leaf..leaf + 1)].concat());
            }
        }
    }
    covers
}

/// Compares covers and ends for all short texts, and for some longer ones with all short continuations.
fn check(family: &str, model: &Model, alphabet: &[char], short: usize, ahead: usize, longer: &[String]) {
    let (mut scratch, mut lengths) = (Scratch::default(), HashMap::new());
    let mut covers = Covers::new();
    let continuations = strings(alphabet, ahead);
    // A contraction may have to end in a letter that joins nothing: `s'` goes on in `s't` where `'s` merges first, `re'r`
    // in `re'rE` where `'re` does.
    let endings: Vec<char> = "tmdlveTSMDLVREſ".chars().filter(|c| !alphabet.contains(c)).collect();
    let further = LazyCell::new(|| strings(&[alphabet, &endings].concat(), ahead));
    for start in strings(alphabet, short) {
        for rest in &continuations {
            let text = format!("{start}{rest}");
            enter(model, &text, 0, start.len(), &mut scratch, &mut lengths, &mut covers);
        }
    }
    for start in longer {
        for rest in &continuations {
            let text = format!("{start}{rest}");
            enter(model, &text, 0, start.len(), &mut scratch, &mut lengths, &mut covers);
        }
    }
    let mut tree = CoverTree::new(Arc::clone(&model.rules));
    let mut prefixes: Vec<_> = covers.into_iter().collect();
    prefixes.sort_by(|a, b| a.0.cmp(&b.0));
    for (prefix, expected) in prefixes {
        let common = tree.text().iter().zip(&prefix).take_while(|(a, b)| a == b).count();
        tree.rewind(common);
        tree.extend(&prefix[common..]);
        let found = covers_of(&tree);
        let shown = String::from_utf8_lossy(&prefix).into_owned();
        let named = |ids: &[u32]| {
            ids.iter().map(|&id| String::from_utf8_lossy(&model.bytes_of(id)).into_owned()).collect::<Vec<_>>()
        };
        for cover in &expected {
            assert!(found.contains(cover), "{family}: {shown:?} misses {:?}", named(cover));
        }
        for cover in found.difference(&expected) {
            assert!(
                has_future(model, alphabet, &continuations, cover, &mut scratch)
                    || has_future(model, alphabet, &further, cover, &mut scratch),
                "{family}: {shown:?} has {:?} too many",
                named(cover)
            );
        }
        for node in tree.ending_at(prefix.len()) {
            let ends =
                std::str::from_utf8(&prefix).is_ok_and(|text| model.encode(text, &mut scratch) == tree.path(node));
            let reading = tree.reading(Some(node)).expect("a node");
            assert_eq!(model.rules.may_end(reading), ends, "{shown:?} may end with {:?}", named(&tree.path(node)));
        }
    }
}

/// Appends a text with each of some characters that go on from the bytes behind it; with itself if there are none.
///
/// Most bytes tried take part in no merge, and the characters are of several classes.
fn complete(rest: &mut Vec<u8>, text: &str, alphabet: &[char], ends: &mut Vec<String>) {
    match std::str::from_utf8(rest) {
        Ok(character) => ends.push(format!("{text}{character}")),
        Err(error) if error.error_len().is_some() => {}
        Err(_) => {
            let own: Vec<u8> =
                alphabet.iter().flat_map(|c| c.to_string().into_bytes()).filter(|b| *b >= 0x80).collect();
            for byte in [0x80, 0x81, 0x83, 0x91, 0x97, 0xA0, 0xB7, 0xBF].into_iter().chain(own) {
                rest.push(byte);
                complete(rest, text, alphabet, ends);
                rest.pop();
            }
        }
    }
}

/// Whether some continuation of what a sequence spells is encoded by a sequence that begins with it.
fn has_future(
    model: &Model,
    alphabet: &[char],
    continuations: &[String],
    cover: &[u32],
    scratch: &mut Scratch,
) -> bool {
    let spelled: Vec<u8> = cover.iter().flat_map(|&id| model.bytes_of(id)).collect();
    let whole = match std::str::from_utf8(&spelled) {
        Ok(_) => spelled.len(),
        Err(error) => error.valid_up_to(),
    };
    let text = String::from_utf8_lossy(&spelled[..whole]).into_owned();
    let mut ends = Vec::new();
    complete(&mut spelled[whole..].to_vec(), &text, alphabet, &mut ends);
    ends.iter()
        .any(|end| continuations.iter().any(|more| model.encode(&format!("{end}{more}"), scratch).starts_with(cover)))
}

/// A vocabulary of all bytes and of joins among some strings, in the order they are made.
fn grown(pool: &[&str], joins: &[(usize, usize)], ignore_merges: bool) -> BpeSpec {
    let mut surfaces: Vec<Vec<u8>> = (0..=255u8).map(|b| vec![b]).collect();
    let mut parts: Vec<Vec<u8>> = Vec::new();
    let mut pairs = Vec::new();
    // Characters of several bytes are made of their bytes first.
    for text in pool.iter().map(|text| text.as_bytes()) {
        if text.len() == 1 {
            parts.push(text.to_vec());
        } else {
            parts.extend(text.iter().map(|&b| vec![b]));
        }
    }
    for &(left, right) in joins {
        let (left, right) = (parts[left % parts.len()].clone(), parts[right % parts.len()].clone());
        let joined = [&left[..], &right].concat();
        let id = |bytes: &[u8]| surfaces.iter().position(|s| s == bytes).map(|id| u32::try_from(id).expect("few"));
        if joined.len() <= 6 && !surfaces.contains(&joined) {
            pairs.push((id(&left).expect("a part"), id(&right).expect("a part")));
            surfaces.push(joined.clone());
            parts.push(joined);
        }
    }
    let mut tokens = TokenTable::default();
    for (id, surface) in (0u32..).zip(&surfaces) {
        tokens.push(surface, id);
    }
    BpeSpec { tokens, merges: MergeRule::Pairs(pairs), symbols: Symbols::Bytes, ignore_merges }
}

/// The same vocabulary with its ranks, or the listed merges, in another order.
fn reordered(mut spec: BpeSpec, swaps: &[(usize, usize)], ranks: bool) -> BpeSpec {
    let mut surfaces: Vec<Vec<u8>> = spec.tokens.iter().map(|(bytes, _)| bytes.to_vec()).collect();
    let MergeRule::Pairs(pairs) = &mut spec.merges else { return spec };
    let count = pairs.len().max(1);
    for (left, right) in swaps.iter().map(|&(left, right)| (left % count, right % count)) {
        if ranks && count > 1 {
            surfaces.swap(256 + left, 256 + right);
        } else if count > 1 {
            pairs.swap(left, right);
        }
    }
    if ranks {
        let mut tokens = TokenTable::default();
        surfaces.iter().zip(0..).for_each(|(surface, id)| tokens.push(surface, id));
        return BpeSpec { tokens, merges: MergeRule::Ranks, ..spec };
    }
    spec
}

fn joins() -> impl Strategy<Value = Vec<(usize, usize)>> {
    prop::collection::vec((0..400usize, 0..400usize), 0..28)
}

/// `b`, `2`, `.` and `B` take part in no merge, so that every class of characters has one that joins nothing.
const ASCII: [char; 10] = ['a', 's', 'r', 'e', 'b', ' ', '\n', '\'', '1', '2'];
const ASCII_POOL: [&str; 8] = ["a", "s", "r", "e", " ", "\n", "'", "1"];
const CASES: [char; 8] = ['A', 'a', 'B', 'b', '一', ' ', '\'', 's'];
const CASES_POOL: [&str; 6] = ["A", "a", "一", " ", "'", "s"];
/// Two characters for every first byte and every first two bytes, so that none is certain to go on as it merges.
const WIDE: [char; 7] = ['a', ' ', 'é', 'ã', '中', '一', '䠀'];
const WIDE_POOL: [&str; 4] = ["a", " ", "é", "中"];

fn texts(alphabet: &'static [char], count: usize) -> impl Strategy<Value = Vec<String>> {
    let text = prop::collection::vec(prop::sample::select(alphabet), 3..8);
    prop::collection::vec(text.prop_map(|chars| chars.into_iter().collect::<String>()), 0..count)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn covers_of_every_family_equal_those_of_all_continuations(
        joins in joins(), ignore_merges in any::<bool>(), longer in texts(&ASCII, 3), cased in texts(&CASES, 3),
    ) {
        for name in Pretokenizer::names() {
            let cutting = || Cutting::Pattern(Pretokenizer::named(name).expect("a name"));
            if let Some(model) = Model::new(&grown(&ASCII_POOL, &joins, ignore_merges), cutting(), &[]) {
                check(name, &model, &ASCII, 2, 2, &longer);
            }
            if let Some(model) = Model::new(&grown(&CASES_POOL, &joins, ignore_merges), cutting(), &[]) {
                check(name, &model, &CASES, 2, 2, &cased);
            }
        }
    }

    #[test]
    fn characters_of_several_bytes_are_covered_byte_by_byte(
        joins in joins(), ignore_merges in any::<bool>(), longer in texts(&WIDE, 3),
    ) {
        for name in ["gpt2", "o200k_base", "deepseek_v3", "kimi"] {
            let cutting = Cutting::Pattern(Pretokenizer::named(name).expect("a name"));
            if let Some(model) = Model::new(&grown(&WIDE_POOL, &joins, ignore_merges), cutting, &[]) {
                check(name, &model, &WIDE, 2, 2, &longer);
            }
        }
    }

    #[test]
    fn merges_alone_give_one_node_a_byte(joins in joins(), longer in texts(&ASCII, 3)) {
        if let Some(model) = Model::new(&grown(&ASCII_POOL, &joins, false), Cutting::Nothing, &[]) {
            check("no pattern", &model, &ASCII, 2, 2, &longer);
            for text in &longer {
                let mut tree = CoverTree::new(Arc::clone(&model.rules));
                tree.extend(text.as_bytes());
                prop_assert_eq!(tree.len(), text.len());
                prop_assert_eq!(tree.token_tree().expect("few nodes").len(), text.len());
            }
        }
    }

    #[test]
    fn whole_pieces_win_over_merges(joins in joins(), swap in 0..400usize, longer in texts(&ASCII, 3)) {
        // A token that its merges do not make any more, since another comes first.
        let mut spec = grown(&ASCII_POOL, &joins, true);
        if let MergeRule::Pairs(pairs) = &mut spec.merges && !pairs.is_empty() {
            let at = swap % pairs.len();
            pairs.remove(at);
        }
        for cutting in [Cutting::Nothing, Cutting::Pattern(Pretokenizer::named("llama3").expect("a name"))] {
            if let Some(model) = Model::new(&spec, cutting, &[]) {
                check("no pattern", &model, &ASCII, 2, 2, &longer);
            }
        }
    }

    #[test]
    fn ranks_that_contradict_the_order_of_merges_are_followed(
        joins in joins(), swaps in prop::collection::vec((0..400usize, 0..400usize), 1..8), ranks in any::<bool>(),
        longer in texts(&ASCII, 3),
    ) {
        let spec = reordered(grown(&ASCII_POOL, &joins, false), &swaps, ranks);
        for cutting in [Cutting::Nothing, Cutting::Pattern(Pretokenizer::named("llama3").expect("a name"))] {
            if let Some(model) = Model::new(&spec, cutting, &[]) {
                check("reordered", &model, &ASCII, 2, 2, &longer);
            }
        }
    }

    #[test]
    fn added_tokens_are_found_before_all_else(joins in joins(), longer in texts(&ASCII, 3)) {
        for cutting in [Cutting::Nothing, Cutting::Pattern(Pretokenizer::named("gpt2").expect("a name"))] {
            let added = ["  ", "   ", "a1", "1 2", "s'"];
            if let Some(model) = Model::new(&grown(&ASCII_POOL, &joins, false), cutting, &added) {
                check("no pattern", &model, &ASCII, 2, 2, &longer);
            }
        }
    }

    #[test]
    fn unknown_characters_are_bytes(joins in joins(), longer in texts(&WIDE, 3)) {
        let spec = characters(&["a", " ", "é", "中"], &joins);
        if let Some(model) = Model::new(&spec, Cutting::Characters(Characters::new(['a', ' ', 'é', '中'], false)), &[]) {
            check("user symbols", &model, &WIDE, 2, 2, &longer);
        }
    }
}

/// A vocabulary of byte tokens, some characters, and joins of those.
fn characters(known: &[&str], joins: &[(usize, usize)]) -> BpeSpec {
    let mut surfaces: Vec<Vec<u8>> = (0..=255u8).map(|b| format!("<0x{b:02X}>").into_bytes()).collect();
    surfaces.extend(known.iter().map(|text| text.as_bytes().to_vec()));
    let mut pairs = Vec::new();
    for &(left, right) in joins {
        let count = surfaces.len() - 256;
        let (left, right) = (256 + left % count, 256 + right % count);
        let joined = [&surfaces[left][..], &surfaces[right]].concat();
        if joined.len() <= 6 && !surfaces.contains(&joined) {
            let id = |at: usize| u32::try_from(at).expect("few");
            pairs.push((id(left), id(right)));
            surfaces.push(joined);
        }
    }
    let mut tokens = TokenTable::default();
    for (id, surface) in (0u32..).zip(&surfaces) {
        if id < 256 {
            tokens.push_not_encodable(surface, id);
        } else {
            tokens.push(surface, id);
        }
    }
    let mut fallback = Box::new([0; 256]);
    fallback.iter_mut().zip(0..).for_each(|(slot, id)| *slot = id);
    let symbols = Symbols::Chars { byte_fallback: Some(fallback), unknown: None, fuse_unknown: false };
    BpeSpec { tokens, merges: MergeRule::Pairs(pairs), symbols, ignore_merges: false }
}
