//! Where a docket is: at the own node or in a file; how it is read, and how new papers are filed.

use super::Context;
use crate::arguments::{OptionalPlace, Place};
use crate::config;
use crate::console::plain;
use crate::error::{Failure, Outcome};
use crate::message::sentence;
use crate::output::{Format, print_json};
use crate::session::Session;
use agreement::docket::{self, PAPERS_BYTES_MAX};
use agreement::{Docket, Paper};
use core::str::FromStr;
use domain::encoding;
use domain::envelope::Payload as _;
use domain::envelope::{Envelope, PAYLOAD_BYTES_MAX};
use domain::manifest::Manifest;
use domain::name::{AgreementId, InvalidName};
use domain::report::PapersFiled;
use serde_json::json;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// A docket, and where what is added to it goes.
pub(super) struct Opened {
    pub(super) docket: Docket,
    keeper: Keeper,
}

enum Keeper {
    Node(Box<Session>),
    File(PathBuf),
}

impl Opened {
    /// Reads a docket and verifies every paper of it.
    pub(super) fn of(context: &mut Context<'_>, place: &Place) -> Result<Self, Failure> {
        if let Some(file) = &place.docket {
            return Ok(Self { docket: read(file)?, keeper: Keeper::File(file.clone()) });
        }
        let id = name(place.agreement.as_deref().unwrap_or_default())?;
        let session = context.session()?;
        let docket = of_node(&session, &id)?;
        Ok(Self { docket, keeper: Keeper::Node(Box::new(session)) })
    }

    /// The dockets that are meant: one, or all of the own node.
    pub(super) fn all(
        context: &mut Context<'_>,
        place: &OptionalPlace,
    ) -> Result<Vec<Docket>, Failure> {
        let OptionalPlace { agreement, docket } = place.clone();
        if agreement.is_some() || docket.is_some() {
            return Ok(vec![Self::of(context, &Place { agreement, docket })?.docket]);
        }
        let session = context.session()?;
        let known = session.status()?.agreements;
        known.iter().map(|status| of_node(&session, &status.agreement)).collect()
    }

    /// The agency of the profile, where there is one.
    pub(super) fn own(&self) -> Option<&domain::name::AgencyId> {
        match &self.keeper {
            Keeper::Node(session) => Some(session.agency()),
            Keeper::File(_) => None,
        }
    }

    /// Files new papers, which the docket has taken already, and says what came of it.
    pub(super) fn file(
        self,
        context: &mut Context<'_>,
        papers: Vec<Paper>,
    ) -> Result<Outcome, Failure> {
        let filed = match &self.keeper {
            Keeper::Node(session) => session.file_papers(papers)?,
            Keeper::File(file) => keep(context, file, &self.docket, papers.len())?,
        };
        tell(context, &filed);
        Ok(Outcome::Done)
    }
}

/// Files what others made.
pub(super) fn file(
    context: &mut Context<'_>,
    files: &[PathBuf],
    into: Option<&Path>,
) -> Result<Outcome, Failure> {
    let mut papers = Vec::new();
    for file in files {
        papers.extend(papers_of(file)?);
    }
    let filed = match into {
        Some(into) => {
            let mut docket = read(into)?;
            let news = docket.admit_all(papers).map_err(Failure::Agreement)?;
            keep(context, into, &docket, news.taken.len())?
        }
        None => context.session()?.file_papers(papers)?,
    };
    tell(context, &filed);
    Ok(Outcome::Done)
}

/// A copy for somebody who has no line to us.
pub(super) fn export(
    context: &mut Context<'_>,
    agreement: &str,
    to: &Path,
) -> Result<Outcome, Failure> {
    let session = context.session()?;
    let docket = of_node(&session, &name(agreement)?)?;
    create(to, &docket.to_file())?;
    let shown = plain(&to.display().to_string());
    context.console.say(&sentence::papers_written(docket.papers().len(), &shown));
    Ok(Outcome::Done)
}

/// Makes a file; never writes over one.
pub(super) fn create(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut out = config::create(file)?;
    out.write_all(bytes).map_err(|error| {
        config::remove_unfinished(file);
        Failure::FileUnwritable { path: file.to_owned(), kind: error.kind() }
    })
}

/// Puts a docket in the place of the one it came from, and says what is new in it.
fn keep(
    context: &Context<'_>,
    file: &Path,
    docket: &Docket,
    taken: usize,
) -> Result<PapersFiled, Failure> {
    config::replace(file, &docket.to_file())?;
    Ok(PapersFiled {
        agreement: docket.register().id().clone(),
        taken: u32::try_from(taken).unwrap_or(u32::MAX),
        standing: docket.state(context.environment.now).phase().to_string(),
    })
}

fn tell(context: &mut Context<'_>, filed: &PapersFiled) {
    if context.format == Format::Json {
        let value = json!({
            "agreement": filed.agreement.as_str(),
            "taken": filed.taken,
            "standing": filed.standing,
        });
        print_json(context.console, &value);
        return;
    }
    let papers = usize::try_from(filed.taken).unwrap_or(usize::MAX);
    let standing = plain(&filed.standing);
    context.console.say(&sentence::papers_filed(papers, &filed.agreement, &standing));
}

/// An agreement, an agency or a pseudonym, as it was typed.
pub(super) fn name<T: FromStr<Err = InvalidName>>(given: &str) -> Result<T, Failure> {
    given.parse().map_err(|error: InvalidName| Failure::AnswerInvalid { why: error.to_string() })
}

fn of_node(session: &Session, id: &AgreementId) -> Result<Docket, Failure> {
    Docket::open(session.docket(id)?).map_err(Failure::Agreement)
}

fn read(file: &Path) -> Result<Docket, Failure> {
    let bytes = config::read(file, u64::try_from(PAPERS_BYTES_MAX).unwrap_or(u64::MAX))?;
    let papers = docket::from_file(&bytes).map_err(|error| invalid(file, &error))?;
    Docket::open(papers).map_err(Failure::Agreement)
}

/// The papers of a file: a docket, or one manifest.
fn papers_of(file: &Path) -> Result<Vec<Paper>, Failure> {
    let bytes = config::read(file, u64::try_from(PAPERS_BYTES_MAX).unwrap_or(u64::MAX))?;
    let as_docket = docket::from_file(&bytes);
    if let Ok(papers) = as_docket {
        return Ok(papers);
    }
    match encoding::from_bytes::<Envelope>("manifest", &bytes, PAYLOAD_BYTES_MAX) {
        Ok(envelope) if envelope.payload_type == Manifest::TYPE => Ok(vec![envelope.into()]),
        _ => {
            let why = "it is neither a docket nor a manifest".to_owned();
            Err(Failure::FileInvalid { file: file.to_owned(), line: 0, why })
        }
    }
}

fn invalid(file: &Path, error: &domain::encoding::Malformed) -> Failure {
    Failure::FileInvalid { file: file.to_owned(), line: 0, why: error.to_string() }
}
