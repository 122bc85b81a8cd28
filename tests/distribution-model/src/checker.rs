//! A breadth-first search of all states of a model. The first violation that it finds has the shortest trace.

use std::hash::{Hash, Hasher};

/// A system of states and steps between them.
pub(crate) trait Model {
    type State: Copy + Eq + Hash;
    type Step: Copy;

    fn initial(&self) -> Self::State;

    /// Adds the steps that are possible in a state, and the states that they lead to.
    fn steps(&self, state: &Self::State, found: &mut Vec<(Self::Step, Self::State)>);

    /// Returns whether the claim does not hold in a state.
    fn is_violated(&self, state: &Self::State) -> bool;

    /// Returns the representative of the states that differ from this one in nothing but the numbering of processes. The
    /// trace of a counterexample is only readable if each state represents itself.
    fn representative(&self, state: Self::State) -> Self::State {
        state
    }
}

/// What a search has found.
pub(crate) struct Exploration<M: Model> {
    /// The number of different states.
    pub(crate) states: usize,
    /// The number of steps between them.
    pub(crate) steps: usize,
    /// The number of steps to the state that is farthest from the initial one.
    pub(crate) depth: usize,
    /// The shortest trace to a state in which the claim does not hold: each step, and the state that it leads to.
    pub(crate) counterexample: Option<Vec<(M::Step, M::State)>>,
}

/// Visits every state that can be reached, or stops at the first one in which the claim does not hold. Calls `visit` with
/// each step that it takes.
pub(crate) fn explore<M: Model>(model: &M, mut visit: impl FnMut(M::Step)) -> Exploration<M> {
    let mut visited = Visited::new();
    visited.insert(model.representative(model.initial()), 0);
    let (mut steps, mut depth, mut next) = (0, 0, 0);
    let mut found = Vec::new();
    let mut counterexample = None;
    'search: while next < visited.states.len() {
        // All states of one depth.
        let end = visited.states.len();
        for index in next..end {
            model.steps(&visited.states[index], &mut found);
            steps += found.len();
            for (step, state) in found.drain(..) {
                visit(step);
                let is_new = visited.insert(model.representative(state), index);
                if is_new && model.is_violated(&state) {
                    counterexample = Some(visited.trace(model));
                    break 'search;
                }
            }
        }
        next = end;
        if visited.states.len() > end {
            depth += 1;
        }
    }
    Exploration {
        states: visited.states.len(),
        steps,
        depth,
        counterexample,
    }
}

/// The states that were found, and the state from which each was found first.
///
/// States are compared as a whole: a search that compared hashes only could miss a state.
struct Visited<S> {
    states: Vec<S>,
    parents: Vec<u32>,
    /// A hash table with linear probing: indices into `states`, or [`EMPTY`]. At most half of it is used.
    table: Vec<u32>,
}

const EMPTY: u32 = u32::MAX;

impl<S: Copy + Eq + Hash> Visited<S> {
    fn new() -> Self {
        Self {
            states: Vec::new(),
            parents: Vec::new(),
            table: vec![EMPTY; 1 << 16],
        }
    }

    /// Adds a state, and returns whether it was not there.
    fn insert(&mut self, state: S, parent: usize) -> bool {
        if 2 * self.states.len() >= self.table.len() {
            self.grow();
        }
        let slot = self.slot(&state);
        if self.table[slot] != EMPTY {
            return false;
        }
        self.table[slot] = index(self.states.len());
        self.states.push(state);
        self.parents.push(index(parent));
        true
    }

    /// Returns the slot of a state, or the empty slot where it belongs.
    fn slot(&self, state: &S) -> usize {
        let mut hasher = Mixer(0);
        state.hash(&mut hasher);
        let mask = self.table.len() - 1;
        let mut slot = usize::try_from(hasher.finish() >> 32).unwrap_or(0) & mask;
        while self.table[slot] != EMPTY && self.states[self.table[slot] as usize] != *state {
            slot = (slot + 1) & mask;
        }
        slot
    }

    fn grow(&mut self) {
        self.table = vec![EMPTY; 2 * self.table.len()];
        for at in 0..self.states.len() {
            let slot = self.slot(&self.states[at]);
            self.table[slot] = index(at);
        }
    }

    /// Returns the steps to the state that was added last.
    fn trace<M: Model<State = S>>(&self, model: &M) -> Vec<(M::Step, S)> {
        let mut at = self.states.len() - 1;
        let mut trace = Vec::new();
        while at != 0 {
            let parent = self.parents[at] as usize;
            let mut found = Vec::new();
            model.steps(&self.states[parent], &mut found);
            let is_this = |(_, state): &&(_, S)| model.representative(*state) == self.states[at];
            trace.extend(found.iter().find(is_this).copied());
            at = parent;
        }
        trace.reverse();
        trace
    }
}

/// A hash function that is several times as fast as that of the standard library, since nothing here chooses the states.
struct Mixer(u64);

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u8(*byte);
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.0 = (self.0.rotate_left(5) ^ u64::from(value)).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    fn write_isize(&mut self, value: isize) {
        // The number of a variant of an enum.
        self.write_u8(value.to_le_bytes()[0]);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

fn index(at: usize) -> u32 {
    match u32::try_from(at) {
        Ok(at) if at != EMPTY => at,
        _ => panic!("more than 4,294,967,294 states"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two jugs of 3 and 5 litres, and a tap. The claim is that neither ever has 4 litres.
    struct Jugs;

    impl Model for Jugs {
        type State = [u8; 2];
        type Step = &'static str;

        fn initial(&self) -> [u8; 2] {
            [0, 0]
        }

        fn steps(&self, &[small, large]: &[u8; 2], found: &mut Vec<(&'static str, [u8; 2])>) {
            let (to_large, to_small) = (small.min(5 - large), large.min(3 - small));
            found.extend([
                ("fill small", [3, large]),
                ("fill large", [small, 5]),
                ("empty small", [0, large]),
                ("empty large", [small, 0]),
                ("pour into large", [small - to_large, large + to_large]),
                ("pour into small", [small + to_small, large - to_small]),
            ]);
        }

        fn is_violated(&self, state: &[u8; 2]) -> bool {
            state[1] == 4
        }
    }

    #[test]
    fn first_counterexample_is_the_shortest() {
        let found = explore(&Jugs, |_| {}).counterexample.unwrap();
        let steps: Vec<_> = found.iter().map(|(step, _)| *step).collect();
        assert_eq!(
            steps,
            [
                "fill large",
                "pour into small",
                "empty small",
                "pour into small",
                "fill large",
                "pour into small",
            ]
        );
    }

    #[test]
    fn every_state_is_found_once() {
        let mut visited = Visited::new();
        let new = (0..200_000_u32).filter(|number| visited.insert(number % 70_000, 0));
        assert_eq!(new.count(), 70_000);
    }
}
