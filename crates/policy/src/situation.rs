//! One question to the rules, with every label that a rule may look at and nothing else.
//!
//! The node asks about records and partners that exist; the policy tools ask about any that could.
//! Both see a [`Situation`] through its [`Dimension`]s, in the words that people write.

use crate::decision::Action;
use agreement::Party;
use agreement::terms::PartyRole;
use core::str::FromStr;
use domain::class::Class;
use domain::indicator::Kind;
use domain::label::{EvaluationBand, EvaluationScheme, HandlingSet};
use domain::name::{AgencyId, Country};
use domain::question::QuestionTerms;
use domain::value::{
    Age, AgencyKind, Basis, Channel, Depicts, Handling, Offence, Onward, Pap, Purpose, Subject,
    Tlp, TransferBasis, Urgency,
};

/// The most persons whose approval a rule can ask for.
pub const APPROVALS_MAX: u8 = 2;

/// An agency as rules see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgencyLabels {
    /// Its id.
    pub agency: AgencyId,
    /// Its country.
    pub country: Country,
    /// What kind of service it is.
    pub kind: AgencyKind,
    /// Its part in the agreement.
    pub role: PartyRole,
}

impl AgencyLabels {
    /// The labels of a party.
    pub fn of(party: &Party) -> Self {
        Self {
            agency: party.agency.clone(),
            country: party.country.clone(),
            kind: party.kind,
            role: party.role,
        }
    }
}

/// Everything that a rule may look at, for one action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Situation {
    /// What is to happen.
    pub action: Action,
    /// Our own agency.
    pub own: AgencyLabels,
    /// The other side; our own agency for [`Action::Submit`].
    pub peer: AgencyLabels,
    /// The legal ground in the direction that data would go; not looked at for a submission.
    pub transfer: TransferBasis,
    /// Who moves it.
    pub channel: Channel,
    /// How many persons have approved, at most [`APPROVALS_MAX`].
    pub approvals: u8,
    /// The labels of the record; not looked at for [`Action::Ask`] and [`Action::Answer`].
    pub class: Class,
    /// The question; looked at for [`Action::Ask`], [`Action::Answer`] and [`Action::Show`].
    pub terms: QuestionTerms,
}

/// A word that a dimension does not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}`: {why}", dimension.as_str())]
pub struct WrongWord {
    /// Where.
    pub dimension: Dimension,
    /// What is wrong.
    pub why: String,
}

macro_rules! dimensions {
    ($( $(#[$meta:meta])* $variant:ident $word:literal, )+) => {
        /// One label that rules may look at, by the word that people write for it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Dimension { $( $(#[$meta])* $variant, )+ }

        impl Dimension {
            /// Every dimension.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];
            /// Every word.
            pub const WORDS: &'static [&'static str] = &[ $( $word, )+ ];

            /// The stable word, as in test files.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $word, )+ }
            }
        }
    };
}

dimensions! {
    /// Our agency.
    Own "own",
    /// Our country.
    OwnCountry "own_country",
    /// What kind of service we are.
    OwnKind "own_kind",
    /// Our part in the agreement.
    OwnRole "own_role",
    /// The other side.
    Peer "peer",
    /// Its country.
    PeerCountry "peer_country",
    /// What kind of service it is.
    PeerKind "peer_kind",
    /// Its part in the agreement.
    PeerRole "peer_role",
    /// Who stated the record.
    Origin "origin",
    /// Who may ever get it.
    Audience "audience",
    /// The agreement.
    Agreement "agreement",
    /// The kind of indicator.
    Kind "kind",
    /// What a record may be used for.
    Purposes "purposes",
    /// What a record is about.
    Offences "offences",
    /// How far it may travel.
    Tlp "tlp",
    /// What may be done with it.
    Pap "pap",
    /// Its handling codes.
    Handling "handling",
    /// The scheme of its evaluation.
    Scheme "scheme",
    /// How good it is.
    Band "band",
    /// Fact or assessment.
    Basis "basis",
    /// Whose account or act.
    Subject "subject",
    /// That person's age.
    Age "age",
    /// Who is pictured.
    Depicts "depicts",
    /// Whether it may be passed on.
    Onward "onward",
    /// Training data.
    Exercise "exercise",
    /// Who moves it.
    Channel "channel",
    /// The legal ground of the transfer.
    Transfer "transfer",
    /// How many persons have approved.
    Approvals "approvals",
    /// What a question is asked for.
    Purpose "purpose",
    /// What a question is about.
    Offence "offence",
    /// How soon its answer is needed.
    Urgency "urgency",
    /// A question about training data.
    QuestionExercise "question_exercise",
}

