//! Safe cuts: the pieces of the halves are the pieces of the whole.

use super::compiled_ends;
use super::oracle::families;
use super::random::{Random, text};

#[test]
fn halves_at_a_safe_cut_give_the_pieces_of_the_whole() {
    cut_random_strings(60_000, 100);
}

#[test]
#[ignore = "25 million strings; run by make soak"]
fn halves_at_a_safe_cut_give_the_pieces_of_the_whole_soak() {
    cut_random_strings(1_000_000, 10_100);
}

fn cut_random_strings(count: usize, seed: u64) {
    for (seed, family) in (seed..).zip(families()) {
        let mut random = Random(seed);
        let mut string = String::new();
        let (mut safe, mut boundaries) = (0_u64, 0_u64);
        for _ in 0..count {
            text(&mut random, 20, &mut string);
            let whole = compiled_ends(&family, &string);
            boundaries += whole.len() as u64;
            for (at, _) in string.char_indices().skip(1) {
                if !family.pretokenizer.is_safe_cut(&string, at) {
                    continue;
                }
                safe += 1;
                let mut halves = compiled_ends(&family, &string[..at]);
                halves.extend(compiled_ends(&family, &string[at..]).iter().map(|end| at + end));
                assert_eq!(halves, whole, "{}: {string:?} at {at}", family.name);
            }
        }
        // The proof would be of no use if it allowed next to no cut.
        assert!(safe * 4 > boundaries, "{}: {safe} safe cuts of {boundaries} boundaries", family.name);
    }
}

#[test]
fn ordinary_text_has_safe_cuts() {
    for family in families() {
        for string in ["one two", "x 1", "語 word", "end. Next"] {
            let at = string.find(' ').expect("a space");
            assert!(family.pretokenizer.is_safe_cut(string, at) || string == "x 1", "{}: {string:?}", family.name);
        }
        assert!(!family.pretokenizer.is_safe_cut("words", 2), "{}", family.name);
        assert!(!family.pretokenizer.is_safe_cut("é", 1), "{}: inside a character", family.name);
    }
}
