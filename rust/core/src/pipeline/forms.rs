//! Unicode normalization forms as Hugging Face tokenizers computes them: with the data of Unicode 9.0.
//!
//! Composition and decomposition of assigned characters never change between versions of Unicode, so the only
//! difference to newer data is that newer characters have no combining class and no decomposition: see [`NEWER`].

use super::rewrite::Rewriter;
use unicode_normalization::char::{canonical_combining_class, compose, decompose_canonical, decompose_compatible};
use unicode_normalization::{IsNormalized, is_nfc_quick, is_nfd_quick, is_nfkc_quick, is_nfkd_quick};

/// A normalization form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Nfc,
    Nfd,
    Nfkc,
    Nfkd,
}

/// Ranges of characters that have a combining class or a decomposition in later versions of Unicode, up to 18.0, but not
/// in 9.0; characters between them that have neither are included.
///
/// Found by comparing every scalar with the normalizers of tokenizers 0.23.3.
#[rustfmt::skip]
const NEWER: [(u32, u32); 33] = [
    (0x0558, 0x0558), (0x058B, 0x058C), (0x05C8, 0x05C9), (0x07FD, 0x07FD), (0x0897, 0x08D3), (0x09FE, 0x09FE),
    (0x0C3C, 0x0C3C), (0x0D3B, 0x0D3C), (0x0EBA, 0x0EBA), (0x1715, 0x1715), (0x1ABF, 0x1AF0), (0x1DF6, 0x1DFA),
    (0x209D, 0x209F), (0x32FF, 0x32FF), (0xA7F1, 0xA7F4), (0xA82C, 0xA82C), (0xAB69, 0xAB69), (0x105C9, 0x107BF),
    (0x10D24, 0x10F85), (0x11070, 0x11070), (0x1133B, 0x1133B), (0x11383, 0x113D0), (0x1145E, 0x1145E),
    (0x11839, 0x11A99), (0x11D42, 0x1612F), (0x16D68, 0x1B126), (0x1CCD6, 0x1D128), (0x1D250, 0x1D281),
    (0x1D6A6, 0x1D6A6), (0x1DF95, 0x1DFFF), (0x1E030, 0x1E6F5), (0x1F16C, 0x1F16C), (0x1FBF0, 0x1FBF9),
];

fn is_newer(c: char) -> bool {
    let code = u32::from(c);
    let place = NEWER.partition_point(|range| range.1 < code);
    NEWER.get(place).is_some_and(|range| range.0 <= code)
}

fn class_of(c: char) -> u8 {
    match canonical_combining_class(c) {
        0 => 0,
        _ if is_newer(c) => 0,
        class => class,
    }
}

impl Form {
    const fn composes(self) -> bool {
        matches!(self, Self::Nfc | Self::Nfkc)
    }

    fn quick(self, chars: impl Iterator<Item = char>) -> bool {
        let answer = match self {
            Self::Nfc => is_nfc_quick(chars),
            Self::Nfd => is_nfd_quick(chars),
            Self::Nfkc => is_nfkc_quick(chars),
            Self::Nfkd => is_nfkd_quick(chars),
        };
        answer == IsNormalized::Yes
    }

    /// Whether `c` stays as it is wherever it stands, and nothing before it is composed with what is behind it.
    fn is_inert(self, c: char) -> bool {
        c.is_ascii() || (class_of(c) == 0 && self.quick(std::iter::once(c)))
    }

    /// Whether the text is known to be in this form already. A text in this form may give `false`.
    pub(super) fn is_normalized(self, text: &str) -> bool {
        text.is_ascii() || self.quick(text.chars())
    }

    fn decompose(self, c: char, mut emit: impl FnMut(char)) {
        if is_newer(c) {
            emit(c);
        } else if matches!(self, Self::Nfc | Self::Nfd) {
            decompose_canonical(c, emit);
        } else {
            decompose_compatible(c, emit);
        }
    }

    /// Tells the rewriter how the text changes to this form.
    pub(super) fn rewrite(self, text: &str, rewriter: &mut Rewriter<'_>) {
        let mut segment: Vec<Symbol> = Vec::new();
        let mut kept = 0; // end of the text that the rewriter has been told about
        let mut start = 0; // start of the last inert character, if no segment is open
        for (at, c) in text.char_indices() {
            let inert = self.is_inert(c);
            if inert {
                if !segment.is_empty() {
                    self.flush(&mut segment, rewriter);
                    kept = at;
                }
                start = at;
                continue;
            }
            if segment.is_empty() {
                rewriter.keep(start - kept);
                let before = &text[start..at];
                before.chars().for_each(|inert| self.push(inert, &mut segment));
            }
            self.push(c, &mut segment);
        }
        if segment.is_empty() {
            rewriter.keep(text.len() - kept);
        } else {
            self.flush(&mut segment, rewriter);
        }
    }

    fn push(self, c: char, segment: &mut Vec<Symbol>) {
        let mut change = 0;
        self.decompose(c, |part| {
            segment.push(Symbol { c: part, class: class_of(part), change });
            change = 1;
        });
    }

