//! All strings of representatives, where the representatives are proven to stand for every character.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokengrove::pretokenize::Dialect;
use tokengrove::unicode::{Class, ClassSet};

use super::compiled_ends;
use super::oracle::{Family, Regex, families, predicates};

/// Which scalars (by position among all) match a pattern of one character, in the engine of the splits.
fn members(pattern: &str, by_oniguruma: bool) -> Arc<Vec<u32>> {
    type Known = BTreeMap<(String, bool), Arc<Vec<u32>>>;
    static KNOWN: Mutex<Known> = Mutex::new(Known::new());
    let key = (pattern.to_owned(), by_oniguruma);
    if let Some(found) = KNOWN.lock().expect("no panic while locked").get(&key) {
        return Arc::clone(found);
    }
    let dialect = if by_oniguruma { Dialect::HuggingFace } else { Dialect::Tiktoken };
    let regex = Regex::new(pattern, dialect);
    // In pieces, because oniguruma's iterator takes time for what is left of the text.
    let scalars: Vec<char> = ('\0'..=char::MAX).collect();
    let mut found = vec![];
    for (first, chars) in (0_u32..).step_by(4096).zip(scalars.chunks(4096)) {
        let text: String = chars.iter().collect();
        let mut starts = vec![];
        regex.matches(&text, |start, _| starts.push(start));
        let mut next = starts.into_iter().peekable();
        let places = text.char_indices().zip(first..);
        found.extend(places.filter_map(|((at, _), place)| next.next_if_eq(&at).map(|_| place)));
    }
    let found = Arc::new(found);
    KNOWN.lock().expect("no panic while locked").insert(key, Arc::clone(&found));
    found
}

/// For every scalar, which predicates hold, as one set of bits.
fn signatures(family: &Family) -> Vec<u64> {
    let mut signatures = vec![0_u64; 0x11_0000 - 0x800];
    let by_oniguruma = family.splits.iter().any(|split| matches!(split, Regex::Onig(_)));
    let digits = family.splits.iter().any(|split| matches!(split, Regex::Digits));
    let patterns = family.pretokenizer.patterns().iter().flat_map(|pattern| predicates(pattern));
    for (bit, pattern) in patterns.enumerate() {
        assert!(bit < 63, "too many predicates");
        for &place in members(&pattern, by_oniguruma).iter() {
            signatures[place as usize] |= 1 << bit;
        }
    }
    if digits {
        for (place, c) in ('\0'..=char::MAX).enumerate() {
            signatures[place] |= u64::from(ClassSet::DIGITS.has(Class::of(c))) << 63;
        }
    }
    signatures
}

/// One character for each signature, so that every scalar has the signature of some representative.
fn representatives(family: &Family) -> Vec<char> {
    let mut found = BTreeMap::<u64, char>::new();
    // The last of each, so that representatives are of two bytes and more where they can be.
    found.extend(signatures(family).into_iter().zip('\0'..=char::MAX));
    found.into_values().collect()
}

/// One character for each signature and class: more than the pattern can tell apart, all that the automaton can.
fn representatives_of_classes(family: &Family) -> Vec<char> {
    let mut found = BTreeMap::<(u64, u8), char>::new();
    found.extend(signatures(family).into_iter().zip('\0'..=char::MAX).map(|(s, c)| ((s, Class::of(c) as u8), c)));
    found.into_values().collect()
}

/// Calls `test` on every string of `alphabet` of one to `length` characters.
fn all_strings(alphabet: &[char], length: usize, test: &mut impl FnMut(&str)) -> usize {
    fn extend(alphabet: &[char], left: usize, string: &mut String, test: &mut impl FnMut(&str)) -> usize {
        let mut count = 0;
        for &c in alphabet {
            string.push(c);
            test(string);
            count += 1;
            if left > 1 {
                count += extend(alphabet, left - 1, string, test);
            }
            string.pop();
        }
        count
    }
    extend(alphabet, length, &mut String::new(), test)
}

#[test]
fn every_family_equals_its_regex_on_all_short_strings() {
    // A change of these numbers means that some pattern tells other characters apart than it did.
    assert_eq!(compare_all_strings(4, representatives), 1_930_978);
}

#[test]
#[ignore = "60 million strings; run by make soak"]
fn every_family_equals_its_regex_on_all_short_strings_soak() {
    compare_all_strings(5, representatives);
}

#[test]
fn characters_of_one_signature_are_interchangeable() {
    assert_eq!(compare_all_strings(3, representatives_of_classes), 1_150_125);
}

#[test]
#[ignore = "50 million strings; run by make soak"]
fn characters_of_one_signature_are_interchangeable_soak() {
    compare_all_strings(4, representatives_of_classes);
}

/// Compares every family with its regex; where one has two engines, the second on strings shorter by one.
fn compare_all_strings(length: usize, alphabet_of: fn(&Family) -> Vec<char>) -> usize {
    let mut total = 0;
    for family in families() {
        // The engines agree on the characters; so the longest strings need only one of them.
        let again = family.name.ends_with("HuggingFace") && family.name != "gpt2, HuggingFace";
        total += all_strings(&alphabet_of(&family), length - usize::from(again), &mut |text| {
            assert_eq!(compiled_ends(&family, text), family.reference_ends(text), "{}: {text:?}", family.name);
        });
    }
    total
}

#[test]
fn the_predicates_of_a_pattern_are_read_off_its_text() {
    let found = predicates(r"'(?i:[sdmt]|ll)| ?\p{N}{1,3}+|[^\s[\p{L}]]\s++$");
    let expected = ["'", "(?i:[sdmt])", "(?i:l)", "(?i:l)", " ", r"\p{N}", r"[^\s[\p{L}]]", r"\s"];
    let mut expected = expected.map(str::to_owned).to_vec();
    expected.sort();
    expected.dedup();
    assert_eq!(found, expected);
}
