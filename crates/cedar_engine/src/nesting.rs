//! Bounds how deep one rule may nest, before the parser sees it.
//!
//! Cedar walks a rule recursively, so a file of brackets, or one endless chain of `&&`, would end
//! the process by overflowing its stack. A rule that people can read is nowhere near these limits.

/// How deep brackets may nest.
pub(crate) const BRACKETS_MAX: usize = 24;
/// How many operators, dots and conditions one rule may have: each may be one level.
pub(crate) const OPERATORS_MAX: usize = 192;

/// Checks a file without understanding it: strings and comments are skipped, rules end at `;`.
pub(crate) fn check(text: &str) -> Result<(), &'static str> {
    let (mut brackets, mut operators) = (0_usize, 0_usize);
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => skip_string(&mut bytes),
            b'/' if bytes.peek() == Some(&b'/') => {
                while bytes.next_if(|b| *b != b'\n').is_some() {}
            }
            b'(' | b'[' | b'{' => brackets += 1,
            b')' | b']' | b'}' => brackets = brackets.saturating_sub(1),
            b';' => operators = 0,
            b'&' | b'|' => {
                bytes.next_if_eq(&byte);
                operators += 1;
            }
            b'.' | b'!' | b'+' | b'-' | b'*' | b'<' | b'>' | b'=' => operators += 1,
            b'a'..=b'z' => {
                let mut word = vec![byte];
                while let Some(next) = bytes.next_if(|b| b.is_ascii_alphanumeric() || *b == b'_') {
                    if word.len() < 8 {
                        word.push(next);
                    }
                }
                if matches!(word.as_slice(), b"if" | b"in" | b"has" | b"like" | b"is") {
                    operators += 1;
                }
            }
            _ => {}
        }
        if brackets > BRACKETS_MAX {
            return Err("brackets nested too deep; write the rule as several");
        }
        if operators > OPERATORS_MAX {
            return Err("a rule with too many operators; write it as several");
        }
    }
    Ok(())
}

/// After the opening quote: up to the closing one, over escaped ones.
fn skip_string(bytes: &mut impl Iterator<Item = u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next();
            }
            b'"' => return,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_comments_and_other_rules_do_not_count() {
        let quiet = format!("\"{}\\\"(\" // {}\n", "(".repeat(99), "(&&".repeat(999));
        assert_eq!(check(&quiet), Ok(()));
        assert_eq!(check(&"a && b;".repeat(999)), Ok(()));
        assert!(check(&"a && b ".repeat(999)).is_err());
        assert!(check(&"(".repeat(BRACKETS_MAX + 1)).is_err());
        assert!(check(&"if x then y else ".repeat(OPERATORS_MAX + 1)).is_err());
        assert_eq!(check(&"sniff inside ".repeat(999)), Ok(()), "parts of words");
    }
}
