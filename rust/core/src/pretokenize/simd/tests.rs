use super::*;
use std::fmt::Write as _;

const R2: &str = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s";
const R3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const R4: &str =
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const R5: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

const R1: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
const R6: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const R7: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

fn patterns() -> Vec<(&'static str, &'static str, Pattern)> {
    vec![
        ("R1", R1, Pattern::Gpt2(Gpt2)),
        ("R6", R6, Pattern::O200k(O200k { three_digits: true, contractions: true, slash_tail: true })),
        ("R7", R7, Pattern::O200k(O200k { three_digits: false, contractions: false, slash_tail: true })),
        ("R2", R2, Pattern::Cl100k(Cl100k { three_digits: true, closing_space: true })),
        ("R3", R3, Pattern::Cl100k(Cl100k { three_digits: true, closing_space: false })),
        ("R4", R4, Pattern::Cl100k(Cl100k { three_digits: false, closing_space: false })),
        ("R5", R5, Pattern::Cl100kMarks(Cl100k { three_digits: false, closing_space: false })),
    ]
}

fn paths() -> Vec<Path> {
    let mut paths = vec![Path::Portable(portable::Portable)];
    #[cfg(target_arch = "x86_64")]
    paths.extend(avx2::Avx2::detect().map(Path::Avx2));
    #[cfg(target_arch = "x86_64")]
    paths.extend(avx512::Avx512::detect().map(Path::Avx512));
    paths
}

fn by_regex(regex: &fancy_regex::Regex, text: &str) -> Vec<usize> {
    regex.find_iter(text).map(|found| found.expect("a match").end()).collect()
}

fn by_scanner(scanner: Scanner, text: &str) -> Vec<usize> {
    let mut all = Vec::new();
    let mut ends = [0; 200];
    let mut at = 0;
    while at < text.len() {
        let found = scanner.run(&text.as_bytes()[at..], &mut ends);
        assert!(found.count > 0 && found.end > 0, "no progress at {at} in {text:?}");
        all.extend(ends[..found.count].iter().map(|&end| at + end as usize));
        at += found.end;
        assert_eq!(all.last(), Some(&at));
    }
    all
}

fn pieces(text: &str, ends: &[usize]) -> String {
    let mut start = 0;
    let mut shown = String::new();
    for &end in ends {
        write!(shown, "{:?} ", text.get(start..end)).expect("a string");
        start = end;
    }
    shown
}

fn check(name: &str, regex: &fancy_regex::Regex, pattern: Pattern, text: &str) {
    let expected = by_regex(regex, text);
    for path in paths() {
        let got = by_scanner(Scanner { pattern, path }, text);
        if got != expected {
            let same = got.iter().zip(&expected).take_while(|(a, b)| a == b).count();
            let from = if same == 0 { 0 } else { expected[same - 1] };
            panic!(
                "{name} {path:?}: from {from}:\n  got      {}\n  expected {}",
                pieces(&text[from..], &got[same..].iter().take(3).map(|e| e - from).collect::<Vec<_>>()),
                pieces(&text[from..], &expected[same..].iter().take(3).map(|e| e - from).collect::<Vec<_>>()),
            );
        }
    }
}

/// A small generator, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % bound
    }
}

const ALPHABET: [&str; 48] = [
    "a", "b", "s", "t", "d", "m", "l", "v", "e", "r", "S", "L", "V", "E", "Z", "'", "'", "'", " ", " ", " ", "\t",
    "\n", "\r", "\n", "/", "/", "!", "-", "0", "1", "9", "\u{a0}", "\u{3000}", "\u{2003}", "é", "É", "ſ", "ǅ", "中",
    "ア", "ª", "\u{301}", "\u{93e}", "٣", "½", "😀", "𝟘",
];

fn random_text(random: &mut Random, length: usize) -> String {
    let mut text = String::new();
    // Few distinct characters make long runs and strange neighbours likely.
    let distinct = 1 + random.below(8);
    let subset: Vec<&str> = (0..distinct).map(|_| ALPHABET[random.below(ALPHABET.len())]).collect();
    let whole = random.below(3) == 0;
    for _ in 0..length {
        let c = if whole { ALPHABET[random.below(ALPHABET.len())] } else { subset[random.below(distinct)] };
        let repeat = if random.below(20) == 0 { 1 + random.below(70) } else { 1 };
        for _ in 0..repeat {
            text.push_str(c);
        }
    }
    text
}

#[test]
fn scanners_equal_the_regex_on_random_text() {
    let count: usize = std::env::var("SIMD_RANDOM").ok().and_then(|v| v.parse().ok()).unwrap_or(20_000);
    for (name, regex, pattern) in patterns() {
        let regex = fancy_regex::Regex::new(regex).expect(name);
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        for _ in 0..count {
            let length = 1 + random.below(180);
            check(name, &regex, pattern, &random_text(&mut random, length));
        }
    }
}

#[test]
#[ignore = "timing"]
fn time() {
    let dir = std::env::var("TOKENGROVE_TEST_DATA").expect("data");
    let mut code = String::new();
    for entry in std::fs::read_dir("/root/.pyenv/versions/3.11.7/lib/python3.11").expect("stdlib") {
        let path = entry.expect("e").path();
        if path.extension().is_some_and(|e| e == "py") {
            code += &std::fs::read_to_string(path).unwrap_or_default();
        }
    }
    let mut texts = vec![("code".to_string(), code)];
    for name in ["english", "cjk", "multilingual", "chat_md", "json_log"] {
        texts.push((name.into(), std::fs::read_to_string(format!("{dir}/corpora/{name}.txt")).expect("corpus")));
    }
    let only = std::env::var("ONLY").unwrap_or_default();
    for (pname, _, pattern) in patterns() {
        if !only.is_empty() && !only.split(',').any(|o| o == pname) {
            continue;
        }
        for (name, text) in &texts {
            let text = &text.as_bytes()[..];
            let which = std::env::var("PATHS").unwrap_or_default();
            for path in paths() {
                if !format!("{path:?}").starts_with(&which) {
                    continue;
                }
                let scanner = Scanner { pattern, path };
                let mut best = f64::MAX;
                let mut pieces = 0;
                let mut ends = vec![0_u32; 1088];
                for _ in 0..25 {
                    let start = std::time::Instant::now();
                    let mut at = 0;
                    pieces = 0;
                    while at < text.len() {
                        let found = scanner.run(&text[at..], &mut ends);
                        at += found.end;
                        pieces += found.count;
                    }
                    best = best.min(start.elapsed().as_secs_f64());
                }
                let rate = text.len() as f64 / best;
                println!(
                    "{pname} {name:13} {:30} {:7.0} MB/s {:.2} c/B  {:.2} B/piece",
                    format!("{path:?}"),
                    rate / 1e6,
                    2.75e9 / rate,
                    text.len() as f64 / pieces as f64
                );
            }
        }
    }
}
