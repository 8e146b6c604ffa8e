//! Rust source with its comments and the insides of its literals blanked out.
//!
//! A rule about code must not stumble over a word in a comment or in a test's example. Every line
//! keeps its number and every other character its place.

/// The code of a file: the same lines, with spaces for comments and for what stands in quotes.
pub fn without_comments_and_literals(source: &str) -> String {
    let characters: Vec<char> = source.chars().collect();
    let mut blanked = String::with_capacity(source.len());
    let mut position = 0;
    while let Some(&current) = characters.get(position) {
        let rest = characters.get(position..).unwrap_or_default();
        let skipped = comment_length(rest)
            .map(|length| Skipped { length, quotes: 0 })
            .or_else(|| string_at(rest, previous(&characters, position)))
            .or_else(|| character_at(rest));
        match skipped {
            Some(Skipped { length, quotes }) => {
                blank(rest, length, quotes, &mut blanked);
                position += length;
            }
            None => {
                blanked.push(current);
                position += 1;
            }
        }
    }
    blanked
}

/// The lines before a file's own tests.
pub fn before_tests(source: &str) -> &str {
    source.find("#[cfg(test)]").and_then(|at| source.get(..at)).unwrap_or(source)
}

/// Every place where `word` stands as a whole word, as a byte offset.
pub fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        let before = code.get(..at).and_then(|text| text.chars().next_back());
        let after = code.get(at + word.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(is_part_of_word) && !after.is_some_and(is_part_of_word)
    })
}

/// The line of a byte offset, counted from 1.
pub fn line_of(text: &str, at: usize) -> usize {
    text.get(..at).map_or(0, |before| before.matches('\n').count()) + 1
}

/// The text inside the parentheses that open at the start of `text`.
pub fn parenthesised(text: &str) -> Option<&str> {
    let inside = text.strip_prefix('(')?;
    let mut depth = 1_usize;
    for (at, character) in inside.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return inside.get(..at);
        }
    }
    None
}

/// May this character stand inside a name?
pub fn is_part_of_word(character: char) -> bool {
    character == '_' || character.is_alphanumeric()
}

struct Skipped {
    length: usize,
    quotes: usize,
}

fn previous(characters: &[char], position: usize) -> Option<char> {
    position.checked_sub(1).and_then(|before| characters.get(before)).copied()
}

fn comment_length(rest: &[char]) -> Option<usize> {
    match rest {
        ['/', '/', ..] => Some(rest.iter().position(|c| *c == '\n').unwrap_or(rest.len())),
        ['/', '*', ..] => Some(block_comment_length(rest)),
        _ => None,
    }
}

/// Block comments nest.
fn block_comment_length(rest: &[char]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(two) = rest.get(at..at + 2) {
        match two {
            ['/', '*'] => (depth, at) = (depth + 1, at + 2),
            ['*', '/'] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// A plain, byte, C or raw string that begins here.
fn string_at(rest: &[char], before: Option<char>) -> Option<Skipped> {
    if before.is_some_and(is_part_of_word) {
        return None;
    }
    let prefix = rest.iter().take_while(|c| matches!(c, 'b' | 'c' | 'r')).count();
    let is_raw = rest.iter().take(prefix).any(|c| *c == 'r');
    let hashes = rest.iter().skip(prefix).take_while(|c| **c == '#').count();
    let opening = prefix + hashes;
    if prefix > 2 || rest.get(opening) != Some(&'"') || (hashes > 0 && !is_raw) {
        return None;
    }
    let mut at = opening + 1;
    while let Some(&current) = rest.get(at) {
        let closes = current == '"'
            && rest.iter().skip(at + 1).take(hashes).filter(|c| **c == '#').count() == hashes;
        if closes {
            return Some(Skipped { length: at + 1 + hashes, quotes: opening + 1 });
        }
        at += if current == '\\' && !is_raw { 2 } else { 1 };
    }
    Some(Skipped { length: rest.len(), quotes: opening + 1 })
}

/// A character literal; a lifetime is none.
fn character_at(rest: &[char]) -> Option<Skipped> {
    let length = match rest {
        ['\'', '\\', _, tail @ ..] => 4 + tail.iter().position(|c| *c == '\'')?,
        ['\'', _, '\'', ..] => 3,
        _ => return None,
    };
    Some(Skipped { length, quotes: 1 })
}

/// Writes spaces, but keeps line ends, the opening of a literal and its last character.
fn blank(rest: &[char], length: usize, opening: usize, blanked: &mut String) {
    for (at, &character) in rest.iter().take(length).enumerate() {
        let is_edge = opening > 0 && (at < opening || at + 1 == length);
        blanked.push(if is_edge || character == '\n' { character } else { ' ' });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked_and_lines_kept() {
        let source =
            "let a = \"unsafe \\\" x\"; // unsafe\n/* unsafe /* deep */ unsafe */ let b = 1;\n";
        let code = without_comments_and_literals(source);
        assert!(!code.contains("unsafe"));
        assert!(code.contains("let b = 1;"));
        assert_eq!(code.matches('\n').count(), 2);
        assert_eq!(code.chars().count(), source.chars().count());
    }

    #[test]
    fn raw_strings_characters_and_lifetimes_are_told_apart() {
        let source =
            "fn f<'a>(x: &'a str) { r#\"unsafe \" \"#; '\"'; b'\\''; '\\u{41}'; unsafe {} }";
        let code = without_comments_and_literals(source);
        assert_eq!(words(&code, "unsafe").count(), 1);
        assert!(code.contains("<'a>"));
        assert!(code.trim_end().ends_with('}'));
    }

    #[test]
    fn an_open_literal_ends_with_the_file() {
        assert_eq!(without_comments_and_literals("\"abc").len(), 4);
        assert_eq!(without_comments_and_literals("/* abc").trim(), "");
        assert_eq!(without_comments_and_literals("'\\").len(), 2);
    }

    #[test]
    fn whole_words_only() {
        assert_eq!(words("unsafe_code not_unsafe unsafe", "unsafe").count(), 1);
        assert_eq!(line_of("a\nb\nc", 4), 3);
    }
}
