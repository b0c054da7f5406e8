//! From the text of a pattern to the rules of its family.
//!
//! A pattern is taken apart into its alternatives, and each must be one of the spellings listed here; they
//! are equivalent in the dialect for which they are accepted. Whatever does not fit goes to the regex engine.
//! Three traps: `\s++$` makes blanks at the end of a text one piece; in oniguruma, `$` is the end of a line,
//! and `{1,3}+` is a repeated repetition where in fancy-regex it is a possessive one.

use crate::unicode::{Class, ClassSet};

use super::build::Plan;
use super::named::DEEPSEEK;
use super::rules::{Contractions, Rules, Words};
use super::{Dialect, Split};

/// `[^\r\n\p{L}\p{N}]`.
const ANY_PREFIX: ClassSet = ClassSet::NEWLINE.or(ClassSet::LETTER).or(ClassSet::NUMBER).not();
/// `[^\s\p{L}\p{N}]`.
const PUNCT: ClassSet = ClassSet::WHITE.or(ClassSet::LETTER).or(ClassSet::NUMBER).not();
const CASELESS_OR_MARK: ClassSet = ClassSet::CASELESS.or(ClassSet::MARK);

/// The rules that a pattern is a spelling of.
pub(super) fn pattern(pattern: &str, dialect: Dialect) -> Option<Rules> {
    let text = normalized(pattern);
    let all = alternatives(&text);
    let mut rest = all.as_slice();
    let contractions = take_contractions(&mut rest);
    let han_runs = take(&mut rest, &[r"[\p{Han}]+", r"\p{Han}+"]);
    let (words, word_prefix, suffix) = take_words(&mut rest)?;
    let (number_run, number_space) = take_numbers(&mut rest, dialect)?;
    let (punct, punct_tail) = take_punct(&mut rest)?;
    let (newlines, last_blanks) = take_blanks(&mut rest, dialect)?;
    let contractions = match (contractions, suffix) {
        (found, false) => found,
        (Contractions::Never, true) => Contractions::Suffix,
        _ => return None,
    };
    let rules = Rules {
        contractions,
        han_runs,
        words,
        word_prefix,
        numbers: ClassSet::NUMBER,
        number_run,
        number_space,
        number_split: false,
        punct,
        punct_tail,
        newlines,
        last_blanks,
    };
    // Without a rule for line breaks, a line break is one white character among others, but one that cannot come
    // before a word where others can: the automaton does not tell them apart.
    let one_kind_of_blank = newlines || !word_prefix.has(Class::White);
    (rest.is_empty() && rules.match_all_text() && one_kind_of_blank).then_some(rules)
}

/// The plan for a sequence of splits, of the Hugging Face dialect, if it is a known one.
pub(super) fn sequence(splits: &[Split<'_>]) -> Option<Plan> {
    match *splits {
        [Split::Pattern(only)] => pattern(only, Dialect::HuggingFace).map(Plan::Rules),
        [Split::Pattern(a), Split::Pattern(b), Split::Pattern(c)] => {
            ([a, b, c].map(normalized) == DEEPSEEK).then_some(Plan::DeepSeek)
        }
        [first, Split::Pattern(second)] => {
            let (numbers, run) = match first {
                Split::Digits => (ClassSet::DIGITS, 1),
                Split::Pattern(r"\p{N}" | r"\p{N}{1}") => (ClassSet::NUMBER, 1),
                Split::Pattern(r"\p{N}{1,2}") => (ClassSet::NUMBER, 2),
                Split::Pattern(r"\p{N}{1,3}") => (ClassSet::NUMBER, 3),
                Split::Pattern(_) => return None,
            };
            let rules = pattern(second, Dialect::HuggingFace)?;
            // The second split must leave a piece of numbers whole.
            let whole = rules.number_run == 0 || rules.number_run >= run;
            whole.then_some(Plan::Rules(Rules { numbers, number_run: run, number_split: true, ..rules }))
        }
        _ => None,
    }
}

impl Rules {
    /// Whether every text is matched from end to end, so that there are no gaps.
    fn match_all_text(&self) -> bool {
        let words = match self.words {
            Words::Run(set) => set,
            Words::Cased { both } => both.or(ClassSet::UPPER).or(ClassSet::LOWER),
        };
        let han = if self.han_runs { ClassSet::HAN } else { ClassSet::NONE };
        words.or(han).or(self.numbers).or(self.punct).or(ClassSet::WHITE) == ClassSet::ALL
    }
}

/// A pattern with literal line breaks as escapes, and sets of one property without brackets.
fn normalized(pattern: &str) -> String {
    let pattern = pattern.replace('\r', r"\r").replace('\n', r"\n");
    pattern.replace(r"[\p{L}]", r"\p{L}").replace(r"[\p{N}]", r"\p{N}")
}

/// The alternatives of a pattern's outermost level.
fn alternatives(pattern: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut start, mut escaped) = (0_usize, 0, false);
    for (at, byte) in pattern.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.saturating_sub(1),
            b'|' if depth == 0 => {
                parts.push(&pattern[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&pattern[start..]);
    parts
}

/// Takes the next alternative if it has one of the given spellings.
fn take(rest: &mut &[&str], spellings: &[&str]) -> bool {
    match rest.split_first() {
        Some((first, tail)) if spellings.contains(first) => {
            *rest = tail;
            true
        }
        _ => false,
    }
}

const CASELESS_GROUP: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)";

fn take_contractions(rest: &mut &[&str]) -> Contractions {
    const SEVEN: [&str; 7] = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];
    if take(rest, &[CASELESS_GROUP, r"'(?i:[sdmt]|ll|ve|re)"]) {
        return Contractions::Piece { caseless: true };
    }
    if take(rest, &[r"'(?:[sdmt]|ll|ve|re)", r"(?:'s|'t|'re|'ve|'m|'ll|'d)"]) {
        return Contractions::Piece { caseless: false };
    }
    match rest.split_at_checked(SEVEN.len()) {
        Some((head, tail)) if SEVEN.iter().all(|one| head.contains(one)) => {
            *rest = tail;
            Contractions::Piece { caseless: false }
        }
        _ => Contractions::Never,
    }
}