    /// Orders and composes a segment that nothing before or behind can change.
    fn flush(self, segment: &mut Vec<Symbol>, rewriter: &mut Rewriter<'_>) {
        for run in segment.chunk_by_mut(|_, next| next.class != 0) {
            let starters = usize::from(run.first().is_some_and(|first| first.class == 0));
            run[starters..].sort_by_key(|symbol| symbol.class);
        }
        if self.composes() {
            recompose(segment);
        }
        for symbol in segment.drain(..) {
            symbol.tell(rewriter);
        }
    }
}

/// A character of a decomposed segment.
#[derive(Debug, Clone, Copy)]
struct Symbol {
    c: char,
    class: u8,
    /// 1 for an insertion; otherwise minus the number of characters removed behind the one replaced.
    change: isize,
}

impl Symbol {
    fn tell(self, rewriter: &mut Rewriter<'_>) {
        if self.change > 0 {
            rewriter.insert(self.c);
            return;
        }
        rewriter.replace(self.c);
        rewriter.remove_chars(self.change.unsigned_abs());
    }
}

/// Canonical composition, in place.
fn recompose(segment: &mut Vec<Symbol>) {
    let mut starter: Option<usize> = None;
    let mut last_class = 0;
    let mut kept = 0;
    for index in 0..segment.len() {
        let symbol = segment[index];
        if let Some(place) = starter {
            let blocked = kept > place + 1 && last_class >= symbol.class;
            if !blocked && let Some(composite) = compose(segment[place].c, symbol.c).filter(|&c| !is_newer(c)) {
                segment[place].c = composite;
                segment[place].change += symbol.change - 1;
                continue;
            }
        }
        if symbol.class == 0 {
            starter = Some(kept);
        }
        last_class = symbol.class;
        segment[kept] = symbol;
        kept += 1;
    }
    segment.truncate(kept);
}

#[cfg(test)]
mod tests {
    use super::super::rewrite::Tracked;
    use super::*;
    use proptest::prelude::*;
    use unicode_normalization::UnicodeNormalization;

    const FORMS: [Form; 4] = [Form::Nfc, Form::Nfd, Form::Nfkc, Form::Nfkd];

    fn normalized(form: Form, text: &str) -> String {
        let mut rewriter = Rewriter::untracked(text);
        form.rewrite(text, &mut rewriter);
        rewriter.finish()
    }

    fn newest(form: Form, text: &str) -> String {
        match form {
            Form::Nfc => text.nfc().collect(),
            Form::Nfd => text.nfd().collect(),
            Form::Nfkc => text.nfkc().collect(),
            Form::Nfkd => text.nfkd().collect(),
        }
    }

    #[test]
    fn newer_characters_are_inert_and_others_as_in_the_newest_data() {
        let mut active = 0;
        for c in '\0'..=char::MAX {
            let text = c.to_string();
            for form in FORMS {
                let expected = if is_newer(c) { text.clone() } else { newest(form, &text) };
                assert_eq!(normalized(form, &text), expected, "{c:?} {form:?}");
            }
            active += usize::from(!is_newer(c) && (newest(Form::Nfkd, &text) != text || class_of(c) != 0));
        }
        // Found with tokenizers 0.23.3. If this fails after an update of the data, newer characters have to go to NEWER.
        assert_eq!(active, 17_704);
    }

    #[test]
    fn the_data_have_the_version_that_the_table_was_made_for() {
        assert_eq!(unicode_normalization::UNICODE_VERSION, (18, 0, 0));
    }

    fn symbols() -> impl Strategy<Value = String> {
        let one = prop_oneof![
            Just('a'),
            Just('e'),
            Just('é'),
            Just('\u{301}'),
            Just('\u{323}'),
            Just('\u{345}'),
            Just('가'),
            Just('ᄀ'),
            Just('ᅡ'),
            Just('ᆨ'),
            Just('ﬁ'),
            Just('Å'),
            Just('㍍'),
            Just('\u{F73}'),
            Just('\u{1D15F}'),
            Just('\u{9C7}'),
            Just('\u{9BE}'),
            Just('が'),
            Just('\u{3099}'),
            Just('𝔘'),
            Just('\u{FB1D}'),
        ];
        proptest::collection::vec(one, 0..24).prop_map(|chars| chars.into_iter().collect())
    }

    proptest! {
        #[test]
        fn equals_the_crate_on_characters_of_unicode_9(text in symbols()) {
            for form in FORMS {
                let result = normalized(form, &text);
                prop_assert_eq!(&result, &newest(form, &text));
                prop_assert!(!form.is_normalized(&text) || result == text);
                let mut tracked = Tracked::new(&text, 0);
                tracked.rewrite(|old, rewriter| form.rewrite(old, rewriter));
                prop_assert_eq!(&tracked.text, &result);
                prop_assert!(result.is_empty() || tracked.span(0..result.len()).1 <= text.len());
            }
        }
    }
}
