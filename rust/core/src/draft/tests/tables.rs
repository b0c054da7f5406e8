//! Rows, the adjacency matrix, and rows of longer contexts.

use crate::draft::context::{ContextTable, Key};
use crate::draft::row::Row;
use crate::draft::{AdjacencyMatrix, Update};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn row(entries: &[(u32, f32)]) -> Row {
    let ids: Vec<u32> = entries.iter().map(|e| e.0).collect();
    let logs: Vec<f32> = entries.iter().map(|e| e.1.ln()).collect();
    Row::of(&ids, &logs)
}

fn values(row: &Row) -> Vec<(u32, f32)> {
    row.ids().iter().copied().zip(row.probabilities().iter().map(|p| p.value())).collect()
}

proptest! {
    #[test]
    fn averaging_is_the_mean_of_all_distributions_while_there_is_room(
        weights in prop::collection::vec(prop::collection::vec(1_u32..100, 4), 1..8),
    ) {
        // Four candidates of seven at a time: nothing falls out of a row of eight.
        let distributions: Vec<Vec<(u32, f32)>> = weights.iter().enumerate().map(|(n, w)| {
            let total = w.iter().sum::<u32>() as f32;
            let mut entries: Vec<_> = w.iter().enumerate().map(|(i, &x)| (((n + i) % 7) as u32, x as f32 / total)).collect();
            entries.sort_by(|a, b| b.1.total_cmp(&a.1));
            entries
        }).collect();
        let mut average = Row::default();
        let mut exact: BTreeMap<u32, f32> = BTreeMap::new();
        for distribution in &distributions {
            average.update(&row(distribution), Update::Average { rate: 0.001 });
            for &(id, p) in distribution {
                *exact.entry(id).or_default() += p / distributions.len() as f32;
            }
        }
        prop_assert_eq!(usize::from(average.count()), distributions.len());
        let got = values(&average);
        prop_assert_eq!(got.len(), exact.len());
        prop_assert!(got.windows(2).all(|w| w[0].1 >= w[1].1), "not in order: {:?}", got);
        for (id, p) in got {
            // Each of at most eight roundings adds half a step of 2^-8.
            prop_assert!((p / exact[&id] - 1.0).abs() < 0.03, "{id}: {p} for {}", exact[&id]);
        }
    }
}

#[test]
fn the_last_of_several_rows_for_one_token_decides() {
    let mut matrix = AdjacencyMatrix::new(10, 2, Update::Replace).unwrap();
    matrix.update(&[3, 4, 3], &[1, 2, 3, 4, 5, 6], &[-0.1, -1.0, -0.2, -1.0, -0.3, -1.0]).unwrap();
    assert_eq!(matrix.row(3).unwrap().ids(), [5, 6]);
    assert_eq!(matrix.row(4).unwrap().ids(), [3, 4]);
    assert_eq!((matrix.row(3).unwrap().count(), matrix.row(3).unwrap().stamp(), matrix.clock()), (2, 1, 1));
    matrix.update(&[4], &[9, 8, 7], &[-0.1, -1.0, -2.0]).unwrap();
    assert_eq!(matrix.row(4).unwrap().ids(), [9, 8], "candidates beyond k are left out");
    assert_eq!((matrix.row(4).unwrap().stamp(), matrix.row(3).unwrap().stamp()), (2, 1));
    matrix.reset();
    assert!(matrix.rows().iter().all(Row::is_empty));
}

#[test]
fn a_matrix_refuses_what_does_not_fit_and_stays_as_it_was() {
    for (vocab, k, how, expected) in [
        (10, 0, Update::Replace, "k is 0; a row holds 1 to 8 candidates"),
        (10, 9, Update::Replace, "k is 9; a row holds 1 to 8 candidates"),
        (0, 8, Update::Replace, "the vocabulary has 0 tokens; 1 to 2^28 are possible"),
        (10, 8, Update::Average { rate: 0.0 }, "the rate of averaging is 0; it must be in (0, 1]"),
        (10, 8, Update::Average { rate: f32::NAN }, "the rate of averaging is NaN; it must be in (0, 1]"),
    ] {
        assert_eq!(AdjacencyMatrix::new(vocab, k, how).unwrap_err().to_string(), expected);
    }
    let mut matrix = AdjacencyMatrix::new(10, 2, Update::Replace).unwrap();
    for (tokens, ids, logs, expected) in [
        (
            &[1_u32, 10][..],
            &[1_u32, 2][..],
            &[-1.0_f32, -1.0][..],
            "tokens: id 10 is outside the drafter's vocabulary of 10 tokens",
        ),
        (&[1, 2], &[1, 99], &[-1.0, -1.0], "candidate ids: id 99 is outside the drafter's vocabulary of 10 tokens"),
        (&[1, 2], &[1, 2, 3], &[-1.0, -1.0, -1.0], "3 candidate ids are no 2 rows of equal length"),
        (&[1], &[1, 2], &[-1.0], "2 candidate ids, but 1 log-probabilities"),
        (&[1, 2], &[1, 2], &[-1.0, f32::NAN], "the log-probability at row 1, column 0 is NaN"),
        (&[], &[1], &[-1.0], "1 candidate ids are no 0 rows of equal length"),
    ] {
        assert_eq!(matrix.update(tokens, ids, logs).unwrap_err().to_string(), expected);
        assert!(matrix.rows().iter().all(Row::is_empty));
    }
}

#[test]
fn contexts_are_found_again_while_the_table_grows_and_never_exceed_it() {
    let mut table = ContextTable::new(1 << 13, Update::Replace);
    let key = |i: u32| Key::of(&[i, i / 7, 3]);
    for i in 0..6000 {
        table.enter(key(i), &row(&[(i, 0.5)]), i);
    }
    let kept = (0..6000).filter(|&i| table.get(key(i)).is_some_and(|row| row.ids() == [i])).count();
    // Three of four places for two are taken: some contexts meet two others at their place.
    assert!(kept > 4500, "{kept} of 6000 contexts are left in a table for 8192");
    for i in 6000..40_000 {
        table.enter(key(i), &row(&[(i, 0.5)]), i);
    }
    assert!(table.rows().count() <= 1 << 13);
    let newest = (39_000..40_000).filter(|&i| table.get(key(i)).is_some()).count();
    assert!(newest > 900, "{newest} of the newest 1000 contexts are left");
    table.reset();
    assert_eq!(table.rows().count(), 0);
}
