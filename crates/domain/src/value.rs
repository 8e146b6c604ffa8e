//! The closed lists of values that records, policy and protobuf share.
//!
//! Source of every list: the standards named at each type, and the project's own decisions where
//! none is named. A value that is not listed cannot be claimed: there is, for example, no purpose
//! for immigration enforcement, asylum or administration.

use crate::closed::closed;

closed! {
    /// Traffic Light Protocol 2.0 (FIRST, 2022): how far a record may travel. Later is stricter.
    Tlp, "TLP marking" {
        /// No limit on disclosure.
        Clear = 1 "CLEAR",
        /// The community.
        Green = 2 "GREEN",
        /// The organisation and its clients, on a need-to-know basis.
        Amber = 3 "AMBER",
        /// The organisation only.
        AmberStrict = 4 "AMBER_STRICT",
        /// The named recipients only; never moved by a machine.
        Red = 5 "RED",
    }
}

closed! {
    /// Permissible Actions Protocol: what a receiver may do with a record. Later is stricter.
    Pap, "PAP marking" {
        /// Any lawful action.
        Clear = 1 "CLEAR",
        /// Active actions that the target could notice are allowed.
        Green = 2 "GREEN",
        /// Passive look-ups at third parties only.
        Amber = 3 "AMBER",
        /// No detectable action at all.
        Red = 4 "RED",
    }
}

closed! {
    /// Europol handling codes (Europol Regulation practice). A record carries a set of them.
    Handling, "handling code" {
        /// For preventing and combating crime only.
        H0 = 1 "H0",
        /// Not to be used in judicial proceedings without the provider's permission.
        H1 = 2 "H1",
        /// Not to be disseminated without the provider's permission.
        H2 = 3 "H2",
        /// Another restriction in free text: a human decides, always.
        H3 = 4 "H3",
    }
}

closed! {
    /// Is the statement a fact or somebody's assessment (LED 2016/680 Art. 7)?
    Basis, "basis" {
        /// Established.
        Fact = 1 "FACT",
        /// A personal assessment; also what is meant when nobody said.
        Assessment = 2 "ASSESSMENT",
    }
}

closed! {
    /// Whose account or act a record is about (LED 2016/680 Art. 6).
    Subject, "subject" {
        /// An object, no person.
        None = 1 "NONE",
        /// Suspected of facilitating for gain.
        SuspectFacilitator = 2 "SUSPECT_FACILITATOR",
        /// Convicted of it.
        Convicted = 3 "CONVICTED",
        /// A contact or associate of one of them.
        ContactOrAssociate = 4 "CONTACT_OR_ASSOCIATE",
        /// A witness.
        Witness = 5 "WITNESS",
        /// A victim.
        Victim = 6 "VICTIM",
        /// Nobody could tell; treated like a victim.
        Unknown = 7 "UNKNOWN",
        /// Exists only so that it can be refused and reported.
        SmuggledMigrant = 8 "SMUGGLED_MIGRANT",
    }
}

closed! {
    /// The age of the person a record is about.
    Age, "age" {
        /// An object, no person.
        NotApplicable = 1 "NOT_APPLICABLE",
        /// An adult, established.
        Adult = 2 "ADULT",
        /// Presumed adult, with a written reason and a review within 30 days.
        PresumedAdult = 3 "PRESUMED_ADULT",
        /// A minor, or any doubt of it.
        Minor = 4 "MINOR",
        /// Unknown; treated as [`Age::Minor`].
        Unknown = 5 "UNKNOWN",
    }
}

closed! {
    /// Who is pictured in a content record.
    Depicts, "depicts value" {
        /// Nobody, or no picture at all.
        Nobody = 1 "NOBODY",
        /// Adults only.
        Adults = 2 "ADULTS",
        /// Minors.
        Minors = 3 "MINORS",
        /// Unknown; treated as [`Depicts::Minors`].
        Unknown = 4 "UNKNOWN",
    }
}

