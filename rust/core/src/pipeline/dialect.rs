//! Patterns of tiktoken's dialect in Oniguruma's.

/// The same pattern for Oniguruma, or what it holds that this function does not translate.
///
/// Both engines agree on what is kept. They differ in anchors (`$` is the end of the text in one and of a line in the
/// other) and in `{1,3}+`, which is possessive in one and repeated in the other.
pub(super) fn to_oniguruma(pattern: &str) -> Result<String, String> {
    let mut out = String::with_capacity(pattern.len() + 8);
    // Where the last atom begins, for a quantifier that has to be wrapped.
    let mut atom = 0;
    let mut groups = Vec::new();
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let taken = match c {
            '\\' => {
                atom = out.len();
                let escape = escape(rest)?;
                out.push_str(escape);
                escape.len()
            }
            '[' => {
                atom = out.len();
                let class = class(rest)?;
                out.push_str(class);
                class.len()
            }
            '(' => {
                groups.push(out.len());
                let opening = group(rest)?;
                out.push_str(opening);
                opening.len()
            }
            ')' => {
                atom = groups.pop().unwrap_or(0);
                out.push(c);
                1
            }
            '{' => {
                let len = rest.find('}').ok_or_else(|| "an open brace".to_owned())? + 1;
                if rest[len..].starts_with('+') {
                    out.insert_str(atom, "(?>");
                    out.push_str(&rest[..len]);
                    out.push(')');
                    len + 1
                } else {
                    out.push_str(&rest[..len]);
                    len
                }
            }
            '$' => {
                out.push_str(r"\z");
                1
            }
            '^' => {
                out.push_str(r"\A");
                1
            }
            _ => {
                if !matches!(c, '?' | '*' | '+' | '|') {
                    atom = out.len();
                }
                out.push(c);
                c.len_utf8()
            }
        };
        rest = &rest[taken..];
    }
    Ok(out)
}

/// An escape that means the same in both.
fn escape(text: &str) -> Result<&str, String> {
    let c = text[1..].chars().next().ok_or_else(|| "a backslash at the end".to_owned())?;
    let len = match c {
        'p' | 'P' => text.find('}').map(|end| end + 1),
        'r' | 'n' | 't' | 's' | 'S' | 'd' | 'D' => Some(2),
        _ if !c.is_alphanumeric() => Some(1 + c.len_utf8()),
        _ => None,
    };
    len.map(|len| &text[..len]).ok_or_else(|| format!("`\\{c}`"))
}

/// A character class, with everything in it.
fn class(text: &str) -> Result<&str, String> {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        match c {
            '\\' => {
                at += escape(&text[at..])?.len();
                continue;
            }
            '[' => depth += 1,
            ']' => depth -= 1,
            _ => {}
        }
        at += c.len_utf8();
        if depth == 0 {
            return Ok(&text[..at]);
        }
    }
    Err("an open bracket".to_owned())
}

/// The beginning of a group that means the same in both.
fn group(text: &str) -> Result<&str, String> {
    const KNOWN: [&str; 7] = ["(?:", "(?i:", "(?=", "(?!", "(?<=", "(?<!", "(?>"];
    match KNOWN.iter().find(|known| text.starts_with(**known)) {
        Some(known) => Ok(&text[..known.len()]),
        None if text.starts_with("(?") => Err(format!("`{}`", text.chars().take(4).collect::<String>())),
        None => Ok(&text[..1]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_and_possessive_counts_are_rewritten() {
        let same = r"(?i:'s|'t)|[^\r\n\p{L}[a-z&&[^b]]]?\p{L}++|\s*[\r\n$]+|\s+(?!\S)";
        assert_eq!(to_oniguruma(same).as_deref(), Ok(same));
        assert_eq!(to_oniguruma(r"^a|\p{N}{1,3}+|\s++$").as_deref(), Ok(r"\Aa|(?>\p{N}{1,3})|\s++\z"));
        assert_eq!(to_oniguruma(r"(?:ab){2}+c{3}").as_deref(), Ok(r"(?>(?:ab){2})c{3}"));
    }

    #[test]
    fn what_differs_is_refused() {
        for pattern in [r"\w+", r"\bx", "(?m)a$", r"(?P<n>a)", "[a", r"\"] {
            assert!(to_oniguruma(pattern).is_err(), "{pattern}");
        }
    }
}
