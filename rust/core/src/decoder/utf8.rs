//! Where UTF-8 is broken, and where it may merely be unfinished.

/// The text of `bytes` cut into maximal valid runs and maximal invalid runs, in order.
pub fn valid_and_invalid_runs(bytes: &[u8]) -> impl Iterator<Item = Result<&str, &[u8]>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        match std::str::from_utf8(rest) {
            Ok(text) => {
                rest = &[];
                Some(Ok(text))
            }
            Err(error) if error.valid_up_to() > 0 => {
                let (valid, tail) = rest.split_at(error.valid_up_to());
                rest = tail;
                std::str::from_utf8(valid).ok().map(Ok)
            }
            Err(_) => {
                let mut end = 0;
                while let Err(error) = std::str::from_utf8(&rest[end..]) {
                    if error.valid_up_to() > 0 {
                        break;
                    }
                    end = error.error_len().map_or(rest.len(), |len| end + len);
                }
                let (invalid, tail) = rest.split_at(end);
                rest = tail;
                Some(Err(invalid))
            }
        }
    })
}

/// Moves the decided beginning of `pending` to `text`: valid characters as they are, each broken sequence as U+FFFD (one
/// for each maximal subpart, as Unicode recommends and Python does). An unfinished character stays, unless `last`.
pub(crate) fn take_decided(pending: &mut Vec<u8>, last: bool, text: &mut String) {
    let mut done = 0;
    loop {
        match std::str::from_utf8(&pending[done..]) {
            Ok(valid) => {
                text.push_str(valid);
                pending.clear();
                return;
            }
            Err(error) => {
                let valid_end = done + error.valid_up_to();
                text.push_str(std::str::from_utf8(&pending[done..valid_end]).unwrap_or_default());
                match error.error_len() {
                    Some(len) => {
                        text.push('\u{FFFD}');
                        done = valid_end + len;
                    }
                    None if last => {
                        text.push('\u{FFFD}');
                        pending.clear();
                        return;
                    }
                    None => {
                        pending.drain(..valid_end);
                        return;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn runs_concatenate_and_alternate(bytes in proptest::collection::vec(prop_oneof![0u8..=255, 0x80u8..=0xFF, Just(b'a')], 0..40)) {
            let runs: Vec<Result<&str, &[u8]>> = valid_and_invalid_runs(&bytes).collect();
            let joined: Vec<u8> =
                runs.iter().flat_map(|run| run.map_or_else(<[u8]>::to_vec, |text| text.as_bytes().to_vec())).collect();
            prop_assert_eq!(&joined, &bytes);
            for pair in runs.windows(2) {
                prop_assert!(pair[0].is_ok() != pair[1].is_ok());
            }
            for run in runs {
                if let Err(invalid) = run {
                    prop_assert!(String::from_utf8_lossy(invalid).chars().all(|c| c == char::REPLACEMENT_CHARACTER));
                }
            }
        }

        #[test]
        fn decided_text_equals_the_lossy_whole(
            bytes in proptest::collection::vec(prop_oneof![0u8..=255, 0x80u8..=0xFF, Just(0xF0), Just(0x9F)], 0..40),
            step in 1usize..5,
        ) {
            let mut pending = Vec::new();
            let mut text = String::new();
            for chunk in bytes.chunks(step) {
                pending.extend_from_slice(chunk);
                take_decided(&mut pending, false, &mut text);
                prop_assert!(pending.len() < 4);
            }
            take_decided(&mut pending, true, &mut text);
            prop_assert_eq!(text, String::from_utf8_lossy(&bytes).into_owned());
        }
    }
}
