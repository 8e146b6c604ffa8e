//! Finds words in rules that no list has, and names the nearest one that does.
//!
//! Cedar's validator finds them too; its words are for programmers.

use cedar_policy::Policy;
use cedar_policy::pst::{Clause, Expr, Literal, Policy as PstPolicy};
use std::collections::BTreeMap;

/// The closed lists of the schema, by the name of the type.
pub(crate) struct Lists(BTreeMap<String, Vec<String>>);

impl Lists {
    /// Reads them from the text of the schema.
    pub(crate) fn of(schema: &str) -> Self {
        let lists = schema.lines().filter_map(|line| {
            let (name, words) = line.strip_prefix("entity ")?.split_once(" enum [")?;
            let words = words.trim_end_matches("];").split(", ");
            let words = words.map(|word| word.trim_matches('"').to_owned()).collect();
            Some((name.to_owned(), words))
        });
        Self(lists.collect())
    }

    /// The first word of a rule that is in no list, in a sentence.
    pub(crate) fn unknown_in(&self, policy: &Policy) -> Option<String> {
        let PstPolicy::Static(policy) = policy.to_pst().ok()? else {
            return None;
        };
        policy.body().clauses().iter().find_map(|clause| match clause {
            Clause::When(one) | Clause::Unless(one) => self.unknown(one),
        })
    }

    fn unknown(&self, expression: &Expr) -> Option<String> {
        match expression {
            Expr::Literal(Literal::EntityUID(uid)) => {
                let kind = uid.ty.to_string();
                let words = self.0.get(&kind)?;
                (!words.iter().any(|word| uid.eid == *word))
                    .then(|| sentence(&kind, &uid.eid, words))
            }
            Expr::UnaryOp { expr, .. } | Expr::GetAttr { expr, .. } | Expr::Like { expr, .. } => {
                self.unknown(expr)
            }
            Expr::BinaryOp { left, right, .. } => {
                self.unknown(left).or_else(|| self.unknown(right))
            }
            Expr::IfThenElse { cond, then_expr, else_expr } => {
                [cond, then_expr, else_expr].into_iter().find_map(|one| self.unknown(one))
            }
            Expr::Set(members) => members.iter().find_map(|one| self.unknown(one)),
            _ => None,
        }
    }
}

fn sentence(kind: &str, word: &str, words: &[String]) -> String {
    let cut: String = word.chars().take(64).collect();
    let distance = |known: &&String| strsim::damerau_levenshtein(known, &cut.to_ascii_uppercase());
    let nearest = words.iter().min_by_key(distance);
    let near = nearest.filter(|known| distance(known) <= known.len().div_ceil(2));
    match near {
        Some(known) => format!("`{cut}` is no {kind}; did you mean `{known}`?"),
        None => format!("`{cut}` is no {kind}; known: {}", words.join(", ")),
    }
}
