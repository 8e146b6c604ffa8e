//! The story, chapter by chapter. Every chapter checks what it tells.

use crate::Options;
use crate::cast::{self, AGREEMENT, Agency, BELGIUM, CLAUSE, FRANCE, MOROCCO, PARTNERS, SPAIN};
use crate::forgery;
use crate::narrator::Narrator;
use crate::signing;
use crate::stage::{Beginning, Stage, typed};
use crate::stop::Stop;
use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Values of the samples that the story asks about.
const PHONE: &str = "+33 1 99 00 42 17";
const OTHER_HANDLE: &str = "@nobody_of_the_story";
const INVITE: &str = "https://t.me/+Zx9QeRtYuIoPaSdFgH";
const STRICT_URL: &str = "https://traversee-express-22.example/papiers";

/// The reference of Belgium's case.
const CASE: &str = "26-118-00431";
/// And of Spain's.
const SPANISH_CASE: &str = "DP-2026-0098";

/// Belgium's rule that keeps the doubtful lead home.
const KEPT_HOME_BY: &str = "BE04-weak-stays-home";
/// Where the ids of acknowledged and of withdrawn records are kept for a later run.
const ACKNOWLEDGED: &str = "acknowledged";
const WITHDRAWN: &str = "withdrawn";
/// Where Belgium's head is kept that its log must pass through.
const HEAD: &str = "belgium.head";
/// Who takes the whole log away: no analyst may.
const OVERSIGHT_OFFICER: &str = "BE-9001";
/// The profile of that officer.
const OVERSIGHT: &str = "oversight";

/// Tells the whole story.
pub(crate) fn tell(options: &Options, narrator: &Narrator, stop: Stop) -> anyhow::Result<()> {
    let event = options.import.as_deref().map(absolute).transpose()?;
    let labels = options.labels.as_deref().map(absolute).transpose()?;
    let mut stage = Stage::open(options.keep, stop)?;
    narrator.chapter("Malines: four agencies, one agreement, and what it lets through");
    narrator.say(&format!("everything happens in {}", stage.folder().display()));
    match stage.beginning {
        Beginning::Fresh => {
            found(&mut stage, narrator)?;
            signing::agree(&mut stage, narrator)?;
            start(&mut stage, narrator, Beginning::Fresh)?;
            stage.complete()?;
            let case = open_case(&mut stage, narrator)?;
            let sent = match (event, labels) {
                (Some(event), Some(labels)) => {
                    import(&mut stage, narrator, &case, &event, &labels)?
                }
                _ => submit(&mut stage, narrator, &case)?,
            };
            arrive(&mut stage, narrator, &sent)?;
            ask(&mut stage, narrator)?;
            keep_home(&mut stage, narrator, &case)?;
            withdraw(&mut stage, narrator, &sent)?;
            refuse_forgeries(&mut stage, narrator)?;
        }
        Beginning::Kept => {
            verify_stores(&stage, narrator)?;
            start(&mut stage, narrator, Beginning::Kept)?;
            nothing_lost(&mut stage, narrator)?;
        }
    }
    heads(&mut stage, narrator)?;
    if options.once {
        narrator.chapter("The end. Every line above happened over the wire.");
        return Ok(());
    }
    invite(&mut stage, narrator)?;
    stage.watch()?;
    narrator.say("stopping the four nodes");
    drop(stage);
    narrator.say("they are stopped; `-- --keep` goes on with what they hold");
    Ok(())
}

fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    path.canonicalize().with_context(|| format!("cannot find {}", path.display()))
}

fn found(stage: &mut Stage, narrator: &Narrator) -> anyhow::Result<()> {
    narrator.chapter("1. Four agencies make their keys");
    let busy = narrator.busy("making keys, certificate authorities and configurations");
    for agency in cast::ALL {
        stage.found(agency)?;
        if agency == BELGIUM {
            stage.enrol(agency, OVERSIGHT_OFFICER, "oversight", OVERSIGHT)?;
        }
    }
    stage.lay_out_samples()?;
    drop(busy);
    for agency in cast::ALL {
        narrator.proven(&format!(
            "{:<8} {:<10} its own root key, two certificate authorities, policy, ports; officer {}",
            agency.name, agency.id, agency.officer
        ));
    }
    Ok(())
}

