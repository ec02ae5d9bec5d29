//! Which key presses mean something. Pure; `browser` does what they say.

/// How long after `g` a second key still completes the pair, in milliseconds.
const PAIR_MILLISECONDS: f64 = 1500.0;

/// What a key press asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Nothing,
    Filter,
    Help,
    /// Go to the page whose navigation link carries this letter in `data-go`.
    Go(char),
}

/// Remembers the `g` of a pair.
#[derive(Default)]
pub(super) struct Keys {
    go_since: Option<f64>,
}

impl Keys {
    /// One key pressed at `now` (milliseconds), outside of anything one types into.
    pub(super) fn press(&mut self, key: &str, now: f64) -> Asked {
        let pair = self.go_since.take().is_some_and(|since| now - since < PAIR_MILLISECONDS);
        match key {
            "e" | "r" | "a" | "c" if pair => key.chars().next().map_or(Asked::Nothing, Asked::Go),
            "g" => {
                self.go_since = Some(now);
                Asked::Nothing
            }
            "/" => Asked::Filter,
            "?" => Asked::Help,
            _ => Asked::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g_and_a_letter_go_to_a_page() {
        let mut keys = Keys::default();
        assert_eq!(keys.press("g", 0.0), Asked::Nothing);
        assert_eq!(keys.press("r", 900.0), Asked::Go('r'));
        assert_eq!(keys.press("r", 901.0), Asked::Nothing, "a pair is used once");
    }

    #[test]
    fn a_late_or_interrupted_pair_goes_nowhere() {
        let mut keys = Keys::default();
        keys.press("g", 0.0);
        assert_eq!(keys.press("r", 1500.0), Asked::Nothing);
        keys.press("g", 2000.0);
        keys.press("x", 2100.0);
        assert_eq!(keys.press("r", 2200.0), Asked::Nothing);
    }

    #[test]
    fn slash_and_question_mark_stand_alone() {
        let mut keys = Keys::default();
        assert_eq!(keys.press("/", 0.0), Asked::Filter);
        keys.press("g", 1.0);
        assert_eq!(keys.press("?", 2.0), Asked::Help);
    }
}
