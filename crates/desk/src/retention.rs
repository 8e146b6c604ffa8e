//! How long a record may be kept: what the agreement allows, from the day on which it was first known.

use agreement::terms::{Retention, Terms};
use domain::record::{CLOCK_SKEW_MS, Record};
use domain::time::Timestamp;
use domain::value::Subject;

/// Does a record outlive what the agreement allows, seen from when it was made?
pub(crate) fn exceeds_retention(terms: &Terms, record: &Record) -> bool {
    let review = record.made_at.plus_days(terms.retention.review_days).plus_ms(CLOCK_SKEW_MS);
    let end = retention_end(&terms.retention, record.subject, record.made_at);
    record.valid_until > end || record.review_at > review
}

/// The last moment until which what is known since `since` may be kept. A correction makes a record
/// anew, and does not begin its retention anew.
pub(crate) fn retention_end(
    retention: &Retention,
    subject: Subject,
    since: Timestamp,
) -> Timestamp {
    let special = retention.per_subject.iter().find(|special| special.subject == subject);
    let days = special.map_or(retention.days_max, |special| special.days.min(retention.days_max));
    since.plus_days(days).plus_ms(CLOCK_SKEW_MS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use agreement::terms::SubjectRetention;

    #[test]
    fn retention_counts_from_the_first_day_and_the_shortest_term_wins() {
        let of = |subject, days| SubjectRetention { subject, days };
        let per_subject = vec![of(Subject::Convicted, 30), of(Subject::Unknown, 900)];
        let retention = Retention { days_max: 180, per_subject, review_days: 90 };
        let since = Timestamp::from_date(2026, 1, 1).unwrap();
        let end = |subject| retention_end(&retention, subject, since);
        let after = |days| since.plus_days(days).plus_ms(CLOCK_SKEW_MS);
        assert_eq!(end(Subject::SuspectFacilitator), after(180));
        assert_eq!(end(Subject::Convicted), after(30));
        assert_eq!(end(Subject::Unknown), after(180));
    }
}
