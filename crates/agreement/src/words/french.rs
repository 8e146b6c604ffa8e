//! The words of an agreement in French.

use super::Words;
use crate::phase::WhyNot;
use crate::terms::{DerogationGround, EvidenceRule, PartyRole, PurgeException, UseBasis};
use domain::value::{AgencyKind, Channel, Offence, Onward, Purpose, Subject, TransferBasis};

pub(super) const WORDS: Words = Words {
    agreement: "Accord",
    version: "version",
    hash: "Empreinte du présent accord (BLAKE3)",
    schema: "Schéma de l'annexe",
    supersedes: "Remplace",
    instrument: "Annexe technique à",
    signed_on: "Signé le",
    document_hash: "SHA-256 du document",
    held_at: "Original conservé à",
    languages: "Langues faisant foi",
    legal_basis: "Base juridique",
    valid_from: "En vigueur à partir du (UTC, inclus)",
    valid_to: "En vigueur jusqu'au (UTC, exclu)",
    parties: "Les parties",
    root_key: "clé racine du service",
    authority_key: "clé de signature de l'autorité",
    contact_points: "points de contact",
    operates_in: "États d'opération",
    approver: "Autorité d'approbation",
    quorum: "personnes requises",
    purposes: "finalités",
    offences: "infractions",
    scope: "Objet et champ d'application",
    purpose_text: "Objet",
    facts_scope: "Faits visés",
    purpose_covered: "Finalité couverte",
    offence_covered: "Infraction couverte",
    dual_criminality: "Une infraction ne peut être invoquée entre deux parties que si le droit de \
                       chacune l'incrimine :",
    absent: "ABSENT : pas d'infraction en droit de cet État",
    clauses: "Clauses",
    binds: "lie",
    transfers: "Transferts et leur fondement juridique",
    channels: "Canaux autorisés",
    tlp_ceiling: "Marquage le plus strict pouvant circuler (TLP)",
    onward: "transmission ultérieure",
    floor: "Empreinte du socle commun de règles",
    normalisation: "Versions de normalisation en usage",
    from: "de",
    to: "vers",
    safeguards: "empreinte du document contenant les garanties",
    adequacy_decision: "décision d'adéquation",
    adopted_on: "adoptée le",
    ends_on: "prend fin le",
    no_end: "sans terme indiqué",
    notice: "information de l'autorité de contrôle",
    derogation: "motif de la dérogation",
    pair_channels: "uniquement par ces canaux",
    no_other_pair: "Aucun autre sens de transmission ne permet de communiquer quoi que ce soit, ni \
                    de poser une question.",
    presets: "Marquages préétablis",
    handling: "codes de traitement",
    days: "jours",
    keeping: "Utilisation, conservation, délais et fin des échanges",
    use_basis: "Utilisation permise de ce qui a été reçu",
    evidence_rule: "Utilisation comme preuve",
    retention: "Durée maximale de conservation, en jours",
    review: "Réexamen au moins tous les (jours)",
    normal_hours: "Délai pour une demande ordinaire, en heures",
    urgent_hours: "Délai pour une demande urgente, en heures",
    threat_to_life_hours: "Délai lorsqu'une vie est menacée, en heures",
    notice_days: "Préavis de la partie qui se retire de l'accord, en jours",
    purge_days: "Effacement après la fin, dans un délai en jours de",
    exception: "Peut être conservé après la fin",
    shares_by_release: "Une correspondance n'est pas une communication de pièces : ce qui se trouve \
                        derrière un indicateur technique n'est communiqué que sur décision de \
                        l'autorité compétente.",
    you_sign: "Vous signez l'accord portant cette empreinte",
    colon: " : ",
    nothing: "néant",
    of_party_role: |value| match value {
        PartyRole::Leader => "partie coordinatrice",
        PartyRole::Party => "partie",
        PartyRole::Participant => "participant",
    },
    of_agency_kind: |value| match value {
        AgencyKind::Police => "service de police",
        AgencyKind::Prosecution => "ministère public",
        AgencyKind::Judicial => "juridiction",
        AgencyKind::Border => "service des frontières",
        AgencyKind::Fiu => "cellule de renseignement financier",
        AgencyKind::ReportingPlatform => "plateforme de signalement citoyen",
        AgencyKind::LabourInspection => "inspection du travail",
        AgencyKind::Oversight => "organe de contrôle",
        AgencyKind::EuAgency => "agence de l'Union européenne",
    },
    of_purpose: |value| match value {
        Purpose::Prevention => "prévention des infractions pénales",
        Purpose::Detection => "détection des infractions pénales",
        Purpose::Investigation => "enquête",
        Purpose::Prosecution => "poursuites",
        Purpose::VictimProtection => "protection des victimes",
        Purpose::ThreatToLife => "menace pour la vie",
        Purpose::PlatformReferral => "demande de retrait ou de conservation à une plateforme",
    },
    of_offence: |value| match value {
        Offence::MigrantSmuggling => "trafic de migrants",
        Offence::MigrantSmugglingAggravated => "trafic de migrants aggravé",
        Offence::TraffickingInPersons => "traite des êtres humains",
        Offence::TraffickingInMinors => "traite des mineurs",
        Offence::DocumentFraud => "fraude documentaire",
        Offence::JobOrTravelFraud => "escroquerie à l'emploi ou au voyage",
        Offence::CallToMassCrossing => "appel public à un franchissement massif",
        Offence::MoneyLaundering => "blanchiment de capitaux",
        Offence::OrganisedCrime => "participation à une organisation criminelle",
        Offence::Terrorism => "terrorisme",
        Offence::TerrorismApology => "provocation publique au terrorisme ou apologie du terrorisme",
        Offence::OnlineFraud => "escroquerie en ligne",
        Offence::SexualExtortion => "extorsion sexuelle",
        Offence::SexualExploitation => "exploitation sexuelle",
        Offence::ThreatsOfViolence => "menaces de violences",
        Offence::IllicitGoods => "marchandises illicites",
    },
    of_channel: |value| match value {
        Channel::Automated => "échange automatisé",
        Channel::Analyst => "analyste",
        Channel::Authority => "autorité judiciaire",
    },
    of_onward: |value| match value {
        Onward::Never => "jamais",
        Onward::WithinParties => "entre les parties seulement",
        Onward::WithOriginatorConsent => "avec le consentement signé de l'émetteur",
    },
    of_transfer_basis: |value| match value {
        TransferBasis::IntraLed => "entre autorités liées par la directive (UE) 2016/680",
        TransferBasis::Led36Adequacy => {
            "décision d'adéquation, directive (UE) 2016/680, article 36"
        }
        TransferBasis::Led371aInstrument => {
            "instrument juridiquement contraignant assorti de garanties, directive (UE) 2016/680, \
             article 37, paragraphe 1, point a)"
        }
        TransferBasis::Led371bAssessment => {
            "évaluation de toutes les circonstances, directive (UE) 2016/680, article 37, \
             paragraphe 1, point b)"
        }
        TransferBasis::Led38Derogation => {
            "dérogation : par une autorité, un enregistrement à la fois, par motif écrit, jamais \
             automatisée, directive (UE) 2016/680, article 38"
        }
        TransferBasis::Convention108 => {
            "d'une partie non liée par cette directive, Convention 108+"
        }
        TransferBasis::None => "aucun fondement juridique : rien ne passe",
    },
    of_derogation: |value| match value {
        DerogationGround::VitalInterests => {
            "intérêts vitaux d'une personne, article 38, paragraphe 1, point a)"
        }
        DerogationGround::LegitimateInterests => {
            "intérêts légitimes de la personne concernée, article 38, paragraphe 1, point b)"
        }
        DerogationGround::ImmediateSeriousThreat => {
            "menace grave et immédiate pour la sécurité publique, article 38, paragraphe 1, point c)"
        }
        DerogationGround::IndividualCase => "cas particulier, article 38, paragraphe 1, point d)",
        DerogationGround::LegalClaim => {
            "droits en justice dans un cas particulier, article 38, paragraphe 1, point e)"
        }
    },
    of_use: |value| match value {
        UseBasis::PurposeOfAgreement => "l'objet de l'accord",
        UseBasis::OtherOffenceWithConsent => {
            "une autre infraction, avec le consentement de l'émetteur"
        }
        UseBasis::ImmediateSeriousThreat => {
            "une menace grave et immédiate pour la sécurité publique"
        }
        UseBasis::AsAgreed => "comme convenu dans l'instrument",
    },
    of_evidence: |value| match value {
        EvidenceRule::OriginatorPermits => {
            "seulement si l'autorité de l'émetteur l'autorise pour une affaire désignée"
        }
        EvidenceRule::FormalRequestOnly => {
            "seulement ce qui a été obtenu par entraide judiciaire ou décision d'enquête"
        }
    },
    of_subject: |value| match value {
        Subject::None => "objet, aucune personne",
        Subject::SuspectFacilitator => "personne soupçonnée de trafic à but lucratif",
        Subject::Convicted => "personne condamnée",
        Subject::ContactOrAssociate => "contact ou associé",
        Subject::Witness => "témoin",
        Subject::Victim => "victime",
        Subject::Unknown => "personne de qualité inconnue",
        Subject::SmuggledMigrant => "migrant objet du trafic (toujours refusé)",
    },
    of_exception: |value| match value {
        PurgeException::Nothing => "rien",
        PurgeException::EvidenceInProceedings => {
            "les preuves d'une procédure en cours, conservées à part, avec une date de réexamen"
        }
    },
    why_not: |value| match value {
        WhyNot::NotSigned => "l'accord n'est pas signé par toutes les parties",
        WhyNot::Rejected => "refusé par une partie, ou non signé dans le délai",
        WhyNot::NotYetValid => "pas encore en vigueur",
        WhyNot::Expired => "n'est plus en vigueur",
        WhyNot::TooFewParties => "il reste moins de deux parties",
        WhyNot::NotAParty => "l'un des deux n'est pas partie à l'accord",
        WhyNot::Withdrawn => "l'un des deux s'est retiré de l'accord",
        WhyNot::SuspendedAll => "l'un des deux a suspendu tous les échanges",
        WhyNot::SuspendedPair => "l'un des deux a suspendu ce sens de transmission",
        WhyNot::Contradiction => "l'un des deux a signé deux déclarations contradictoires",
        WhyNot::Gap => "une déclaration de l'un des deux manque ici",
        WhyNot::StaleHead => "l'un des deux ne s'est pas manifesté depuis sept jours",
        WhyNot::KeyPending => {
            "la nouvelle clé de l'un des deux n'est pas encore acceptée par toutes les parties"
        }
        WhyNot::ForeignKey => {
            "l'accord désigne une clé que la clé racine du service n'a pas signée"
        }
        WhyNot::ConflictingVersions => "deux versions inconciliables sont signées",
        WhyNot::UnknownVersion => "une version plus récente, inconnue ici, a été signée",
        WhyNot::NoTransferBasis => "aucun fondement juridique pour ce sens de transmission",
        WhyNot::TransferBasisEnded => {
            "la décision d'adéquation de ce sens de transmission a pris fin"
        }
        WhyNot::NoCommonOffence => "aucun fait n'est une infraction en droit des deux parties",
    },
};
