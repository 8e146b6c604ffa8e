//! `malines agreement`: what prosecutors sign, read, change, suspend and leave, at the own node or in
//! a file.

mod ending;
mod people;
mod place;
mod signing;
mod standing;
mod version;

use super::Context;
use crate::arguments::AgreementCommand;
use crate::error::{Failure, Outcome};

pub(super) fn run(
    context: &mut Context<'_>,
    command: AgreementCommand,
) -> Result<Outcome, Failure> {
    match command {
        AgreementCommand::Draft { terms, docket } => version::draft(context, &terms, &docket),
        AgreementCommand::Show { place, text } => version::show(context, &place, &text),
        AgreementCommand::Status { place } => standing::status(context, &place),
        AgreementCommand::Propose { signing, sign_by } => {
            signing::propose(context, &signing, &sign_by)
        }
        AgreementCommand::Sign { signing, text } => signing::sign(context, &signing, &text),
        AgreementCommand::Reject { signing, version } => {
            signing::reject(context, &signing, version)
        }
        AgreementCommand::Amend { signing, terms, sign_by } => {
            version::amend(context, &signing, &terms, &sign_by)
        }
        AgreementCommand::Suspend { signing, direction } => {
            signing::suspend(context, &signing, &direction)
        }
        AgreementCommand::Lift { signing, direction } => {
            signing::lift(context, &signing, &direction)
        }
        AgreementCommand::Withdraw { signing } => ending::withdraw(context, &signing),
        AgreementCommand::Purge { signing } => ending::purge(context, &signing),
        AgreementCommand::Head { signing } => signing::head(context, &signing),
        AgreementCommand::Certify { signing, enrolment, days, authority, powers } => {
            let scope = (powers.as_slice(), authority.as_deref());
            people::certify(context, &signing, &enrolment, days, scope)
        }
        AgreementCommand::Revoke { signing, officer, after } => {
            people::revoke(context, &signing, &officer, after)
        }
        AgreementCommand::Delegate { signing, from, to, powers, days } => {
            people::delegate(context, &signing, (&from, &to), &powers, days)
        }
        AgreementCommand::ReplaceKey { signing, new_key } => {
            people::replace_key(context, &signing, &new_key)
        }
        AgreementCommand::AcceptKey { signing, of } => people::accept_key(context, &signing, &of),
        AgreementCommand::File { files, docket } => place::file(context, &files, docket.as_deref()),
        AgreementCommand::Export { agreement, to } => place::export(context, &agreement, &to),
    }
}
