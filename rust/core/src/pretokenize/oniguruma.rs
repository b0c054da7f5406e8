//! From oniguruma's syntax to that of fancy-regex, where the same text means different things.
//!
//! What differs was found by asking oniguruma about every scalar value (see the tests): `\w` and with it `\b`,
//! the POSIX brackets, which are Unicode-wide, `\Z`, and `(?m)`, which is about the dot. That `^` and `$` are about
//! lines, and the many differences in parsing, are options of the engine. Not covered are case folds to several
//! characters: `(?i:ss)` does not match `ß` here.

/// `\w` in brackets: Unicode's word characters without the two joiners.
const WORD_IN_BRACKETS: &str = r"[\w&&[^\x{200C}\x{200D}]]";
const NOT_WORD_IN_BRACKETS: &str = r"[^\w&&[^\x{200C}\x{200D}]]";
/// `\w` elsewhere: also the six superscripts and fractions of Latin-1.
const WORD: &str = r"[[\w²³¹¼½¾]&&[^\x{200C}\x{200D}]]";
const NOT_WORD: &str = r"[^[\w²³¹¼½¾]&&[^\x{200C}\x{200D}]]";

/// What a POSIX bracket `[:name:]`, or a property of that name, holds, as a set inside brackets.
fn posix(name: &str) -> Option<&'static str> {
    Some(match name {
        "alnum" => r"\p{Alphabetic}\p{Nd}",
        "alpha" => r"\p{Alphabetic}",
        "ascii" => r"\x00-\x7F",
        "blank" => r"\p{Zs}\t",
        "cntrl" => r"\p{Cc}",
        "digit" => r"\p{Nd}",
        "graph" => r"[^\s\p{Cc}\p{Cn}\p{Z}]",
        "lower" => r"\p{Lowercase}",
        "print" => r"[^\p{Cc}\p{Cn}\p{Zl}\p{Zp}]",
        "punct" => r"\p{P}\p{S}",
        "space" => r"\s",
        "upper" => r"\p{Uppercase}",
        "xdigit" => "0-9A-Fa-f",
        "word" => WORD_IN_BRACKETS,
        _ => return None,
    })
}

/// Rewrites a pattern.
pub(super) fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    // How many brackets are open.
    let mut depth = 0_usize;
    while let Some(c) = rest.chars().next() {
        let taken = match c {
            '\\' => escape(rest, depth, &mut out),
            '[' if depth > 0 && rest.starts_with("[:") => posix_bracket(rest, &mut out),
            '[' => {
                depth += 1;
                // A closing bracket that comes first is a member.
                let open = if rest.starts_with("[^") { 2 } else { 1 };
                let member = rest[open..].starts_with(']') && rest[open + 1..].contains(']');
                out.push_str(&rest[..open]);
                out.push_str(if member { r"\]" } else { "" });
                Some(open + usize::from(member))
            }
            ']' => {
                depth = depth.saturating_sub(1);
                None
            }
            '(' if depth == 0 && rest.starts_with("(?") => flags(rest, &mut out),
            _ => None,
        };
        let taken = taken.unwrap_or_else(|| {
            out.push(c);
            c.len_utf8()
        });
        rest = &rest[taken..];
    }
    out
}

/// Rewrites an escape and returns its length, if it is one of those that differ or must be kept together.
fn escape(rest: &str, depth: usize, out: &mut String) -> Option<usize> {
    let kind = rest[1..].chars().next()?;
    match kind {
        'w' => out.push_str(if depth > 0 { WORD_IN_BRACKETS } else { WORD }),
        'W' => out.push_str(if depth > 0 { NOT_WORD_IN_BRACKETS } else { NOT_WORD }),
        // Before one line break at the end, where the engine allows several.
        'Z' if depth == 0 => out.push_str(r"(?=\n?\z)"),
        'b' if depth == 0 => {
            out.push_str("(?:(?<=WORD)(?!WORD)|(?<!WORD)(?=WORD))".replace("WORD", WORD).as_str());
        }
        'B' if depth == 0 => {
            out.push_str("(?:(?<=WORD)(?=WORD)|(?<!WORD)(?!WORD))".replace("WORD", WORD).as_str());
        }
        'p' | 'P' => return property(rest, depth, out),
        _ => {
            out.push('\\');
            out.push(kind);
        }
    }
    Some(1 + kind.len_utf8())
}

/// Rewrites `\p{Alnum}` and its like, whose names the engine does not know; `\p{Punct}` is not `[:punct:]`.
fn property(rest: &str, depth: usize, out: &mut String) -> Option<usize> {
    let body = rest[2..].strip_prefix('{')?;
    let name = &body[..body.find('}')?];
    let negated = name.starts_with('^') != rest.starts_with(r"\P");
    let key: String = name.chars().filter(|c| !matches!(c, '^' | ' ' | '_' | '-')).collect();
    let set = match key.to_ascii_lowercase().as_str() {
        "punct" => r"\p{P}",
        "word" if depth == 0 => WORD,
        other => posix(other)?,
    };
    out.push_str(if negated { "[^" } else { "[" });
    out.push_str(set);
    out.push(']');
    Some(2 + name.len() + 2)
}

/// Rewrites `[:name:]` and `[:^name:]` inside brackets.
fn posix_bracket(rest: &str, out: &mut String) -> Option<usize> {
    let body = &rest[2..];
    let end = body.find(":]")?;
    let name = body[..end].trim_start_matches('^');
    let set = posix(name)?;
    out.push_str(if body.starts_with('^') { "[^" } else { "[" });
    out.push_str(set);
    out.push(']');
    Some(2 + end + 2)
}

/// Rewrites the flags of a group: where oniguruma's `m` lets the dot match line breaks, the engine's `s` does.
fn flags(rest: &str, out: &mut String) -> Option<usize> {
    let letters = rest[2..].find([')', ':'])?;
    let flags = &rest[2..2 + letters];
    if flags.is_empty() || !flags.chars().all(|c| matches!(c, 'i' | 'm' | 'x' | '-')) {
        return None;
    }
    out.push_str("(?");
    out.push_str(&flags.replace('m', "s"));
    Some(2 + letters)
}

#[cfg(test)]
mod tests {
    use super::{NOT_WORD_IN_BRACKETS, WORD, translate};

    #[test]
    fn only_what_differs_is_rewritten() {
        for same in [r"\p{L}+|\\w|[^\s\p{L}]+", r"(?i:'s)|(?:a)|(?=b)", r"[\b]", "(?", "[", r"\", r"[[:nothing:]]"] {
            assert_eq!(translate(same), same);
        }
        assert_eq!(translate(r"\w[\W]"), format!("{WORD}[{NOT_WORD_IN_BRACKETS}]"));
        assert_eq!(translate(r"[[:digit:][:^alpha:]]"), r"[[\p{Nd}][^\p{Alphabetic}]]");
        assert_eq!(translate(r"(?m:.)(?i-m).[(?m)]"), r"(?s:.)(?i-s).[(?m)]");
        assert_eq!(translate(r"[]a][^]a]"), r"[\]a][^\]a]");
        assert_eq!(translate(r"\p{^Punct}\P{XDigit}"), r"[^\p{P}][^0-9A-Fa-f]");
    }
}
