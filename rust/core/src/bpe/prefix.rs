//! How many tokens every prefix of a piece has, in one pass.

use super::backtrack::Match;
use super::longest::NONE;
use super::symbols::Run;
use super::{Bpe, Method};

/// Stands for a prefix that ends inside a symbol.
const INSIDE: u32 = u32::MAX;

impl Bpe {
    /// The number of tokens of every prefix of a piece, by its length in bytes.
    ///
    /// Prefixes that end inside a symbol have `u32::MAX`. The list ends early where it is certain that all longer prefixes
    /// have more than `limit` tokens. O(n) for vocabularies of bounded token length; `None` if the model is not
    /// [linear](Bpe::is_linear).
    ///
    /// The encoding of a prefix is the one sequence of tokens in which all neighbours are compatible, so its last token
    /// follows the encoding of a shorter prefix: each prefix passes its count on to those that one more compatible token
    /// reaches. If all prefixes that end in a stretch as long as the longest token have at least `limit` tokens, every
    /// longer prefix has more.
    #[must_use]
    pub fn prefix_counts(&self, piece: &[u8], limit: u32) -> Option<Vec<u32>> {
        if !self.is_linear() {
            return None;
        }
        let mut counts = vec![0];
        let mut unknown = false;
        for run in self.symbols.runs(piece) {
            let base = counts[counts.len() - 1];
            match run {
                Run::Known(run) => {
                    self.count_known(run, base, limit, &mut counts)?;
                    unknown = false;
                }
                Run::Unknown(symbol) => {
                    let mut ids = Vec::new();
                    unknown = self.symbols.push_unknown(symbol, unknown, &mut ids);
                    counts.extend(std::iter::repeat_n(INSIDE, symbol.len() - 1));
                    counts.push(base + u32::try_from(ids.len()).unwrap_or(INSIDE));
                }
            }
            if counts[counts.len() - 1] > limit {
                break;
            }
        }
        let whole = counts.iter_mut().enumerate().take(self.vocab.longest() + 1).skip(1);
        whole.filter(|(len, _)| self.whole_piece(&piece[..*len]).is_some()).for_each(|(_, count)| *count = 1);
        Some(counts)
    }

    /// Appends the counts of the prefixes of a run of known symbols, which stands behind `base` tokens.
    fn count_known(&self, run: &[u8], base: u32, limit: u32, counts: &mut Vec<u32>) -> Option<()> {
        let Method::Ordered(tables) = &self.method else { return None };
        let backtrack = tables.backtrack(&self.vocab)?;
        let start = counts.len() - 1;
        let longest = self.vocab.longest().max(1);
        // By length of the prefix: its last token, as far as it has been reached.
        let mut last: Vec<u32> = vec![NONE];
        let mut enough = 0;
        for at in 0..=run.len() {
            if last.len() <= at {
                last.push(NONE);
                counts.push(INSIDE);
            }
            let before = Match(last[at]);
            let reached = at == 0 || !before.is_none();
            enough = if reached && counts[start + at] < limit { 0 } else { enough + 1 };
            if enough > longest {
                counts.truncate(start + at + 1);
                return Some(());
            }
            if !reached || at == run.len() {
                continue;
            }
            let count = if at == 0 { base } else { counts[start + at] };
            let mut token = backtrack.first(&run[at..]);
            while !token.is_none() {
                let end = at + token.length();
                if last.len() <= end {
                    last.resize(end + 1, NONE);
                    counts.resize(start + end + 1, INSIDE);
                }
                if last[end] == NONE && (at == 0 || tables.merges.compatible(before.order(), token.order())) {
                    last[end] = token.0;
                    counts[start + end] = count + 1;
                }
                token = Match(backtrack.shorter[token.order() as usize]);
            }
        }
        Some(())
    }
}