fn start(stage: &mut Stage, narrator: &Narrator, beginning: Beginning) -> anyhow::Result<()> {
    narrator.chapter("3. Four nodes start, each a process of its own");
    let busy = narrator.busy("starting");
    for agency in cast::ALL {
        stage.start(agency)?;
    }
    drop(busy);
    if beginning == Beginning::Fresh {
        signing::sign_last(stage, narrator)?;
    }
    let busy = narrator.busy("finding each other");
    let took = stage.until("the nodes do not find each other", |stage| {
        for agency in cast::ALL {
            let (_, status) = stage.ask(agency, &["status"], &[0])?;
            let partners = list(&status, "partners");
            if partners.len() != 3 || partners.iter().any(|partner| text(partner, "link") != "up") {
                return Ok(false);
            }
        }
        Ok(true)
    })?;
    drop(busy);
    narrator.proven(&format!(
        "twelve links are up after {:.1} s: mutual TLS 1.3, X25519MLKEM768 only",
        took.as_secs_f32()
    ));
    stage.show_aloud(narrator, BELGIUM, &["status"], &[0])?;
    Ok(())
}

fn open_case(stage: &mut Stage, narrator: &Narrator) -> anyhow::Result<String> {
    narrator.chapter("4. A Belgian analyst opens a case and submits an advertisement");
    let (_, case) = stage.ask_aloud(narrator, BELGIUM, &opening(CASE), &[0])?;
    let name = text(&case, "name").to_owned();
    narrator.proven(&format!("case {name}; agreement, clause, purpose and offence are fixed once"));
    Ok(name)
}

/// What Belgium sent: for each record its id and the partners it leaves for.
struct Sent(Vec<(String, Vec<String>)>);

impl Sent {
    fn read(report: &Value) -> anyhow::Result<Self> {
        let results = list(report, "results");
        let mut sent = Vec::new();
        for result in results {
            let Some(record_id) = result.get("record_id").and_then(Value::as_str) else { continue };
            let outlook = list(result, "outlook");
            let leaves = outlook.iter().filter(|row| text(row, "fate") == "LEAVES");
            let peers = leaves.map(|row| text(row, "agency").to_owned());
            sent.push((record_id.to_owned(), peers.collect()));
        }
        Ok(Self(sent))
    }

    fn leaving_for(&self, peer: Agency) -> usize {
        self.0.iter().filter(|(_, peers)| peers.iter().any(|id| id == peer.id)).count()
    }
}

fn submit(stage: &mut Stage, narrator: &Narrator, case: &str) -> anyhow::Result<Sent> {
    let arguments =
        ["submit", "--case", case, "--from", "advertisement.csv", "--answers", "answers.toml"];
    let dry: Vec<&str> = arguments.into_iter().chain(["--dry-run"]).collect();
    stage.show_aloud(narrator, BELGIUM, &dry, &[0])?;
    send(stage, narrator, &arguments)
}

fn import(
    stage: &mut Stage,
    narrator: &Narrator,
    case: &str,
    event: &Path,
    labels: &Path,
) -> anyhow::Result<Sent> {
    let (event, labels) = (event.to_string_lossy(), labels.to_string_lossy());
    let dry = ["import", "misp", &event, "--labels", &labels, "--dry-run"];
    narrator.command(BELGIUM.name, &typed(&dry));
    let said = stage.show(BELGIUM, &dry, &[0, 4])?;
    narrator.quote(&shortened(&said, 24));
    let (_, forecast) = stage.ask(BELGIUM, &dry, &[0, 4])?;
    let candidates = |event: &Value| list(event, "candidates").len();
    let comparable: usize = list(&forecast, "events").iter().map(candidates).sum();
    let sent = if comparable == 0 {
        narrator.say("that event holds nothing to compare; the story goes on with the sample:");
        Sent(Vec::new())
    } else {
        let import = ["import", "misp", &event, "--labels", &labels, "--case", case];
        let sent = send(stage, narrator, &import)?;
        narrator.say("and the telephone number and the handle of the sample advertisement:");
        sent
    };
    let numbers =
        ["submit", "--case", case, "--from", "advertisement.csv", "--answers", "answers.toml"];
    let more = send(stage, narrator, &numbers)?;
    Ok(Sent(sent.0.into_iter().chain(more.0).collect()))
}

