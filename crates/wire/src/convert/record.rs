//! Envelopes, markings and bodies: what records and questions have in common.

use crate::convert::field;
use crate::convert::invalid::{Invalid, Why};
use crate::convert::value::{WireValue as _, optional, value};
use crate::v1;
use domain::envelope::{
    Algorithm, Envelope, EnvelopeSignature, PAYLOAD_BYTES_MAX, PAYLOAD_TYPE_BYTES_MAX,
    SIGNATURES_MAX,
};
use domain::indicator::{AccountBody, ContentBody};
use domain::label::{Evaluation, HandlingSet, Labels};
use domain::name::{ClusterId, KeyId, RecordId};
use domain::value::Handling;

impl From<Envelope> for v1::Envelope {
    fn from(envelope: Envelope) -> Self {
        let signatures = envelope.signatures.into_iter().map(|signature| v1::Signature {
            key_id: signature.key_id.as_bytes().to_vec(),
            algorithm: signature.algorithm.number(),
            signature: signature.signature.to_vec(),
        });
        Self {
            payload: envelope.payload,
            payload_type: envelope.payload_type,
            signatures: signatures.collect(),
        }
    }
}

impl TryFrom<v1::Envelope> for Envelope {
    type Error = Invalid;

    /// Takes the bytes as they are; nothing of them is verified or parsed here.
    fn try_from(envelope: v1::Envelope) -> Result<Self, Invalid> {
        let v1::Envelope { payload, payload_type, signatures } = envelope;
        shorter("payload", payload.len(), PAYLOAD_BYTES_MAX)?;
        shorter("payload_type", payload_type.len(), PAYLOAD_TYPE_BYTES_MAX)?;
        let signatures = field::list("signatures", signatures, SIGNATURES_MAX, |signature| {
            Ok(EnvelopeSignature {
                key_id: KeyId::from_bytes(field::bytes("key_id", &signature.key_id)?),
                algorithm: Algorithm::try_from(signature.algorithm)
                    .map_err(|_| Invalid::new("algorithm", Why::Unknown))?,
                signature: field::bytes("signature", &signature.signature)?,
            })
        })?;
        Ok(Self { payload, payload_type, signatures })
    }
}

impl From<Labels> for v1::Labels {
    fn from(labels: Labels) -> Self {
        Self {
            tlp: labels.tlp.to_wire(),
            pap: labels.pap.to_wire(),
            handling: labels.handling.iter().map(|code| code.to_wire()).collect(),
            evaluation: Some(labels.evaluation.into()),
            basis: labels.basis.to_wire(),
        }
    }
}

impl TryFrom<v1::Labels> for Labels {
    type Error = Invalid;

    fn try_from(labels: v1::Labels) -> Result<Self, Invalid> {
        let read = |code| value::<Handling>("handling", code);
        let handling = field::set("handling", labels.handling, Handling::ALL.len(), read)?;
        Ok(Self {
            tlp: value("tlp", labels.tlp)?,
            pap: value("pap", labels.pap)?,
            handling: handling.into_iter().collect::<HandlingSet>(),
            evaluation: field::present("evaluation", labels.evaluation)?.try_into()?,
            basis: value("basis", labels.basis)?,
        })
    }
}

impl From<Evaluation> for v1::Evaluation {
    fn from(evaluation: Evaluation) -> Self {
        Self {
            scheme: evaluation.scheme().to_wire(),
            source: evaluation.source().to_string(),
            information: evaluation.information().into(),
        }
    }
}

impl TryFrom<v1::Evaluation> for Evaluation {
    type Error = Invalid;

    fn try_from(evaluation: v1::Evaluation) -> Result<Self, Invalid> {
        let scheme = value("scheme", evaluation.scheme)?;
        let mut letters = evaluation.source.chars();
        let (Some(source), None) = (letters.next(), letters.next()) else {
            return Err(Invalid::new("source", Why::Length { bytes: 1 }));
        };
        let information = u8::try_from(evaluation.information)
            .map_err(|_| Invalid::new("information", Why::OutOfRange))?;
        Self::new(scheme, source, information)
            .map_err(|_| Invalid::new("evaluation", Why::OutOfRange))
    }
}

impl From<AccountBody> for v1::AccountBody {
    fn from(body: AccountBody) -> Self {
        Self {
            platform: body.platform.map(|platform| platform.to_wire()),
            role: body.role.to_wire(),
            handle_from_ms: body.handle_from.map(|at| at.as_millis()),
            handle_until_ms: body.handle_until.map(|at| at.as_millis()),
            cluster: body.cluster.as_bytes().to_vec(),
        }
    }
}

impl TryFrom<v1::AccountBody> for AccountBody {
    type Error = Invalid;

    fn try_from(body: v1::AccountBody) -> Result<Self, Invalid> {
        let instant = |what, at: Option<u64>| at.map(|at| field::instant(what, at)).transpose();
        Ok(Self {
            platform: optional("platform", body.platform)?,
            role: value("role", body.role)?,
            handle_from: instant("handle_from_ms", body.handle_from_ms)?,
            handle_until: instant("handle_until_ms", body.handle_until_ms)?,
            cluster: ClusterId::from_bytes(field::bytes("cluster", &body.cluster)?),
        })
    }
}

impl From<ContentBody> for v1::ContentBody {
    fn from(body: ContentBody) -> Self {
        Self {
            media: body.media.to_wire(),
            class: body.class.to_wire(),
            linked_ad: body.linked_ad.map(|record_id| record_id.as_bytes().to_vec()),
            cluster: body.cluster.as_bytes().to_vec(),
        }
    }
}

impl TryFrom<v1::ContentBody> for ContentBody {
    type Error = Invalid;

    fn try_from(body: v1::ContentBody) -> Result<Self, Invalid> {
        let linked_ad = body.linked_ad.map(|id| field::bytes("linked_ad", &id)).transpose()?;
        Ok(Self {
            media: value("media", body.media)?,
            class: value("class", body.class)?,
            linked_ad: linked_ad.map(RecordId::from_bytes),
            cluster: ClusterId::from_bytes(field::bytes("cluster", &body.cluster)?),
        })
    }
}

fn shorter(what: &'static str, bytes: usize, max: usize) -> Result<(), Invalid> {
    if bytes > max { Err(Invalid::new(what, Why::TooLong { max })) } else { Ok(()) }
}
