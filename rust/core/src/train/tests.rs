//! Training equals its definition.

#![allow(clippy::cast_possible_truncation, reason = "the vocabularies of tests are small")]

use super::reference;
use super::*;
use proptest::prelude::*;
use std::collections::HashSet;

type Listed = Vec<(Vec<u8>, u64)>;
/// Left and right token and the count of the pair.
type Named = Vec<(Vec<u8>, Vec<u8>, u64)>;

impl Pieces for Listed {
    fn for_each(&self, f: &mut dyn FnMut(&[u8], u64)) {
        for (piece, count) in self {
            f(piece, *count);
        }
    }
}

/// Small alphabets, long runs and equal counts: what makes ties and overlaps.
fn pieces() -> impl Strategy<Value = Listed> {
    let letters = prop_oneof![3 => 2..4_u8, 1 => 4..20_u8];
    letters.prop_flat_map(|letters| {
        let piece = prop_oneof![
            4 => prop::collection::vec(b'a'..b'a' + letters, 1..14),
            1 => (b'a'..b'a' + letters, 1..40_usize).prop_map(|(letter, len)| vec![letter; len]),
            1 => prop::collection::vec(prop_oneof![Just(b' '), Just(b':'), b'a'..b'a' + letters], 1..40),
        ];
        prop::collection::vec((piece, prop_oneof![4 => 1..4_u64, 1 => 1..1_000_000_u64]), 1..40)
    })
}

fn bytewise(ties: Ties) -> AlphabetOptions {
    AlphabetOptions { ties, all_bytes: true, ..AlphabetOptions::default() }
}

/// The merges that the definition gives, as pairs of strings, with new ids for all; and whether a string was made twice.
fn expected(listed: &Listed, goal: &Goal, inherited: &[(Vec<u8>, Vec<u8>)]) -> (Named, bool) {
    let mut strings: Vec<Vec<u8>> = (0..=255_u8).map(|byte| vec![byte]).collect();
    let mut words: Vec<(Vec<u32>, u64)> =
        listed.iter().map(|(piece, count)| (piece.iter().map(|&byte| u32::from(byte)).collect(), *count)).collect();
    let id = |strings: &[Vec<u8>], string: &[u8]| strings.iter().position(|known| known == string).map(|id| id as u32);
    let mut all = Vec::new();
    for (left, right) in inherited {
        let (Some(l), Some(r)) = (id(&strings, left), id(&strings, right)) else { continue };
        let present = words.iter().any(|(word, _)| word.windows(2).any(|pair| pair == [l, r]));
        if present {
            let token = strings.len() as u32;
            for (word, _) in &mut words {
                reference::apply(word, l, r, token);
            }
            strings.push([left.as_slice(), right].concat());
            all.push((left.clone(), right.clone(), 0));
        }
    }
    let most = goal.vocab_size.saturating_sub(strings.len());
    let first = strings.len() as u32;
    let shared = std::cell::RefCell::new(strings);
    let spelled =
        |left: u32, right: u32| [shared.borrow()[left as usize].as_slice(), &shared.borrow()[right as usize]].concat();
    // One merge at a time, so that strings are known when limits ask for them.
    for step in 0..most {
        let allow = |left, right| {
            let string = spelled(left, right);
            let fits = match goal.max_length {
                MaxLength::Unlimited => true,
                MaxLength::Bytes(most) => string.len() <= most,
                MaxLength::Compatible(limit) => string.len() <= 2 || string.len() < limit,
            };
            fits && reference::allows(&goal.rule, &string)
        };
        let found = reference::merges(&mut words, first + step as u32, 1, goal.min_frequency, allow);
        let Some(&(left, right, count)) = found.first() else { break };
        let string = spelled(left, right);
        let (left, right) = (shared.borrow()[left as usize].clone(), shared.borrow()[right as usize].clone());
        all.push((left, right, count));
        shared.borrow_mut().push(string);
    }
    let strings = shared.into_inner();
    let mut seen = HashSet::new();
    let twice = strings.iter().any(|string| !seen.insert(string));
    (all, twice)
}

fn named(trained: &Trained) -> Named {
    let tokens: Vec<&[u8]> = trained.tokens().collect();
    let name = |id: u32| tokens[id as usize].to_vec();
    trained.merges().iter().map(|merge| (name(merge.left), name(merge.right), merge.count)).collect()
}