fn send(stage: &mut Stage, narrator: &Narrator, arguments: &[&str]) -> anyhow::Result<Sent> {
    let yes: Vec<&str> = arguments.iter().copied().chain(["--yes"]).collect();
    let (_, report) = stage.ask_aloud(narrator, BELGIUM, &yes, &[0, 4])?;
    let sent = Sent::read(&report)?;
    let refused = report.get("counts").map_or(0, |counts| number(counts, "refused"));
    if sent.0.is_empty() {
        bail!("nothing was accepted: {report}");
    }
    acknowledge(stage, &sent)?;
    let records = if sent.0.len() == 1 { "record" } else { "records" };
    let number = sent.0.len();
    narrator.proven(&format!("{number} {records} signed and durable, {refused} refused"));
    Ok(sent)
}

fn shortened(text: &str, lines_max: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let kept = lines.iter().take(lines_max).copied().collect::<Vec<_>>().join("\n");
    match lines.len().checked_sub(lines_max) {
        Some(more @ 1..) => format!("{kept}\n... and {more} lines more"),
        _ => kept,
    }
}

fn records_from_belgium(stage: &mut Stage, agency: Agency) -> anyhow::Result<u64> {
    let (_, status) = stage.ask(agency, &["status"], &[0])?;
    let partners = list(&status, "partners");
    let belgium = partners.iter().find(|partner| text(partner, "agency") == BELGIUM.id);
    Ok(belgium.map_or(0, |belgium| number(belgium, "records_in")))
}

fn arrive(stage: &mut Stage, narrator: &Narrator, sent: &Sent) -> anyhow::Result<()> {
    narrator.chapter("5. Links, files and invite codes arrive where agreement and policy allow");
    for partner in PARTNERS {
        let expected = sent.leaving_for(partner) as u64;
        let busy = narrator.busy("waiting");
        let took = stage.until(&format!("{} lacks records", partner.name), |stage| {
            Ok(records_from_belgium(stage, partner)? == expected)
        })?;
        drop(busy);
        narrator.proven(&format!(
            "{:<8} holds {expected} of Belgium's {} records (seen after {:.1} s)",
            partner.name,
            sent.0.len(),
            took.as_secs_f32()
        ));
    }
    narrator.say("telephone numbers and handles went to nobody: they are answered when asked");
    Ok(())
}

/// How a case of that reference is opened.
const fn opening(reference: &str) -> [&str; 12] {
    [
        "case",
        "open",
        "--ref",
        reference,
        "--agreement",
        AGREEMENT,
        "--clause",
        CLAUSE,
        "--purpose",
        "INVESTIGATION",
        "--offence",
        "MIGRANT_SMUGGLING",
    ]
}

fn case_in(stage: &mut Stage, agency: Agency, reference: &str) -> anyhow::Result<String> {
    let (_, case) = stage.ask(agency, &opening(reference), &[0])?;
    Ok(text(&case, "name").to_owned())
}

fn ask(stage: &mut Stage, narrator: &Narrator) -> anyhow::Result<()> {
    narrator.chapter("6. Spain has a telephone number and a handle, and asks");
    let case = case_in(stage, SPAIN, SPANISH_CASE)?;
    let partners = "be-fedpol,fr-oltim,ma-dgsn";
    let phone = ["query", "phone", "--case", &case, "--ask", partners, "--value", PHONE, "--yes"];
    stage.show_aloud(narrator, SPAIN, &phone, &[0])?;
    let (_, hits) = stage.ask(SPAIN, &["hits", "--case", &case], &[0])?;
    if !list(&hits, "hits").iter().any(|hit| hit.to_string().contains(BELGIUM.id)) {
        bail!("the match is not Belgium's: {hits}");
    }
    narrator.proven("a match with Belgium, live, over the wire; exit code 0");
    let handle = [
        "query",
        "handle",
        "--platform",
        "TELEGRAM",
        "--case",
        &case,
        "--ask",
        partners,
        "--value",
        OTHER_HANDLE,
        "--yes",
    ];
    stage.show_aloud(narrator, SPAIN, &handle, &[1])?;
    narrator.proven("no match; exit code 1. Nobody can tell it from what a partner may not show");
    Ok(())
}

