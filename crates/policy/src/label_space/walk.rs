//! Walks through the points of a space, and past those that need no look.

use super::{Part, join};
use crate::rulebook::Approved;
use core::ops::ControlFlow;

/// Settles points without a visit, if one of its tests holds; each test looks at some conditions and
/// is made once all of them are known.
pub(crate) struct Cut<'c>(pub(crate) Vec<CutTest<'c>>);

/// One test of a cut.
pub(crate) struct CutTest<'c> {
    pub(crate) conditions: Vec<usize>,
    pub(crate) holds: Box<dyn Fn(&Approved) -> bool + 'c>,
}

/// A walk on its way.
pub(super) struct Walk<'w> {
    /// For each part, the tests that can be made once its group is chosen, with the bit of their cut.
    pub(super) settled_at: Vec<Vec<(u64, &'w CutTest<'w>)>>,
    /// The bits of all cuts.
    pub(super) all: u64,
    pub(super) choice: Vec<usize>,
    pub(super) visit: &'w mut dyn FnMut(&Approved, &[usize]) -> ControlFlow<()>,
}

impl Walk<'_> {
    pub(super) fn on(
        &mut self,
        parts: &[Part],
        so_far: &Approved,
        settled: u64,
    ) -> ControlFlow<()> {
        let Some((part, rest)) = parts.split_first() else {
            return (self.visit)(so_far, &self.choice);
        };
        for (index, group) in part.groups.iter().enumerate() {
            let mut approved = *so_far;
            join(&mut approved, &group.approved);
            let tests = self.settled_at.get(self.choice.len());
            let holding = tests
                .into_iter()
                .flatten()
                .filter(|(bit, test)| settled & bit == 0 && (test.holds)(&approved));
            let settled = holding.fold(settled, |settled, (bit, _)| settled | bit);
            if settled == self.all {
                continue;
            }
            self.choice.push(index);
            let flow = self.on(rest, &approved, settled);
            self.choice.pop();
            flow?;
        }
        ControlFlow::Continue(())
    }
}
