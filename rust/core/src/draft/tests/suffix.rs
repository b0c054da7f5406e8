//! The suffix automaton against search by eye.

use crate::draft::SuffixAutomaton;
use proptest::prelude::*;

const BORDER: u32 = u32::MAX;

fn occurs(text: &[u32], part: &[u32], before: usize) -> bool {
    (part.len()..=before).any(|end| &text[end - part.len()..end] == part)
}

/// The longest end of `text` without a border that also ends earlier.
fn longest(text: &[u32]) -> usize {
    let whole = text.iter().rev().take_while(|&&t| t != BORDER).count();
    (0..=whole).rev().find(|&len| occurs(text, &text[text.len() - len..], text.len().saturating_sub(1))).unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_longest_match_is_what_search_finds(
        text in prop::collection::vec(prop_oneof![9 => 0_u32..3, 1 => Just(BORDER)], 0..60),
    ) {
        let mut automaton = SuffixAutomaton::new();
        for (i, &token) in text.iter().enumerate() {
            automaton.push(token);
            let found = automaton.longest();
            prop_assert_eq!(found.len(), longest(&text[..=i]), "after {:?}", &text[..=i]);
            if let Some(end) = automaton.end_of(found) {
                prop_assert!(end < i);
                prop_assert_eq!(&text[end + 1 - found.len()..=end], &text[i + 1 - found.len()..=i]);
            } else {
                prop_assert!(found.is_empty());
            }
        }
    }

    #[test]
    fn following_tokens_keeps_the_longest_match(
        text in prop::collection::vec(prop_oneof![9 => 0_u32..3, 1 => Just(BORDER)], 0..60),
        tokens in prop::collection::vec(0_u32..4, 0..20),
    ) {
        let mut automaton = SuffixAutomaton::new();
        for &token in &text {
            automaton.push(token);
        }
        let mut at = crate::draft::Match::default();
        for (i, &token) in tokens.iter().enumerate() {
            at = automaton.follow(at, token);
            let expected = (0..=i + 1).rev().find(|&len| occurs(&text, &tokens[i + 1 - len..=i], text.len())).unwrap();
            prop_assert_eq!(at.len(), expected);
            if let Some(end) = automaton.end_of(at) {
                prop_assert_eq!(&text[end + 1 - at.len()..=end], &tokens[i + 1 - at.len()..=i]);
            }
        }
    }
}

#[test]
fn the_latest_occurrence_is_the_one_found() {
    let mut text = SuffixAutomaton::new();
    for token in [5, 6, 1, 5, 6, 2, 5, 6] {
        text.push(token);
    }
    assert_eq!(text.end_of(text.longest()), Some(4));
}

#[test]
fn repetition_costs_no_more_than_other_text() {
    // Every prefix of this text is a suffix of all later ones: a step that visited them all would take minutes.
    let mut text = SuffixAutomaton::new();
    for _ in 0..200_000 {
        text.push(1);
        assert!(text.longest().len() + 1 >= text.len().min(2));
    }
    assert_eq!(text.longest().len(), 199_999);
}
