//! The longest match of a text's end in the text itself: a suffix automaton that grows token by token.

use super::edges::EdgeMap;

/// No state, no token.
pub(super) const NONE: u32 = u32::MAX;
/// How many suffixes of a new token's prefix get their latest end updated. The bound keeps a step O(1) on text such as
/// "aaaa", whose every prefix has as many suffixes as tokens; shorter suffixes there keep an earlier end, which is as good.
const REFRESHED: usize = 24;

/// Where a text stands in an automaton: a state, and how many of its last tokens the state spells.
///
/// The root state with length 0 is the start, and the place where a text stands whose last token is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Match {
    state: u32,
    len: u32,
}

impl Match {
    /// How many tokens match.
    #[must_use]
    pub fn len(self) -> usize {
        self.len as usize
    }

    /// Whether nothing matches.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len == 0
    }
}

/// A set of strings of tokens that end at the same places of the text.
#[derive(Debug, Clone, Copy)]
struct State {
    /// The length of the longest of them.
    len: u32,
    /// The state of the longest suffix that ends in more places; `NONE` for the root.
    link: u32,
    /// The latest known place of the text where they end.
    end: u32,
    /// Most states have one successor; it needs no look-up.
    token: u32,
    target: u32,
}

/// A suffix automaton (Blumer et al. 1985) over tokens: every substring of the text is a path from the root.
///
/// Adding a token is O(1) amortised, and so is following one in a match. At most two states per token.
///
/// ```
/// use tokengrove::draft::SuffixAutomaton;
/// let mut text = SuffixAutomaton::new();
/// for token in [1, 2, 3, 9, 1, 2] {
///     text.push(token);
/// }
/// let end = text.longest();
/// assert_eq!((end.len(), text.end_of(end)), (2, Some(1)));   // "1 2" ended at position 1 before
/// ```
#[derive(Debug, Clone)]
pub struct SuffixAutomaton {
    states: Vec<State>,
    edges: EdgeMap,
    last: u32,
    len: u32,
}

impl Default for SuffixAutomaton {
    fn default() -> Self {
        Self::new()
    }
}

impl SuffixAutomaton {
    /// The automaton of the empty text.
    #[must_use]
    pub fn new() -> Self {
        let root = State { len: 0, link: NONE, end: NONE, token: NONE, target: NONE };
        Self { states: vec![root], edges: EdgeMap::default(), last: 0, len: 0 }
    }

    /// How many tokens the text holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether the text is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a token to the text. O(1) amortised.
    ///
    /// The token `u32::MAX` is a border: nothing matches across it. A text of 2^31 tokens takes no more.
    pub fn push(&mut self, token: u32) {
        if self.len >= 1 << 30 {
            return;
        }
        self.refresh();
        let position = self.len;
        self.len += 1;
        if token == NONE {
            self.last = 0;
            return;
        }
        self.last = match self.next(self.last, token) {
            // Only after a border: the text began like this before.
            Some(known) => self.spelling(self.last, token, known),
            None => self.extend(token, position),
        };
    }

    /// The longest end of the text that also ends earlier in it.
    #[must_use]
    pub fn longest(&self) -> Match {
        let last = &self.states[self.last as usize];
        // After a border the state of the end may have been spelled before; its own end is then an earlier one.
        if last.end != NONE && last.end + 1 < self.len {
            return Match { state: self.last, len: last.len };
        }
        self.shorter(Match { state: self.last, len: last.len }).unwrap_or_default()
    }

    /// Where a match stands after one more token: the longest suffix of both together that the text holds. O(1) amortised
    /// over the tokens of a match.
    #[must_use]
    pub fn follow(&self, mut at: Match, token: u32) -> Match {
        loop {
            if let Some(target) = self.next(at.state, token) {
                return Match { state: target, len: at.len + 1 };
            }
            match self.shorter(at) {
                Some(shorter) => at = shorter,
                None => return Match::default(),
            }
        }
    }

    /// The longest proper suffix of a match that ends in more places; `None` if that is empty and so was the match.
    #[must_use]
    pub fn shorter(&self, at: Match) -> Option<Match> {
        let link = self.states.get(at.state as usize)?.link;
        Some(Match { state: link, len: self.states.get(link as usize)?.len })
    }

    /// The latest known position of the text where a match ends; `None` for an empty match.
    #[must_use]
    pub fn end_of(&self, at: Match) -> Option<usize> {
        let end = self.states.get(at.state as usize)?.end;
        (end != NONE && at.len > 0).then_some(end as usize)
    }

    /// Adds the state of the whole text, which no edge leads to yet.
    fn extend(&mut self, token: u32, position: u32) -> u32 {
        let len = self.states[self.last as usize].len + 1;
        let new = self.add(State { len, link: 0, end: position, token: NONE, target: NONE });
        let mut from = self.last;
        while from != NONE {
            if let Some(known) = self.next(from, token) {
                self.states[new as usize].link = self.spelling(from, token, known);
                break;
            }
            self.connect(from, token, new);
            from = self.states[from as usize].link;
        }
        new
    }

    /// The state of exactly the strings of `from` with `token`: `known`, or what has to be split off it.
    fn spelling(&mut self, from: u32, token: u32, known: u32) -> u32 {
        let len = self.states[from as usize].len + 1;
        if self.states[known as usize].len == len {
            return known;
        }
        let split = self.add(State { len, ..self.states[known as usize] });
        self.edges.copy(known, split);
        self.states[known as usize].link = split;
        let mut at = from;
        while at != NONE && self.next(at, token) == Some(known) {
            self.redirect(at, token, split);
            at = self.states[at as usize].link;
        }
        split
    }

    /// Tells the suffixes of the text that they end here, too: done one token late, so that a match of the end is an earlier one.
    fn refresh(&mut self) {
        let Some(position) = self.len.checked_sub(1) else { return };
        let mut state = self.last;
        for _ in 0..REFRESHED {
            let Some(here) = self.states.get_mut(state as usize).filter(|here| here.link != NONE) else { return };
            here.end = position;
            state = here.link;
        }
    }

    fn add(&mut self, state: State) -> u32 {
        let id = u32::try_from(self.states.len()).unwrap_or(NONE);
        self.states.push(state);
        id
    }

    #[inline]
    fn next(&self, state: u32, token: u32) -> Option<u32> {
        let here = &self.states[state as usize];
        if here.token == token {
            return Some(here.target).filter(|&target| target != NONE);
        }
        // A state without a first successor has no others.
        if here.token == NONE { None } else { self.edges.get(state, token) }
    }

    fn connect(&mut self, state: u32, token: u32, target: u32) {
        let here = &mut self.states[state as usize];
        if here.token == NONE {
            (here.token, here.target) = (token, target);
        } else {
            self.edges.insert(state, token, target);
        }
    }

    fn redirect(&mut self, state: u32, token: u32, target: u32) {
        let here = &mut self.states[state as usize];
        if here.token == token {
            here.target = target;
        } else {
            self.edges.replace(state, token, target);
        }
    }
}
