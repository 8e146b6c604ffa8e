//! Numbers for classes, so that a decision is found by an index and not by hashing labels.
//!
//! A number is local to this process and never leaves it.

use domain::class::{CLASSES_MAX, Class};
use domain::name::{AgencyId, AgreementId};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// The most classes that get a number. Decisions about further ones are right, and made anew each
/// time.
pub(crate) const NUMBERED_MAX: usize = 262_144;

/// The local number of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClassNumber(pub(crate) u32);

impl ClassNumber {
    /// The number, from 0 and dense.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

#[derive(Default)]
pub(crate) struct ClassTable(RwLock<Numbers>);

#[derive(Default)]
struct Numbers {
    of: HashMap<Arc<Class>, u32>,
    classes: Vec<Arc<Class>>,
    /// How many numbers each originator took under each agreement.
    taken: HashMap<(AgreementId, AgencyId), usize>,
}

impl ClassTable {
    /// The number of a class, a new one if need be; `None` if its originator has too many.
    pub(crate) fn number(&self, class: &Arc<Class>) -> Option<ClassNumber> {
        if let Some(number) = self.read(|numbers| numbers.of.get(class).copied()) {
            return Some(ClassNumber(number));
        }
        let mut numbers = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = numbers.of.get(class) {
            return Some(ClassNumber(*number));
        }
        let number = u32::try_from(numbers.classes.len()).ok()?;
        if numbers.classes.len() >= NUMBERED_MAX {
            return None;
        }
        let taken = numbers.taken.entry((class.agreement.clone(), class.origin.clone()));
        let taken = taken.or_default();
        if *taken >= CLASSES_MAX {
            return None;
        }
        *taken += 1;
        numbers.of.insert(Arc::clone(class), number);
        numbers.classes.push(Arc::clone(class));
        Some(ClassNumber(number))
    }

    /// The class of a number.
    pub(crate) fn class(&self, number: ClassNumber) -> Option<Arc<Class>> {
        self.read(|numbers| numbers.classes.get(number.index()).map(Arc::clone))
    }

    fn read<R>(&self, look: impl FnOnce(&Numbers) -> R) -> R {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}
