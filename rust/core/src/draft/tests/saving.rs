//! Saving, restoring, merging.

use super::{Session, VOCAB, dynamic};
use crate::draft::{Config, Draft, Recycling, Template};

fn learned() -> Session {
    let mut session = Session::start(dynamic(), &[3, 1, 4, 1, 5, 9, 2, 6]);
    session.run(150, 30);
    session.drafter.finish(&session.sequence);
    session
}

#[test]
fn a_restored_drafter_drafts_the_same() {
    let mut session = learned();
    let saved = session.drafter.save();
    let mut restored = dynamic();
    restored.restore(&saved).unwrap();
    assert_eq!(restored.save(), saved);
    let (mut one, mut two) = (Draft::default(), Draft::default());
    session.drafter.draft(&session.sequence, 40, &mut one).unwrap();
    restored.draft(&session.sequence, 40, &mut two).unwrap();
    assert_eq!(one, two);
    assert!(one.len() > 20);
}

#[test]
fn bytes_that_were_not_saved_are_refused_and_change_nothing() {
    let saved = learned().drafter.save();
    let mut drafter = learned().drafter;
    let before = drafter.save();
    for end in (0..saved.len()).step_by(7) {
        drafter.restore(&saved[..end]).unwrap_err();
    }
    let longer = [&saved[..], &[0]].concat();
    assert_eq!(
        drafter.restore(&longer).unwrap_err().to_string(),
        "this is not a saved drafter that fits: 1 bytes follow its end"
    );
    assert_eq!(drafter.save(), before);
    let mut other = Recycling::new(Config::dynamic(60)).unwrap();
    assert_eq!(
        other.restore(&saved).unwrap_err().to_string(),
        "this is not a saved drafter that fits: its vocabulary size is 50, the drafter's is 60"
    );
    // Whatever bits flip: an error or a drafter, never a panic, never an id outside the vocabulary.
    for at in 0..saved.len() {
        let mut broken = saved.clone();
        broken[at] ^= 1 << (at % 8);
        let mut drafter = dynamic();
        if drafter.restore(&broken).is_ok() {
            let mut draft = Draft::default();
            drafter.draft(&learned_sequence(), 10, &mut draft).unwrap();
            assert!(draft.tokens.iter().all(|&token| token < VOCAB));
        }
    }
}

fn learned_sequence() -> crate::draft::Sequence {
    let mut sequence = crate::draft::Sequence::default();
    for token in [3, 1, 4] {
        sequence.push(token);
    }
    sequence
}

#[test]
fn merging_into_an_empty_drafter_gives_the_rows_of_the_other() {
    let session = learned();
    let mut empty = dynamic();
    empty.merge(&session.drafter).unwrap();
    let ids = |drafter: &Recycling| drafter.matrix().rows().iter().map(|row| row.ids().to_vec()).collect::<Vec<_>>();
    assert_eq!(ids(&empty), ids(&session.drafter));
    assert_eq!(empty.contexts[1].rows().count(), session.drafter.contexts[1].rows().count());
    let other = Recycling::new(Config::dynamic(60)).unwrap();
    assert_eq!(
        empty.merge(&other).unwrap_err().to_string(),
        "a drafter of 60 tokens and k = 8 cannot be merged into one of 50 tokens and k = 8"
    );
}

#[test]
fn merging_averages_by_what_each_has_seen_and_keeps_what_replaces() {
    let train = |config: Config, id: u32, times: usize| {
        let mut drafter = Recycling::new(config).unwrap();
        for _ in 0..times {
            drafter.prompt(&mut crate::draft::Sequence::default(), &[5], &[id], &[0.8_f32.ln()]).unwrap();
        }
        drafter
    };
    let mut mine = train(Config::dynamic(50), 1, 3);
    mine.merge(&train(Config::dynamic(50), 2, 1)).unwrap();
    let row = mine.matrix().row(5).unwrap();
    assert_eq!((row.ids(), row.count()), (&[1, 2][..], 4));
    assert!((row.probabilities()[0].value() - 0.6).abs() < 0.01 && (row.probabilities()[1].value() - 0.2).abs() < 0.01);
    let fixed = || Config::fixed(50, Template::static_80());
    let mut mine = train(fixed(), 1, 1);
    mine.merge(&train(fixed(), 2, 1)).unwrap();
    assert_eq!(mine.matrix().row(5).unwrap().ids(), [1]);
}
