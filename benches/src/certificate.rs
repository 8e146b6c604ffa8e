//! Certificates of both agencies, made for each run, and what each side of a connection needs.

use crate::agreed::{self, ASKER, OWNER};
use anyhow::Context as _;
use domain::time::{Clock as _, SystemClock};
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use std::path::Path;
use std::sync::Arc;
use wire::connect::{DialLimits, Dialler};
use wire::tls::Port;
use wire::tls::credentials::{Credentials, authority_from_pem};
use wire::tls::registry::{PeerEntry, PeerRegistry, Snapshot, Standing};

/// Makes an authority and a node certificate for each agency and writes them into the folder.
///
/// # Errors
/// A certificate library or a folder that refuses.
pub fn issue(folder: &Path) -> anyhow::Result<()> {
    for name in [OWNER, ASKER] {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate()?;
        let authority = params.self_signed(&key)?.pem();
        let issuer = Issuer::new(params, key);

        let mut params = CertificateParams::default();
        let uri = format!("spiffe://{name}/node/node-1");
        params.subject_alt_names = vec![SanType::URI(uri.as_str().try_into()?)];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &issuer)?.pem();
        std::fs::write(folder.join(format!("{name}.pem")), format!("{certificate}{authority}"))?;
        std::fs::write(folder.join(format!("{name}.key")), key.serialize_pem())?;
        std::fs::write(folder.join(format!("{name}.authority")), authority)?;
    }
    Ok(())
}

/// The certificate of an agency and whom its node knows: the other one.
///
/// # Errors
/// Files that [`issue`] did not write.
pub fn identity(
    folder: &Path,
    name: &str,
) -> anyhow::Result<(Arc<Credentials>, Arc<PeerRegistry>)> {
    let now = SystemClock.now();
    let read = |of: &str, what: &str| {
        let path = folder.join(format!("{of}.{what}"));
        std::fs::read(&path).with_context(|| format!("read `{}`", path.display()))
    };
    let credentials = Credentials::from_pem(&read(name, "pem")?, &read(name, "key")?, now)?;
    let other = if name == OWNER { ASKER } else { OWNER };
    let pin = authority_from_pem(&read(other, "authority")?, now)?;
    let entry = PeerEntry { authorities: vec![pin], standing: Standing::Active };
    let snapshot = Snapshot::new(agreed::agency(name)?).with_peer(agreed::agency(other)?, entry)?;
    Ok((credentials, PeerRegistry::new(snapshot)))
}

/// Dials as [`ASKER`].
///
/// # Errors
/// As [`identity`].
pub fn dialler(folder: &Path) -> anyhow::Result<Dialler> {
    let (credentials, registry) = identity(folder, ASKER)?;
    Ok(Dialler::new(Port::Partner, credentials, registry, DialLimits::default()))
}
