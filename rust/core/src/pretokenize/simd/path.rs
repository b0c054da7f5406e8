//! Which instruction set the scanners use.

use std::env;
use std::fmt;
use std::sync::OnceLock;

use super::family::Family;
use super::portable::Portable;
use super::scan::{Found, scan};
#[cfg(target_arch = "x86_64")]
use super::{avx2::Avx2, avx512::Avx512};
use crate::pretokenize::PatternError;

/// An instruction set that this processor has and the scanners of compiled pretokenizers can use.
///
/// All give the same pieces. The fastest is chosen, unless the environment variable `TOKENGROVE_SIMD` names one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct InstructionSet(pub(super) Path);

impl InstructionSet {
    /// Those of this processor, fastest first; the last is `portable`.
    #[must_use]
    pub fn available() -> Vec<Self> {
        let mut found = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            found.extend(Avx512::detect().map(|proof| Self(Path::Avx512(proof))));
            found.extend(Avx2::detect().map(|proof| Self(Path::Avx2(proof))));
        }
        #[cfg(all(target_arch = "aarch64", target_feature = "neon", target_endian = "little"))]
        found.push(Self(Path::Neon(super::neon::Neon)));
        found.push(Self(Path::Portable(Portable)));
        found
    }

    /// The one that pretokenizers are built with: what `TOKENGROVE_SIMD` says, or the fastest. The variable is read
    /// once.
    ///
    /// # Errors
    /// If the variable names none of [`InstructionSet::available`].
    pub fn chosen() -> Result<Self, PatternError> {
        static CHOSEN: OnceLock<Result<InstructionSet, PatternError>> = OnceLock::new();
        CHOSEN.get_or_init(|| Self::named(env::var_os("TOKENGROVE_SIMD").as_deref())).clone()
    }

    /// The one of a name; of no name, the fastest.
    fn named(name: Option<&std::ffi::OsStr>) -> Result<Self, PatternError> {
        let available = Self::available();
        let found = match name {
            Some(name) if !name.is_empty() => available.iter().find(|set| set.name() == name),
            _ => available.first(),
        };
        found.copied().ok_or_else(|| {
            let names: Vec<_> = available.iter().map(|set| set.name()).collect();
            PatternError::instruction_set(&name.unwrap_or_default().to_string_lossy(), &names.join(", "))
        })
    }

    /// Its name, as `TOKENGROVE_SIMD` has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.0 {
            Path::Portable(_) => "portable",
            #[cfg(target_arch = "x86_64")]
            Path::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Path::Avx512(_) => "avx512",
            #[cfg(all(target_arch = "aarch64", target_feature = "neon", target_endian = "little"))]
            Path::Neon(_) => "neon",
        }
    }
}

impl fmt::Display for InstructionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An instruction set, as the proof that the processor has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Path {
    Portable(Portable),
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    #[cfg(all(target_arch = "aarch64", target_feature = "neon", target_endian = "little"))]
    Neon(super::neon::Neon),
}

impl Path {
    /// [`scan`], compiled for the instruction set.
    pub(super) fn run<F: Family>(self, family: F, text: &[u8], ends: &mut [u32]) -> Found {
        match self {
            Self::Portable(source) => scan(source, family, text, ends),
            #[cfg(all(target_arch = "aarch64", target_feature = "neon", target_endian = "little"))]
            Self::Neon(source) => scan(source, family, text, ends),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the processor has these instructions: an `Avx2` exists, which `Avx2::detect` alone makes.
            Self::Avx2(source) => unsafe { run_avx2(source, family, text, ends) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the processor has these instructions: an `Avx512` exists, which `Avx512::detect` alone makes.
            Self::Avx512(source) => unsafe { run_avx512(source, family, text, ends) },
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vbmi2,bmi1,bmi2,lzcnt,popcnt")]
fn run_avx512<F: Family>(source: Avx512, family: F, text: &[u8], ends: &mut [u32]) -> Found {
    scan(source, family, text, ends)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn run_avx2<F: Family>(source: Avx2, family: F, text: &[u8], ends: &mut [u32]) -> Found {
    scan(source, family, text, ends)
}

#[cfg(test)]
mod tests {
    use super::InstructionSet;

    #[test]
    fn the_fastest_is_chosen_unless_one_is_named() {
        let available = InstructionSet::available();
        assert_eq!(InstructionSet::named(None).as_ref(), Ok(&available[0]));
        assert_eq!(InstructionSet::named(Some("".as_ref())).as_ref(), Ok(&available[0]));
        for set in available {
            assert_eq!(InstructionSet::named(Some(set.name().as_ref())), Ok(set));
        }
    }

    #[test]
    fn an_unknown_name_is_an_error_that_says_what_is_allowed() {
        let error = InstructionSet::named(Some("sse9".as_ref())).expect_err("no such set").to_string();
        assert!(error.contains("TOKENGROVE_SIMD is \"sse9\"") && error.contains("portable"), "{error}");
    }
}
