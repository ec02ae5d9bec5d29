//! How long ago and how long until, in words. Pure, because the wording is worth a table.

/// Below this an age is noise: clocks differ and frames travel.
const JUST_NOW_SECONDS: i64 = 5;
const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A span as people say it: `40 s`, `12 min`, `3 h 12 min`, `9 days`. Negative spans are zero.
pub(super) fn span(seconds: i64) -> String {
    let seconds = seconds.max(0);
    match seconds {
        s if s < MINUTE => format!("{s} s"),
        s if s < HOUR => format!("{} min", s / MINUTE),
        s if s < 2 * DAY => {
            let minutes = s % HOUR / MINUTE;
            if minutes == 0 || s >= DAY {
                format!("{} h", s / HOUR)
            } else {
                format!("{} h {minutes} min", s / HOUR)
            }
        }
        s => format!("{} days", s / DAY),
    }
}

/// The age of something that happened `seconds` ago.
pub(super) fn ago(seconds: i64) -> String {
    if seconds < JUST_NOW_SECONDS { "just now".into() } else { format!("{} ago", span(seconds)) }
}

/// What is left of a wait that ends in `seconds`: `in 1:42`, from an hour on in words.
pub(super) fn countdown(seconds: i64) -> String {
    if seconds <= 0 {
        "any moment".into()
    } else if seconds < HOUR {
        format!("in {}:{:02}", seconds / MINUTE, seconds % MINUTE)
    } else {
        format!("in {}", span(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_said_in_the_largest_fitting_unit() {
        for (seconds, said) in [
            (-3, "just now"),
            (4, "just now"),
            (5, "5 s ago"),
            (59, "59 s ago"),
            (60, "1 min ago"),
            (59 * 60 + 59, "59 min ago"),
            (3600, "1 h ago"),
            (2 * 3600 + 600, "2 h 10 min ago"),
            (25 * 3600 + 600, "25 h ago"),
            (48 * 3600, "2 days ago"),
            (21 * 86400 + 5, "21 days ago"),
        ] {
            assert_eq!(ago(seconds), said, "{seconds} s");
        }
    }

    #[test]
    fn a_wait_counts_down_to_the_second_and_never_below_zero() {
        for (seconds, said) in [
            (102, "in 1:42"),
            (9, "in 0:09"),
            (1, "in 0:01"),
            (0, "any moment"),
            (-30, "any moment"),
            (3 * 3600 + 12 * 60, "in 3 h 12 min"),
            (5 * 86400, "in 5 days"),
        ] {
            assert_eq!(countdown(seconds), said, "{seconds} s");
        }
    }
}
