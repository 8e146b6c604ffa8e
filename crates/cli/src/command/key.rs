//! `malines key`: protects a key file of an authority or an officer, and shows its public half.

use super::Context;
use crate::arguments::KeyCommand;
use crate::console::plain;
use crate::error::{Failure, Outcome};
use crate::key::{self, Protection};
use crate::output::{Format, print_json};
use domain::hexadecimal;
use domain::signature::Signer as _;
use serde_json::json;

pub(super) fn run(context: &mut Context<'_>, command: KeyCommand) -> Result<Outcome, Failure> {
    let (key, protection) = match &command {
        KeyCommand::Protect { file } => {
            let key = key::protect(context.console, file)?;
            let file = plain(&file.display().to_string());
            context.console.say(&format!("`{file}` opens with its passphrase only from now on"));
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
        context.console.say("not protected: whoever reads the file has the key");
        context.console.say("hint: malines key protect FILE");
    }
    Ok(Outcome::Done)
}
