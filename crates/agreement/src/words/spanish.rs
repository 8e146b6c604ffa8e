//! The words of an agreement in Spanish.

use super::Words;
use crate::phase::WhyNot;
use crate::terms::{DerogationGround, EvidenceRule, PartyRole, PurgeException, UseBasis};
use domain::value::{AgencyKind, Channel, Offence, Onward, Purpose, Subject, TransferBasis};

pub(super) const WORDS: Words = Words {
    agreement: "Acuerdo",
    version: "versión",
    hash: "Resumen criptográfico del presente acuerdo (BLAKE3)",
    schema: "Esquema del anexo",
    supersedes: "Sustituye a",
    instrument: "Anexo técnico de",
    signed_on: "Firmado el",
    document_hash: "SHA-256 del documento",
    held_at: "Original custodiado en",
    languages: "Lenguas auténticas",
    legal_basis: "Base jurídica",
    valid_from: "En vigor desde (UTC, incluido)",
    valid_to: "En vigor hasta (UTC, no incluido)",
    parties: "Las partes",
    root_key: "clave raíz del organismo",
    authority_key: "clave de firma de la autoridad",
    contact_points: "puntos de contacto",
    operates_in: "Estados de actuación",
    approver: "Autoridad que aprueba",
    quorum: "personas exigidas",
    purposes: "fines",
    offences: "delitos",
    scope: "Objeto y ámbito de aplicación",
    purpose_text: "Objeto",
    facts_scope: "Hechos comprendidos",
    purpose_covered: "Fin comprendido",
    offence_covered: "Delito comprendido",
    dual_criminality: "Un delito solo puede invocarse entre dos partes si está tipificado en el \
                       Derecho de ambas:",
    absent: "AUSENTE: no es delito en el Derecho de este Estado",
    clauses: "Cláusulas",
    binds: "vincula a",
    transfers: "Transferencias y su fundamento jurídico",
    channels: "Canales autorizados",
    tlp_ceiling: "Marcado más estricto que puede circular (TLP)",
    onward: "transmisión ulterior",
    floor: "Resumen criptográfico de las reglas comunes mínimas",
    normalisation: "Versiones de normalización en uso",
    from: "de",
    to: "a",
    safeguards: "resumen criptográfico del documento con las garantías",
    adequacy_decision: "decisión de adecuación",
    adopted_on: "adoptada el",
    ends_on: "termina el",
    no_end: "sin término indicado",
    notice: "comunicación a la autoridad de control",
    derogation: "motivo de la excepción",
    pair_channels: "solo por estos canales",
    no_other_pair: "Ningún otro sentido de transmisión permite remitir nada, ni tampoco preguntar.",
    presets: "Marcados predefinidos",
    handling: "códigos de tratamiento",
    days: "días",
    keeping: "Uso, conservación, plazos y fin del intercambio",
    use_basis: "Uso permitido de lo recibido",
    evidence_rule: "Uso como prueba",
    retention: "Plazo máximo de conservación, en días",
    review: "Revisión al menos cada (días)",
    normal_hours: "Plazo para una solicitud ordinaria, en horas",
    urgent_hours: "Plazo para una solicitud urgente, en horas",
    threat_to_life_hours: "Plazo cuando peligra una vida, en horas",
    notice_days: "Preaviso de la parte que se retira del acuerdo, en días",
    purge_days: "Supresión tras el fin, en un plazo en días de",
    exception: "Puede conservarse tras el fin",
    shares_by_release: "Una coincidencia no es una remisión de información: lo que hay tras un \
                        indicador técnico solo se remite por decisión de la autoridad competente.",
    you_sign: "Usted firma el acuerdo con este resumen criptográfico",
    colon: ": ",
    nothing: "ninguno",
    of_party_role: |value| match value {
        PartyRole::Leader => "parte coordinadora",
        PartyRole::Party => "parte",
        PartyRole::Participant => "participante",
    },
    of_agency_kind: |value| match value {
        AgencyKind::Police => "cuerpo policial",
        AgencyKind::Prosecution => "fiscalía",
        AgencyKind::Judicial => "órgano judicial",
        AgencyKind::Border => "servicio de fronteras",
        AgencyKind::Fiu => "unidad de inteligencia financiera",
        AgencyKind::ReportingPlatform => "plataforma de avisos ciudadanos",
        AgencyKind::LabourInspection => "inspección de trabajo",
        AgencyKind::Oversight => "órgano de supervisión",
        AgencyKind::EuAgency => "agencia de la Unión Europea",
    },
    of_purpose: |value| match value {
        Purpose::Prevention => "prevención de infracciones penales",
        Purpose::Detection => "detección de infracciones penales",
        Purpose::Investigation => "investigación",
        Purpose::Prosecution => "enjuiciamiento",
        Purpose::VictimProtection => "protección de las víctimas",
        Purpose::ThreatToLife => "peligro para la vida",
        Purpose::PlatformReferral => "solicitud de retirada o conservación a una plataforma",
    },
    of_offence: |value| match value {
        Offence::MigrantSmuggling => "tráfico ilícito de migrantes",
        Offence::MigrantSmugglingAggravated => "tráfico ilícito de migrantes agravado",
        Offence::TraffickingInPersons => "trata de personas",
        Offence::TraffickingInMinors => "trata de menores",
        Offence::DocumentFraud => "falsedad documental",
        Offence::JobOrTravelFraud => "estafa de empleo o de viaje",
        Offence::CallToMassCrossing => "llamamiento público a un cruce masivo",
        Offence::MoneyLaundering => "blanqueo de capitales",
        Offence::OrganisedCrime => "participación en una organización delictiva",
        Offence::Terrorism => "terrorismo",
        Offence::TerrorismApology => "enaltecimiento o provocación pública del terrorismo",
        Offence::OnlineFraud => "estafa en línea",
        Offence::SexualExtortion => "extorsión sexual",
        Offence::SexualExploitation => "explotación sexual",
        Offence::ThreatsOfViolence => "amenazas de violencia",
        Offence::IllicitGoods => "mercancías ilícitas",
    },
    of_channel: |value| match value {
        Channel::Automated => "intercambio automatizado",
        Channel::Analyst => "analista",
        Channel::Authority => "autoridad judicial",
    },
    of_onward: |value| match value {
        Onward::Never => "nunca",
        Onward::WithinParties => "solo entre las partes",
        Onward::WithOriginatorConsent => "con el consentimiento firmado del remitente original",
    },
    of_transfer_basis: |value| match value {
        TransferBasis::IntraLed => "entre autoridades vinculadas por la Directiva (UE) 2016/680",
        TransferBasis::Led36Adequacy => {
            "decisión de adecuación, Directiva (UE) 2016/680, artículo 36"
        }
        TransferBasis::Led371aInstrument => {
            "instrumento jurídicamente vinculante con garantías, Directiva (UE) 2016/680, artículo \
             37, apartado 1, letra a)"
        }
        TransferBasis::Led371bAssessment => {
            "evaluación de todas las circunstancias, Directiva (UE) 2016/680, artículo 37, apartado \
             1, letra b)"
        }
        TransferBasis::Led38Derogation => {
            "excepción: por una autoridad, un registro cada vez, con motivo escrito, nunca \
             automatizada, Directiva (UE) 2016/680, artículo 38"
        }
        TransferBasis::Convention108 => {
            "de una parte no vinculada por esa Directiva, Convenio 108+"
        }
        TransferBasis::None => "sin fundamento jurídico: no pasa nada",
    },
    of_derogation: |value| match value {
        DerogationGround::VitalInterests => {
            "intereses vitales de una persona, artículo 38, apartado 1, letra a)"
        }
        DerogationGround::LegitimateInterests => {
            "intereses legítimos del interesado, artículo 38, apartado 1, letra b)"
        }
        DerogationGround::ImmediateSeriousThreat => {
            "amenaza inmediata y grave para la seguridad pública, artículo 38, apartado 1, letra c)"
        }
        DerogationGround::IndividualCase => "caso concreto, artículo 38, apartado 1, letra d)",
        DerogationGround::LegalClaim => {
            "reclamaciones en un caso concreto, artículo 38, apartado 1, letra e)"
        }
    },
    of_use: |value| match value {
        UseBasis::PurposeOfAgreement => "el objeto del acuerdo",
        UseBasis::OtherOffenceWithConsent => {
            "otro delito, con el consentimiento del remitente original"
        }
        UseBasis::ImmediateSeriousThreat => {
            "una amenaza inmediata y grave para la seguridad pública"
        }
        UseBasis::AsAgreed => "lo convenido en el instrumento",
    },
    of_evidence: |value| match value {
        EvidenceRule::OriginatorPermits => {
            "solo si la autoridad del remitente original lo permite para un asunto designado"
        }
        EvidenceRule::FormalRequestOnly => {
            "solo lo obtenido por asistencia judicial o por orden de investigación"
        }
    },
    of_subject: |value| match value {
        Subject::None => "objeto, ninguna persona",
        Subject::SuspectFacilitator => "persona sospechosa de tráfico con ánimo de lucro",
        Subject::Convicted => "persona condenada",
        Subject::ContactOrAssociate => "contacto o asociado",
        Subject::Witness => "testigo",
        Subject::Victim => "víctima",
        Subject::Unknown => "persona de condición desconocida",
        Subject::SmuggledMigrant => "migrante objeto de tráfico (siempre rechazado)",
    },
    of_exception: |value| match value {
        PurgeException::Nothing => "nada",
        PurgeException::EvidenceInProceedings => {
            "pruebas de un procedimiento en curso, conservadas aparte, con fecha de revisión"
        }
    },
    why_not: |value| match value {
        WhyNot::NotSigned => "no lo han firmado todas las partes",
        WhyNot::Rejected => "rechazado por una parte, o no firmado dentro del plazo",
        WhyNot::NotYetValid => "todavía no está en vigor",
        WhyNot::Expired => "ya no está en vigor",
        WhyNot::TooFewParties => "quedan menos de dos partes",
        WhyNot::NotAParty => "uno de los dos no es parte",
        WhyNot::Withdrawn => "uno de los dos se ha retirado del acuerdo",
        WhyNot::SuspendedAll => "uno de los dos ha suspendido todo intercambio",
        WhyNot::SuspendedPair => "uno de los dos ha suspendido este sentido de transmisión",
        WhyNot::Contradiction => "uno de los dos firmó dos declaraciones contradictorias",
        WhyNot::Gap => "falta aquí una declaración de uno de los dos",
        WhyNot::StaleHead => "no se sabe nada de uno de los dos desde hace siete días",
        WhyNot::KeyPending => {
            "la nueva clave de uno de los dos aún no la han aceptado todas las partes"
        }
        WhyNot::ForeignKey => {
            "el acuerdo designa una clave que la clave raíz del organismo no firmó"
        }
        WhyNot::ConflictingVersions => "hay dos versiones incompatibles firmadas",
        WhyNot::UnknownVersion => "se ha firmado una versión más reciente, desconocida aquí",
        WhyNot::NoTransferBasis => "sin fundamento jurídico para este sentido de transmisión",
        WhyNot::TransferBasisEnded => {
            "ha terminado la decisión de adecuación para este sentido de transmisión"
        }
        WhyNot::NoCommonOffence => "ningún hecho es delito en el Derecho de ambas partes",
    },
};
