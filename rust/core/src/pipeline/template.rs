//! Post-processors: the ids that are put around those of a text.

use super::error::CompileError;
use super::tokenizer::Tokenizer;
use crate::spec::{PostProcessor, TemplatePiece};

/// An element of a finished sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    /// An added id.
    Id(u32),
    /// The ids of the text.
    Text,
}

impl Item {
    /// The added id, if this is one.
    pub(super) const fn id(self) -> Option<u32> {
        match self {
            Self::Id(id) => Some(id),
            Self::Text => None,
        }
    }
}

impl Tokenizer {
    /// How often the ids of a text stand in what the post-processor makes of them, and how many ids it adds.
    #[must_use]
    pub fn surroundings(&self) -> (usize, usize) {
        let copies = self.template.iter().filter(|item| **item == Item::Text).count();
        (copies, self.template.len() - copies)
    }

    /// Appends the ids of a text with those that the post-processor adds.
    pub fn surround(&self, ids: &[u32], out: &mut Vec<u32>) {
        for item in &self.template {
            match item.id() {
                Some(id) => out.push(id),
                None => out.extend_from_slice(ids),
            }
        }
    }
}

/// Nested templates may repeat the text; beyond this many elements they are refused.
const MAX_ITEMS: usize = 1024;

/// What surrounds the ids of one text.
pub(super) fn items(processor: Option<&PostProcessor>) -> Result<Vec<Item>, CompileError> {
    let mut items = vec![Item::Text];
    if let Some(processor) = processor {
        wrap(processor, &mut items)?;
    }
    Ok(items)
}

fn wrap(processor: &PostProcessor, items: &mut Vec<Item>) -> Result<(), CompileError> {
    let inner = std::mem::take(items);
    match processor {
        PostProcessor::ByteLevel { .. } => *items = inner,
        PostProcessor::Bert { sep, cls } | PostProcessor::Roberta { sep, cls, .. } => {
            items.push(Item::Id(cls.1));
            items.extend(inner);
            items.push(Item::Id(sep.1));
        }
        PostProcessor::Template { single, special_tokens, .. } => {
            for piece in single {
                match piece {
                    TemplatePiece::Sequence { second: false, .. } => items.extend_from_slice(&inner),
                    TemplatePiece::Sequence { second: true, .. } => {}
                    TemplatePiece::SpecialToken { name, .. } => {
                        let token = special_tokens.iter().find(|token| token.name == *name);
                        items.extend(token.into_iter().flat_map(|token| &token.ids).map(|&id| Item::Id(id)));
                    }
                }
                check(items.len())?;
            }
        }
        PostProcessor::Sequence(all) => {
            *items = inner;
            return all.iter().try_for_each(|one| wrap(one, items));
        }
    }
    check(items.len())
}

fn check(found: usize) -> Result<(), CompileError> {
    if found > MAX_ITEMS { Err(CompileError::too_large("elements of the template", found, MAX_ITEMS)) } else { Ok(()) }
}

/// The ids that post-processors add, with their names.
pub(super) fn named_ids(processor: &PostProcessor) -> Vec<(u32, &str)> {
    match processor {
        PostProcessor::ByteLevel { .. } => Vec::new(),
        PostProcessor::Bert { sep, cls } | PostProcessor::Roberta { sep, cls, .. } => {
            vec![(sep.1, sep.0.as_str()), (cls.1, cls.0.as_str())]
        }
        PostProcessor::Template { special_tokens, .. } => special_tokens
            .iter()
            .flat_map(|token| token.ids.iter().copied().zip(token.tokens.iter().map(String::as_str)))
            .collect(),
        PostProcessor::Sequence(all) => all.iter().flat_map(named_ids).collect(),
    }
}

/// Whether offsets leave out white space, and if so, whether one leading space counts as added by the tokenizer.
pub(super) fn trimming(processor: Option<&PostProcessor>) -> Vec<bool> {
    match processor {
        Some(
            PostProcessor::ByteLevel { add_prefix_space, trim_offsets: true, .. }
            | PostProcessor::Roberta { add_prefix_space, trim_offsets: true, .. },
        ) => vec![*add_prefix_space],
        Some(PostProcessor::Sequence(all)) => all.iter().flat_map(|one| trimming(Some(one))).collect(),
        _ => Vec::new(),
    }
}