closed! {
    /// What a record may be used for, and what a question may be asked for (LED Art. 4(1)(b)).
    Purpose, "purpose" {
        /// Preventing crime.
        Prevention = 1 "PREVENTION",
        /// Detecting crime.
        Detection = 2 "DETECTION",
        /// Investigating a named case.
        Investigation = 3 "INVESTIGATION",
        /// Prosecuting a named case.
        Prosecution = 4 "PROSECUTION",
        /// Protecting a victim.
        VictimProtection = 5 "VICTIM_PROTECTION",
        /// A threat to life.
        ThreatToLife = 6 "THREAT_TO_LIFE",
        /// Having a platform preserve or remove content.
        PlatformReferral = 7 "PLATFORM_REFERRAL",
    }
}

closed! {
    /// The offence a record or a question is about.
    Offence, "offence" {
        /// Smuggling of migrants (UN Protocol Art. 6; benefit is its core).
        MigrantSmuggling = 1 "MIGRANT_SMUGGLING",
        /// The same, endangering life or degrading (UN Protocol Art. 6(3)).
        MigrantSmugglingAggravated = 2 "MIGRANT_SMUGGLING_AGGRAVATED",
        /// Trafficking in persons (Palermo Protocol).
        TraffickingInPersons = 3 "TRAFFICKING_IN_PERSONS",
        /// Trafficking in minors.
        TraffickingInMinors = 4 "TRAFFICKING_IN_MINORS",
        /// Forged or fraudulently obtained documents.
        DocumentFraud = 5 "DOCUMENT_FRAUD",
        /// Fake job offers and fake travel agencies.
        JobOrTravelFraud = 6 "JOB_OR_TRAVEL_FRAUD",
        /// Calls to a mass crossing: a speech offence.
        CallToMassCrossing = 7 "CALL_TO_MASS_CROSSING",
        /// Money laundering.
        MoneyLaundering = 8 "MONEY_LAUNDERING",
        /// Participation in an organised criminal group.
        OrganisedCrime = 9 "ORGANISED_CRIME",
        /// Terrorism.
        Terrorism = 10 "TERRORISM",
        /// Apology of terrorism: a speech offence.
        TerrorismApology = 11 "TERRORISM_APOLOGY",
        /// Fraud on the internet.
        OnlineFraud = 12 "ONLINE_FRAUD",
        /// Sexual extortion.
        SexualExtortion = 13 "SEXUAL_EXTORTION",
        /// Sexual exploitation.
        SexualExploitation = 14 "SEXUAL_EXPLOITATION",
        /// Threats of violence.
        ThreatsOfViolence = 15 "THREATS_OF_VIOLENCE",
        /// Illicit goods.
        IllicitGoods = 16 "ILLICIT_GOODS",
    }
}

impl Offence {
    /// Speech offences are never shared by a machine and need a national article on both sides.
    pub const fn is_speech(self) -> bool {
        matches!(self, Self::CallToMassCrossing | Self::TerrorismApology)
    }

    /// Offences whose core is a financial or material benefit (UN Protocol Art. 3(a)).
    pub const fn needs_benefit(self) -> bool {
        matches!(self, Self::MigrantSmuggling | Self::MigrantSmugglingAggravated)
    }
}

closed! {
    /// What the holder intends to do; stays at the origin.
    ActionIntent, "action intent" {
        /// Nothing.
        None = 1 "NONE",
        /// Watch.
        Observe = 2 "OBSERVE",
        /// Preserve as evidence.
        Preserve = 3 "PRESERVE",
        /// Refer to a platform.
        Refer = 4 "REFER",
        /// Arrest.
        Arrest = 5 "ARREST",
    }
}

closed! {
    /// What kind of service an agency is.
    AgencyKind, "agency kind" {
        /// A police service.
        Police = 1 "POLICE",
        /// A prosecution service.
        Prosecution = 2 "PROSECUTION",
        /// A court.
        Judicial = 3 "JUDICIAL",
        /// A border service.
        Border = 4 "BORDER",
        /// A financial intelligence unit.
        Fiu = 5 "FIU",
        /// A platform where citizens report.
        ReportingPlatform = 6 "REPORTING_PLATFORM",
        /// A labour inspectorate.
        LabourInspection = 7 "LABOUR_INSPECTION",
        /// An oversight body.
        Oversight = 8 "OVERSIGHT",
        /// An agency of the European Union.
        EuAgency = 9 "EU_AGENCY",
    }
}

