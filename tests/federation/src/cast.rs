//! Who takes part: the four agencies of the example agreement. All fictional.

use domain::name::AgencyId;

/// An agency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Agency {
    /// Belgium.
    Belgium,
    /// Spain.
    Spain,
    /// France.
    France,
    /// Morocco: a third country for the others, and they for it.
    Morocco,
}

/// Everybody.
pub const ALL: [Agency; 4] = [Agency::Belgium, Agency::Spain, Agency::France, Agency::Morocco];
/// The agreement.
pub const AGREEMENT: &str = "malines-2026";
/// The clause that a question relies on.
pub const CLAUSE: &str = "4.2";

impl Agency {
    /// Its id.
    pub fn id(self) -> AgencyId {
        self.as_str().parse().unwrap()
    }

    /// Its id, as a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Belgium => "be-fedpol",
            Self::Spain => "es-pn",
            Self::France => "fr-oltim",
            Self::Morocco => "ma-dgsn",
        }
    }

    /// Its country.
    pub const fn country(self) -> &'static str {
        match self {
            Self::Belgium => "BE",
            Self::Spain => "ES",
            Self::France => "FR",
            Self::Morocco => "MA",
        }
    }

    /// The pseudonym of its officer.
    pub const fn officer(self) -> &'static str {
        match self {
            Self::Belgium => "BE-1042",
            Self::Spain => "ES-2077",
            Self::France => "FR-3310",
            Self::Morocco => "MA-4125",
        }
    }

    /// Its example policy.
    pub const fn policy(self) -> &'static str {
        match self {
            Self::Belgium => include_str!("../../../deploy/policy/be.cedar"),
            Self::Spain => include_str!("../../../deploy/policy/es.cedar"),
            Self::France => include_str!("../../../deploy/policy/fr.cedar"),
            Self::Morocco => include_str!("../../../deploy/policy/ma.cedar"),
        }
    }

    /// The three others.
    pub fn others(self) -> impl Iterator<Item = Self> {
        ALL.into_iter().filter(move |agency| *agency != self)
    }
}
