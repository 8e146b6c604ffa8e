//! `malines help`: what a role mostly needs; the whole table of calls is the node's.

use super::Context;
use crate::arguments::Arguments;
use crate::console::{Style, Surface};
use crate::error::{Failure, Outcome};
use clap::{CommandFactory, Parser};

/// What one role mostly does with the program, of what the node lets it do, and what needs no node.
struct Role {
    name: &'static str,
    /// What else people type for it.
    other_names: &'static [&'static str],
    sentence: &'static str,
    commands: &'static [(&'static str, &'static str)],
    beside: &'static str,
}

const ROLES: [Role; 7] = [
    Role {
        name: "analyst",
        other_names: &[],
        sentence: "finds and submits indicators, and asks partners about them",
        commands: &[
            ("malines case open", "fix agreement, clause, purpose, offence and reference once"),
            ("malines normalise KIND", "see what a value becomes, on this machine"),
            ("malines submit KIND", "submit one thing; what leaves and what stays is shown first"),
            ("malines submit --from FILE", "submit a list (CSV or JSON lines)"),
            ("malines import misp FILE", "import an event of MISP; try it with --dry-run"),
            (
                "malines query KIND --case C-n",
                "ask about a value; what partners can learn is said first",
            ),
            ("malines hits", "what matched so far"),
            ("malines withdraw RECORD", "take a record of your agency back, for ever"),
            ("malines correct RECORD --case C-n", "a new version; what changes is shown first"),
            ("malines history RECORD", "the versions of a record: when, who, why, what"),
            ("malines dispute RECORD --case C-n", "say that a partner's record is wrong"),
            ("malines dispute list", "the disputes you raised, and those about your records"),
            ("malines status", "agreements in force, partners and their links"),
        ],
        beside: "a match is a lead, not an identification",
    },
    Role {
        name: "prosecutor",
        other_names: &["magistrate", "deputy"],
        sentence: "answers for the cases and for what may be asked in them",
        commands: &[
            (
                "malines case list",
                "the cases, with purpose and offence, and until when each is open",
            ),
            ("malines hits --case C-n", "what matched in a case"),
            ("malines agreement show AGREEMENT --language fr", "the terms, as they are signed"),
            ("malines agreement sign AGREEMENT --key FILE", "sign them; the text is shown first"),
            ("malines agreement status AGREEMENT", "who signed, what every direction carries"),
            ("malines agreement suspend AGREEMENT --key FILE", "stop at once; `lift` ends it"),
            ("malines agreement withdraw AGREEMENT --key FILE", "leave, and have yours erased"),
            ("malines key protect FILE", "encrypt a key file with a passphrase"),
            ("malines status", "which agreements are in force, and with whom"),
            ("malines history RECORD", "the versions of a record: when, who, why, what"),
            ("malines hold place RECORD --case C-n", "keep a record for a proceeding"),
            ("malines hold list", "what is kept, and which review is due"),
            ("malines hold lift HOLD", "let it go; time and its owner take their course"),
            ("malines erase RECORD", "have a record forgotten here; your own is withdrawn first"),
            ("malines dispute list", "the disputes raised here, and those about your records"),
            ("malines dispute answer RECORD", "say whether those who dispute it are right"),
            ("malines approvals list --pending", "what waits for people, and how many are missing"),
            ("malines approve RECORD --for PARTNER", "sign that one record goes to one partner"),
            (
                "malines judicial-use RECORD --case C-n --as REFERENCE",
                "may it be used in court; who permits it",
            ),
            ("malines approvals revoke APPROVAL", "take an approval back"),
            ("malines duties", "who has not answered, and whom we have not answered"),
            ("malines audit head", "the signed head of the log: keep it, it binds the log"),
            ("malines audit export --to FILE", "the whole log, to be verified without the node"),
            ("malines policy explain FILE", "why something is allowed or not, with the law"),
            ("malines policy diff OLD NEW", "what a change of rules would open and close"),
            ("malines policy prove PATH", "that something is never allowed"),
        ],
        beside: "the authority's key is no key of the node: keep it with the authority, protected",
    },
    Role {
        name: "clerk",
        other_names: &[],
        sentence: "prepares what magistrates and deputies decide, and hands in what they signed",
        commands: &[
            ("malines case list", "the cases, and until when each is open"),
            ("malines hits --case C-n", "what matched in a case"),
            ("malines history RECORD", "the versions of a record: when, who, why, what"),
            ("malines approvals list --pending", "what waits for people, and how many are missing"),
            ("malines approve RECORD --for PARTNER", "hand in an approval, signed with `--key`"),
            ("malines approvals revoke APPROVAL", "hand in that one is taken back"),
            ("malines agreement file FILE", "file a docket or a paper at your node"),
            ("malines agreement status AGREEMENT", "who signed, what every direction carries"),
            ("malines duties", "who has not answered, and whom we have not answered"),
            ("malines status", "which agreements are in force, and with whom"),
        ],
        beside: "a signature counts by the certificate of whoever signed, not of whoever hands it in",
    },
    Role {
        name: "operator",
        other_names: &[],
        sentence: "keeps the node and its links alive",
        commands: &[
            ("malines status --verbose", "links, what is behind, why a link is down"),
            ("malines duties --overdue", "which partner is late with an acknowledgement or answer"),
            ("malines audit head", "the signed head of the log"),
            ("malines audit export --to FILE", "the whole log, to be verified without the node"),
            ("malines agreement file FILE", "file a docket or a manifest at your node"),
            ("malines agreement status", "every agreement, and why a direction is closed"),
            ("malines policy check PATH", "do rules load, and can each of them decide"),
            ("malines policy test FOLDER", "run the tests that stand beside rules"),
            ("malines completions SHELL", "completions for a shell"),
        ],
        beside: "the node itself is kept with `malines-node`",
    },
    Role {
        name: "policy-officer",
        other_names: &[],
        sentence: "writes the local rules, which can only narrow",
        commands: &[
            ("malines policy check PATH", "do rules load, and can each of them decide"),
            ("malines policy test FOLDER", "run the tests that stand beside rules"),
            ("malines policy explain FILE", "why something is allowed or not, with the law"),
            ("malines policy prove PATH", "that something is never allowed"),
            ("malines policy diff NEW", "what a change would open and close, in records"),
            ("malines policy propose PATH", "propose rules, with the first signature"),
            ("malines policy proposals", "what waits for signatures"),
            ("malines policy sign PROPOSAL", "add yours"),
            ("malines policy activate PROPOSAL", "put it in force"),
            ("malines policy rollback", "back to the rules before"),
            ("malines policy freeze", "stop all sharing now"),
            ("malines agreement status", "every agreement, and why a direction is closed"),
        ],
        beside: "narrowing takes one signature, widening those of two officers",
    },
    Role {
        name: "data-protection-officer",
        other_names: &["dpo", "data-protection"],
        sentence: "watches over the protection of data, and has wrong data go",
        commands: &[
            ("malines case list", "the cases, and until when each is open"),
            ("malines hits", "what matched so far"),
            ("malines history RECORD", "the versions of a record: when, who, why, what"),
            ("malines hold list", "what is kept, and which review is due"),
            ("malines hold place RECORD --case C-n", "keep a record for a proceeding"),
            ("malines hold lift HOLD", "let it go; time and its owner take their course"),
            ("malines erase RECORD", "have a record forgotten here; your own is withdrawn first"),
            ("malines dispute list", "the disputes raised here, and those about your records"),
            ("malines dispute answer RECORD", "say whether those who dispute it are right"),
            ("malines duties --overdue", "which partner is late with an acknowledgement or answer"),
            ("malines audit export --to FILE", "the whole log"),
            ("malines audit verify FILE --keys FILE", "verify an exported log, without a node"),
            ("malines agreement status", "every agreement, and why a direction is closed"),
        ],
        beside: "`docs/data-protection.md` says what each of them means for the person concerned",
    },
    Role {
        name: "oversight",
        other_names: &[],
        sentence: "checks that what was done is what was written down",
        commands: &[
            ("malines case list", "the cases, and until when each is open"),
            ("malines hits", "what matched so far"),
            ("malines history RECORD", "the versions of a record: when, who, why, what"),
            ("malines audit head", "the signed head of the log: keep it, it binds the log"),
            ("malines audit export --to FILE", "the whole log"),
            ("malines audit verify FILE --keys FILE", "verify an exported log, without a node"),
            (
                "malines audit verify FILE --keys FILE --head FILE",
                "and that it passes through a head you kept",
            ),
        ],
        beside: "verification needs no node and no network",
    },
];