impl Dimension {
    /// Is it about the world, so that nobody can choose another value for the same record?
    pub const fn is_fact(self) -> bool {
        !matches!(
            self,
            Self::Channel
                | Self::Approvals
                | Self::Purpose
                | Self::Purposes
                | Self::Transfer
                | Self::Audience
                | Self::Tlp
                | Self::Pap
                | Self::Handling
                | Self::Band
                | Self::Onward
                | Self::Urgency
        )
    }

    /// Does it hold several words?
    pub const fn is_set(self) -> bool {
        matches!(self, Self::Audience | Self::Purposes | Self::Offences | Self::Handling)
    }

    /// The words of a closed list; `None` where any name can stand.
    pub const fn words(self) -> Option<&'static [&'static str]> {
        Some(match self {
            Self::Own | Self::Peer | Self::Origin | Self::Audience | Self::Agreement => {
                return None;
            }
            Self::OwnCountry | Self::PeerCountry => return None,
            Self::OwnKind | Self::PeerKind => AgencyKind::WORDS,
            Self::OwnRole | Self::PeerRole => &["LEADER", "PARTY", "PARTICIPANT"],
            Self::Kind => Kind::WORDS,
            Self::Purposes | Self::Purpose => Purpose::WORDS,
            Self::Offences | Self::Offence => Offence::WORDS,
            Self::Tlp => Tlp::WORDS,
            Self::Pap => Pap::WORDS,
            Self::Handling => Handling::WORDS,
            Self::Scheme => EvaluationScheme::WORDS,
            Self::Band => EvaluationBand::WORDS,
            Self::Basis => Basis::WORDS,
            Self::Subject => Subject::WORDS,
            Self::Age => Age::WORDS,
            Self::Depicts => Depicts::WORDS,
            Self::Onward => Onward::WORDS,
            Self::Exercise | Self::QuestionExercise => &["false", "true"],
            Self::Channel => Channel::WORDS,
            Self::Transfer => TransferBasis::WORDS,
            Self::Approvals => &["0", "1", "2"],
            Self::Urgency => Urgency::WORDS,
        })
    }

    /// Can a rule about this action look at it?
    pub const fn applies_to(self, action: Action) -> bool {
        let about_a_question = matches!(action, Action::Ask | Action::Answer);
        let has_terms = about_a_question || matches!(action, Action::Show);
        match self {
            Self::Own | Self::OwnCountry | Self::OwnKind | Self::OwnRole => true,
            Self::Peer | Self::PeerCountry | Self::PeerKind | Self::PeerRole | Self::Transfer => {
                !matches!(action, Action::Submit)
            }
            Self::Agreement | Self::Kind | Self::Channel | Self::Approvals => true,
            Self::Purpose | Self::Offence | Self::Urgency | Self::QuestionExercise => has_terms,
            _ => !about_a_question,
        }
    }
}

impl FromStr for Dimension {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|dimension| dimension.as_str() == word);
        found.copied().ok_or_else(|| format!("`{}` is no label", cut(word)))
    }
}

