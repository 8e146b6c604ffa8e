//! Drafting, showing and amending terms.

use super::Context;
use super::place::{Opened, create};
use super::signing::{Speaker, ask, day_to_come};
use crate::arguments::{Place, Signing, Text};
use crate::config;
use crate::console::plain;
use crate::error::{Failure, Outcome};
use crate::message::{Phrase, sentence};
use crate::output::{Format, print_json};
use crate::terms_file::{self, TERMS_FILE_BYTES_MAX};
use agreement::{Agreement, Docket, Paper, Step, Terms, rendering};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

pub(super) fn draft(
    context: &mut Context<'_>,
    terms: &Path,
    file: &Path,
) -> Result<Outcome, Failure> {
    let agreement = Agreement::new(read(terms)?).map_err(Failure::Agreement)?;
    let docket = Docket::new(agreement.clone()).map_err(Failure::Agreement)?;
    create(file, &docket.to_file())?;
    if context.format == Format::Json {
        let value = json!({
            "agreement": agreement.agreement_id.as_str(),
            "version": agreement.version,
            "hash": agreement.hash().to_string(),
            "file": file.display().to_string(),
        });
        print_json(context.console, &value);
        return Ok(Outcome::Done);
    }
    let shown = plain(&file.display().to_string());
    for line in sentence::docket_made(&shown, &agreement.agreement_id, &agreement.hash()) {
        context.console.say(&line);
    }
    Ok(Outcome::Done)
}

pub(super) fn show(
    context: &mut Context<'_>,
    place: &Place,
    text: &Text,
) -> Result<Outcome, Failure> {
    let opened = Opened::of(context, place)?;
    let agreement = version_of(&opened.docket, text.version)?;
    let language = text.language();
    let page = rendering::render(&agreement, language);
    if context.format == Format::Json {
        let value = json!({
            "agreement": agreement.agreement_id.as_str(),
            "version": agreement.version,
            "hash": agreement.hash().to_string(),
            "language": language.as_str(),
            "shown_hash": rendering::shown(&agreement, language).to_string(),
            "text": page,
        });
        print_json(context.console, &value);
    } else {
        context.console.data(&page);
    }
    Ok(Outcome::Done)
}

pub(super) fn amend(
    context: &mut Context<'_>,
    signing: &Signing,
    file: &Path,
    sign_by: &str,
) -> Result<Outcome, Failure> {
    let sign_by = day_to_come("--sign-by", sign_by, context.environment.now)?;
    let mut opened = Opened::of(context, &signing.place)?;
    let now = context.environment.now;
    let state = opened.docket.state(now);
    let before = Arc::clone(opened.docket.version(&state));
    let mut terms = read(file)?;
    terms.version = before.version.saturating_add(1);
    terms.supersedes = Some(before.hash());
    let agreement = Agreement::new(terms).map_err(Failure::Agreement)?;
    let speaker = Speaker::of(context, signing, &opened)?;
    if context.format == Format::Text {
        context.console.data(&rendering::render(&agreement, agreement::Language::English));
    }
    ask(context, signing, Phrase::ProposeTerms)?;
    let paper = Paper::of_version(&agreement);
    opened.docket.admit(paper.clone()).map_err(Failure::Agreement)?;
    let supersedes = before.hash();
    let step = Step::Amend { agreement: agreement.hash(), supersedes, sign_by };
    let said = opened
        .docket
        .declare(&speaker.party, step, now, &speaker.key)
        .map_err(Failure::Agreement)?;
    opened.file(context, vec![paper, said])
}

/// A version by its number, or the newest that is known.
pub(super) fn version_of(docket: &Docket, wanted: Option<u32>) -> Result<Arc<Agreement>, Failure> {
    let versions = docket.register().agreements();
    let fitting = versions.filter(|one| wanted.is_none_or(|wanted| one.version == wanted));
    let newest = fitting.max_by_key(|one| (one.version, one.hash()));
    newest.cloned().ok_or_else(|| Failure::AnswerInvalid {
        why: format!("there is no version {} of it here", wanted.unwrap_or_default()),
    })
}

fn read(file: &Path) -> Result<Terms, Failure> {
    let text = config::read_text(file, TERMS_FILE_BYTES_MAX)?;
    terms_file::read(&text).map_err(|why| Failure::FileInvalid {
        file: file.to_owned(),
        line: 0,
        why,
    })
}
