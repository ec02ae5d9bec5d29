//! Parts that know nothing of releases: plain functions from plain values to markup.
//!
//! All of it is rendered on the server and works without script. State stands in `data-` and
//! `aria-` attributes, looks in `style/ui.css`; there are no `style` attributes and no inline
//! handlers, which the content security policy would refuse anyway.

pub mod button;
pub mod chip;
pub mod dialog;
pub mod document;
pub mod empty_state;
pub mod field;
pub mod icon;
pub mod pager;
pub mod table;
pub mod time;
pub mod track;

/// What a coloured part means. The words beside it say the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    #[default]
    Neutral,
    Positive,
    Negative,
    Warning,
    Announcement,
}

impl Tone {
    /// The value of `data-tone`; neutral has none, so that it costs no bytes.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Tone::Neutral => None,
            Tone::Positive => Some("positive"),
            Tone::Negative => Some("negative"),
            Tone::Warning => Some("warning"),
            Tone::Announcement => Some("announcement"),
        }
    }
}

#[cfg(test)]
mod tests;