impl Situation {
    /// The words in one dimension: one, or those of a set in a fixed order.
    pub fn words(&self, dimension: Dimension) -> Vec<String> {
        let (class, terms) = (&self.class, &self.terms);
        let asks = matches!(self.action, Action::Ask | Action::Answer);
        let one = |word: &str| vec![word.to_owned()];
        match dimension {
            Dimension::Own => one(self.own.agency.as_str()),
            Dimension::OwnCountry => one(&self.own.country.to_string()),
            Dimension::OwnKind => one(self.own.kind.as_str()),
            Dimension::OwnRole => one(self.own.role.as_str()),
            Dimension::Peer => one(self.peer.agency.as_str()),
            Dimension::PeerCountry => one(&self.peer.country.to_string()),
            Dimension::PeerKind => one(self.peer.kind.as_str()),
            Dimension::PeerRole => one(self.peer.role.as_str()),
            Dimension::Origin => one(class.origin.as_str()),
            Dimension::Audience => class.audience.iter().map(ToString::to_string).collect(),
            Dimension::Agreement if asks => one(terms.agreement.as_str()),
            Dimension::Agreement => one(class.agreement.as_str()),
            Dimension::Kind if asks => one(terms.kind.as_str()),
            Dimension::Kind => one(class.kind.as_str()),
            Dimension::Purposes => class.purposes.iter().map(ToString::to_string).collect(),
            Dimension::Offences => class.offences.iter().map(ToString::to_string).collect(),
            Dimension::Tlp => one(class.tlp.as_str()),
            Dimension::Pap => one(class.pap.as_str()),
            Dimension::Handling => class.handling.iter().map(|one| one.to_string()).collect(),
            Dimension::Scheme => one(class.scheme.as_str()),
            Dimension::Band => one(class.band.as_str()),
            Dimension::Basis => one(class.basis.as_str()),
            Dimension::Subject => one(class.subject.as_str()),
            Dimension::Age => one(class.age.as_str()),
            Dimension::Depicts => one(class.depicts.as_str()),
            Dimension::Onward => one(class.onward.as_str()),
            Dimension::Exercise => one(flag(class.exercise)),
            Dimension::Channel => one(self.channel.as_str()),
            Dimension::Transfer => one(self.transfer.as_str()),
            Dimension::Approvals => one(&self.approvals.to_string()),
            Dimension::Purpose => one(terms.purpose.as_str()),
            Dimension::Offence => one(terms.offence.as_str()),
            Dimension::Urgency => one(terms.urgency.as_str()),
            Dimension::QuestionExercise => one(flag(terms.exercise)),
        }
    }

    /// Sets one dimension.
    ///
    /// # Errors
    /// [`WrongWord`] if a word is not one of its own, or there is not exactly one where one stands.
    pub fn set(&mut self, dimension: Dimension, words: &[String]) -> Result<(), WrongWord> {
        let put = Put { dimension, words };
        let (class, terms) = (&mut self.class, &mut self.terms);
        match dimension {
            Dimension::Own => self.own.agency = put.one()?,
            Dimension::OwnCountry => self.own.country = put.one()?,
            Dimension::OwnKind => self.own.kind = put.one()?,
            Dimension::OwnRole => self.own.role = put.role()?,
            Dimension::Peer => self.peer.agency = put.one()?,
            Dimension::PeerCountry => self.peer.country = put.one()?,
            Dimension::PeerKind => self.peer.kind = put.one()?,
            Dimension::PeerRole => self.peer.role = put.role()?,
            Dimension::Origin => class.origin = put.one()?,
            Dimension::Audience => class.audience = put.all()?,
            Dimension::Agreement => {
                class.agreement = put.one()?;
                terms.agreement = put.one()?;
            }
            Dimension::Kind => {
                class.kind = put.one()?;
                terms.kind = put.one()?;
            }
            Dimension::Purposes => class.purposes = put.all()?,
            Dimension::Offences => class.offences = put.all()?,
            Dimension::Tlp => class.tlp = put.one()?,
            Dimension::Pap => class.pap = put.one()?,
            Dimension::Handling => class.handling = put.all::<Handling, HandlingSet>()?,
            Dimension::Scheme => class.scheme = put.one()?,
            Dimension::Band => class.band = put.one()?,
            Dimension::Basis => class.basis = put.one()?,
            Dimension::Subject => class.subject = put.one()?,
            Dimension::Age => class.age = put.one()?,
            Dimension::Depicts => class.depicts = put.one()?,
            Dimension::Onward => class.onward = put.one()?,
            Dimension::Exercise => class.exercise = put.flag()?,
            Dimension::Channel => {
                self.channel = put.one()?;
                terms.channel = put.one()?;
            }
            Dimension::Transfer => self.transfer = put.one()?,
            Dimension::Approvals => self.approvals = put.approvals()?,
            Dimension::Purpose => terms.purpose = put.one()?,
            Dimension::Offence => terms.offence = put.one()?,
            Dimension::Urgency => terms.urgency = put.one()?,
            Dimension::QuestionExercise => terms.exercise = put.flag()?,
        }
        if self.action == Action::Submit {
            self.peer = self.own.clone();
        }
        Ok(())
    }

