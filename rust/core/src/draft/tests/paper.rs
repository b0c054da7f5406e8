//! The paper's loop, written down plainly, beside the drafter with the paper's tree.

use super::{K, Session, VOCAB, contexts, model};
use crate::draft::{Config, Draft, Recycling, Template};

/// The adjacency matrix and the loop of Luo et al. 2024, algorithm 1, with three things made definite: a token that has
/// not been seen drafts nothing (their code drafts token 0), the prompt is learned from, and of several rows for one
/// token the deepest accepted node decides, then the last one.
struct Paper {
    matrix: Vec<Option<[u32; K]>>,
}

impl Paper {
    fn tree(&self, root: u32) -> Draft {
        let template = Template::static_80();
        let mut tokens: Vec<Option<u32>> = vec![Some(root)];
        for (parent, rank) in template.parents().iter().zip(template.ranks()).skip(1) {
            let token = tokens[parent.unwrap() as usize];
            tokens.push(token.and_then(|t| self.matrix[t as usize]).map(|row| row[usize::from(*rank)]));
        }
        let mut draft = Draft::default();
        let mut places = Vec::new();
        for (node, token) in tokens.iter().enumerate() {
            places.push(draft.len() as i32);
            if let Some(token) = token {
                let parent = template.parents()[node].map_or(-1, |parent| places[parent as usize]);
                draft.push(*token, parent, 1.0);
            }
        }
        draft
    }

    fn update(&mut self, contexts: &[Vec<u32>], path: &[usize]) {
        let rejected = (0..contexts.len()).filter(|node| !path.contains(node));
        for node in rejected.chain(path.iter().copied()) {
            let context = &contexts[node];
            self.matrix[*context.last().unwrap() as usize] = Some(model(context).0);
        }
    }
}

#[test]
fn static_80_is_the_paper_s_loop_step_by_step() {
    for seed in 0..20 {
        let prompt = [seed, seed * 3 % VOCAB, 5, 1, 9];
        let drafter = Recycling::new(Config::fixed(VOCAB as usize, Template::static_80())).unwrap();
        let mut session = Session::start(drafter, &prompt);
        let mut paper = Paper { matrix: vec![None; VOCAB as usize] };
        for end in 1..=prompt.len() {
            paper.matrix[prompt[end - 1] as usize] = Some(model(&prompt[..end]).0);
        }
        for step in 0..40 {
            let text = session.sequence.tokens().to_vec();
            let expected = paper.tree(*text.last().unwrap());
            let path = session.step(80);
            assert_eq!(session.draft, expected, "step {step}");
            paper.update(&contexts(&text, &expected), &path);
            for (token, row) in (0..).zip(&paper.matrix) {
                let have = session.drafter.matrix().row(token).unwrap();
                assert_eq!(have.ids(), row.as_ref().map_or(&[][..], |row| &row[..]), "step {step}, token {token}");
            }
        }
    }
}

#[test]
fn a_smaller_budget_takes_the_first_nodes_of_the_ranking() {
    let drafter = Recycling::new(Config::fixed(VOCAB as usize, Template::static_80())).unwrap();
    let mut session = Session::start(drafter, &[1, 2, 3]);
    for budget in [0, 1, 16, 40, 80] {
        for _ in 0..10 {
            session.step(budget);
            assert!(session.draft.len() <= budget + 1);
        }
    }
    assert_eq!(session.draft.len(), 81, "every row is known by now");
}