fn holds(stage: &mut Stage, agency: Agency, case: &str, value: &str) -> anyhow::Result<bool> {
    let query = ["query", "link", "--case", case, "--ask", "nobody", "--value", value, "--yes"];
    let (_, report) = stage.ask(agency, &query, &[0, 1])?;
    Ok(!list(&report, "held").is_empty())
}

fn keep_home(stage: &mut Stage, narrator: &Narrator, case: &str) -> anyhow::Result<()> {
    narrator.chapter("7. What policy keeps home, and why");
    let dry =
        ["submit", "--case", case, "--from", "weak.csv", "--answers", "weak.toml", "--dry-run"];
    let said = stage.show_aloud(narrator, BELGIUM, &dry, &[0])?;
    let before = records_from_belgium(stage, SPAIN)?;
    let sent = send(
        stage,
        narrator,
        &["submit", "--case", case, "--from", "weak.csv", "--answers", "weak.toml"],
    )?;
    if !said.contains(KEPT_HOME_BY) || PARTNERS.iter().any(|p| sent.leaving_for(*p) > 0) {
        bail!("a record of a doubtful source was going to leave");
    }
    let (french, moroccan) =
        (case_in(stage, FRANCE, "PARQUET-2026-771")?, case_in(stage, MOROCCO, "2026/1408")?);
    if !holds(stage, FRANCE, &french, STRICT_URL)? || holds(stage, MOROCCO, &moroccan, STRICT_URL)?
    {
        bail!("the AMBER_STRICT link is not where policy lets it be");
    }
    if records_from_belgium(stage, SPAIN)? != before {
        bail!("something left that should have stayed");
    }
    let reason = reason_of_rule(BELGIUM, KEPT_HOME_BY).context("the rule has no reason")?;
    narrator.say(&format!("rule {KEPT_HOME_BY} of Belgium's own policy: \"{reason}\""));
    narrator.proven("the doubtful lead stays in Belgium");
    narrator.proven("the link marked AMBER_STRICT is held in France and not in Morocco");
    Ok(())
}

/// What an agency's policy gives as the reason of a rule.
fn reason_of_rule(agency: Agency, rule: &str) -> Option<&'static str> {
    let (_, after) = agency.policy.split_once(&format!("@id(\"{rule}\")"))?;
    let (_, reason) = after.split_once("@reason(\"")?;
    reason.split_once("\")").map(|(reason, _)| reason)
}

fn withdraw(stage: &mut Stage, narrator: &Narrator, sent: &Sent) -> anyhow::Result<()> {
    narrator.chapter("8. Belgium withdraws a record");
    let everywhere = sent.0.iter().find(|(_, peers)| peers.len() == PARTNERS.len());
    let (record_id, _) = everywhere.context("no record went to every partner")?;
    let mut before = Vec::new();
    for partner in PARTNERS {
        before.push((partner, records_from_belgium(stage, partner)?));
    }
    stage.show_aloud(narrator, BELGIUM, &["withdraw", record_id, "--yes"], &[0])?;
    fs::write(stage.folder().join(WITHDRAWN), format!("{record_id}\n"))?;
    for (partner, count) in before {
        let took = stage.until(&format!("{} still holds it", partner.name), |stage| {
            Ok(records_from_belgium(stage, partner)? + 1 == count)
        })?;
        narrator.proven(&format!(
            "{:<8} holds one record less (seen after {:.1} s)",
            partner.name,
            took.as_secs_f32()
        ));
    }
    let case = case_in(stage, FRANCE, "PARQUET-2026-772")?;
    if sent.0.first().is_some_and(|(id, _)| id == record_id) && holds(stage, FRANCE, &case, INVITE)?
    {
        bail!("the withdrawn record can still be found in France");
    }
    Ok(())
}