impl Role {
    fn is_called(&self, given: &str) -> bool {
        let given = given.replace('_', "-");
        let is = |name: &str| name.eq_ignore_ascii_case(&given);
        is(self.name) || self.other_names.iter().any(|name| is(name))
    }
}

pub(super) fn run(context: &mut Context<'_>, topic: &[String]) -> Result<Outcome, Failure> {
    let first = topic.first().map(String::as_str).unwrap_or_default();
    if let Some(role) = ROLES.iter().find(|role| role.is_called(first)) {
        print_role(context, role);
        return Ok(Outcome::Done);
    }
    let root = Arguments::command();
    let mut found = &root;
    for word in topic {
        let unknown = || Failure::NoHelp { topic: word.chars().take(64).collect() };
        found = found.find_subcommand(word).ok_or_else(unknown)?;
    }
    print_command(context, topic);
    Ok(Outcome::Done)
}

fn print_role(context: &mut Context<'_>, role: &Role) {
    let title = context.console.styled_data(Style::Strong, role.name);
    context.console.data(&format!("{title} {}\n\n", role.sentence));
    let width = role.commands.iter().map(|(command, _)| command.len()).max().unwrap_or(0);
    for (command, text) in role.commands {
        context.console.data(&format!("  {command:width$}  {text}\n"));
    }
    context.console.data(&format!("\n{}\n", role.beside));
}

/// The same as `malines COMMAND --help`.
fn print_command(context: &mut Context<'_>, topic: &[String]) {
    let words = ["malines"].into_iter().chain(topic.iter().map(String::as_str)).chain(["--help"]);
    let Err(help) = Arguments::try_parse_from(words) else {
        return;
    };
    let text = match context.console.out_surface() {
        Surface::Terminal => help.render().ansi().to_string(),
        Surface::Pipe => help.render().to_string(),
    };
    context.console.data(&text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_named_to_a_role_exists() {
        for (command, _) in ROLES.iter().flat_map(|role| role.commands) {
            let root = Arguments::command();
            let mut found = &root;
            let words = command.split(' ').skip(1);
            let mut depth = 0;
            let is_name = |word: &&str| {
                !word.starts_with('-') && word.chars().all(|c| c.is_ascii_lowercase() || c == '-')
            };
            for word in words.take_while(is_name) {
                if let Some(next) = found.find_subcommand(word) {
                    found = next;
                    depth += 1;
                }
            }
            assert!(depth > 0, "{command}");
            for flag in command.split(' ').filter_map(|word| word.strip_prefix("--")) {
                let is_known =
                    found.get_arguments().any(|argument| argument.get_long() == Some(flag));
                assert!(is_known || flag == "verbose", "{command}: --{flag}");
            }
        }
    }
}
