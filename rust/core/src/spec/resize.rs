//! Smaller vocabularies from larger ones.

use super::{AddedToken, BpeSpec, MergeRule, PostProcessor, Symbols, TokenTable, TokenizerSpec};
use std::collections::{HashMap, HashSet};
use std::fmt;

/// A size that a vocabulary cannot be cut to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResizeError(Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    TooLarge { found: usize, size: usize },
    TooSmall { found: usize, needed: usize },
    Needed { found: usize, id: u32 },
}

impl fmt::Display for ResizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Kind::TooLarge { found, size } => {
                write!(f, "a vocabulary of {size} tokens cannot be cut to {found}: give a size of at most {size}")
            }
            Kind::TooSmall { found, needed } => {
                write!(f, "a vocabulary cannot be cut to {found} tokens: its added tokens alone are {needed}")
            }
            Kind::Needed { found, id } => {
                write!(
                    f,
                    "a vocabulary cannot be cut to {found} tokens: that leaves out id {id}, without which text is lost"
                )
            }
        }
    }
}

impl std::error::Error for ResizeError {}

impl TokenizerSpec {
    /// The specification with the first tokens alone, `size` with the added ones: what training to that size would have
    /// given, if ids are in the order of training.
    ///
    /// Of the ordinary tokens those with the lowest ids are kept, and the merges that join and give kept tokens. All added
    /// tokens are kept but those that training filled the vocabulary up with, which go first; those that come behind the cut
    /// move up to it, in their order.
    ///
    /// # Errors
    /// If there are fewer tokens, or one that encoding cannot do without would go: a single byte or character (the
    /// characters of SentencePiece models come last), or the unknown token.
    pub fn with_vocab_size(&self, size: usize) -> Result<Self, ResizeError> {
        let mut added: HashSet<u32> = self.added_tokens.iter().map(|token| token.id).collect();
        let mut ordinary: Vec<u32> =
            self.model.tokens.iter().map(|(_, id)| id).filter(|id| !added.contains(id)).collect();
        ordinary.sort_unstable();
        ordinary.dedup();
        let total = ordinary.len() + added.len();
        if size > total {
            return Err(ResizeError(Kind::TooLarge { found: size, size: total }));
        }
        let fillers = self.fillers(ordinary.last().copied());
        let dropped = &fillers[fillers.len() - fillers.len().min(total - size)..];
        for id in dropped {
            added.remove(id);
        }
        let Some(keep) = size.checked_sub(added.len()) else {
            return Err(ResizeError(Kind::TooSmall { found: size, needed: added.len() }));
        };
        let Some(&cut) = ordinary.get(keep).or(dropped.first()) else { return Ok(self.clone()) };
        if let Some(id) = self.needed_ids().into_iter().find(|id| *id >= cut && !added.contains(id)) {
            return Err(ResizeError(Kind::Needed { found: size, id }));
        }
        let renamed = renamed(&added, cut);
        let name = |id: u32| renamed.get(&id).copied().unwrap_or(id);
        let prefix = self.symbol_options.continuing_subword_prefix.as_bytes();
        let model = self.model.first(cut, &renamed, prefix);
        let kept = self.added_tokens.iter().filter(|token| added.contains(&token.id));
        let added_tokens = kept.map(|token| AddedToken { id: name(token.id), ..token.clone() }).collect();
        let post_processor = self.post_processor.clone().map(|mut processor| {
            processor.rename(&name);
            processor
        });
        Ok(Self { model, added_tokens, post_processor, ..self.clone() })
    }

    /// The ids, rising, of the tokens that training filled the vocabulary up with: behind all others, runs of spaces and of
    /// line feeds in turn, the shortest first, without those that there are.
    fn fillers(&self, last_ordinary: Option<u32>) -> Vec<u32> {
        let is_run = |text: &str| {
            text.len() > 1 && text.bytes().all(|byte| byte == text.as_bytes()[0] && b" \n".contains(&byte))
        };
        let mut all: Vec<&AddedToken> = self.added_tokens.iter().collect();
        all.sort_unstable_by_key(|token| token.id);
        let first = all.iter().rposition(|token| {
            let plain = !(token.special || token.single_word || token.lstrip || token.rstrip);
            !(plain && token.normalized && is_run(&token.content)) || last_ordinary.is_some_and(|last| token.id <= last)
        });
        let (others, fillers) = all.split_at(first.map_or(0, |last| last + 1));
        let ids: HashSet<u32> = fillers.iter().map(|token| token.id).collect();
        let mut present: HashSet<&[u8]> = others.iter().map(|token| token.content.as_bytes()).collect();
        present.extend(self.model.tokens.iter().filter(|token| !ids.contains(&token.1)).map(|token| token.0));
        let runs = (2_usize..).flat_map(|length| [b' ', b'\n'].map(|byte| vec![byte; length]));
        let mut expected = runs.filter(|run| !present.contains(run.as_slice()));
        let same = fillers.iter().all(|token| expected.next().is_some_and(|run| run == token.content.as_bytes()));
        if same { fillers.iter().map(|token| token.id).collect() } else { Vec::new() }
    }

