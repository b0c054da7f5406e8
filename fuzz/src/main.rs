//! The libFuzzer executable. `TOKENGROVE_FUZZ_TARGET` names the target; the arguments are libFuzzer's own.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::OnceLock;
use tokengrove_fuzz::{TARGETS, Target};

fn chosen() -> Target {
    static CHOSEN: OnceLock<Target> = OnceLock::new();
    *CHOSEN.get_or_init(|| {
        let name = std::env::var("TOKENGROVE_FUZZ_TARGET").unwrap_or_default();
        TARGETS
            .iter()
            .find_map(|&(candidate, target)| (candidate == name).then_some(target))
            .unwrap_or_else(|| panic!("TOKENGROVE_FUZZ_TARGET={name:?} is none of {:?}", TARGETS.map(|t| t.0)))
    })
}

fuzz_target!(|data: &[u8]| chosen()(data));
