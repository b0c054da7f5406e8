//! From a plan to a shared automaton.

use std::sync::{Arc, Mutex, PoisonError};

use super::deepseek::DeepSeek;
use super::machine::Machine;
use super::rules::Rules;

/// Which automaton a pattern, or a sequence of patterns, becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plan {
    /// The GPT-2, cl100k, o200k and Kimi families.
    Rules(Rules),
    /// The three splits of DeepSeek-V3.
    DeepSeek,
}

impl Plan {
    /// Builds the automaton.
    pub(super) fn machine(&self) -> Machine {
        match self {
            Self::Rules(rules) => Machine::new(rules),
            Self::DeepSeek => Machine::new(&DeepSeek),
        }
    }
}

/// Builds the automaton, or hands out the one built before: a process uses few different ones.
pub(super) fn shared(plan: &Plan) -> Arc<Machine> {
    static BUILT: Mutex<Vec<(Plan, Arc<Machine>)>> = Mutex::new(Vec::new());
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, machine)) = built.iter().find(|(known, _)| known == plan) {
        return Arc::clone(machine);
    }
    let machine = Arc::new(plan.machine());
    built.push((*plan, Arc::clone(&machine)));
    machine
}
