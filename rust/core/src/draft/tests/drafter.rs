//! The dynamic tree.

use super::{K, Session, VOCAB, dynamic, greedy, rows};
use crate::draft::{Config, Draft, Recycling, Sequence, Template};
use proptest::prelude::*;
use std::collections::HashSet;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn drafts_are_trees_of_distinct_siblings_best_first_and_nested(
        prompt in prop::collection::vec(0..VOCAB, 1..30),
        steps in 0_usize..12,
        budget in 0_usize..60,
    ) {
        let mut session = Session::start(dynamic(), &prompt);
        (0..steps).for_each(|_| { session.step(24); });
        let (mut draft, mut larger) = (Draft::default(), Draft::default());
        session.drafter.draft(&session.sequence, budget, &mut draft).unwrap();
        session.drafter.draft(&session.sequence, budget + 20, &mut larger).unwrap();
        prop_assert!(draft.len() <= budget + 1);
        prop_assert_eq!((draft.tokens[0], draft.parents[0]), (*session.sequence.tokens().last().unwrap(), -1));
        let mut siblings = HashSet::new();
        for node in 1..draft.len() {
            prop_assert!((0..node as i32).contains(&draft.parents[node]));
            prop_assert!(siblings.insert((draft.parents[node], draft.tokens[node])));
            prop_assert!(draft.tokens[node] < VOCAB);
            prop_assert!(draft.probabilities[node] <= draft.probabilities[draft.parents[node] as usize]);
        }
        prop_assert!(draft.probabilities[1..].windows(2).all(|w| w[0] >= w[1]), "not best first");
        // What was given up as out of reach was out of reach.
        prop_assert_eq!(&larger.tokens[..draft.len()], &draft.tokens[..]);
        prop_assert_eq!(&larger.parents[..draft.len()], &draft.parents[..]);
    }

    #[test]
    fn the_text_is_the_model_s_own_whatever_the_drafter(
        prompt in prop::collection::vec(0..VOCAB, 1..20),
        budget in 0_usize..40,
        template in any::<bool>(),
    ) {
        let fixed = || Recycling::new(Config::fixed(VOCAB as usize, Template::static_80())).unwrap();
        let mut session = Session::start(if template { fixed() } else { dynamic() }, &prompt);
        session.run(120, budget);
        let text = session.sequence.tokens();
        prop_assert_eq!(text, greedy(&prompt, text.len()));
    }
}

#[test]
fn a_drafter_that_knows_nothing_drafts_nothing() {
    let mut drafter = dynamic();
    let mut sequence = Sequence::default();
    let mut draft = Draft::default();
    let error = drafter.draft(&sequence, 80, &mut draft).unwrap_err();
    assert_eq!(error.to_string(), "the sequence is empty; a tree needs its last token as a root");
    sequence.push(7);
    drafter.draft(&sequence, 80, &mut draft).unwrap();
    assert_eq!((draft.tokens, draft.parents), (vec![7], vec![-1]));
}

#[test]
fn the_same_steps_give_the_same_drafts() {
    let run = || {
        let mut session = Session::start(dynamic(), &[4, 8, 15, 16, 23, 42]);
        session.run(200, 40);
        (session.draft, session.steps)
    };
    assert_eq!(run(), run());
}

#[test]
fn repeated_text_is_drafted_further_than_one_level_at_a_time() {
    // A period of 12 tokens that no context of three tells apart at its end: only the long match knows how it goes on.
    let period = [1, 2, 3, 4, 1, 2, 3, 5, 1, 2, 3, 6];
    let mut drafter = dynamic();
    let mut sequence = Sequence::default();
    let prompt: Vec<u32> = period.iter().copied().cycle().take(49).collect();
    drafter.prompt(&mut sequence, &prompt, &[], &[]).unwrap();
    let mut draft = Draft::default();
    drafter.draft(&sequence, 24, &mut draft).unwrap();
    assert_eq!(draft.tokens[1..], period.iter().copied().cycle().skip(1).take(24).collect::<Vec<_>>());
    assert_eq!(draft.parents[1..], (0..24).collect::<Vec<_>>());
}

