//! Safe cuts: the pieces of the halves are the pieces of the whole.

use super::oracle::families;
use super::random::{Random, text};
use super::{compiled_ends, soak};

#[test]
fn halves_at_a_safe_cut_give_the_pieces_of_the_whole() {
    let count = if soak() { 1_000_000 } else { 60_000 };
    for (seed, family) in (100..).zip(families()) {
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