    /// Is it about a minor, or about a picture that may show one?
    pub const fn is_about_a_minor(&self) -> bool {
        matches!(self.class.age, Age::Minor | Age::Unknown)
            || matches!(self.class.depicts, Depicts::Minors | Depicts::Unknown)
    }

    /// Is it about a victim, a witness or a person nobody could place?
    pub const fn is_about_a_victim(&self) -> bool {
        matches!(self.class.subject, Subject::Victim | Subject::Witness | Subject::Unknown)
    }
}

/// Words on their way into a dimension.
struct Put<'w> {
    dimension: Dimension,
    words: &'w [String],
}

impl Put<'_> {
    fn wrong(&self, why: String) -> WrongWord {
        WrongWord { dimension: self.dimension, why }
    }

    fn word(&self) -> Result<&str, WrongWord> {
        match self.words {
            [word] => Ok(word),
            words => Err(self.wrong(format!("takes one word, not {}", words.len()))),
        }
    }

    fn parse<T: FromStr<Err: core::fmt::Display>>(&self, word: &str) -> Result<T, WrongWord> {
        word.parse().map_err(|error: T::Err| self.wrong(error.to_string()))
    }

    fn one<T: FromStr<Err: core::fmt::Display>>(&self) -> Result<T, WrongWord> {
        self.parse(self.word()?)
    }

    fn all<T: FromStr<Err: core::fmt::Display>, C: FromIterator<T>>(&self) -> Result<C, WrongWord> {
        self.words.iter().map(|word| self.parse(word)).collect()
    }

    fn flag(&self) -> Result<bool, WrongWord> {
        match self.word()? {
            "true" => Ok(true),
            "false" => Ok(false),
            other => Err(self.wrong(format!("`{}` is not true or false", cut(other)))),
        }
    }

    fn role(&self) -> Result<PartyRole, WrongWord> {
        let word = self.word()?;
        let found = PartyRole::ALL.iter().find(|role| role.as_str().eq_ignore_ascii_case(word));
        found.copied().ok_or_else(|| {
            let words: Vec<&str> = PartyRole::ALL.iter().map(|role| role.as_str()).collect();
            self.wrong(format!("`{}` is not a role; known: {}", cut(word), words.join(", ")))
        })
    }

    fn approvals(&self) -> Result<u8, WrongWord> {
        let word = self.word()?;
        let count = word.parse().ok().filter(|count| *count <= APPROVALS_MAX);
        count.ok_or_else(|| self.wrong(format!("`{}` is not 0, 1 or 2", cut(word))))
    }
}

const fn flag(holds: bool) -> &'static str {
    if holds { "true" } else { "false" }
}

/// The start of something that somebody typed.
fn cut(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::label_space::ordinary;

    #[test]
    fn what_is_set_is_read_again_and_what_is_unknown_is_refused() {
        let mut situation = ordinary(Action::Share);
        for dimension in Dimension::ALL.iter().copied() {
            let words: Vec<String> = match dimension.words() {
                Some(words) if dimension.is_set() => {
                    words.iter().take(2).map(|word| (*word).to_owned()).collect()
                }
                Some(words) => vec![words.last().unwrap().to_string()],
                None if matches!(dimension, Dimension::OwnCountry | Dimension::PeerCountry) => {
                    vec!["ES".to_owned()]
                }
                None => vec!["es-pn".to_owned()],
            };
            situation.set(dimension, &words).unwrap();
            assert_eq!(situation.words(dimension), words, "{dimension:?}");
            assert_eq!(dimension.as_str().parse(), Ok(dimension));
            assert!(situation.set(dimension, &["no such word!".to_owned()]).is_err());
            if !dimension.is_set() {
                assert!(situation.set(dimension, &[]).is_err());
            }
        }
        let error = situation.set(Dimension::Tlp, &["AMBRE".to_owned()]).unwrap_err();
        assert!(
            error.to_string().contains("`AMBRE` is not a TLP marking; known: CLEAR"),
            "{error}"
        );
    }
}