    /// The ids of tokens that text may always need, or that merging begins with: bytes or characters.
    fn needed_ids(&self) -> Vec<u32> {
        match &self.model.symbols {
            Symbols::Bytes => {
                self.model.tokens.iter().filter(|token| token.0.len() == 1).map(|token| token.1).collect()
            }
            Symbols::Chars { byte_fallback, unknown, .. } => {
                let single = (0..self.model.tokens.len())
                    .filter(|&entry| self.model.tokens.is_encodable(entry))
                    .filter_map(|entry| self.model.tokens.get(entry))
                    .filter(|(bytes, _)| std::str::from_utf8(bytes).is_ok_and(|text| text.chars().count() == 1));
                byte_fallback
                    .iter()
                    .flat_map(|ids| ids.iter().copied())
                    .chain(*unknown)
                    .chain(single.map(|(_, id)| id))
                    .collect()
            }
        }
    }
}

/// New ids of the added tokens behind the cut.
fn renamed(added: &HashSet<u32>, cut: u32) -> HashMap<u32, u32> {
    let mut behind: Vec<u32> = added.iter().copied().filter(|&id| id >= cut).collect();
    behind.sort_unstable();
    behind.into_iter().zip(cut..).collect()
}

impl BpeSpec {
    /// The tokens before `cut` and those that are renamed, and the merges among them.
    fn first(&self, cut: u32, renamed: &HashMap<u32, u32>, prefix: &[u8]) -> Self {
        let new_id = |id: u32| if id < cut { Some(id) } else { renamed.get(&id).copied() };
        let mut tokens = TokenTable::with_capacity(cut as usize, self.tokens.byte_len());
        for (entry, (bytes, id)) in self.tokens.iter().enumerate() {
            match new_id(id) {
                Some(id) if self.tokens.is_encodable(entry) => tokens.push(bytes, id),
                Some(id) => tokens.push_not_encodable(bytes, id),
                None => {}
            }
        }
        let merges = match &self.merges {
            MergeRule::Ranks => MergeRule::Ranks,
            MergeRule::Pairs(pairs) => MergeRule::Pairs(self.first_pairs(pairs, &tokens, prefix, new_id)),
        };
        Self { tokens, merges, symbols: self.symbols.clone(), ignore_merges: self.ignore_merges }
    }

    /// The merges of kept tokens that give kept tokens; the right one loses the prefix of symbols inside a word.
    fn first_pairs(
        &self,
        pairs: &[(u32, u32)],
        kept: &TokenTable,
        prefix: &[u8],
        new_id: impl Fn(u32) -> Option<u32>,
    ) -> Vec<(u32, u32)> {
        let bytes: HashMap<u32, &[u8]> = self.tokens.iter().map(|(bytes, id)| (id, bytes)).collect();
        let of = |id: u32| bytes.get(&id).copied().unwrap_or_default();
        let kept: HashSet<&[u8]> = kept.iter().map(|token| token.0).collect();
        let mut joined = Vec::new();
        let pairs = pairs.iter().filter_map(|&(left, right)| {
            joined.clear();
            joined.extend_from_slice(of(left));
            joined.extend_from_slice(of(right).strip_prefix(prefix).unwrap_or(of(right)));
            kept.contains(joined.as_slice()).then_some((new_id(left)?, new_id(right)?))
        });
        pairs.collect()
    }
}

