//! The words for where a version stands, and for why a direction carries nothing.

use crate::listed::listed;

listed! {
    /// Where one version stands.
    Phase, "phase" {
        /// Written down; nobody has put it up for signature.
        Draft = 1 "DRAFT",
        /// Up for signature.
        Proposed = 2 "PROPOSED",
        /// Signed by some.
        PartlySigned = 3 "PARTLY_SIGNED",
        /// Signed by every party; its time has not come.
        Signed = 4 "SIGNED",
        /// Binds, and at least one direction is open.
        InForce = 5 "IN_FORCE",
        /// Refused by a party, or not signed in time.
        Rejected = 6 "REJECTED",
        /// Binds, and at least one direction is stopped by a party or by doubt about one.
        Suspended = 7 "SUSPENDED",
        /// A later version took its place.
        Superseded = 8 "SUPERSEDED",
        /// Over; what was shared is being erased.
        WindingDown = 9 "WINDING_DOWN",
        /// Its time is over; no purge order yet.
        Expired = 10 "EXPIRED",
        /// Over; every receipt is in, or its exception recorded.
        Closed = 11 "CLOSED",
        /// Over; something that should be erased is not, and its day has passed.
        Overdue = 12 "OVERDUE",
    }
}

listed! {
    /// Why a direction carries nothing now.
    WhyNot, "reason" {
        /// Not signed by every party.
        NotSigned = 1 "NOT_SIGNED",
        /// A party refused it, or a signature came too late.
        Rejected = 2 "REJECTED",
        /// Its time has not come on both clocks.
        NotYetValid = 3 "NOT_YET_VALID",
        /// Its time is over on one of the clocks.
        Expired = 4 "EXPIRED",
        /// Fewer than two parties are left.
        TooFewParties = 5 "TOO_FEW_PARTIES",
        /// One side is no party.
        NotAParty = 6 "NOT_A_PARTY",
        /// One side left.
        Withdrawn = 7 "WITHDRAWN",
        /// One side stopped everything.
        SuspendedAll = 8 "SUSPENDED_ALL",
        /// One side stopped this direction.
        SuspendedPair = 9 "SUSPENDED_PAIR",
        /// One side signed two things for one place.
        Contradiction = 10 "CONTRADICTION",
        /// Something that one side signed is missing here.
        Gap = 11 "GAP",
        /// One side was not heard of for seven days.
        StaleHead = 12 "STALE_HEAD",
        /// One side's new key is not accepted by every party.
        KeyPending = 13 "KEY_PENDING",
        /// The version names a key that no root signed.
        ForeignKey = 14 "FOREIGN_KEY",
        /// Two versions of one number are both fully signed.
        ConflictingVersions = 15 "CONFLICTING_VERSIONS",
        /// Every party signed a version that is not known here.
        UnknownVersion = 16 "UNKNOWN_VERSION",
        /// No legal ground for this direction.
        NoTransferBasis = 17 "NO_TRANSFER_BASIS",
        /// The decision that the ground relied on has ended.
        TransferBasisEnded = 18 "TRANSFER_BASIS_ENDED",
        /// No offence of the agreement is one on both sides.
        NoCommonOffence = 19 "NO_COMMON_OFFENCE",
    }
}
