//! Where merging starts in a vocabulary of characters: each is a symbol.

use super::short::Short;

/// No token.
const NONE: u32 = u32::MAX;
/// Characters whose orders lie side by side.
const PAGE: usize = 256;

/// The order of every character that is a token, in pages of which most are the same empty one.
#[derive(Debug)]
pub(crate) struct Chars {
    /// By the upper bits of a character: its page.
    pages: Box<[u16]>,
    orders: Vec<u32>,
}

impl Chars {
    /// From the tokens of one character each, with their orders.
    pub(crate) fn new(symbols: impl Iterator<Item = (char, u32)>) -> Self {
        let mut chars =
            Self { pages: vec![0; char::MAX as usize / PAGE + 1].into_boxed_slice(), orders: vec![NONE; PAGE] };
        for (c, order) in symbols {
            let page = &mut chars.pages[c as usize / PAGE];
            if *page == 0 {
                *page = u16::try_from(chars.orders.len() / PAGE).unwrap_or(0);
                chars.orders.resize(chars.orders.len() + PAGE, NONE);
            }
            chars.orders[usize::from(*page) * PAGE + c as usize % PAGE] = order;
        }
        chars
    }

    /// Splits `piece` into symbols; false if they are too many, or one is no token. O(n).
    #[inline(always)]
    pub(crate) fn fill<const N: usize>(&self, piece: &[u8], symbols: &mut Short<N>) -> bool {
        symbols.clear();
        let Ok(text) = std::str::from_utf8(piece) else { return false };
        text.chars().all(|c| {
            let page = usize::from(self.pages[c as usize / PAGE]);
            let order = self.orders[page * PAGE + c as usize % PAGE];
            order != NONE && symbols.push(order)
        })
    }
}
