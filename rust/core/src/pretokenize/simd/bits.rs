//! Operations on masks of 64 bytes: bit `i` is byte `i` of a block, and carries join a block to its neighbours.
//!
//! A mask of characters has the bits of *all* bytes of each character, so that "the byte before" and "the byte
//! after" a character boundary work alike for characters of any length.

/// The bits one byte later; `carry` is what the block before leaves for bit 0, as [`last`] gives it.
#[inline(always)]
pub(super) const fn after(mask: u64, carry: u64) -> u64 {
    mask << 1 | carry
}

/// The last bit of a mask, as the next block's carry.
#[inline(always)]
pub(super) const fn last(mask: u64) -> u64 {
    mask >> 63
}

/// The bits `by` bytes earlier, of a mask that `next` continues. `by` is from 1 to 63.
#[inline(always)]
pub(super) const fn before(mask: u64, next: u64, by: u32) -> u64 {
    mask >> by | next << (64 - by)
}

/// All bits of `runs` that follow a seed within its run of ones, and the seeds; seeds must lie in `runs`.
#[inline(always)]
pub(super) const fn flood(runs: u64, seeds: u64) -> u64 {
    // The sum carries from the first seed to the end of its run; a later seed in that run lands on a cleared bit.
    runs & !runs.wrapping_add(seeds) | seeds
}

/// First bytes of characters to all their bytes; `carry` is the last bit of the block before's result.
#[inline(always)]
pub(super) const fn whole(firsts: u64, continuation: u64, carry: u64) -> u64 {
    let mut all = firsts | carry & continuation;
    if continuation != 0 {
        all |= all << 1 & continuation;
        all |= all << 1 & continuation;
        all |= all << 1 & continuation;
    }
    all
}

/// The mask of the bytes below `count`.
#[inline(always)]
pub(super) const fn below(count: usize) -> u64 {
    if count >= 64 { u64::MAX } else { (1 << count) - 1 }
}

/// The index of the lowest bit and the mask without it.
#[inline(always)]
pub(super) const fn pop(mask: u64) -> (u32, u64) {
    (mask.trailing_zeros(), mask & mask.wrapping_sub(1))
}

/// Where groups of up to three digits begin.
///
/// `carry` is how many characters (0 to 2) the group open at the start of the block has; the second result is the
/// same for the end of the block.
#[inline(always)]
pub(super) fn groups_of_three(numbers: u64, continuation: u64, carry: u32) -> (u64, u32) {
    let long = numbers & numbers << 1 & numbers << 2 & numbers << 3;
    if carry == 0 && long | numbers & continuation == 0 {
        // Runs of one to three ASCII digits.
        return (numbers & !(numbers << 1), (!numbers).leading_zeros() % 3);
    }
    groups_of_three_slow(numbers, continuation, carry)
}

/// [`groups_of_three`] of any numbers.
fn groups_of_three_slow(numbers: u64, continuation: u64, mut held: u32) -> (u64, u32) {
    if numbers & 1 == 0 {
        held = 0;
    }
    let mut starts = 0;
    let mut rest = numbers & !continuation;
    let mut end = 0;
    while rest != 0 {
        let (at, others) = pop(rest);
        rest = others;
        // A gap before the number: bytes between its predecessor's last byte and it are not all numbers.
        if at > end && (numbers >> end) & below((at - end) as usize) != below((at - end) as usize) {
            held = 0;
        }
        if held == 0 {
            starts |= 1 << at;
        }
        held = (held + 1) % 3;
        end = at + 1;
    }
    let open = numbers >> 63 != 0;
    (starts, if open { held } else { 0 })
}
