//! The words of an agreement in Dutch.

use super::Words;
use crate::phase::WhyNot;
use crate::terms::{DerogationGround, EvidenceRule, PartyRole, PurgeException, UseBasis};
use domain::value::{AgencyKind, Channel, Offence, Onward, Purpose, Subject, TransferBasis};

pub(super) const WORDS: Words = Words {
    agreement: "Overeenkomst",
    version: "versie",
    hash: "Hashwaarde van deze overeenkomst (BLAKE3)",
    schema: "Schema van de bijlage",
    supersedes: "Vervangt",
    instrument: "Technische bijlage bij",
    signed_on: "Ondertekend op",
    document_hash: "SHA-256 van het document",
    held_at: "Origineel bewaard bij",
    languages: "Authentieke talen",
    legal_basis: "Rechtsgrondslag",
    valid_from: "Van kracht vanaf (UTC, inbegrepen)",
    valid_to: "Van kracht tot (UTC, niet inbegrepen)",
    parties: "De partijen",
    root_key: "hoofdsleutel van de dienst",
    authority_key: "ondertekeningssleutel van de autoriteit",
    contact_points: "contactpunten",
    operates_in: "Staten van optreden",
    approver: "Goedkeurende autoriteit",
    quorum: "vereiste personen",
    purposes: "doeleinden",
    offences: "strafbare feiten",
    scope: "Doel en toepassingsgebied",
    purpose_text: "Doel",
    facts_scope: "Bedoelde feiten",
    purpose_covered: "Gedekt doeleinde",
    offence_covered: "Gedekt strafbaar feit",
    dual_criminality: "Tussen twee partijen kan een strafbaar feit alleen worden ingeroepen als het \
                       in het recht van beide strafbaar is:",
    absent: "ONTBREEKT: niet strafbaar in het recht van deze staat",
    clauses: "Bepalingen",
    binds: "bindt",
    transfers: "Doorgiften en hun rechtsgrond",
    channels: "Toegestane kanalen",
    tlp_ceiling: "Strengste markering die mag circuleren (TLP)",
    onward: "verdere verstrekking",
    floor: "Hashwaarde van de gemeenschappelijke basisregels",
    normalisation: "Normalisatieversies in gebruik",
    from: "van",
    to: "naar",
    safeguards: "hashwaarde van het document met de waarborgen",
    adequacy_decision: "adequaatheidsbesluit",
    adopted_on: "vastgesteld op",
    ends_on: "eindigt op",
    no_end: "geen einddatum vermeld",
    notice: "kennisgeving aan de toezichthoudende autoriteit",
    derogation: "grond van de afwijking",
    pair_channels: "alleen via deze kanalen",
    no_other_pair: "In geen andere richting dan deze mag iets worden verstrekt, en ook geen vraag \
                    worden gesteld.",
    presets: "Vooraf ingestelde markeringen",
    handling: "behandelingscodes",
    days: "dagen",
    keeping: "Gebruik, bewaring, termijnen en einde van de uitwisseling",
    use_basis: "Toegestaan gebruik van wat is ontvangen",
    evidence_rule: "Gebruik als bewijs",
    retention: "Langste bewaartermijn, in dagen",
    review: "Herziening ten minste om de (dagen)",
    normal_hours: "Termijn voor een gewoon verzoek, in uren",
    urgent_hours: "Termijn voor een dringend verzoek, in uren",
    threat_to_life_hours: "Termijn wanneer een leven in gevaar is, in uren",
    notice_days: "Opzegtermijn van een partij die uittreedt, in dagen",
    purge_days: "Wissing na het einde, binnen (dagen)",
    exception: "Mag na het einde worden bewaard",
    shares_by_release: "Een overeenkomst tussen kenmerken is geen verstrekking van stukken: wat \
                        achter een technische indicator schuilt, wordt alleen verstrekt bij besluit \
                        van de bevoegde autoriteit.",
    you_sign: "U ondertekent de overeenkomst met deze hashwaarde",
    colon: ": ",
    nothing: "geen",
    of_party_role: |value| match value {
        PartyRole::Leader => "coördinerende partij",
        PartyRole::Party => "partij",
        PartyRole::Participant => "deelnemer",
    },
    of_agency_kind: |value| match value {
        AgencyKind::Police => "politiedienst",
        AgencyKind::Prosecution => "openbaar ministerie",
        AgencyKind::Judicial => "rechterlijke instantie",
        AgencyKind::Border => "grensdienst",
        AgencyKind::Fiu => "financiële-inlichtingeneenheid",
        AgencyKind::ReportingPlatform => "meldpunt voor burgers",
        AgencyKind::LabourInspection => "arbeidsinspectie",
        AgencyKind::Oversight => "toezichtsorgaan",
        AgencyKind::EuAgency => "agentschap van de Europese Unie",
    },
    of_purpose: |value| match value {
        Purpose::Prevention => "voorkoming van strafbare feiten",
        Purpose::Detection => "opsporing van strafbare feiten",
        Purpose::Investigation => "onderzoek",
        Purpose::Prosecution => "vervolging",
        Purpose::VictimProtection => "bescherming van slachtoffers",
        Purpose::ThreatToLife => "levensgevaar",
        Purpose::PlatformReferral => "verzoek aan een platform om inhoud te verwijderen of bewaren",
    },
    of_offence: |value| match value {
        Offence::MigrantSmuggling => "mensensmokkel",
        Offence::MigrantSmugglingAggravated => "gekwalificeerde mensensmokkel",
        Offence::TraffickingInPersons => "mensenhandel",
        Offence::TraffickingInMinors => "handel in minderjarigen",
        Offence::DocumentFraud => "documentfraude",
        Offence::JobOrTravelFraud => "oplichting met werk of reizen",
        Offence::CallToMassCrossing => "openbare oproep tot een massale grensovergang",
        Offence::MoneyLaundering => "witwassen van geld",
        Offence::OrganisedCrime => "deelneming aan een criminele organisatie",
        Offence::Terrorism => "terrorisme",
        Offence::TerrorismApology => "publiekelijk uitlokken of verheerlijken van terrorisme",
        Offence::OnlineFraud => "onlinefraude",
        Offence::SexualExtortion => "seksuele afpersing",
        Offence::SexualExploitation => "seksuele uitbuiting",
        Offence::ThreatsOfViolence => "bedreiging met geweld",
        Offence::IllicitGoods => "illegale goederen",
    },
    of_channel: |value| match value {
        Channel::Automated => "geautomatiseerde uitwisseling",
        Channel::Analyst => "analist",
        Channel::Authority => "rechterlijke autoriteit",
    },
    of_onward: |value| match value {
        Onward::Never => "nooit",
        Onward::WithinParties => "alleen tussen de partijen",
        Onward::WithOriginatorConsent => {
            "met ondertekende toestemming van de oorspronkelijke verstrekker"
        }
    },
    of_transfer_basis: |value| match value {
        TransferBasis::IntraLed => "tussen autoriteiten gebonden aan Richtlijn (EU) 2016/680",
        TransferBasis::Led36Adequacy => "adequaatheidsbesluit, Richtlijn (EU) 2016/680, artikel 36",
        TransferBasis::Led371aInstrument => {
            "juridisch bindend instrument met waarborgen, Richtlijn (EU) 2016/680, artikel 37, lid \
             1, onder a)"
        }
        TransferBasis::Led371bAssessment => {
            "beoordeling van alle omstandigheden, Richtlijn (EU) 2016/680, artikel 37, lid 1, \
             onder b)"
        }
        TransferBasis::Led38Derogation => {
            "afwijking: door een autoriteit, één registratie per keer, met schriftelijke reden, \
             nooit geautomatiseerd, Richtlijn (EU) 2016/680, artikel 38"
        }
        TransferBasis::Convention108 => {
            "van een partij die niet aan die richtlijn is gebonden, Verdrag 108+"
        }
        TransferBasis::None => "geen rechtsgrond: niets wordt verstrekt",
    },
    of_derogation: |value| match value {
        DerogationGround::VitalInterests => {
            "vitale belangen van een persoon, artikel 38, lid 1, onder a)"
        }
        DerogationGround::LegitimateInterests => {
            "gerechtvaardigde belangen van de betrokkene, artikel 38, lid 1, onder b)"
        }
        DerogationGround::ImmediateSeriousThreat => {
            "onmiddellijke en ernstige bedreiging van de openbare veiligheid, artikel 38, lid 1, \
             onder c)"
        }
        DerogationGround::IndividualCase => "afzonderlijk geval, artikel 38, lid 1, onder d)",
        DerogationGround::LegalClaim => {
            "rechtsvordering in een afzonderlijk geval, artikel 38, lid 1, onder e)"
        }
    },
    of_use: |value| match value {
        UseBasis::PurposeOfAgreement => "het doel van de overeenkomst",
        UseBasis::OtherOffenceWithConsent => {
            "een ander strafbaar feit, met toestemming van de oorspronkelijke verstrekker"
        }
        UseBasis::ImmediateSeriousThreat => {
            "een onmiddellijke en ernstige bedreiging van de openbare veiligheid"
        }
        UseBasis::AsAgreed => "zoals in het instrument overeengekomen",
    },
    of_evidence: |value| match value {
        EvidenceRule::OriginatorPermits => {
            "alleen als de autoriteit van de oorspronkelijke verstrekker dat toestaat voor een \
             genoemde zaak"
        }
        EvidenceRule::FormalRequestOnly => {
            "alleen wat door rechtshulp of een onderzoeksbevel is verkregen"
        }
    },
    of_subject: |value| match value {
        Subject::None => "voorwerp, geen persoon",
        Subject::SuspectFacilitator => "persoon verdacht van smokkel met winstoogmerk",
        Subject::Convicted => "veroordeelde persoon",
        Subject::ContactOrAssociate => "contact of medewerker",
        Subject::Witness => "getuige",
        Subject::Victim => "slachtoffer",
        Subject::Unknown => "persoon met onbekende hoedanigheid",
        Subject::SmuggledMigrant => "gesmokkelde migrant (altijd geweigerd)",
    },
    of_exception: |value| match value {
        PurgeException::Nothing => "niets",
        PurgeException::EvidenceInProceedings => {
            "bewijs in een lopende procedure, apart bewaard, met een datum van herziening"
        }
    },
    why_not: |value| match value {
        WhyNot::NotSigned => "niet door alle partijen ondertekend",
        WhyNot::Rejected => "door een partij verworpen, of niet tijdig ondertekend",
        WhyNot::NotYetValid => "nog niet van kracht",
        WhyNot::Expired => "niet langer van kracht",
        WhyNot::TooFewParties => "er blijven minder dan twee partijen over",
        WhyNot::NotAParty => "een van beide is geen partij",
        WhyNot::Withdrawn => "een van beide is uitgetreden",
        WhyNot::SuspendedAll => "een van beide heeft alle uitwisseling opgeschort",
        WhyNot::SuspendedPair => "een van beide heeft deze richting opgeschort",
        WhyNot::Contradiction => "een van beide ondertekende twee tegenstrijdige verklaringen",
        WhyNot::Gap => "een verklaring van een van beide ontbreekt hier",
        WhyNot::StaleHead => "van een van beide is al zeven dagen niets vernomen",
        WhyNot::KeyPending => {
            "de nieuwe sleutel van een van beide is nog niet door alle partijen aanvaard"
        }
        WhyNot::ForeignKey => {
            "de overeenkomst noemt een sleutel die de hoofdsleutel van de dienst niet ondertekende"
        }
        WhyNot::ConflictingVersions => "twee onverenigbare versies zijn ondertekend",
        WhyNot::UnknownVersion => "een nieuwere versie, hier onbekend, is ondertekend",
        WhyNot::NoTransferBasis => "geen rechtsgrond voor deze richting",
        WhyNot::TransferBasisEnded => "het adequaatheidsbesluit voor deze richting is geëindigd",
        WhyNot::NoCommonOffence => "geen feit is strafbaar in het recht van beide partijen",
    },
};