closed! {
    /// Who moves the data: a machine by itself, an analyst, or an authority.
    Channel, "channel" {
        /// The nodes among themselves.
        Automated = 1 "AUTOMATED",
        /// An analyst, by hand.
        Analyst = 2 "ANALYST",
        /// A judicial authority.
        Authority = 3 "AUTHORITY",
    }
}

closed! {
    /// How soon an answer is needed.
    Urgency, "urgency" {
        /// Within the ordinary deadline.
        Normal = 1 "NORMAL",
        /// Within the short deadline.
        Urgent = 2 "URGENT",
        /// A life is at risk.
        ThreatToLife = 3 "THREAT_TO_LIFE",
    }
}

closed! {
    /// The platform an account or a link belongs to.
    Platform, "platform" {
        /// WhatsApp.
        Whatsapp = 1 "WHATSAPP",
        /// Telegram.
        Telegram = 2 "TELEGRAM",
        /// Facebook.
        Facebook = 3 "FACEBOOK",
        /// Instagram.
        Instagram = 4 "INSTAGRAM",
        /// X, formerly Twitter.
        X = 5 "X",
        /// TikTok.
        Tiktok = 6 "TIKTOK",
        /// Snapchat.
        Snapchat = 7 "SNAPCHAT",
        /// YouTube.
        Youtube = 8 "YOUTUBE",
        /// Signal.
        Signal = 9 "SIGNAL",
        /// Viber.
        Viber = 10 "VIBER",
        /// Skype.
        Skype = 11 "SKYPE",
    }
}

closed! {
    /// What an account does for the business. There is no role for those who repost or answer.
    Role, "role" {
        /// Advertises crossings or documents.
        Advertiser = 1 "ADVERTISER",
        /// Recruits helpers.
        Recruiter = 2 "RECRUITER",
        /// Poses as a travel agency.
        FakeAgency = 3 "FAKE_AGENCY",
        /// Offers jobs that do not exist.
        FakeJob = 4 "FAKE_JOB",
        /// Forges documents.
        DocumentForger = 5 "DOCUMENT_FORGER",
        /// Receives the money.
        Money = 6 "MONEY",
        /// Administers a group.
        GroupAdmin = 7 "GROUP_ADMIN",
        /// Poses as somebody else.
        Impersonator = 8 "IMPERSONATOR",
    }
}

closed! {
    /// The medium of a content record.
    Media, "medium" {
        /// A picture.
        Image = 1 "IMAGE",
        /// A video.
        Video = 2 "VIDEO",
        /// A sound recording.
        Audio = 3 "AUDIO",
        /// A document.
        Document = 4 "DOCUMENT",
        /// A text.
        Text = 5 "TEXT",
    }
}

closed! {
    /// What a piece of content is. Child sexual abuse material has no value: it is never indexed here.
    ContentClass, "content class" {
        /// An advertisement of smugglers.
        SmugglerAd = 1 "SMUGGLER_AD",
        /// A forged document.
        ForgedDocument = 2 "FORGED_DOCUMENT",
        /// A fake job offer.
        FakeJob = 3 "FAKE_JOB",
        /// A fake travel agency.
        FakeTravelAgency = 4 "FAKE_TRAVEL_AGENCY",
        /// A call to cross.
        CallToCross = 5 "CALL_TO_CROSS",
        /// Recruitment for terrorism.
        TerroristRecruitment = 6 "TERRORIST_RECRUITMENT",
        /// Extortion.
        Extortion = 7 "EXTORTION",
        /// Migrants' own pictures that a facilitator uses as proof: exact hash only.
        ProofOfCrossing = 8 "PROOF_OF_CROSSING",
        /// Abuse of a person: exact hash only, for protection only.
        AbuseOfPerson = 9 "ABUSE_OF_PERSON",
    }
}

