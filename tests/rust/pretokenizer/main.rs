//! Compiled pretokenizers against the regex engines whose patterns they stand for.
//!
//! For each family and each engine that has it: all strings of class representatives up to a length, and random
//! strings. `make soak` runs the ignored tests too, on longer strings and more of them.

mod combinations;
mod cuts;
mod exhaustive;
mod general;
mod oracle;
mod random;
mod recognition;
mod streaming;

use oracle::{Family, families};

/// The piece ends that the compiled pretokenizer gives.
fn compiled_ends(family: &Family, text: &str) -> Vec<usize> {
    let machine = family.pretokenizer.machine().expect("a compiled family");
    let mut ends = Vec::new();
    let mut at = 0;
    while at < text.len() {
        at = machine.next_end(text.as_bytes(), at);
        ends.push(at);
    }
    ends
}

#[test]
fn every_name_is_compiled() {
    for name in tokengrove::pretokenize::Pretokenizer::names() {
        let pretokenizer = tokengrove::pretokenize::Pretokenizer::named(name).expect(name);
        assert!(pretokenizer.machine().is_some(), "{name} runs on the general engine");
    }
    assert_eq!(families().len(), 25);
}
