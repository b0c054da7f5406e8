//! Every scanner on every instruction set against the automaton for the same rules, which is itself tested against
//! the regular expressions.

use std::fmt::Write as _;

use crate::pretokenize::{InstructionSet, PieceEnds, Pretokenizer};

/// A pretokenizer that has a scanner, by name, or by a pattern for which there is no name.
const PATTERNS: [(&str, &str); 11] = [
    ("gpt2", ""),
    ("cl100k_base", ""),
    ("llama3", ""),
    ("qwen2", ""),
    ("qwen3.5", ""),
    ("o200k_base", ""),
    ("tekken", ""),
    ("kimi", ""),
    ("deepseek_v3", ""),
    ("starcoder", ""),
    (
        "o200k without slashes",
        concat!(
            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
            r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
            r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
        ),
    ),
];

/// A pretokenizer on each instruction set.
struct Case {
    name: &'static str,
    on: Vec<(InstructionSet, Pretokenizer)>,
}

fn cases() -> Vec<Case> {
    let build = |(name, pattern): (&'static str, &str)| {
        let pretokenizer = if pattern.is_empty() {
            Pretokenizer::named(name)
        } else {
            Pretokenizer::from_pattern(pattern, crate::pretokenize::Dialect::Tiktoken)
        };
        let pretokenizer = pretokenizer.expect(name);
        assert!(matches!(pretokenizer.engine, crate::pretokenize::Engine::Scanner(..)), "{name} has no scanner");
        let on = InstructionSet::available().into_iter().map(|set| (set, pretokenizer.clone().on(set))).collect();
        Case { name, on }
    };
    PATTERNS.into_iter().map(build).collect()
}

impl Case {
    /// Splits a text with the automaton and with every scanner.
    fn check(&self, text: &str, buffer: &mut PieceEnds) {
        let machine = self.on[0].1.machine().expect("a compiled pattern");
        let mut expected = Vec::new();
        let mut at = 0;
        while at < text.len() {
            at = machine.next_end(text.as_bytes(), at);
            expected.push(at);
        }
        for (set, pretokenizer) in &self.on {
            let mut got = Vec::new();
            let mut at = 0;
            while at < text.len() {
                buffer.clear();
                let next = pretokenizer.try_pieces(text, at, buffer).expect("short pieces");
                assert!(next > at && buffer.ends.len() <= buffer.capacity, "{} on {set}: {text:?} at {at}", self.name);
                got.extend(buffer.ends.iter().map(|&end| at + end as usize));
                at = next;
                assert_eq!(got.last(), Some(&at), "{} on {set}: {text:?}", self.name);
            }
            if got != expected {
                let same = got.iter().zip(&expected).take_while(|(a, b)| a == b).count();
                let from = if same == 0 { 0 } else { expected[same - 1] };
                let (got, expected) = (show(text, from, &got[same..]), show(text, from, &expected[same..]));
                panic!("{} on {set}, at {from}:\n  got      {got}\n  expected {expected}\n{text:?}", self.name);
            }
        }
    }
}

/// A few pieces.
fn show(text: &str, mut from: usize, ends: &[usize]) -> String {
    let mut shown = String::new();
    for &end in ends.iter().take(4) {
        write!(shown, "{:?} ", text.get(from..end).unwrap_or("inside a character")).expect("a string");
        from = end;
    }
    shown
}

/// A small generator (xorshift), so that a failure can be repeated from its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits") % limit
    }

    fn pick<'a>(&mut self, items: &[&'a str]) -> &'a str {
        items[self.below(items.len())]
    }
}

/// Every class that a scanner tells apart, in characters of all lengths.
#[rustfmt::skip]
const ALPHABET: &[&str] = &[
    "a", "b", "s", "t", "d", "m", "l", "v", "e", "r", "S", "L", "V", "E", "Z", "'", "'", "'", " ", " ", " ", "\t",
    "\n", "\r", "\n", "/", "/", "!", "-", "0", "1", "9", "\u{a0}", "\u{3000}", "\u{2003}", "\u{85}", "é", "É", "ſ",
    "ǅ", "中", "ア", "ª", "\u{301}", "\u{93e}", "\u{1d165}", "٣", "½", "😀", "𝟘", "𝐀", "𠀀", "⺀", "々", "〇", "\u{16ff0}",
    "\u{11de0}", "\u{3040}", "\u{1}", "\u{7f}", "\u{200d}", "・",
];

/// A random string of few distinct characters, so that runs and odd neighbours are frequent.
fn random_text(random: &mut Random, length: usize) -> String {
    let mut text = String::new();
    let some: [&str; 8] = std::array::from_fn(|_| random.pick(ALPHABET));
    let distinct = 1 + random.below(some.len());
    let any = random.below(3) == 0;
    for _ in 0..length {
        let c = if any { random.pick(ALPHABET) } else { random.pick(&some[..distinct]) };
        let repeat = if random.below(20) == 0 { 1 + random.below(70) } else { 1 };
        for _ in 0..repeat {
            text.push_str(c);
        }
    }
    text
}