closed! {
    /// The service an advertisement offers.
    Service, "service" {
        /// A crossing.
        Crossing = 1 "CROSSING",
        /// A document.
        Document = 2 "DOCUMENT",
        /// A marriage of convenience.
        Marriage = 3 "MARRIAGE",
        /// A job.
        Job = 4 "JOB",
        /// A visa.
        Visa = 5 "VISA",
    }
}

closed! {
    /// The transport an advertisement names.
    Transport, "transport" {
        /// A boat.
        Boat = 1 "BOAT",
        /// An inflatable boat.
        Zodiac = 2 "ZODIAC",
        /// A jet ski.
        Jetski = 3 "JETSKI",
        /// A truck.
        Truck = 4 "TRUCK",
        /// A car.
        Car = 5 "CAR",
        /// A flight.
        Flight = 6 "FLIGHT",
        /// On foot.
        Foot = 7 "FOOT",
    }
}

closed! {
    /// The claim an advertisement makes.
    Claim, "claim" {
        /// A success rate.
        SuccessRate = 1 "SUCCESS_RATE",
        /// A guarantee.
        Guarantee = 2 "GUARANTEE",
        /// Payment on arrival.
        PayOnArrival = 3 "PAY_ON_ARRIVAL",
    }
}

closed! {
    /// Whether a partner may pass a record on (ORCON).
    Onward, "onward rule" {
        /// Never.
        Never = 1 "NEVER",
        /// Among the parties of the agreement.
        WithinParties = 2 "WITHIN_PARTIES",
        /// With the originator's signed consent for that record and recipient.
        WithOriginatorConsent = 3 "WITH_ORIGINATOR_CONSENT",
    }
}

closed! {
    /// The legal ground on which a directed pair may carry personal data (LED Art. 35-38, Convention 108+).
    TransferBasis, "transfer basis" {
        /// Between competent authorities bound by the LED.
        IntraLed = 1 "INTRA_LED",
        /// An adequacy decision in force (LED Art. 36).
        Led36Adequacy = 2 "LED_36_ADEQUACY",
        /// A legally binding instrument with safeguards (LED Art. 37(1)(a)).
        Led371aInstrument = 3 "LED_37_1A_INSTRUMENT",
        /// An assessment of all circumstances, notified to the supervisory authority (LED Art. 37(1)(b)).
        Led371bAssessment = 4 "LED_37_1B_ASSESSMENT",
        /// A derogation: authority channel, one record, written reason, never automated (LED Art. 38).
        Led38Derogation = 5 "LED_38_DEROGATION",
        /// From a party that is not bound by the LED (Convention 108+ Art. 14).
        Convention108 = 6 "CONVENTION_108",
        /// No basis: denies everything, questions too.
        None = 7 "NONE",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers_are_stable_and_zero_is_refused() {
        assert!(Tlp::try_from(0).is_err());
        assert!(Tlp::try_from(6).is_err());
        assert_eq!("amber+strict".parse::<Tlp>().unwrap(), Tlp::AmberStrict);
        for (i, offence) in Offence::ALL.iter().enumerate() {
            assert_eq!(offence.number(), i as u32 + 1);
            assert_eq!(offence.as_str().parse::<Offence>().unwrap(), *offence);
        }
    }

    #[test]
    fn no_purpose_for_immigration_enforcement_exists() {
        for word in ["IMMIGRATION_ENFORCEMENT", "ASYLUM", "RETURN", "ADMINISTRATIVE"] {
            assert!(word.parse::<Purpose>().is_err());
        }
    }

    #[test]
    fn an_unknown_word_is_cut_and_names_what_is_known() {
        let error = "x".repeat(10_000).parse::<Pap>().unwrap_err();
        assert_eq!(error.given.len(), 64);
        assert!(error.to_string().contains("AMBER"));
    }
}
