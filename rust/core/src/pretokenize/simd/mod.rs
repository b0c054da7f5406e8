//! Fast scanners: piece boundaries of 64 bytes at a time, by arithmetic on masks.
//!
//! A [`Source`](source::Source) (an instruction set) turns 64 bytes into masks, one bit per byte: letters, numbers,
//! newlines and so on, all bytes of a character alike. A [`Family`](family::Family) (a kind of pattern) turns the
//! masks of a block, with a few carried bits and a look at the next block, into the mask of the piece starts. Every
//! family runs on every source; the automata of [`super`] are their safe twin.

mod bits;
mod cl100k;
mod classes;
mod family;
mod gpt2;
mod nibbles;
mod o200k;
mod portable;
mod scan;
mod source;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(test)]
mod tests;

use cl100k::Cl100k;
use classes::{LETTER, MARK};
use family::Family;
use gpt2::Gpt2;
use o200k::O200k;
use scan::{Found, scan};

/// An instruction set for the scanners.
#[derive(Debug, Clone, Copy)]
enum Path {
    Portable(portable::Portable),
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(avx512::Avx512),
    #[cfg(target_arch = "aarch64")]
    Neon(neon::Neon),
}

/// A pattern that has a scanner.
#[derive(Debug, Clone, Copy)]
enum Pattern {
    Gpt2(Gpt2),
    /// Words of letters.
    Cl100k(Cl100k<LETTER>),
    /// Words of letters and marks.
    Cl100kMarks(Cl100k<{ LETTER | MARK }>),
    O200k(O200k),
}

/// A scanner: a pattern on an instruction set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scanner {
    pattern: Pattern,
    path: Path,
}

impl Path {
    fn run<F: Family>(self, family: F, text: &[u8], ends: &mut [u32]) -> Found {
        match self {
            Self::Portable(source) => scan(source, family, text, ends),
            #[cfg(target_arch = "aarch64")]
            Self::Neon(source) => scan(source, family, text, ends),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: an `Avx2` is proof of these instructions.
            Self::Avx2(source) => unsafe { run_avx2(source, family, text, ends) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: an `Avx512` is proof of these instructions.
            Self::Avx512(source) => unsafe { run_avx512(source, family, text, ends) },
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vbmi2,bmi1,bmi2,lzcnt,popcnt")]
fn run_avx512<F: Family>(source: avx512::Avx512, family: F, text: &[u8], ends: &mut [u32]) -> Found {
    scan(source, family, text, ends)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn run_avx2<F: Family>(source: avx2::Avx2, family: F, text: &[u8], ends: &mut [u32]) -> Found {
    scan(source, family, text, ends)
}

impl Scanner {
    /// Fills `ends` from `text`, which begins at a piece start; see [`scan`].
    fn run(self, text: &[u8], ends: &mut [u32]) -> Found {
        match self.pattern {
            Pattern::Gpt2(family) => self.path.run(family, text, ends),
            Pattern::O200k(family) => self.path.run(family, text, ends),
            Pattern::Cl100k(family) => self.path.run(family, text, ends),
            Pattern::Cl100kMarks(family) => self.path.run(family, text, ends),
        }
    }
}
