//! Token Recycling: the drafter.

use super::adjacency::{AdjacencyMatrix, check_ids, check_rows};
use super::best_first::Search;
use super::candidates::{Candidates, Evidence, ORDERS};
use super::context::{ContextTable, Key};
use super::error::DraftError;
use super::history::History;
use super::mixer::{INPUTS, Mixer};
use super::row::{Row, Update};
use super::suffix::{Match, NONE};
use super::template::Template;
use super::weights;

/// What a drafter is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// How many tokens the vocabulary holds.
    pub vocab_size: usize,
    /// How many candidates of each position are kept, 1 to 8.
    pub k: usize,
    /// A fixed shape, or `None` for trees that are grown best first.
    pub template: Option<Template>,
    /// How much a new distribution weighs in the row of one, two and three tokens once that has been seen often; 1
    /// replaces. Zero leaves the order out.
    pub rates: [f32; ORDERS],
    /// Whether earlier occurrences of the text's end are a source.
    pub suffix: bool,
    /// How many tokens must agree for an earlier occurrence to count; fewer are what context rows are for.
    pub suffix_least: usize,
    /// Whether the runners-up of the last choice are candidates for the next token.
    pub runners_up: bool,
    /// The most rows that contexts of two tokens, and those of three, may take; 64 bytes each.
    pub context_rows: usize,
    /// The most tokens of finished sequences that are searched for earlier occurrences; 0 searches the sequence itself only.
    pub shared_tokens: usize,
    /// The learning rate of the estimates.
    pub learning_rate: f32,
}

impl Config {
    /// The drafter that the measurements recommend.
    #[must_use]
    pub fn dynamic(vocab_size: usize) -> Self {
        Self {
            vocab_size,
            k: 8,
            template: None,
            rates: [0.4, 0.5, 0.7],
            suffix: true,
            suffix_least: 6,
            runners_up: true,
            context_rows: 1 << 17,
            shared_tokens: 1 << 16,
            learning_rate: 0.02,
        }
    }

    /// The drafter of the paper: a fixed tree over the last candidates of single tokens.
    #[must_use]
    pub fn fixed(vocab_size: usize, template: Template) -> Self {
        Self {
            template: Some(template),
            rates: [1.0, 0.0, 0.0],
            suffix: false,
            runners_up: false,
            ..Self::dynamic(vocab_size)
        }
    }
}

/// A drafted tree: node 0 is the last emitted token, parents precede children.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Draft {
    /// The token of each node.
    pub tokens: Vec<u32>,
    /// The parent of each node; -1 for the root.
    pub parents: Vec<i32>,
    /// The estimated probability that each node is accepted; 1 where nothing is estimated.
    pub probabilities: Vec<f32>,
}

impl Draft {
    pub(super) fn clear(&mut self, root: u32) {
        self.tokens.clear();
        self.parents.clear();
        self.probabilities.clear();
        self.push(root, -1, 1.0);
    }

    pub(super) fn push(&mut self, token: u32, parent: i32, probability: f32) {
        self.tokens.push(token);
        self.parents.push(parent);
        self.probabilities.push(probability);
    }

    /// How many nodes there are, with the root.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether there is not even a root.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }
}

/// One text that is being generated.
#[derive(Debug, Clone, Default)]
pub struct Sequence {
    pub(super) history: History,
    /// What else could have stood where the last token stands.
    pub(super) runners_up: Row,
}

impl Sequence {
    /// The tokens so far: those of the prompt, and those emitted.
    #[must_use]
    pub fn tokens(&self) -> &[u32] {
        self.history.tokens()
    }

    /// Adds the token chosen after everything there is: the first one after the prompt.
    pub fn push(&mut self, token: u32) {
        let last = self.history.len().checked_sub(1).and_then(|at| self.history.row(at)).copied();
        self.runners_up = last.unwrap_or_default().without(token);
        self.history.push(token);
    }
}

/// The last tokens of a node, newest first (`NONE` before the beginning), and the keys of two and of three of them.
#[derive(Debug, Clone, Copy)]
struct Context {
    recent: [u32; ORDERS],
    keys: [Key; ORDERS - 1],
}

/// What is known at one node about where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    context: Context,
    pub(super) own: Match,
    pub(super) shared: Match,
}

/// The drafter: tables that learn from every forward pass, and trees made from them.
#[derive(Debug, Clone)]
pub struct Recycling {
    pub(super) config: Config,
    pub(super) matrix: AdjacencyMatrix,
    pub(super) contexts: [ContextTable; ORDERS - 1],
    pub(super) shared: History,
    pub(super) mixer: Mixer,
    search: Search,
    candidates: Box<Candidates>,
    /// Working memory of learning.
    contexts_of_nodes: Vec<Context>,
}

