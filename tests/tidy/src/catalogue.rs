//! Rules for the one catalogue of texts that people read: no other file words what is said.

use crate::Finding;
use crate::code;
use crate::tree::File;

/// The program whose texts stand in a catalogue.
const PROGRAM: &str = "crates/cli/src/";

/// The file and the folder of that catalogue.
const CATALOGUE: [&str; 2] = ["crates/cli/src/message.rs", "crates/cli/src/message/"];

/// The methods of the console that write a line for people, put a question or name what goes on.
const TO_PEOPLE: [&str; 4] = ["say", "ask", "ask_hidden", "progress"];

/// Lines for people whose words stand where they are said.
///
/// A literal anywhere in the arguments counts, also one inside `format!`. A text that is made in a
/// line before is not seen.
pub fn said_inline(file: &File) -> Vec<Finding> {
    let is_catalogue = CATALOGUE.iter().any(|part| file.path.starts_with(part));
    if !file.path.starts_with(PROGRAM) || is_catalogue {
        return Vec::new();
    }
    let code = code::without_comments_and_literals(code::before_tests(&file.text));
    let is_inline = |at: usize, method: &str| {
        let before = code.get(..at).unwrap_or_default();
        let arguments = code.get(at + method.len()..).and_then(code::parenthesised);
        before.ends_with('.') && arguments.is_some_and(|arguments| arguments.contains('"'))
    };
    let said = TO_PEOPLE.into_iter().flat_map(|method| {
        code::words(&code, method).filter(move |&at| is_inline(at, method)).collect::<Vec<_>>()
    });
    let what =
        "words for people belong in the catalogue (`crates/cli/src/message`): say them from there";
    said.map(|at| Finding::at_line(&file.path, code::line_of(&code, at), what)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> File {
        File::new("crates/cli/src/command/a.rs", text)
    }

    #[test]
    fn words_that_are_said_where_they_stand_are_found() {
        for bad in [
            "fn f() { console.say(\"no case is open\"); }",
            "fn f() { context.console.say(&format!(\"{rows} recorded\")); }",
            "fn f() { context\n        .console\n        .say(&plain(&format!(\n    \"a {b}\")));\n}",
            "fn f() { console.say(r#\"raw \"words\"\"#); }",
            "fn f() { console.ask(\"why?\"); }",
            "fn f() { console.ask_hidden(\"value:\"); }",
            "fn f() { let bar = console.progress(\"asking\", 3, LONG); }",
            "fn f() { console.say(if many { phrase(A) } else { \"one\" }); }",
        ] {
            assert_eq!(said_inline(&file(bad)).len(), 1, "{bad}");
        }
        let second = "fn f() {\n    console.say(&line);\n    console.say(\"words\");\n}";
        assert_eq!(said_inline(&file(second))[0].place, "crates/cli/src/command/a.rs:3");
    }

    #[test]
    fn words_from_the_catalogue_pass() {
        let fine = "fn f() { console.say(notice(Notice::NoCase)); // console.say(\"a\")\n\
                    console.say(&sentence::told(&told)); console.data(\"\\n\"); say(\"x\"); }\n\
                    #[cfg(test)]\nmod tests { fn g() { console.say(\"x\"); } }";
        assert!(said_inline(&file(fine)).is_empty());
        let words = "fn f() { console.say(\"words\"); }";
        for path in
            ["crates/cli/src/message.rs", "crates/cli/src/message/a.rs", "crates/node/src/a.rs"]
        {
            assert!(said_inline(&File::new(path, words)).is_empty(), "{path}");
        }
    }
}
