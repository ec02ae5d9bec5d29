//! The control page's markup.

use super::RolloutView;
use crate::kubernetes::faults::Troubles;
use crate::oidc::escape;
use crate::world::Story;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};

pub(super) struct ClusterView {
    pub(super) name: String,
    pub(super) is_open: bool,
    pub(super) troubles: Troubles,
    pub(super) missing: Vec<String>,
    pub(super) rollouts: Vec<RolloutView>,
}

/// The faults that need nothing but a button, with their words.
const FAULTS: [(&str, &str); 9] = [
    ("stop-api", "Stop the API"),
    ("start-api", "Start the API"),
    ("cut-watches", "Cut all watches"),
    ("compact", "Forget the history (410)"),
    ("half-open", "Accept and never answer"),
    ("truncate", "Break JSON off"),
    ("duplicate-events", "Send events twice"),
    ("gone-as-http", "410 as HTTP"),
    ("clear", "Mend everything"),
];

pub(super) fn answer(stories: &[Story], clusters: &[ClusterView], filter: &str) -> Response {
    let clusters: String = clusters.iter().map(|view| cluster(stories, view)).collect();
    let sentences: String = stories
        .iter()
        .map(|story| format!("<dt>{}</dt><dd>{}</dd>", story.name, escape(story.sentence)))
        .collect();
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>Pretend world</title><link rel=\"stylesheet\" href=\"/style.css\"></head><body><main>\
         <h1>Pretend world</h1>\
         <form method=\"get\" action=\"/\"><label>Rollouts named <input name=\"q\" value=\"{}\"></label> \
         <button>Filter</button></form>{clusters}<h2>Stories</h2><dl>{sentences}</dl>\
         </main></body></html>",
        escape(filter)
    );
    let policy = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; \
                  frame-ancestors 'none'";
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(page)).into_response()
}

fn cluster(stories: &[Story], view: &ClusterView) -> String {
    let name = escape(&view.name);
    let faults: String = FAULTS
        .iter()
        .map(|(fault, words)| {
            format!(
                "<form method=\"post\" action=\"/faults\">\
                 <input type=\"hidden\" name=\"cluster\" value=\"{name}\">\
                 <button name=\"fault\" value=\"{fault}\">{words}</button></form>"
            )
        })
        .collect();
    let rows: String = view.rollouts.iter().map(|r| row(stories, &name, r)).collect();
    format!(
        "<section><h2>Cluster {name}</h2><p role=\"status\">{}</p><div class=\"faults\">{faults}\
         <form method=\"post\" action=\"/faults\">\
         <input type=\"hidden\" name=\"cluster\" value=\"{name}\">\
         <label>Kind <input name=\"kind\" value=\"rollouts.argoproj.io\"></label> \
         <button name=\"fault\" value=\"uninstall\">Uninstall</button> \
         <button name=\"fault\" value=\"install\">Install</button></form>\
         <form method=\"post\" action=\"/faults\">\
         <input type=\"hidden\" name=\"cluster\" value=\"{name}\">\
         <label>Milliseconds <input name=\"milliseconds\" inputmode=\"numeric\" value=\"500\"></label> \
         <button name=\"fault\" value=\"delay\">Delay answers</button></form></div>\
         <table><thead><tr><th scope=\"col\">Rollout</th><th scope=\"col\">Phase</th>\
         <th scope=\"col\">Story</th></tr></thead><tbody>{rows}</tbody></table></section>",
        state(view)
    )
}

fn row(stories: &[Story], cluster: &str, rollout: &RolloutView) -> String {
    let (namespace, name) = (escape(&rollout.namespace), escape(&rollout.name));
    let buttons: String = stories
        .iter()
        .map(|story| {
            format!(
                "<button name=\"scenario\" value=\"{0}\">{1}</button> ",
                story.name,
                story.name.replace('_', " ")
            )
        })
        .collect();
    format!(
        "<tr><th scope=\"row\">{namespace}/{name}</th><td>{}</td><td>\
         <form method=\"post\" action=\"/scenarios\">\
         <input type=\"hidden\" name=\"cluster\" value=\"{cluster}\">\
         <input type=\"hidden\" name=\"namespace\" value=\"{namespace}\">\
         <input type=\"hidden\" name=\"rollout\" value=\"{name}\">{buttons}</form></td></tr>",
        escape(&rollout.phase)
    )
}

/// What is wrong with a cluster, in words.
fn state(view: &ClusterView) -> String {
    let troubles = &view.troubles;
    let mut words = Vec::new();
    if !view.is_open {
        words.push("the API is stopped".to_owned());
    }
    if !troubles.delay.is_zero() {
        words.push(format!("answers wait {} ms", troubles.delay.as_millis()));
    }
    for (is_on, what) in [
        (troubles.half_open, "connections are not answered"),
        (troubles.truncate, "JSON breaks off"),
        (troubles.duplicate_events, "events come twice"),
        (troubles.gone_as_http, "410 comes as HTTP"),
    ] {
        if is_on {
            words.push(what.to_owned());
        }
    }
    words.extend(view.missing.iter().map(|kind| format!("{kind} is not installed")));
    if words.is_empty() { "All is well.".to_owned() } else { format!("Now {}.", words.join(", ")) }
}

pub(super) async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}

const STYLE: &str = "\
:root { color-scheme: light dark; --ground: #ffffff; --text: #1b1f24; --line: #8c959f;
  --accent: #0b57d0; }
@media (prefers-color-scheme: dark) { :root { --ground: #101418; --text: #e6eaf0;
  --line: #6b7683; --accent: #8ab4f8; } }
body { margin: 0; background: var(--ground); color: var(--text);
  font: .9375rem/1.5 system-ui, sans-serif; }
main { max-width: 75rem; margin: 0 auto; padding: 1rem; }
.faults { display: flex; flex-wrap: wrap; gap: .5rem; margin-bottom: 1rem; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: .375rem .5rem; text-align: left; border-bottom: 1px solid var(--line); }
button, input { min-height: 2rem; padding: .125rem .625rem; font: inherit; color: inherit;
  background: transparent; border: 1px solid var(--line); border-radius: 4px; }
button { cursor: pointer; }
button:focus-visible, input:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
dt { font-weight: 600; }
";
