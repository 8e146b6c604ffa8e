//! The rules of the state machine by name, so that a test can take one away and show what breaks.

/// A rule that keeps sharing inside what was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Two declarations for one place suspend their party.
    Contradiction,
    /// What widens counts only when everything before it is known.
    UnbrokenChain,
    /// A head that says more, or something else, than what is known suspends its party.
    HeadsBind,
    /// A party that was not heard of for seven days is suspended.
    FreshHead,
    /// Every other party accepts a replaced key before it is heard.
    EveryPartyAcceptsAKey,
    /// A party whose key is being replaced is suspended until then.
    KeyPending,
    /// Every party signs an amendment.
    EveryPartySigns,
    /// What narrows wins a tie: a refusal counts beside a signature, wherever it stands.
    NarrowingWins,
    /// A version that every party signed ends the one before, also while the signatures are in doubt.
    SignaturesSupersede,
    /// What a gap hides may be the last signature of the next version.
    GapsSupersede,
    /// Who left stays away, whatever it says afterwards about what it had signed.
    LeavingIsFinal,
    /// A direction needs a transfer basis that holds now.
    TransferBasis,
    /// Dual criminality.
    CommonOffence,
    /// Every party signed a version that is not known here: nothing passes.
    UnknownVersion,
    /// Two different versions of one number, both fully signed: nothing passes.
    OneVersion,
    /// A signature after the deadline does not count.
    SignBy,
    /// Both clocks must be inside the window.
    BothClocks,
    /// What was dated in the future does not widen before its time.
    NotFromTheFuture,
    /// The date that somebody writes is not the only measure: a declaration was said no earlier than
    /// what it follows, and a revoked key says nothing behind the place at which it was revoked.
    NotBackdated,
    /// An officer signs only what the certificate, a mandate and no revocation allow.
    OfficerMay,
    /// An amendment does not bring in a key that the root did not sign.
    KeyByRoot,
}

impl Rule {
    /// Every rule.
    #[cfg(test)]
    pub(crate) const ALL: &'static [Self] = &[
        Self::Contradiction,
        Self::UnbrokenChain,
        Self::HeadsBind,
        Self::FreshHead,
        Self::EveryPartyAcceptsAKey,
        Self::KeyPending,
        Self::EveryPartySigns,
        Self::NarrowingWins,
        Self::SignaturesSupersede,
        Self::GapsSupersede,
        Self::LeavingIsFinal,
        Self::TransferBasis,
        Self::CommonOffence,
        Self::UnknownVersion,
        Self::OneVersion,
        Self::SignBy,
        Self::BothClocks,
        Self::NotFromTheFuture,
        Self::NotBackdated,
        Self::OfficerMay,
        Self::KeyByRoot,
    ];
}

/// The rules in use: all of them, but in a test that takes one away.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    without: Option<Rule>,
}

impl Rules {
    /// Every rule.
    pub(crate) const ALL: Self = Self { without: None };

    /// Every rule but one.
    #[cfg(test)]
    pub(crate) const fn without(rule: Rule) -> Self {
        Self { without: Some(rule) }
    }

    pub(crate) fn keep(self, rule: Rule) -> bool {
        self.without != Some(rule)
    }
}