/// The words, the characters that may come before one, and whether contractions end them.
fn take_words(rest: &mut &[&str]) -> Option<(Words, ClassSet, bool)> {
    if take(rest, &[r" ?\p{L}+", r" ?\p{L}++"]) {
        return Some((Words::Run(ClassSet::LETTER), Class::Space.set(), false));
    }
    if take(
        rest,
        &[
            r"[^\r\n\p{L}\p{N}]?\p{L}+",
            r"[^\r\n\p{L}\p{N}]?\p{L}++",
            r"[^\r\n\p{L}\p{N}]?+\p{L}+",
            r"[^\r\n\p{L}\p{N}]?+\p{L}++",
        ],
    ) {
        return Some((Words::Run(ClassSet::LETTER), ANY_PREFIX, false));
    }
    // The prefix may be a mark, which is a letter here too: it makes no difference, unless it were possessive.
    if take(rest, &[r"[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+", r"[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]++"]) {
        return Some((Words::Run(ClassSet::LETTER.or(ClassSet::MARK)), ANY_PREFIX, false));
    }
    for (but, both) in [("", CASELESS_OR_MARK), (r"&&[^\p{Han}]", CASELESS_OR_MARK.minus(ClassSet::HAN))] {
        for (suffix, found) in [(String::new(), false), (format!("{CASELESS_GROUP}?"), true)] {
            let upper = format!(r"[^\r\n\p{{L}}\p{{N}}]?[\p{{Lu}}\p{{Lt}}\p{{Lm}}\p{{Lo}}\p{{M}}{but}]");
            let lower = format!(r"[\p{{Ll}}\p{{Lm}}\p{{Lo}}\p{{M}}{but}]");
            let (first, second) = (format!("{upper}*{lower}+{suffix}"), format!("{upper}+{lower}*{suffix}"));
            if let [a, b, tail @ ..] = *rest
                && (*a, *b) == (&first, &second)
            {
                *rest = tail;
                return Some((Words::Cased { both }, ANY_PREFIX, found));
            }
        }
    }
    None
}

/// How many numbers a piece may hold (0: any count), and whether a space may come before them.
fn take_numbers(rest: &mut &[&str], dialect: Dialect) -> Option<(u8, bool)> {
    let possessive = |spelling| if dialect == Dialect::Tiktoken { spelling } else { r"\p{N}" };
    if take(rest, &[r" ?\p{N}+", r" ?\p{N}++"]) {
        Some((0, true))
    } else if take(rest, &[r"\p{N}+", r"\p{N}++"]) {
        Some((0, false))
    } else if take(rest, &[r"\p{N}", r"\p{N}{1}"]) {
        Some((1, false))
    } else if take(rest, &[r"\p{N}{1,2}", r"(?>\p{N}{1,2})", possessive(r"\p{N}{1,2}+")]) {
        Some((2, false))
    } else if take(rest, &[r"\p{N}{1,3}", r"(?>\p{N}{1,3})", possessive(r"\p{N}{1,3}+")]) {
        Some((3, false))
    } else {
        None
    }
}

/// The punctuation and what may follow it.
fn take_punct(rest: &mut &[&str]) -> Option<(ClassSet, ClassSet)> {
    let (first, tail) = rest.split_first()?;
    let run = first.strip_prefix(" ?")?;
    let forms = [
        (r"[^\s\p{L}\p{N}]", PUNCT),
        (r"[^\s\p{L}\p{N}\r\n]", PUNCT),
        (r"[^\s\p{L}\p{M}\p{N}]", PUNCT.minus(ClassSet::MARK)),
    ];
    let (set, after) = forms.iter().find_map(|(form, set)| Some((*set, run.strip_prefix(form)?.strip_prefix('+')?)))?;
    let ending = match after.strip_prefix('+').unwrap_or(after) {
        "" => ClassSet::NONE,
        r"[\r\n]*" | r"[\r\n]*+" => ClassSet::NEWLINE,
        r"[\r\n/]*" | r"[\r\n/]*+" => ClassSet::NEWLINE.or(Class::Slash.set()),
        _ => return None,
    };
    *rest = tail;
    Some((set, ending))
}

/// Whether blanks end a piece at their last line break, and whether they do not at the end of a text.
fn take_blanks(rest: &mut &[&str], dialect: Dialect) -> Option<(bool, bool)> {
    let last = (dialect == Dialect::Tiktoken && take(rest, &[r"\s++$", r"\s+$"])) || take(rest, &[r"\s++\z", r"\s+\z"]);
    let newlines = take(rest, &[r"\s*[\r\n]+", r"\s*[\r\n]"]);
    let runs = take(rest, &[r"\s+(?!\S)"]) && take(rest, &[r"\s+", r"\s++", r"\s"]);
    runs.then_some((newlines, last))
}
