//! `malines key`: protects a key file of an authority or an officer, and shows its public half.

use super::Context;
use crate::arguments::KeyCommand;
use crate::console::plain;
use crate::error::{Failure, Outcome};
use crate::key::{self, Protection};
use crate::message::{Notice, notice, sentence};
use crate::output::{Format, print_json};
use domain::hexadecimal;
use domain::signature::Signer as _;
use serde_json::json;

pub(super) fn run(context: &mut Context<'_>, command: KeyCommand) -> Result<Outcome, Failure> {
    let (key, protection) = match &command {
        KeyCommand::Protect { file } => {
            let key = key::protect(context.console, file)?;
            let file = plain(&file.display().to_string());
            context.console.say(&sentence::key_protected(&file));
            (key, Protection::Passphrase)
        }
        KeyCommand::Show { file } => key::read(context.console, file)?,
    };
    let public = hexadecimal::encode(&key.public_key().to_bytes());
    let protected = protection == Protection::Passphrase;
    if context.format == Format::Json {
        let value = json!({
            "public_key": public,
            "key_id": key.key_id().to_string(),
            "protected": protected,
        });
        print_json(context.console, &value);
        return Ok(Outcome::Done);
    }
    context.console.data(&format!("public key  {public}\n"));
    if !protected {
        context.console.say(notice(Notice::KeyUnprotected));
        context.console.say(notice(Notice::ProtectKey));
    }
    Ok(Outcome::Done)
}
