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

/// [`before`] by one byte.
#[inline(always)]
pub(super) const fn before_one(mask: u64, next: u64) -> u64 {
    // Not by two shifts: compilers make a double-length shift of them, which is slow on AMD processors.
    (mask & !1 | next & 1).rotate_right(1)
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

/// Where groups of up to three numbers begin.
///
/// `open` is how many more numbers (0 to 2) the group at the start of the block takes; the second result is the same
/// for the end of the block.
#[inline(always)]
pub(super) const fn groups_of_three(numbers: u64, continuation: u64, open: u32) -> (u64, u32) {
    // Bytes with three numbers before them in their run, and with six, nine and twelve.
    let third = numbers & numbers << 1 & numbers << 2 & numbers << 3;
    let sixth = third & third << 3;
    let twelfth = sixth & sixth << 6;
    if twelfth | numbers & continuation != 0 {
        return groups_of_three_slow(numbers, continuation, open);
    }
    let first = if numbers & below(open as usize + 1) == below(open as usize + 1) { 1 << open } else { 0 };
    let mut starts = numbers & !(numbers << 1) & !1 | first;
    starts |= starts << 3 & third;
    starts |= starts << 6 & sixth;
    let ended = numbers >> 63 == 0;
    // A run that goes on has a start among its last three bytes.
    (starts, if ended { 0 } else { 2_u32.saturating_sub(starts.leading_zeros()) })
}

/// [`groups_of_three`] of any numbers.
#[cold]
const fn groups_of_three_slow(numbers: u64, continuation: u64, mut open: u32) -> (u64, u32) {
    let mut starts = 0;
    let mut rest = numbers & !continuation;
    let mut end = 0;
    while rest != 0 {
        let (at, others) = pop(rest);
        rest = others;
        // Bytes between the number before and this one that are not all numbers: another run.
        let between = below(at as usize) & !below(end as usize);
        if numbers & between != between {
            open = 0;
        }
        if open == 0 {
            starts |= 1 << at;
            open = 2;
        } else {
            open -= 1;
        }
        end = at + 1;
    }
    let ended = numbers >> 63 == 0;
    (starts, if ended { 0 } else { open })
}
