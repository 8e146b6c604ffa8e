//! The box that a record sits in until policy says yes, and what comes out of it.
//!
//! The store hands out [`Held`]; the network encodes only [`Released`]. Between the two stands a
//! [`Permit`], so a way around the gate does not compile.

use crate::decision::Permit;
use domain::class::Class;
use domain::name::AgencyId;
use domain::refusal::{Refusal, RefusalCode};
use std::sync::Arc;

/// The rule named when a permit is put to a box that it is not for.
pub(crate) const PERMIT_RULE: &str = "code.permit";

/// A value of a class, which nobody can read before policy permits it for a peer.
pub struct Held<T> {
    value: T,
    class: Arc<Class>,
}

impl<T> Held<T> {
    /// Locks a value away under its class.
    pub const fn new(value: T, class: Arc<Class>) -> Self {
        Self { value, class }
    }

    /// The class: all that policy may see.
    pub const fn class(&self) -> &Arc<Class> {
        &self.class
    }

    /// Opens the box for the peer of the permit.
    ///
    /// # Errors
    /// [`RefusalCode::PolicyFault`] if the permit is about another class, about a question, or
    /// about an action that hands nothing over; the value is dropped.
    pub fn release(self, permit: &Permit) -> Result<Released<T>, Refusal> {
        let fits = permit.action().hands_over()
            && permit
                .class()
                .is_some_and(|class| Arc::ptr_eq(class, &self.class) || **class == *self.class);
        if fits {
            Ok(Released { value: self.value, permit: permit.clone() })
        } else {
            Err(Refusal::by_rule(RefusalCode::PolicyFault, PERMIT_RULE))
        }
    }
}

impl<T> core::fmt::Debug for Held<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Held(..)")
    }
}

/// A value that policy permitted for one peer, with the permit that says so.
#[derive(Clone)]
pub struct Released<T> {
    value: T,
    permit: Permit,
}

impl<T> Released<T> {
    /// The value.
    pub fn into_inner(self) -> T {
        self.value
    }

    /// The peer it is for, and nobody else.
    pub fn peer(&self) -> &AgencyId {
        self.permit.peer()
    }

    /// The permit.
    pub const fn permit(&self) -> &Permit {
        &self.permit
    }

    /// The rule that permitted it.
    pub fn rule(&self) -> &str {
        self.permit.rules().first().map_or("", |rule| rule)
    }

    /// Another form of the same value, for the same peer.
    pub fn map<U>(self, transform: impl FnOnce(T) -> U) -> Released<U> {
        Released { value: transform(self.value), permit: self.permit }
    }

    /// As [`Released::map`], where the other form may not exist.
    ///
    /// # Errors
    /// What `transform` says.
    pub fn try_map<U, E>(
        self,
        transform: impl FnOnce(T) -> Result<U, E>,
    ) -> Result<Released<U>, E> {
        Ok(Released { value: transform(self.value)?, permit: self.permit })
    }
}

impl<T> AsRef<T> for Released<T> {
    fn as_ref(&self) -> &T {
        &self.value
    }
}

impl<T> core::fmt::Debug for Released<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Released(.. to {})", self.peer())
    }
}
