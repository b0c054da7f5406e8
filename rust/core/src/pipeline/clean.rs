//! Cleaning of text: normalizers that remove and replace single characters.

use super::punctuation::contains;
use super::rewrite::Rewriter;
use super::tables::{COMBINING, NONSPACING_FOR_BERT, REMOVED_BY_BERT};

/// Removes characters. What is removed leaves no trace in the spans.
fn keep_only(keep: impl Fn(char) -> bool, text: &str, rewriter: &mut Rewriter<'_>) {
    for c in text.chars() {
        if keep(c) {
            rewriter.keep(c.len_utf8());
        } else {
            rewriter.remove(c.len_utf8());
        }
    }
}

/// Replaces characters one by one.
fn map(f: impl Fn(char) -> char, text: &str, rewriter: &mut Rewriter<'_>) {
    text.chars().for_each(|c| rewriter.replace(f(c)));
}

/// Removes combining marks.
pub(super) fn strip_accents(text: &str, rewriter: &mut Rewriter<'_>) {
    keep_only(|c| !contains(&COMBINING, c), text, rewriter);
}

/// Removes control characters, as SentencePiece's rules for neural machine translation do.
pub(super) fn nmt_filter(text: &str, rewriter: &mut Rewriter<'_>) {
    let removed = |c| matches!(c, '\u{1}'..='\u{8}' | '\u{B}' | '\u{E}'..='\u{1F}' | '\u{7F}' | '\u{8F}' | '\u{9F}');
    keep_only(|c| !removed(c), text, rewriter);
}

/// Makes spaces of what those rules count as one.
pub(super) fn nmt_spaces(text: &str, rewriter: &mut Rewriter<'_>) {
    let space = |c| {
        matches!(
            c,
            '\t' | '\n' | '\u{C}' | '\r' | '\u{1680}' | '\u{200B}'
                ..='\u{200F}' | '\u{2028}' | '\u{2029}' | '▁' | '\u{FEFF}' | char::REPLACEMENT_CHARACTER
        )
    };
    map(|c| if space(c) { ' ' } else { c }, text, rewriter);
}

/// Removes what BERT cannot see.
pub(super) fn bert_filter(text: &str, rewriter: &mut Rewriter<'_>) {
    keep_only(|c| !contains(&REMOVED_BY_BERT, c), text, rewriter);
}

/// Makes every white space a space.
pub(super) fn bert_spaces(text: &str, rewriter: &mut Rewriter<'_>) {
    map(|c| if c.is_whitespace() { ' ' } else { c }, text, rewriter);
}

/// Removes accents from decomposed text.
pub(super) fn bert_accents(text: &str, rewriter: &mut Rewriter<'_>) {
    keep_only(|c| !contains(&NONSPACING_FOR_BERT, c), text, rewriter);
}

/// Puts spaces around Chinese characters. The first space takes the place of the character, which counts as inserted.
pub(super) fn bert_chinese(text: &str, rewriter: &mut Rewriter<'_>) {
    for c in text.chars() {
        if is_chinese(c) {
            rewriter.replace(' ');
            rewriter.insert(c);
            rewriter.insert(' ');
        } else {
            rewriter.keep(c.len_utf8());
        }
    }
}

/// Whether BERT counts a character as Chinese; the gap at U+2B820 is its own.
const fn is_chinese(c: char) -> bool {
    matches!(
        c,
        '\u{4E00}'..='\u{9FFF}'
            | '\u{3400}'..='\u{4DBF}'
            | '\u{20000}'..='\u{2A6DF}'
            | '\u{2A700}'..='\u{2B73F}'
            | '\u{2B740}'..='\u{2B81F}'
            | '\u{2B920}'..='\u{2CEAF}'
            | '\u{F900}'..='\u{FAFF}'
            | '\u{2F800}'..='\u{2FA1F}'
    )
}