#[test]
fn a_finished_text_is_found_again_in_the_next_one() {
    let mut drafter = dynamic();
    let story: Vec<u32> = (0..40).map(|i| i * i % 47).collect();
    let mut first = Sequence::default();
    drafter.prompt(&mut first, &story, &[], &[]).unwrap();
    let mut second = Sequence::default();
    let mut draft = Draft::default();
    drafter.prompt(&mut second, &story[..8], &[], &[]).unwrap();
    drafter.draft(&second, 10, &mut draft).unwrap();
    assert_eq!(draft.len(), 1, "an unfinished text is its own affair");
    drafter.finish(&first);
    drafter.draft(&second, 10, &mut draft).unwrap();
    assert_eq!(draft.tokens[1..], story[8..18]);
    let mut alone = Recycling::new(Config { shared_tokens: 0, ..Config::dynamic(VOCAB as usize) }).unwrap();
    alone.finish(&first);
    alone.draft(&second, 10, &mut draft).unwrap();
    assert_eq!(draft.len(), 1);
}

#[test]
fn finished_texts_are_kept_within_their_bound() {
    let mut drafter = Recycling::new(Config { shared_tokens: 100, ..Config::dynamic(VOCAB as usize) }).unwrap();
    for round in 0..20 {
        let mut sequence = Sequence::default();
        let text: Vec<u32> = (0..30).map(|i| (i * 7 + round) % VOCAB).collect();
        drafter.prompt(&mut sequence, &text, &[], &[]).unwrap();
        drafter.finish(&sequence);
        assert!(drafter.shared.len() <= 104, "{} positions", drafter.shared.len());
    }
}

#[test]
fn more_sources_take_fewer_steps() {
    let steps = |config: Config| {
        let mut total = 0;
        for seed in 0..10 {
            let mut session = Session::start(Recycling::new(config.clone()).unwrap(), &[seed, 2, seed + 7, 11]);
            session.run(150, 16);
            total += session.steps;
        }
        total
    };
    let dynamic = Config::dynamic(VOCAB as usize);
    let all = steps(dynamic.clone());
    let one_token = steps(Config { rates: [0.25, 0.0, 0.0], suffix: false, runners_up: false, ..dynamic.clone() });
    let fixed = steps(Config::fixed(VOCAB as usize, Template::static_80()));
    assert!(all < one_token && all < fixed, "{all} steps with all sources, {one_token} with one, {fixed} fixed");
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let mut session = Session::start(dynamic(), &[1, 2, 3]);
    session.step(20);
    session.drafter.draft(&session.sequence, 10, &mut session.draft).unwrap();
    let before = (session.drafter.save(), session.sequence.tokens().to_vec());
    let n = session.draft.len();
    assert!(n > 2);
    let (ids, logs) = rows(std::iter::repeat_n(&[1_u32][..], n));
    let mut other_root = session.draft.clone();
    other_root.tokens[0] = (other_root.tokens[0] + 1) % VOCAB;
    let mut nan = logs.clone();
    nan[3] = f32::NAN;
    let cases: [Case<'_>; 8] = [
        (&session.draft, &[], 1, &ids, &logs, "the accepted path is empty; it begins with the root"),
        (&session.draft, &[1], 1, &ids, &logs, "node 1 of the accepted path does not follow node -1"),
        (&session.draft, &[0, 0], 1, &ids, &logs, "node 0 of the accepted path does not follow node 0"),
        (&session.draft, &[0, 999], 1, &ids, &logs, "node 999 of the accepted path does not follow node 0"),
        (
            &session.draft,
            &[0],
            VOCAB,
            &ids,
            &logs,
            "the next token: id 50 is outside the drafter's vocabulary of 50 tokens",
        ),
        (&session.draft, &[0], 1, &ids[1..], &logs[1..], "candidate ids are no"),
        (&session.draft, &[0], 1, &ids, &nan, "the log-probability at row 0, column 3 is NaN"),
        (&other_root, &[0], 1, &ids, &logs, "the tree's root is not the last token of the sequence"),
    ];
    for (draft, path, next, ids, logs, expected) in cases {
        let error = session.drafter.learn(&mut session.sequence, draft, path, next, ids, logs).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    assert_eq!(before, (session.drafter.save(), session.sequence.tokens().to_vec()));
    let bad = Recycling::new(Config { rates: [0.5, -1.0, 0.0], ..Config::dynamic(10) }).unwrap_err();
    assert_eq!(bad.to_string(), "the rate of averaging is -1; it must be in [0, 1]");
}

#[test]
fn resetting_forgets_everything() {
    let mut session = Session::start(dynamic(), &[1, 2, 3]);
    session.run(60, 20);
    session.drafter.finish(&session.sequence);
    session.drafter.reset();
    assert_eq!(session.drafter.save(), dynamic().save());
    assert_eq!(session.drafter.config().k, K);
}

/// A draft, the accepted path, the next token, ids and log-probabilities of the rows, and the error.
type Case<'a> = (&'a Draft, &'a [usize], u32, &'a [u32], &'a [f32], &'a str);
