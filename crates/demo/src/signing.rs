//! How the four authorities sign: three before the nodes start, the fourth at its own node.

use crate::cast::{self, AGREEMENT, BELGIUM, MOROCCO};
use crate::narrator::Narrator;
use crate::stage::{Stage, typed};
use crate::story::{list, text};
use anyhow::Context as _;
use serde_json::Value;
use std::fs;

/// Three authorities sign; that is not enough.
pub(crate) fn agree(stage: &mut Stage, narrator: &Narrator) -> anyhow::Result<()> {
    narrator.chapter("2. Their authorities sign an agreement");
    let terms = stage.folder().join("agreement.toml");
    fs::write(&terms, terms_of_this_run(stage)?)?;
    let docket = stage.folder().join(format!("{AGREEMENT}.docket"));
    let file = docket.to_string_lossy().into_owned();
    let agreement = |stage: &mut Stage, agency, command: &[&str]| {
        let arguments: Vec<&str> = ["agreement"].iter().chain(command).copied().collect();
        stage.show(agency, &arguments, &[0])
    };
    agreement(stage, BELGIUM, &["draft", &terms.to_string_lossy(), &file])?;
    for agency in cast::ALL {
        let made = |ending: &str| {
            let path = stage.home(agency).join(format!("{}.{ending}", agency.id));
            path.to_string_lossy().into_owned()
        };
        let (manifest, operator) = (made("manifest"), made("operator.enrol"));
        let key = authority_key(stage, agency);
        agreement(stage, agency, &["file", &manifest, "--docket", &file])?;
        let certify = ["certify", "--docket", &file, "--key", &key, "--enrolment", &operator];
        agreement(stage, agency, &[certify.as_slice(), &["--yes"]].concat())?;
    }
    for agency in cast::ALL.into_iter().filter(|agency| *agency != MOROCCO) {
        let key = authority_key(stage, agency);
        let sign = ["sign", "--docket", &file, "--key", &key, "--yes"];
        agreement(stage, agency, &sign)?;
        let (_, status) = stage.ask(agency, &["agreement", "status", "--docket", &file], &[0])?;
        let of_all = list(&status, "agreements").first().context("no agreement")?;
        let version = list(of_all, "versions").first().context("no version")?;
        let missing: Vec<&str> =
            list(version, "missing").iter().filter_map(Value::as_str).collect();
        narrator.say(&format!(
            "{:<8} signs: {}, not signed by {}",
            agency.name,
            text(of_all, "phase"),
            missing.join(", ")
        ));
    }
    for agency in cast::ALL {
        let folder = stage.home(agency).join("agreements");
        fs::create_dir_all(&folder)?;
        fs::copy(&docket, folder.join(format!("{AGREEMENT}.docket")))?;
    }
    narrator.proven("every node has the same docket: the terms, three signatures, four manifests");
    Ok(())
}

fn authority_key(stage: &Stage, agency: cast::Agency) -> String {
    stage.home(agency).join("authority.key").to_string_lossy().into_owned()
}

/// The example agreement with the keys that this run made.
fn terms_of_this_run(stage: &Stage) -> anyhow::Result<String> {
    let example = include_str!("../../../deploy/agreement.toml");
    let mut terms: toml::Table = example.parse().context("the example agreement")?;
    let parties = terms.get_mut("party").and_then(toml::Value::as_array_mut);
    for party in parties.context("an agreement without parties")? {
        let party = party.as_table_mut().context("a party that is no table")?;
        let id = party.get("agency").and_then(toml::Value::as_str).unwrap_or_default().to_owned();
        let agency = cast::ALL.into_iter().find(|agency| agency.id == id);
        let agency = agency.with_context(|| format!("`{id}` is not in the cast"))?;
        let file = stage.home(agency).join(format!("{id}.party.toml"));
        let made: toml::Table = fs::read_to_string(file)?.parse()?;
        let made = made.get("party").and_then(|list| list.get(0)).context("no party was made")?;
        for key in ["root_key", "authority_key"] {
            let value = made.get(key).with_context(|| format!("no {key} was made"))?;
            party.insert(key.to_owned(), value.clone());
        }
    }
    Ok(toml::to_string(&terms)?)
}

/// The fourth signature is given at one node only: the others hear of it from that node.
pub(crate) fn sign_last(stage: &mut Stage, narrator: &Narrator) -> anyhow::Result<()> {
    let (_, before) = stage.ask(BELGIUM, &["status"], &[0])?;
    let standing = list(&before, "agreements").first().map(|one| text(one, "standing"));
    narrator.say(&format!("in Belgium the agreement is {}", standing.unwrap_or_default()));
    let key = authority_key(stage, MOROCCO);
    let sign = ["agreement", "sign", AGREEMENT, "--key", &key, "--language", "ar", "--yes"];
    narrator.command(MOROCCO.name, &typed(&sign));
    stage.show(MOROCCO, &sign, &[0])?;
    let took = stage.until("Belgium does not hear of the signature", |stage| {
        let (_, status) = stage.ask(BELGIUM, &["agreement", "status", AGREEMENT], &[0])?;
        Ok(list(&status, "agreements").iter().any(|one| text(one, "phase") == "IN_FORCE"))
    })?;
    narrator.proven(&format!(
        "Morocco signs at its own node; {:.1} s later it is in force in Belgium, without a restart",
        took.as_secs_f32()
    ));
    Ok(())
}
