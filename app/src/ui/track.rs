//! A line with stations, and where on it we are. It is sent again with every step, so its markup
//! is a bare list; `style/ui.css` draws rail, stations and gates.

use leptos::prelude::*;

/// A stop on the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop<'a> {
    /// Passed by itself. The words show on a large track.
    Station(&'a str),
    /// Holds until something outside lets it go on.
    Gate(&'a str),
}

/// How the line is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// On its way.
    Running,
    /// Held at the gate after the current stop.
    Waiting,
    /// Taken back.
    Aborted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    Small,
    Large,
}

/// The line. `at` is the index of the stop reached last; past the end, all is done. `label` says in
/// words what the drawing shows: "60 %, step 6 of 9".
pub fn track(
    size: Size,
    run: Run,
    at: usize,
    stops: &[Stop<'_>],
    label: String,
) -> impl IntoView + use<> {
    let stops: Vec<_> = stops
        .iter()
        .enumerate()
        .map(|(index, stop)| {
            let here = (index == at).then_some("step");
            // Written out: an absent class or text would still cost bytes in every track.
            match (*stop, size) {
                (Stop::Station(words), _) => {
                    view! { <li aria-current=here>{words.to_owned()}</li> }.into_any()
                }
                (Stop::Gate(_), Size::Small) => {
                    view! { <li class="gate" aria-current=here></li> }.into_any()
                }
                (Stop::Gate(words), Size::Large) => {
                    view! { <li class="gate" aria-current=here>{words.to_owned()}</li> }.into_any()
                }
            }
        })
        .collect();
    let state = match run {
        Run::Running => None,
        Run::Waiting => Some("waiting"),
        Run::Aborted => Some("aborted"),
    };
    let size = match size {
        Size::Small => None,
        Size::Large => Some("large"),
    };
    view! { <ol class="track" role="img" aria-label=label data-size=size data-state=state>{stops}</ol> }
}