fn limits() -> impl Strategy<Value = (MaxLength, JoinRule)> {
    let length = prop_oneof![
        3 => Just(MaxLength::Unlimited),
        1 => (1..8_usize).prop_map(MaxLength::Bytes),
        1 => (1..8_usize).prop_map(MaxLength::Compatible)
    ];
    let rule = prop_oneof![
        2 => Just(JoinRule::default()),
        1 => (1..4_usize).prop_map(|most| JoinRule { max_words: Some(most), forbid: vec![b": ".to_vec()], ..JoinRule::default() }),
    ];
    (length, rule)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn merges_are_those_of_the_definition(
        listed in pieces(),
        more in 0..60_usize,
        min_frequency in 0..4_u64,
        (max_length, rule) in limits(),
    ) {
        let goal = Goal { vocab_size: 256 + more, reserved: 0, min_frequency, max_length, rule };
        let (expected, _) = expected(&listed, &goal, &[]);
        let trained = train(&bytewise(Ties::RustBpe), &listed, &goal, &mut Quiet).unwrap();
        prop_assert_eq!(named(&trained), expected);
    }

    #[test]
    fn the_order_of_tokenizers_is_the_same_where_no_token_is_spelled_twice(
        listed in pieces(),
        more in 0..60_usize,
        (max_length, rule) in limits(),
    ) {
        // Letters, spaces and colons have the same order as bytes and in the byte alphabet, but for the space.
        let listed: Listed = listed.into_iter().map(|(piece, count)| (piece.into_iter().map(|b| if b == b' ' { 0xFF } else { b }).collect(), count)).collect();
        let goal = Goal { vocab_size: 256 + more, max_length, rule, ..Goal::of_size(0) };
        let (expected, twice) = expected(&listed, &goal, &[]);
        let trained = train(&bytewise(Ties::Tokenizers), &listed, &goal, &mut Quiet).unwrap();
        if !twice {
            prop_assert_eq!(named(&trained), expected);
        }
        let mut start = begin(&bytewise(Ties::Tokenizers), &listed, &Inherited::default(), &goal, &mut Quiet).unwrap();
        compatible::run(&start.corpus, &mut start.vocabulary, &mut start.merges, &goal, &mut Quiet).unwrap();
        let names = |vocabulary: &Vocabulary| vocabulary.iter().map(<[u8]>::to_vec).collect::<Vec<_>>();
        prop_assert_eq!(names(&start.vocabulary), names(&trained.vocabulary));
        prop_assert_eq!(&start.merges, trained.merges());
    }

    #[test]
    fn stages_are_those_of_the_definition(first in pieces(), second in pieces(), more in 0..40_usize, most in 1..4_usize) {
        let options = bytewise(Ties::RustBpe);
        let goal = Goal::of_size(256 + 20);
        let inherited: Vec<_> = named(&train(&options, &first, &goal, &mut Quiet).unwrap())
            .into_iter().map(|(left, right, _)| (left, right)).collect();
        // The first of equal strings is the one that a name means.
        let mut seen = HashSet::new();
        let inherited: Vec<_> = inherited.into_iter().filter(|(l, r)| seen.insert([l.as_slice(), r].concat())).collect();
        let rule = JoinRule { max_words: Some(most), forbid: vec![b": ".to_vec()], ..JoinRule::default() };
        let goal = Goal { vocab_size: 256 + 20 + more, rule, ..Goal::of_size(0) };
        let (expected, _) = expected(&second, &goal, &inherited);
        let plan = Inherited { merges: inherited, keep_unused: false };
        let trained = continue_training(&options, &second, &plan, None, &goal, &mut Quiet).unwrap();
        prop_assert_eq!(named(&trained), expected);
    }

    #[test]
    fn training_can_go_on_where_it_stopped(listed in pieces(), more in 1..60_usize, cut in 0..60_usize) {
        let options = bytewise(Ties::RustBpe);
        let goal = Goal::of_size(256 + more);
        let whole = train(&options, &listed, &goal, &mut Quiet).unwrap();
        let tokens: Vec<&[u8]> = whole.tokens().collect();
        let mut seen = HashSet::new();
        prop_assume!(tokens.iter().all(|token| seen.insert(*token)));
        let part = &whole.merges()[..cut.min(whole.merges().len())];
        let name = |id: u32| tokens[id as usize].to_vec();
        let merges = part.iter().map(|merge| (name(merge.left), name(merge.right))).collect();
        let resume = Resume { merges, inherited: 0 };
        let rest = continue_training(&options, &listed, &Inherited::default(), Some(&resume), &goal, &mut Quiet).unwrap();
        prop_assert_eq!(rest.tokens().collect::<Vec<_>>(), tokens);
    }
}

/// A text of many pieces, so that there are several epochs and counts of all sizes.
fn zipf(distinct: u64) -> Listed {
    let letter = |x: u64| b"etaoinshrdlucmfwypvbgkjqxz"[(x.trailing_ones() as usize * 3 + (x >> 40) as usize % 5) % 26];
    (1..=distinct)
        .map(|i| {
            let mut state = i.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let piece = (0..2 + i % 9).map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                letter(state)
            });
            (piece.collect(), 300_000 / i + 1)
        })
        .collect()
}

#[test]
fn several_epochs_give_what_one_gives() {
    let listed = zipf(4000);
    let goal = Goal::of_size(256 + 700);
    let (expected, _) = expected(&listed, &goal, &[]);
    let trained = train(&bytewise(Ties::RustBpe), &listed, &goal, &mut Quiet).unwrap();
    assert_eq!(named(&trained), expected);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let parallel = pool.install(|| train(&bytewise(Ties::RustBpe), &listed, &goal, &mut Quiet).unwrap());
    assert_eq!(named(&parallel), expected);
}

/// Ends the training at once.
struct Impatient;
impl Observe for Impatient {
    fn progress(&mut self, _: Progress, _: SoFar<'_>) -> Result<(), TrainError> {
        Err(TrainError::interrupted())
    }
}

#[test]
fn errors_say_what_was_found_and_what_is_needed() {
    let options = AlphabetOptions { special_tokens: vec!["<s>".into()], ..bytewise(Ties::Tokenizers) };
    let message =
        |listed: &Listed, size| train(&options, listed, &Goal::of_size(size), &mut Quiet).unwrap_err().to_string();
    assert_eq!(message(&vec![], 300), "there is no text to learn from: the corpus is empty");
    assert_eq!(
        message(&vec![(b"ab".to_vec(), 1)], 256),
        "a vocabulary of 256 tokens is too small: its symbols and 1 special tokens alone are 257"
    );
    let error = train(&options, &vec![(b"ab".to_vec(), 1)], &Goal::of_size(300), &mut Impatient).unwrap_err();
    assert!(error.is_interrupted());
}
