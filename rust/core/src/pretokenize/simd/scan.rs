//! The scan: block by block, with the masks of the next block at hand.

use super::bits::below;
use super::family::{Family, View};
use super::source::{BLOCK, Masks, OnlyAscii, Source, WINDOW};

/// A scan goes on for at least this many bytes, unless its buffer is full; then it stops at the next piece end.
const SPAN: usize = 1 << 14;

/// What a scan found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    /// How many ends were written.
    pub(super) count: usize,
    /// Where the last of them is, exactly, also beyond `u32::MAX`.
    pub(super) end: usize,
    /// Where the scan could not tell on; the piece after the last end reaches there at least.
    pub(super) unsure: Option<usize>,
}

/// Fills `ends` with piece ends of `text`, which begins at a piece start.
///
/// Stops when less than a block's worth of room is left, or after a while; there is at least one end, unless the
/// text is empty, or `ends` has no room for a block's, or the scan cannot tell. An end beyond `u32::MAX` is `u32::MAX`, and the last.
#[inline(always)]
pub(super) fn scan<S: Source, F: Family>(source: S, family: F, text: &[u8], ends: &mut [u32]) -> Found {
    let mut found = Found { count: 0, end: 0, unsure: None };
    if text.is_empty() {
        return found;
    }
    let mut base = 0;
    let mut carry = F::Carry::default();
    let mut padded = [family.padding(); WINDOW];
    let mut here = source.classify::<F::Alphabet>(window(text, 0, family.padding(), &mut padded), &source.nothing());
    // The start of the text is the end of nothing.
    let mut keep = !1;
    while let Some(room) = ends.get_mut(found.count..).and_then(<[u32]>::first_chunk_mut::<BLOCK>) {
        let next = source.classify::<F::Alphabet>(window(text, base + BLOCK, family.padding(), &mut padded), &here);
        let view = View { text, base };
        let starts = if here.wide() == 0 {
            family.starts(&mut carry, &OnlyAscii(&here), &next, view)
        } else {
            family.starts(&mut carry, &here, &next, view)
        };
        let mut starts = starts & keep;
        let left = text.len() - base;
        if left <= BLOCK {
            // The end of the text takes the place of whatever starts there.
            starts &= below(left);
        }
        let unsure = F::unsure(&carry) & below(left);
        if unsure != 0 {
            let at = unsure.trailing_zeros() as usize;
            starts &= below(at);
            found.unsure = Some(base + at);
        }
        let Some(position) = narrow(base) else {
            // A single piece has come this far.
            if starts == 0 && unsure != 0 {
                break;
            }
            if starts != 0 || left <= BLOCK {
                let end = base + left.min(starts.trailing_zeros() as usize);
                room[0] = u32::try_from(end).unwrap_or(u32::MAX);
                return Found { count: 1, end, unsure: None };
            }
            base += BLOCK;
            here = next;
            continue;
        };
        found.count += source.flatten(starts, position, room);
        if starts != 0 {
            found.end = base + 63 - starts.leading_zeros() as usize;
        }
        if unsure != 0 {
            break;
        }
        if left <= BLOCK {
            if let Some(end) = ends.get_mut(found.count) {
                *end = position + u32::try_from(left).unwrap_or(0);
                found = Found { count: found.count + 1, end: text.len(), unsure: None };
            }
            break;
        }
        base += BLOCK;
        if base >= SPAN && found.count != 0 {
            break;
        }
        keep = u64::MAX;
        here = next;
    }
    found
}

/// The position of a block whose every end is below `u32::MAX`.
#[inline(always)]
fn narrow(base: usize) -> Option<u32> {
    u32::try_from(base).ok().filter(|&base| base < u32::MAX - 64)
}

/// The window at `at`: of the text itself, or where that ends, of a copy with padding.
#[inline(always)]
fn window<'a>(text: &'a [u8], at: usize, padding: u8, copy: &'a mut [u8; WINDOW]) -> &'a [u8; WINDOW] {
    let rest = text.get(at..).unwrap_or_default();
    if let Some(window) = rest.first_chunk() {
        return window;
    }
    pad(rest, padding, copy);
    copy
}

/// Fills a copy.
#[inline(never)]
fn pad(rest: &[u8], padding: u8, copy: &mut [u8; WINDOW]) {
    *copy = [padding; WINDOW];
    copy[..rest.len()].copy_from_slice(rest);
}
