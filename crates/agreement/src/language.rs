//! The languages in which an agreement is shown for signature.

use crate::listed::listed;

listed! {
    /// A language of the parties.
    Language, "language" {
        /// English.
        English = 1 "EN",
        /// French.
        French = 2 "FR",
        /// Spanish.
        Spanish = 3 "ES",
        /// Dutch.
        Dutch = 4 "NL",
        /// Arabic, in logical order.
        Arabic = 5 "AR",
    }
}
