//! One character at a time: what is settled stays, and what can still change is known.

use tokengrove::pretokenize::machine::Cursor;
use tokengrove::unicode::Class;

use super::compiled_ends;
use super::oracle::families;
use super::random::{Random, text};

#[test]
fn steps_settle_the_pieces_and_pending_lists_all_that_is_open() {
    for (seed, family) in (200..).zip(families()) {
        let machine = family.pretokenizer.machine().expect("a compiled family");
        let mut random = Random(seed);
        let mut string = String::new();
        for _ in 0..10_000 {
            text(&mut random, 20, &mut string);
            let whole = compiled_ends(&family, &string);
            let mut cursor = Cursor::START;
            let mut settled = vec![];
            for (at, c) in string.char_indices() {
                if cursor.at_boundary() && at > 0 {
                    assert!(whole.contains(&at), "{}: {string:?} at {at}", family.name);
                }
                let pending = machine.pending(cursor);
                for &end in whole.iter().filter(|&&end| end < at && settled.last().is_none_or(|&last| end > last)) {
                    let known = pending.as_slice().contains(&end);
                    assert!(known, "{}: {string:?}: {end} is not pending at {at}", family.name);
                }
                settled.extend_from_slice(machine.step(&mut cursor, Class::of(c), at, at + c.len_utf8()).as_slice());
                assert_eq!(settled, whole[..settled.len()], "{}: {string:?} at {at}", family.name);
            }
            settled.extend_from_slice(machine.finish(cursor).as_slice());
            if !string.is_empty() {
                settled.push(string.len());
            }
            assert_eq!(settled, whole, "{}: {string:?}", family.name);
        }
    }
}
