//! Random strings over a rich alphabet.

use std::time::{Duration, Instant};

use tokengrove::pretokenize::{PieceEnds, Pretokenizer};

use super::compiled_ends;
use super::oracle::families;

/// A small generator (`SplitMix64`), so that a failure can be repeated from its seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) >> 33).expect("31 bits") % limit
    }

    pub(crate) fn pick<'a>(&mut self, items: &[&'a str]) -> &'a str {
        items[self.below(items.len())]
    }
}

/// What makes pretokenizers differ: contractions, blanks of all kinds, cases, marks, numbers, scripts.
pub(crate) const PARTS: [&str; 94] = [
    " ",
    " ",
    " ",
    " ",
    "  ",
    "   ",
    "\t",
    "\n",
    "\n",
    "\r",
    "\r\n",
    "\u{b}",
    "\u{c}",
    "\u{85}",
    "\u{a0}",
    "\u{2028}",
    "\u{3000}",
    "'",
    "'",
    "'s",
    "'S",
    "'ſ",
    "'t",
    "'re",
    "'RE",
    "'rE",
    "'r",
    "'v",
    "'ve",
    "'ll",
    "'lL",
    "'l",
    "'L",
    "'d",
    "'m",
    "’s",
    "a",
    "b",
    "e",
    "l",
    "s",
    "E",
    "L",
    "R",
    "T",
    "Q",
    "word",
    "Word",
    "WORD",
    "aB",
    "ABc",
    "é",
    "É",
    "ß",
    "ſ",
    "ǅ",
    "Ω",
    "ж",
    "ʰ",
    "ª",
    "\u{301}",
    "\u{903}",
    "\u{20e3}",
    "ا",
    "א",
    "हि",
    "ไ",
    "中",
    "文字",
    "々",
    "〇",
    "か",
    "カ",
    "ー",
    "・",
    "\u{3099}",
    "゠",
    "\u{3040}",
    "⺀",
    "\u{16ff0}",
    "0",
    "12",
    "345",
    "٣",
    "½",
    "Ⅷ",
    ".",
    "!!",
    "/",
    "//",
    "\0",
    "\u{200d}",
    "😀",
    "\u{11de0}",
];

/// A random string of at most `parts` parts.
pub(crate) fn text(random: &mut Random, parts: usize, out: &mut String) {
    out.clear();
    // A few parts make up one string, so that runs and repetitions are frequent.
    let some: [&str; 6] = std::array::from_fn(|_| random.pick(&PARTS));
    for _ in 0..random.below(parts) {
        let part: &str = if random.below(3) == 0 { random.pick(&PARTS) } else { random.pick(&some) };
        out.push_str(part);
    }
}

#[test]
fn every_family_equals_its_regex_on_a_million_random_strings() {
    compare_random_strings(40_000, 1);
}

#[test]
#[ignore = "25 million strings; run by make soak"]
fn every_family_equals_its_regex_on_random_strings_soak() {
    compare_random_strings(1_000_000, 10_001);
}

fn compare_random_strings(count: usize, seed: u64) {
    let families = families();
    assert_eq!(families.len(), 25);
    for (seed, family) in (seed..).zip(&families) {
        let mut random = Random(seed);
        let mut string = String::new();
        for _ in 0..count {
            text(&mut random, 30, &mut string);
            let (ours, theirs) = (compiled_ends(family, &string), family.reference_ends(&string));
            assert_eq!(ours, theirs, "{}: {string:?}", family.name);
        }
    }
}

/// The piece ends that [`Pretokenizer::try_pieces`] gives, through a buffer of some capacity.
fn buffered_ends(pretokenizer: &Pretokenizer, text: &str, capacity: usize) -> Vec<usize> {
    let mut buffer = PieceEnds { capacity, ..PieceEnds::default() };
    let (mut at, mut ends) = (0, vec![]);
    while at < text.len() {
        buffer.clear();
        let next = pretokenizer.try_pieces(text, at, &mut buffer).expect("compiled pretokenizers do not fail");
        assert!(next > at && buffer.ends.len() <= capacity && buffer.dropped.is_empty());
        ends.extend(buffer.ranges(at).map(|range| range.end));
        assert_eq!(ends.last(), Some(&next));
        at = next;
    }
    ends
}

#[test]
fn any_capacity_gives_the_same_pieces() {
    for (seed, family) in (300..).zip(families()) {
        let mut random = Random(seed);
        let mut string = String::new();
        for _ in 0..10_000 {
            text(&mut random, 40, &mut string);
            let capacity = 1 + random.below(12);
            let found = buffered_ends(&family.pretokenizer, &string, capacity);
            assert_eq!(found, compiled_ends(&family, &string), "{}: {string:?} by {capacity}", family.name);
        }
    }
}

/// Texts on which a regex engine backtracks, or a scan that looks ahead might look twice at everything.
#[test]
fn long_runs_take_linear_time() {
    const COUNT: usize = 1_000_000;
    let mut texts = vec!["\n".to_owned() + &" ".repeat(COUNT) + "x", "中A".to_owned() + &"A".repeat(COUNT)];
    for part in
        [" ", "\n", " \n", "\u{3000} ", "a", "A", "Aa", "中A", "'", "a'", "'r", "1", "!", "!\n", "\0", "\u{301}"]
    {
        texts.push(part.repeat(COUNT));
    }
    for name in Pretokenizer::names() {
        let pretokenizer = Pretokenizer::named(name).expect(name);
        for text in &texts {
            let start = Instant::now();
            let ends = buffered_ends(&pretokenizer, text, 1024);
            let machine = pretokenizer.machine().expect(name);
            let singly =
                std::iter::successors(Some(0), |&at| (at < text.len()).then(|| machine.next_end(text.as_bytes(), at)));
            assert!(singly.skip(1).eq(ends), "{name}: {:?}", &text[..8]);
            assert!(start.elapsed() < Duration::from_secs(5), "{name}: {:?} takes {:?}", &text[..8], start.elapsed());
        }
    }
}
