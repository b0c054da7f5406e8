//! Splitting where the script changes.

use super::tables::SCRIPTS;
use std::ops::Range;

/// The number of a character's script, or `None` for a character that goes with any. Hiragana, katakana and Han are one.
fn script(c: char) -> Option<u8> {
    let code = u32::from(c);
    let place = SCRIPTS.partition_point(|range| range.1 < code);
    SCRIPTS.get(place).filter(|range| range.0 <= code).map(|range| range.2)
}

/// Splits as the pre-tokenizer `UnicodeScripts` does: text before the first character of a script is lost.
pub(super) fn split(text: &str, out: &mut Vec<Range<usize>>) {
    let mut last = None;
    let mut start = None;
    for (at, c) in text.char_indices() {
        let found = script(c);
        if found.is_some() && found != last {
            out.extend(start.map(|start| start..at));
            start = Some(at);
            last = found;
        }
    }
    out.extend(start.map(|start| start..text.len()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Vec<&str> {
        let mut out = Vec::new();
        split(text, &mut out);
        out.into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn splits_between_scripts_and_not_at_spaces() {
        assert_eq!(pieces("どこで生れ。Yes"), ["どこで生れ", "。", "Yes"]);
        assert_eq!(pieces("Apples are りんご 林檎"), ["Apples are ", "りんご 林檎"]);
    }

    #[test]
    fn text_before_the_first_script_is_lost() {
        assert_eq!(pieces("  a"), ["a"]);
        assert!(pieces("   ").is_empty());
    }
}