impl PostProcessor {
    fn rename(&mut self, name: &impl Fn(u32) -> u32) {
        match self {
            Self::ByteLevel { .. } => {}
            Self::Template { special_tokens, .. } => {
                special_tokens.iter_mut().flat_map(|token| &mut token.ids).for_each(|id| *id = name(*id));
            }
            Self::Bert { sep, cls } | Self::Roberta { sep, cls, .. } => {
                sep.1 = name(sep.1);
                cls.1 = name(cls.1);
            }
            Self::Sequence(all) => all.iter_mut().for_each(|one| one.rename(name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Segmentation;

    fn spec(special_first: bool) -> TokenizerSpec {
        let mut table = TokenTable::default();
        let shift = if special_first { 2 } else { 0 };
        for byte in 0..=255_u8 {
            table.push(&[byte], u32::from(byte) + shift);
        }
        for (word, id) in [(&b"ab"[..], 256), (b"abc", 257), (b"cd", 258)] {
            table.push(word, id + shift);
        }
        let ids = if special_first { [0, 1] } else { [259, 260] };
        let special = vec![AddedToken::special("<s>", ids[0]), AddedToken::special("</s>", ids[1])];
        let mut spec = TokenizerSpec::from_ranks(table, None, special);
        spec.post_processor =
            Some(PostProcessor::Bert { sep: ("</s>".to_owned(), ids[1]), cls: ("<s>".to_owned(), ids[0]) });
        spec
    }

    #[test]
    fn added_tokens_behind_the_cut_move_up() {
        let cut = spec(false).with_vocab_size(259).unwrap();
        assert_eq!(cut.model.tokens.iter().last(), Some((&b"ab"[..], 256)));
        assert_eq!(cut.added_tokens.iter().map(|token| token.id).collect::<Vec<_>>(), [257, 258]);
        let Some(PostProcessor::Bert { sep, cls }) = cut.post_processor else { panic!("a template") };
        assert_eq!((sep.1, cls.1), (258, 257));
    }

    #[test]
    fn added_tokens_in_front_stay() {
        let cut = spec(true).with_vocab_size(259).unwrap();
        assert_eq!(cut.model.tokens.iter().last(), Some((&b"ab"[..], 258)));
        assert_eq!(cut.added_tokens, spec(true).added_tokens);
        assert_eq!(cut.post_processor, spec(true).post_processor);
    }

    #[test]
    fn cutting_twice_is_cutting_once() {
        let mut listed = spec(false);
        listed.model.merges = MergeRule::Pairs(vec![(97, 98), (256, 99), (99, 100)]);
        listed.segmentation = Segmentation::Whole;
        for spec in [spec(false), spec(true), listed] {
            assert_eq!(spec.with_vocab_size(261).as_ref(), Ok(&spec));
            let once = spec.with_vocab_size(259).unwrap();
            assert_eq!(spec.with_vocab_size(260).unwrap().with_vocab_size(259).as_ref(), Ok(&once));
            if let MergeRule::Pairs(pairs) = once.model.merges {
                assert_eq!(pairs, [(97, 98)]);
            }
        }
    }

    #[test]
    fn fillers_go_before_anything_else() {
        let run =
            |content: &str, id| AddedToken { special: false, normalized: true, ..AddedToken::special(content, id) };
        let filled = |contents: &[&str]| {
            let mut spec = spec(false);
            spec.added_tokens.extend(contents.iter().zip(261..).map(|(content, id)| run(content, id)));
            spec
        };
        let full = filled(&["  ", "\n\n", "   "]);
        assert_eq!(full.with_vocab_size(264).as_ref(), Ok(&full));
        assert_eq!(full.with_vocab_size(262).as_ref(), Ok(&filled(&["  "])));
        assert_eq!(full.with_vocab_size(261), Ok(spec(false)));
        assert_eq!(full.with_vocab_size(259), spec(false).with_vocab_size(259));
        // Others that are runs of spaces stay: what GPT-NeoX has, for one.
        let other = filled(&["   ", "  "]).with_vocab_size(262).unwrap();
        assert_eq!(other.added_tokens.len(), 4);
    }

    #[test]
    fn sizes_that_cannot_be_are_refused() {
        let message = |size| spec(false).with_vocab_size(size).unwrap_err().to_string();
        assert_eq!(message(262), "a vocabulary of 261 tokens cannot be cut to 262: give a size of at most 261");
        assert_eq!(message(1), "a vocabulary cannot be cut to 1 tokens: its added tokens alone are 2");
        assert!(message(200).contains("leaves out id 198, without which text is lost"));
        assert!(spec(false).with_vocab_size(258).is_ok());
    }
}