impl Recycling {
    /// A drafter that knows nothing yet.
    ///
    /// # Errors
    ///
    /// If a value of the configuration is outside what it may be.
    pub fn new(config: Config) -> Result<Self, DraftError> {
        let how = |rate: f32| if rate >= 1.0 { Update::Replace } else { Update::Average { rate } };
        let matrix = AdjacencyMatrix::new(config.vocab_size, config.k, how(config.rates[0]))?;
        for rate in config.rates {
            if !(0.0..=1.0).contains(&rate) {
                return Err(DraftError::argument(format!("the rate of averaging is {rate}; it must be in [0, 1]")));
            }
        }
        let table = |order: usize| {
            let rate = config.rates[order];
            ContextTable::new(if rate > 0.0 { config.context_rows } else { 0 }, how(rate))
        };
        let contexts = [table(1), table(2)];
        Ok(Self::from_parts(config, matrix, contexts))
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The rows of single tokens.
    #[must_use]
    pub fn matrix(&self) -> &AdjacencyMatrix {
        &self.matrix
    }

    /// The mixer's weights, for looking at.
    #[must_use]
    pub fn weights(&self) -> &[[f32; INPUTS]] {
        self.mixer.weights()
    }

    /// Replaces the mixer's weights by others of the same number; weights of another number are left alone.
    pub fn set_weights(&mut self, weights: &[[f32; INPUTS]]) {
        self.mixer.set_weights(weights);
    }

    /// Adds tokens of a prompt to a sequence and learns the candidates after each of them.
    ///
    /// `ids` and `logs` are rows of candidates, likeliest first, one row per token; they may be empty if the candidates
    /// are not known.
    ///
    /// # Errors
    ///
    /// If lengths do not fit or an id is outside the vocabulary; nothing is changed then.
    pub fn prompt(
        &mut self,
        sequence: &mut Sequence,
        tokens: &[u32],
        ids: &[u32],
        logs: &[f32],
    ) -> Result<(), DraftError> {
        let width = check_rows(tokens, ids, logs, self.config.vocab_size)?;
        let keep = width.min(self.config.k);
        let stamp = self.matrix.tick();
        for (i, &token) in tokens.iter().enumerate() {
            sequence.history.push(token);
            if width > 0 {
                let row = Row::of(&ids[i * width..i * width + keep], &logs[i * width..i * width + keep]);
                self.enter(&self.context(recent(sequence.tokens())), &row, stamp);
                sequence.history.set_row(sequence.history.len() - 1, row);
            }
        }
        Ok(())
    }

    /// Drafts a tree of at most `budget` nodes beside the root, which is the last token of the sequence.
    ///
    /// # Errors
    ///
    /// If the sequence is empty: a tree needs a root.
    pub fn draft(&mut self, sequence: &Sequence, budget: usize, draft: &mut Draft) -> Result<(), DraftError> {
        let Some(&root) = sequence.tokens().last() else {
            return Err(DraftError::argument(
                "the sequence is empty; a tree needs its last token as a root".to_owned(),
            ));
        };
        draft.clear(root);
        if let Some(template) = &self.config.template {
            fill_template(template, &self.matrix, budget, draft);
        } else {
            let mut search = std::mem::take(&mut self.search);
            let mut candidates = std::mem::take(&mut self.candidates);
            search.grow(self, sequence, budget, &mut candidates, draft);
            (self.search, self.candidates) = (search, candidates);
        }
        Ok(())
    }

    /// Learns from a verified tree: what was accepted, and the candidates that the model gave after every node.
    ///
    /// `path` holds the accepted nodes, the root first; `next` is the token that the model chose after the last of them.
    ///
    /// # Errors
    ///
    /// If the arguments do not fit each other, the sequence or the vocabulary; nothing is changed then.
    pub fn learn(
        &mut self,
        sequence: &mut Sequence,
        draft: &Draft,
        path: &[usize],
        next: u32,
        ids: &[u32],
        logs: &[f32],
    ) -> Result<(), DraftError> {
        let width = check_rows(&draft.tokens, ids, logs, self.config.vocab_size)?;
        check_ids("the next token", &[next], self.config.vocab_size)?;
        check_path(sequence, draft, path)?;
        if self.config.template.is_none() {
            self.learn_weights(sequence, draft, path, next);
        }
        let keep = width.min(self.config.k);
        let row =
            |node: usize| Row::of(&ids[node * width..node * width + keep], &logs[node * width..node * width + keep]);
        let stamp = self.matrix.tick();
        let mut contexts = std::mem::take(&mut self.contexts_of_nodes);
        self.contexts_of(sequence, draft, &mut contexts);
        let mut taken = path.iter().peekable();
        for (node, context) in contexts.iter().enumerate() {
            // An accepted path goes down, and so do the numbers of nodes.
            if taken.next_if_eq(&&node).is_none() && width > 0 {
                self.enter(context, &row(node), stamp);
            }
        }
        for (i, &node) in path.iter().enumerate() {
            if width > 0 {
                let row = row(node);
                self.enter(&contexts[node], &row, stamp);
                sequence.history.set_row(sequence.history.len() - 1, row);
            }
            sequence.push(path.get(i + 1).map_or(next, |&node| draft.tokens[node]));
        }
        self.contexts_of_nodes = contexts;
        Ok(())
    }

    /// Keeps a finished sequence for later ones to be searched, if the configuration has room for that.
    pub fn finish(&mut self, sequence: &Sequence) {
        self.keep(&sequence.history);
    }

    /// Keeps the end of a text beside those of other finished sequences; the oldest of them go when there is no room.
    pub(super) fn keep(&mut self, history: &History) {
        let most = self.config.shared_tokens;
        if most == 0 || !self.config.suffix || history.is_empty() {
            return;
        }
        if self.shared.len() + history.len() > most {
            self.shared = self.shared.latest(most / 2);
        }
        self.shared.append(history, most / 2);
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        *self = self.emptied();
    }

    /// A drafter of the same configuration that knows nothing.
    pub(super) fn emptied(&self) -> Self {
        let mut matrix = self.matrix.clone();
        matrix.reset();
        let mut contexts = self.contexts.clone();
        contexts.iter_mut().for_each(ContextTable::reset);
        Self::from_parts(self.config.clone(), matrix, contexts)
    }

    fn from_parts(config: Config, matrix: AdjacencyMatrix, contexts: [ContextTable; ORDERS - 1]) -> Self {
        let (first, second) = weights::initial();
        Self {
            mixer: Mixer::new(&first, &second, config.learning_rate),
            config,
            matrix,
            contexts,
            shared: History::default(),
            search: Search::default(),
            candidates: Box::default(),
            contexts_of_nodes: Vec::new(),
        }
    }

    /// What the sources say about the successors of a node.
    #[inline]
    pub(super) fn evidence<'a>(&'a self, sequence: &'a Sequence, at: &Standing, first: bool) -> Evidence<'a> {
        let mut rows = [None; ORDERS];
        if self.config.rates[0] > 0.0 {
            rows[0] = self.matrix.row(at.context.recent[0]).filter(|row| !row.is_empty());
        }
        for (i, (table, &key)) in self.contexts.iter().zip(&at.context.keys).enumerate() {
            if key != Key::NONE {
                rows[i + 1] = table.get(key);
            }
        }
        let precedent = if self.config.suffix {
            let least = self.config.suffix_least;
            let own = sequence.history.precedent(at.own, least);
            let longer = own.map_or(least, |own| own.len + 1);
            self.shared.precedent(at.shared, longer).or(own)
        } else {
            None
        };
        let runners_up =
            (first && self.config.runners_up && !sequence.runners_up.is_empty()).then_some(&sequence.runners_up);
        Evidence { rows, precedent, runners_up }
    }

    /// Where the root stands.
    pub(super) fn standing(&self, sequence: &Sequence) -> Standing {
        let mut shared = Match::default();
        if self.config.suffix && !self.shared.is_empty() {
            let tokens = sequence.tokens();
            for &token in &tokens[tokens.len().saturating_sub(32)..] {
                shared = self.shared.follow(shared, token);
            }
        }
        Standing { context: self.context(recent(sequence.tokens())), own: sequence.history.end(), shared }
    }

    /// Starts loading the rows of a child that may be looked at soon.
    #[inline]
    pub(super) fn prefetch_child(&self, at: &Standing, token: u32) {
        self.prefetch(&self.context(extend(at.context.recent, token)));
    }

    /// Where a child stands.
    #[inline]
    pub(super) fn step(&self, sequence: &Sequence, at: &Standing, token: u32) -> Standing {
        let (mut own, mut shared) = (Match::default(), Match::default());
        if self.config.suffix {
            own = sequence.history.follow(at.own, token);
            if !self.shared.is_empty() {
                shared = self.shared.follow(at.shared, token);
            }
        }
        Standing { context: self.context(extend(at.context.recent, token)), own, shared }
    }

    /// The contexts of all nodes, whose rows are asked for at once.
    fn contexts_of(&self, sequence: &Sequence, draft: &Draft, contexts: &mut Vec<Context>) {
        contexts.clear();
        for (node, &token) in draft.tokens.iter().enumerate() {
            let parent = usize::try_from(draft.parents[node]).ok().and_then(|parent| contexts.get(parent));
            let recent = parent.map_or_else(|| recent(sequence.tokens()), |parent| extend(parent.recent, token));
            let context = self.context(recent);
            self.prefetch(&context);
            contexts.push(context);
        }
    }

    #[inline]
    fn context(&self, recent: [u32; ORDERS]) -> Context {
        let key = |order: usize| {
            let used = self.config.rates[order] > 0.0 && recent[order] != NONE;
            if used { Key::of(&recent[..=order]) } else { Key::NONE }
        };
        Context { recent, keys: [key(1), key(2)] }
    }

    #[inline]
    fn prefetch(&self, context: &Context) {
        self.matrix.prefetch(context.recent[0]);
        for (table, &key) in self.contexts.iter().zip(&context.keys) {
            table.prefetch(key);
        }
    }

    fn enter(&mut self, context: &Context, row: &Row, stamp: u32) {
        self.matrix.enter(context.recent[0], row);
        for (table, &key) in self.contexts.iter_mut().zip(&context.keys) {
            if key != Key::NONE {
                table.enter(key, row, stamp);
            }
        }
    }

    /// Corrects the estimates at every node that was reached.
    fn learn_weights(&mut self, sequence: &Sequence, draft: &Draft, path: &[usize], next: u32) {
        let mut candidates = std::mem::take(&mut self.candidates);
        let mut at = self.standing(sequence);
        for i in 0..path.len() {
            let chosen = path.get(i + 1).map_or(next, |&node| draft.tokens[node]);
            candidates.collect(&self.evidence(sequence, &at, i == 0));
            for (id, inputs, classes) in candidates.iter() {
                self.mixer.learn(inputs, classes, f32::from(u8::from(id == chosen)));
            }
            at = self.step(sequence, &at, chosen);
        }
        self.candidates = candidates;
    }
}

/// The last tokens of a text, newest first.
fn recent(tokens: &[u32]) -> [u32; ORDERS] {
    let mut recent = [NONE; ORDERS];
    for (place, &token) in recent.iter_mut().zip(tokens.iter().rev()) {
        *place = token;
    }
    recent
}

#[inline]
fn extend(recent: [u32; ORDERS], token: u32) -> [u32; ORDERS] {
    let mut longer = recent;
    longer.copy_within(0..ORDERS - 1, 1);
    longer[0] = token;
    longer
}

fn check_path(sequence: &Sequence, draft: &Draft, path: &[usize]) -> Result<(), DraftError> {
    if draft.tokens.first() != sequence.tokens().last() || draft.is_empty() {
        return Err(DraftError::argument("the tree's root is not the last token of the sequence".to_owned()));
    }
    if draft.parents.len() != draft.len() {
        let (tokens, parents) = (draft.len(), draft.parents.len());
        return Err(DraftError::argument(format!("the tree has {tokens} tokens, but {parents} parents")));
    }
    let mut expected = -1;
    for &node in path {
        if draft.parents.get(node) != Some(&expected) {
            return Err(DraftError::argument(format!(
                "node {node} of the accepted path does not follow node {expected}"
            )));
        }
        expected = i32::try_from(node).unwrap_or(i32::MAX);
    }
    if path.is_empty() {
        return Err(DraftError::argument("the accepted path is empty; it begins with the root".to_owned()));
    }
    Ok(())
}

/// Fills a tree of fixed shape; the subtree of a candidate that a row lacks is left out.
fn fill_template(template: &Template, matrix: &AdjacencyMatrix, budget: usize, draft: &mut Draft) {
    let mut placed: Vec<Option<i32>> = vec![None; template.len() + 1];
    placed[0] = Some(0);
    for (node, (parent, &rank)) in template.parents().iter().zip(template.ranks()).enumerate().skip(1) {
        if !template.fits(node, budget) {
            continue;
        }
        let Some(parent) = parent.and_then(|parent| placed[parent as usize]) else { continue };
        let token = draft.tokens.get(usize::try_from(parent).unwrap_or(0)).copied().unwrap_or_default();
        let Some(&token) = matrix.row(token).and_then(|row| row.ids().get(usize::from(rank))) else { continue };
        placed[node] = i32::try_from(draft.len()).ok();
        draft.push(token, parent, 1.0);
    }
}
