//! The parts of a document that every page shares.

use leptos::{nonce::use_nonce, prelude::*};

/// What stands in `<head>`: title, the rules of the first paint, and the script that wakes the
/// islands. `js`, `wasm` and `css` are paths on this server, `first` is CSS from the build; style and
/// script carry leptos' nonce (`provide_nonce` first).
///
/// Nothing here holds up the first paint: the page is one request, and [`style_sheet`] ends it.
pub fn head(title: String, js: &str, wasm: &str, css: &str, first: &str) -> impl IntoView + use<> {
    let nonce = use_nonce();
    // One string: between two, markup would put a marker that a title shows as text.
    let title = format!("{title} · Signalbox");
    view! {
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{title}</title>
        <style nonce=nonce.clone()>{first.to_owned()}</style>
        <link rel="preload" href=css.to_owned() r#as="style" />
        <link rel="modulepreload" href=js.to_owned() nonce=nonce.clone() />
        <link rel="preload" href=wasm.to_owned() r#as="fetch" r#type="application/wasm" crossorigin="" />
        <link rel="icon" href="data:," />
        <script type="module" nonce=nonce>{start_script(js, wasm)}</script>
    }
}

/// The link to the style sheet, at the end of the body: what stands before it is shown meanwhile.
pub fn style_sheet(css: &str) -> impl IntoView + use<> {
    view! { <link rel="stylesheet" href=css.to_owned() /> }
}

/// Loads the module and wakes every island. An island the module does not have was built from other
/// sources: that is a fault in the build, said in the console.
fn start_script(js: &str, wasm: &str) -> String {
    format!(
        "import * as m from{js:?};await m.default({{module_or_path:{wasm:?}}});m.hydrate();\
         for(const e of document.querySelectorAll('leptos-island'))m[e.dataset.component](e)"
    )
}

/// The live indicator. `words` are what it says while all is well: "Live, 3 clusters". The island
/// writes the rest; `stale` is the sentence when the page is stale from the first byte.
pub fn live_indicator(words: impl Into<String>, stale: Option<String>) -> impl IntoView {
    let words: String = words.into();
    let when_live = words.clone();
    let state = if stale.is_some() { "stale" } else { "live" };
    view! {
        <p class="live" id="live" role="status" data-state=state data-live=when_live>
            {stale.unwrap_or(words)}
        </p>
    }
}

/// Where the island says changes aloud: elements with `data-announce` speak through it.
pub fn announcer() -> impl IntoView {
    view! { <p class="unseen" id="announce" role="status" aria-live="polite"></p> }
}

/// A link over the navigation, the first stop of the tab key.
pub fn skip_link(target: &'static str) -> impl IntoView {
    view! { <a class="skip" href=target>"Skip to the page"</a> }
}

/// The theme switch. `chosen` is `light`, `dark` or nothing for the system's setting. It needs the
/// island: without script the system's setting holds, and the switch does not show.
pub fn theme_switch(chosen: Option<&str>) -> impl IntoView + use<> {
    let chosen = chosen.unwrap_or("system");
    let buttons = ["system", "light", "dark"].map(|choice| {
        let is_chosen = choice == chosen;
        view! {
            <button type="button" data-theme-choice=choice aria-pressed=if is_chosen { "true" } else { "false" }>
                {choice}
            </button>
        }
    });
    view! { <div class="theme" role="group" aria-label="Theme">{buttons.to_vec()}</div> }
}
