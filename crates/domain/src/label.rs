//! Labels: how far a record may travel, how good it is, and how markings merge.

use crate::closed::closed;
use crate::refusal::RefusalCode;
use crate::value::{Basis, Handling, Pap, Tlp};

closed! {
    /// The scheme an evaluation was made in; never converted silently.
    EvaluationScheme, "evaluation scheme" {
        /// Europol 4x4: source A, B, C, X; information 1 to 4.
        Europol4x4 = 1 "EUROPOL_4X4",
        /// NATO Admiralty: source A to F; information 1 to 6.
        Admiralty = 2 "ADMIRALTY",
    }
}

/// How reliable the source is and how credible the information, with the scheme it was made in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Evaluation {
    scheme: EvaluationScheme,
    source: u8,
    information: u8,
}

impl Evaluation {
    /// Checks and takes an evaluation, for example `(Europol4x4, 'B', 2)`.
    ///
    /// # Errors
    /// [`RefusalCode::LabelsImpossible`] if the scheme has no such letter or digit.
    pub const fn new(
        scheme: EvaluationScheme,
        source: char,
        information: u8,
    ) -> Result<Self, RefusalCode> {
        let source_known = match scheme {
            EvaluationScheme::Europol4x4 => matches!(source, 'A' | 'B' | 'C' | 'X'),
            EvaluationScheme::Admiralty => matches!(source, 'A'..='F'),
        };
        let information_max = match scheme {
            EvaluationScheme::Europol4x4 => 4,
            EvaluationScheme::Admiralty => 6,
        };
        if !source_known || information == 0 || information > information_max {
            return Err(RefusalCode::LabelsImpossible);
        }
        Ok(Self { scheme, source: source as u8, information })
    }

    /// The scheme.
    pub const fn scheme(self) -> EvaluationScheme {
        self.scheme
    }

    /// The reliability of the source, a letter.
    pub const fn source(self) -> char {
        self.source as char
    }

    /// The credibility of the information, a digit.
    pub const fn information(self) -> u8 {
        self.information
    }

    /// The band that enters a record's class: evaluations are cut into at most three.
    pub const fn band(self) -> EvaluationBand {
        let weak = match self.scheme {
            EvaluationScheme::Europol4x4 => matches!(self.source, b'X') || self.information == 4,
            EvaluationScheme::Admiralty => self.source >= b'E' || self.information >= 5,
        };
        let strong = matches!(self.source, b'A' | b'B') && self.information <= 2;
        if weak {
            EvaluationBand::Weak
        } else if strong {
            EvaluationBand::Strong
        } else {
            EvaluationBand::Fair
        }
    }
}

impl core::fmt::Display for Evaluation {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(&format!("{}{}", self.source(), self.information))
    }
}

impl<C> minicbor::Encode<C> for Evaluation {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.array(3)?.u32(self.scheme.number())?.u8(self.source)?.u8(self.information)?.ok()
    }
}

impl<'b, C> minicbor::Decode<'b, C> for Evaluation {
    fn decode(d: &mut minicbor::Decoder<'b>, c: &mut C) -> Result<Self, minicbor::decode::Error> {
        let at = d.position();
        let wrong = || minicbor::decode::Error::message("impossible evaluation").at(at);
        if d.array()? != Some(3) {
            return Err(wrong());
        }
        let scheme = minicbor::Decode::decode(d, c)?;
        let (source, information) = (d.u8()?, d.u8()?);
        Self::new(scheme, char::from(source), information).map_err(|_| wrong())
    }
}

closed! {
    /// The band of an evaluation: what policy may see of it.
    EvaluationBand, "evaluation band" {
        /// Reliable source, confirmed or probable.
        Strong = 1 "STRONG",
        /// Neither strong nor weak.
        Fair = 2 "FAIR",
        /// Unreliable, unknown or doubtful.
        Weak = 3 "WEAK",
    }
}

/// A set of handling codes; empty means none was put on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct HandlingSet(u8);

impl HandlingSet {
    /// No code.
    pub const EMPTY: Self = Self(0);

    /// With one more code.
    #[must_use]
    pub const fn with(self, code: Handling) -> Self {
        Self(self.0 | 1 << (code as u8 - 1))
    }

    /// Is the code in the set?
    pub const fn contains(self, code: Handling) -> bool {
        self.0 & 1 << (code as u8 - 1) != 0
    }

