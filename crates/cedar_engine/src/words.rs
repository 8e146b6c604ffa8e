//! Says a condition of a rule in words, for people who do not read Cedar.

use crate::reading::labels;
use cedar_policy::pst::{BinaryOp, Expr, Literal, UnaryOp, Var};

/// The condition in words; what has no words stays as it is written.
pub(crate) fn of(expression: &Expr) -> String {
    match expression {
        Expr::UnaryOp { op: UnaryOp::Not, expr } => format!("not ({})", of(expr)),
        Expr::UnaryOp { op: UnaryOp::IsEmpty, expr } => format!("{} is empty", subject(expr)),
        Expr::BinaryOp { op, left, right } => {
            joined(*op, left, right).unwrap_or_else(|| expression.to_string())
        }
        Expr::IfThenElse { cond, then_expr, else_expr } => {
            format!("if {} then {} else {}", of(cond), of(then_expr), of(else_expr))
        }
        Expr::GetAttr { .. } => subject(expression),
        other => other.to_string(),
    }
}

fn joined(op: BinaryOp, left: &Expr, right: &Expr) -> Option<String> {
    let (one, other) = (subject(left), subject(right));
    Some(match op {
        BinaryOp::And => format!("{} and {}", within(left), within(right)),
        BinaryOp::Or => format!("{} or {}", within(left), within(right)),
        BinaryOp::Eq => format!("{one} is {other}"),
        BinaryOp::NotEq => format!("{one} is not {other}"),
        BinaryOp::Less => format!("{one} is less than {other}"),
        BinaryOp::LessEq => format!("{one} is at most {other}"),
        BinaryOp::Greater => format!("{one} is more than {other}"),
        BinaryOp::GreaterEq => format!("{one} is at least {other}"),
        BinaryOp::Contains if is_list(left) => format!("{other} is one of {one}"),
        BinaryOp::Contains => format!("{one} includes {other}"),
        BinaryOp::ContainsAll if is_list(left) => format!("every one of {other} is among {one}"),
        BinaryOp::ContainsAll => format!("{one} includes all of {other}"),
        BinaryOp::ContainsAny if is_list(left) => format!("one of {other} is among {one}"),
        BinaryOp::ContainsAny => format!("{one} includes one of {other}"),
        _ => return None,
    })
}

/// A part of a longer condition, in brackets where it could be misread.
fn within(expression: &Expr) -> String {
    match expression {
        Expr::BinaryOp { op: BinaryOp::And | BinaryOp::Or, .. } => format!("({})", of(expression)),
        other => of(other),
    }
}

const fn is_list(expression: &Expr) -> bool {
    matches!(expression, Expr::Set(_))
}

/// What is compared: a label, a word or a list of words.
fn subject(expression: &Expr) -> String {
    match expression {
        Expr::Literal(Literal::EntityUID(uid)) => uid.eid.to_string(),
        Expr::Literal(Literal::String(text)) => text.to_string(),
        Expr::Literal(Literal::Bool(holds)) => holds.to_string(),
        Expr::Literal(Literal::Long(number)) => number.to_string(),
        Expr::Var(Var::Principal) => "peer".to_owned(),
        Expr::Set(members) => {
            let members: Vec<String> = members.iter().map(|one| subject(one)).collect();
            members.join(", ")
        }
        Expr::GetAttr { expr, attr } => match labels(expr, attr).as_deref() {
            Some([_]) if attr == "tier" => "tier".to_owned(),
            Some([label]) => label.as_str().to_owned(),
            _ => expression.to_string(),
        },
        other => of(other),
    }
}
