//! `/sign-in`: the one thing to do before anything else.

use leptos::prelude::*;

use crate::ui::{
    Tone,
    button::{Kind, submit},
    empty_state::notice,
};

/// What is offered.
#[derive(Clone, Debug)]
pub struct SignInPage {
    /// Where to go afterwards: a path on this server.
    pub then: String,
    /// Why one is here, if it is not obvious: "Your session ended".
    pub note: Option<String>,
}

pub(crate) fn draw(page: &SignInPage) -> AnyView {
    view! {
        {page.note.clone().map(|note| notice(Tone::Warning, note))}
        <div class="card pad stack">
            <h1>"Sign in to Signalbox"</h1>
            <p>"Who you are decides what you may see and do, and stands beside everything you do."</p>
            <form method="post" action="/auth/start">
                <input type="hidden" name="then" value=page.then.clone() />
                {submit(Kind::Primary, "start", "Sign in", None)}
            </form>
        </div>
    }
    .into_any()
}