    /// The codes, ascending.
    pub fn iter(self) -> impl Iterator<Item = Handling> {
        Handling::ALL.iter().copied().filter(move |code| self.contains(*code))
    }

    /// The codes of both.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl FromIterator<Handling> for HandlingSet {
    fn from_iter<I: IntoIterator<Item = Handling>>(codes: I) -> Self {
        codes.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl<C> minicbor::Encode<C> for HandlingSet {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.u8(self.0)?.ok()
    }
}

impl<'b, C> minicbor::Decode<'b, C> for HandlingSet {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let at = d.position();
        let bits = d.u8()?;
        if bits < 1 << Handling::ALL.len() {
            Ok(Self(bits))
        } else {
            Err(minicbor::decode::Error::message("unknown handling code").at(at))
        }
    }
}

/// The markings of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Labels {
    /// How far it may travel.
    #[n(1)]
    pub tlp: Tlp,
    /// What may be done with it.
    #[n(2)]
    pub pap: Pap,
    /// Under which restrictions.
    #[n(3)]
    pub handling: HandlingSet,
    /// How good it is.
    #[n(4)]
    pub evaluation: Evaluation,
    /// A fact or an assessment.
    #[n(5)]
    pub basis: Basis,
}

impl Labels {
    /// Merges the markings of two descriptions of one thing by one originator: the stricter wins.
    /// `None` if the evaluations differ in scheme, which is never converted silently.
    #[must_use]
    pub fn most_restrictive(self, other: Self) -> Option<Self> {
        if self.evaluation.scheme != other.evaluation.scheme {
            return None;
        }
        let evaluation = Evaluation {
            scheme: self.evaluation.scheme,
            source: self.evaluation.source.max(other.evaluation.source),
            information: self.evaluation.information.max(other.evaluation.information),
        };
        Some(Self {
            tlp: self.tlp.max(other.tlp),
            pap: self.pap.max(other.pap),
            handling: self.handling.union(other.handling),
            evaluation,
            basis: self.basis.max(other.basis),
        })
    }

    /// Refuses markings that exclude each other.
    ///
    /// # Errors
    /// [`RefusalCode::LabelsImpossible`]: CLEAR, "no limit on disclosure", beside H2, "no
    /// dissemination without permission".
    pub const fn check(&self) -> Result<(), RefusalCode> {
        if matches!(self.tlp, Tlp::Clear) && self.handling.contains(Handling::H2) {
            Err(RefusalCode::LabelsImpossible)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evaluations_exist_only_in_their_scheme() {
        assert!(Evaluation::new(EvaluationScheme::Europol4x4, 'X', 4).is_ok());
        assert!(Evaluation::new(EvaluationScheme::Europol4x4, 'D', 1).is_err());
        assert!(Evaluation::new(EvaluationScheme::Europol4x4, 'A', 5).is_err());
        assert!(Evaluation::new(EvaluationScheme::Admiralty, 'F', 6).is_ok());
        assert!(Evaluation::new(EvaluationScheme::Admiralty, 'X', 1).is_err());
        assert!(Evaluation::new(EvaluationScheme::Admiralty, 'A', 0).is_err());
    }

    #[test]
    fn merging_takes_the_stricter() {
        let labels = |tlp, handling, letter, digit| Labels {
            tlp,
            pap: Pap::Amber,
            handling,
            evaluation: Evaluation::new(EvaluationScheme::Europol4x4, letter, digit).unwrap(),
            basis: Basis::Fact,
        };
        let h1 = HandlingSet::EMPTY.with(Handling::H1);
        let merged = labels(Tlp::Green, h1, 'A', 3)
            .most_restrictive(labels(Tlp::Amber, HandlingSet::EMPTY, 'C', 1))
            .unwrap();
        assert_eq!(merged, labels(Tlp::Amber, h1, 'C', 3));
    }

    #[test]
    fn clear_with_no_dissemination_is_impossible() {
        let labels = Labels {
            tlp: Tlp::Clear,
            pap: Pap::Clear,
            handling: HandlingSet::EMPTY.with(Handling::H2),
            evaluation: Evaluation::new(EvaluationScheme::Admiralty, 'B', 2).unwrap(),
            basis: Basis::Fact,
        };
        assert_eq!(labels.check(), Err(RefusalCode::LabelsImpossible));
    }
}