fn refuse_forgeries(stage: &mut Stage, narrator: &Narrator) -> anyhow::Result<()> {
    narrator.chapter("9. Two forged certificates");
    let seen = forgery::by_stranger(stage, SPAIN)?;
    narrator.say("a stranger, with an authority of its own, says it is Spain");
    narrator.quote(&format!("the stranger sees:  {seen}"));
    narrator.quote(&reason_in_log(stage, 1)?);
    let seen = forgery::by_member(stage, MOROCCO, SPAIN)?;
    narrator.say("Morocco's real authority certifies a node that says it is Spain");
    narrator.quote(&format!("the forger sees:    {seen}"));
    narrator.quote(&reason_in_log(stage, 2)?);
    narrator.proven("both refused; the caller learns nothing, Belgium's log has the true reason");
    Ok(())
}

/// The n-th refusal of a caller in Belgium's log, counted from the first.
fn reason_in_log(stage: &mut Stage, n: usize) -> anyhow::Result<String> {
    let path = stage.log(BELGIUM);
    let mut found = String::new();
    stage.until("Belgium's log does not say why", |_| {
        let log = fs::read_to_string(&path)?;
        let refusals: Vec<&str> =
            log.lines().filter(|line| line.contains("wire::accept")).collect();
        found = refusals.get(n - 1).copied().unwrap_or_default().to_owned();
        Ok(!found.is_empty())
    })?;
    let (_, reason) = found.split_once("wire::accept: ").unwrap_or(("", &found));
    Ok(format!("Belgium's log says: {reason}"))
}

fn heads(stage: &mut Stage, narrator: &Narrator) -> anyhow::Result<()> {
    narrator.chapter("10. The audit heads");
    for agency in cast::ALL {
        let (_, head) = stage.ask(agency, &["audit", "head"], &[0])?;
        let note = text(&head, "note");
        // A C2SP checkpoint: origin, size and root, a line each.
        let mut lines = note.lines().skip(1);
        let (size, root) = (lines.next().context("no size")?, lines.next().context("no root")?);
        let root: String =
            STANDARD.decode(root)?.iter().map(|byte| format!("{byte:02x}")).collect();
        narrator.quote(&format!("{:<8} {size:>4} entries   root {root}", agency.name));
        if agency == BELGIUM {
            fs::write(stage.folder().join(HEAD), note)?;
        }
    }
    let within =
        |stage: &Stage, name: &str| stage.folder().join(name).to_string_lossy().into_owned();
    let (head, file) = (within(stage, HEAD), within(stage, "belgium.log"));
    let _ = fs::remove_file(&file);
    let keys = stage.home(BELGIUM).join(format!("{}.audit-key", BELGIUM.id));
    let keys = keys.to_string_lossy().into_owned();
    let export = ["--profile", OVERSIGHT, "audit", "export", "--to", &file];
    stage.show_aloud(narrator, BELGIUM, &export, &[0])?;
    narrator.say("the export is an entry of the log too, so it is longer by now");
    let verify = ["audit", "verify", &file, "--keys", &keys, "--head", &head];
    stage.show_aloud(narrator, BELGIUM, &verify, &[0])?;
    narrator
        .proven("Belgium's whole log verifies without a node, and passes through the head above");
    Ok(())
}

/// What was acknowledged, so that a later run can tell whether anything was lost.
fn acknowledge(stage: &mut Stage, sent: &Sent) -> anyhow::Result<()> {
    let path = stage.folder().join(ACKNOWLEDGED);
    let mut known = fs::read_to_string(&path).unwrap_or_default();
    for (record_id, _) in &sent.0 {
        known.push_str(record_id);
        known.push('\n');
    }
    Ok(fs::write(path, known)?)
}

fn verify_stores(stage: &Stage, narrator: &Narrator) -> anyhow::Result<()> {
    narrator.chapter("The folder of the last run: every store is verified before it is opened");
    for agency in cast::ALL {
        let config = stage.home(agency).join("node.toml");
        let said = stage.node(&["verify", &config.to_string_lossy()])?;
        let first = said.lines().next().unwrap_or_default();
        narrator.proven(&format!("{:<8} {first}", agency.name));
    }
    Ok(())
}