fn check_random_text(count: usize, seed: u64) {
    let mut buffer = PieceEnds { capacity: 150, ..PieceEnds::default() };
    for (case, case_seed) in cases().iter().zip(1..) {
        let mut random = Random(seed << 32 | case_seed);
        for _ in 0..count {
            let length = 1 + random.below(180);
            case.check(&random_text(&mut random, length), &mut buffer);
        }
    }
}

#[test]
fn scanners_equal_the_automaton_on_random_text() {
    check_random_text(15_000, 0x9E37_79B9);
}

#[test]
#[ignore = "33 million strings; run by make soak"]
fn scanners_equal_the_automaton_on_much_random_text() {
    check_random_text(3_000_000, 0x7F4A_7C15);
}

/// One character of each class that a scanner tells apart; contractions need several letters.
#[rustfmt::skip]
const REPRESENTATIVES: [&str; 22] = [
    "b", "s", "l", "E", "Z", "'", " ", "\t", "\n", "/", "!", "1", "\u{3000}", "é", "ſ", "中", "\u{301}", "😀", "\u{1}",
    "\u{200d}", "・", "〇",
];

/// All strings of `length` representatives across the border of the first block, after random ones.
fn check_borders(length: u32, seed: u64) {
    let mut buffer = PieceEnds::default();
    let mut random = Random(seed);
    let cases = cases();
    let mut text = String::new();
    for number in 0..REPRESENTATIVES.len().pow(length) {
        text.clear();
        let border = 64 - random.below(4 * length as usize + 2);
        text.push_str(&"a".repeat(border.saturating_sub(24)));
        while text.len() < border {
            text.push_str(random.pick(&REPRESENTATIVES));
        }
        let mut digits = number;
        for _ in 0..length {
            text.push_str(REPRESENTATIVES[digits % REPRESENTATIVES.len()]);
            digits /= REPRESENTATIVES.len();
        }
        let bare = text.len();
        text.push_str(random.pick(&REPRESENTATIVES));
        for case in &cases {
            case.check(&text[..bare], &mut buffer);
            case.check(&text, &mut buffer);
        }
    }
}

#[test]
fn scanners_equal_the_automaton_on_short_strings_across_block_borders() {
    check_borders(3, 7);
}

#[test]
#[ignore = "4 million strings; run by make soak"]
fn scanners_equal_the_automaton_on_longer_strings_across_block_borders() {
    for seed in 1..=8 {
        check_borders(4, seed);
    }
}

#[test]
fn scanners_equal_the_automaton_on_long_runs() {
    let mut buffer = PieceEnds::default();
    let cases = cases();
    for c in REPRESENTATIVES {
        for length in [63, 64, 65, 127, 128, 129, 1000, 20_000] {
            for (before, after) in
                [("", ""), ("x", "\n"), ("\n", "x"), ("!", "\n \n"), ("中", "!"), ("中", "a"), (" ", "'s")]
            {
                let text = format!("{before}{}{after}", c.repeat(length));
                for case in &cases {
                    case.check(&text, &mut buffer);
                }
            }
        }
    }
}

#[test]
fn scanners_equal_the_automaton_on_every_scalar() {
    let all: String = ('\0'..=char::MAX).collect();
    let apart: String = ('\0'..=char::MAX).flat_map(|c| [c, 'a', ' ', c, 'Z', c]).collect();
    let mut buffer = PieceEnds::default();
    for case in cases() {
        case.check(&all, &mut buffer);
        case.check(&apart, &mut buffer);
    }
}

#[test]
fn scanners_equal_the_automaton_on_real_text() {
    let Some(data) = std::env::var_os("TOKENGROVE_TEST_DATA") else {
        return; // No test data: nothing to read.
    };
    let corpora = std::path::Path::new(&data).join("corpora");
    let mut buffer = PieceEnds::default();
    for entry in std::fs::read_dir(corpora).expect("corpora") {
        let path = entry.expect("an entry").path();
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        for case in cases() {
            case.check(&text, &mut buffer);
        }
    }
}

#[test]
#[ignore = "4 GiB of memory; run by make soak"]
fn a_piece_is_exact_up_to_4_gib_and_an_error_beyond() {
    let longest = u32::MAX as usize;
    let mut bytes = vec![b'x'; longest + 5000];
    let pretokenizer = Pretokenizer::named("cl100k_base").expect("a name");
    let mut buffer = PieceEnds::default();
    for end in [longest - 64, longest - 63, longest - 1, longest, longest + 1, longest + 5000] {
        if let Some(byte) = bytes.get_mut(end) {
            *byte = b'!';
        }
        let text = std::str::from_utf8(&bytes).expect("ASCII");
        buffer.clear();
        let found = pretokenizer.try_pieces(text, 0, &mut buffer);
        if end <= longest {
            assert_eq!(found.map(|at| (at, buffer.ends[0] as usize)), Ok((end, end)));
        } else {
            assert!(found.is_err() && buffer.ends.is_empty(), "a piece of {end} bytes");
        }
        if let Some(byte) = bytes.get_mut(end) {
            *byte = b'x';
        }
    }
}