/// Every record that was acknowledged is read again, each by its id; then the list is handed in once
/// more, which finds what it made and brings back nothing that was withdrawn.
fn nothing_lost(stage: &mut Stage, narrator: &Narrator) -> anyhow::Result<()> {
    narrator.chapter("Nothing acknowledged is lost");
    let ids = |name| {
        let known = fs::read_to_string(stage.folder().join(name)).unwrap_or_default();
        known.lines().map(str::to_owned).collect::<BTreeSet<String>>()
    };
    let (acknowledged, withdrawn) = (ids(ACKNOWLEDGED), ids(WITHDRAWN));
    if acknowledged.is_empty() {
        narrator.say("the last run ended before anything was acknowledged");
        return Ok(());
    }
    let busy = narrator.busy("reading every record again");
    let mut read = 0;
    for id in acknowledged.difference(&withdrawn) {
        let history = ["history", id.as_str()];
        let (_, history) = stage
            .ask(BELGIUM, &history, &[0])
            .with_context(|| format!("a record that was acknowledged cannot be read: {id}"))?;
        if text(&history, "record_id") != id || list(&history, "versions").is_empty() {
            bail!("another record was read than {id}: {history}");
        }
        read += 1;
    }
    drop(busy);
    let case = case_in(stage, BELGIUM, CASE)?;
    let again =
        ["submit", "--case", &case, "--from", "advertisement.csv", "--answers", "answers.toml"];
    let again: Vec<&str> = again.into_iter().chain(["--yes"]).collect();
    let (_, report) = stage.ask_aloud(narrator, BELGIUM, &again, &[0, 4])?;
    let mut gone = 0;
    for result in list(&report, "results") {
        // The id of a record follows from the row: one that was lost would be made again under it.
        let is_known = acknowledged.contains(text(result, "record_id"));
        if is_known && result.get("repeated") != Some(&Value::Bool(true)) {
            bail!("a record that was acknowledged was not there: {result}");
        }
        gone += usize::from(text(result, "code") == "WITHDRAWN");
    }
    if gone != withdrawn.len() {
        bail!("{} were withdrawn, and {gone} are refused for that: {report}", withdrawn.len());
    }
    narrator.proven(&format!(
        "{} were acknowledged: {read} are there, read one by one; {gone} withdrawn, and stays so",
        acknowledged.len()
    ));
    Ok(())
}

fn invite(stage: &mut Stage, narrator: &Narrator) -> anyhow::Result<()> {
    narrator.chapter("The nodes stay up. Try, in another terminal:");
    let program = stage.officer_program().display().to_string();
    let spain = stage.officer_home(SPAIN).display().to_string();
    let morocco = stage.officer_home(MOROCCO).display().to_string();
    let samples = stage.folder().join("samples");
    let case = case_in(stage, MOROCCO, "2026/1409")?;
    let spanish = case_in(stage, SPAIN, SPANISH_CASE)?;
    narrator.quote(&format!(
        "MALINES_HOME='{spain}' '{program}' query phone --case {spanish} --ask be-fedpol --value '{PHONE}' --yes"
    ));
    narrator.quote(&format!(
        "MALINES_HOME='{morocco}' '{program}' submit url --case {case} --answers '{}' --audience es-pn --value 'https://offre-emploi-espagne.example/contrat' --yes",
        samples.join("answers.toml").display()
    ));
    narrator.quote(&format!("MALINES_HOME='{spain}' '{program}' hits"));
    narrator.say("Ctrl-C (or a SIGTERM) ends this program and the nodes.");
    Ok(())
}

/// What a program said under a key, empty if it said nothing.
pub(crate) fn text<'a>(said: &'a Value, key: &str) -> &'a str {
    said.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn number(said: &Value, key: &str) -> u64 {
    said.get(key).and_then(Value::as_u64).unwrap_or(0)
}

pub(crate) fn list<'a>(said: &'a Value, key: &str) -> &'a [Value] {
    said.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}
