//! The provider's few pages: plain forms, one style sheet, no script.

use super::{Asked, ROLES, escape};
use axum::http::header;
use axum::response::{IntoResponse, Response};

/// What a role may do, in words for whoever picks one.
fn sentence(role: &str) -> &'static str {
    match role {
        "viewer" => "looks at everything, changes nothing",
        "developer" => "resumes and aborts in dev, stops a bad rollout anywhere",
        "approver" => "decides what waits for a person",
        "release-manager" => "resumes and aborts everywhere",
        _ => "manages, and never decides on a release",
    }
}

pub(super) fn pick_a_role(asked: &Asked) -> String {
    let mut roles: Vec<&str> = ROLES.to_vec();
    let hinted = asked.login_hint.as_deref();
    roles.sort_by_key(|role| Some(*role) != hinted);
    let hidden: String = hidden_fields(asked)
        .iter()
        .map(|(name, value)| {
            format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escape(value))
        })
        .collect();
    let buttons: String = roles
        .iter()
        .map(|role| {
            let focus = if Some(*role) == hinted { " autofocus" } else { "" };
            format!(
                "<li><button name=\"role\" value=\"{role}\"{focus}><b>{}</b> <span>{}</span></button></li>",
                role.replace('-', " "),
                sentence(role)
            )
        })
        .collect();
    document(
        "Sign in to the demo",
        &format!(
            "<p>Pick the role to play. There are no passwords in the pretend world.</p>\
             <form method=\"post\" action=\"authorize\">{hidden}<ul>{buttons}</ul></form>"
        ),
    )
}

pub(super) fn refused(why: &str) -> String {
    document("Sign-in refused", &format!("<p role=\"alert\">{}</p>", escape(why)))
}

pub(super) fn signed_out() -> String {
    document("Signed out", "<p>You are signed out of the pretend world.</p>")
}

fn hidden_fields(asked: &Asked) -> Vec<(&'static str, &str)> {
    let mut fields = vec![
        ("response_type", asked.response_type.as_str()),
        ("client_id", &asked.client_id),
        ("redirect_uri", &asked.redirect_uri),
        ("scope", &asked.scope),
        ("code_challenge", &asked.code_challenge),
        ("code_challenge_method", &asked.code_challenge_method),
    ];
    fields.extend(asked.state.as_deref().map(|state| ("state", state)));
    fields.extend(asked.nonce.as_deref().map(|nonce| ("nonce", nonce)));
    fields
}

fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title}</title><link rel=\"stylesheet\" href=\"style.css\"></head>\
         <body><main><h1>{title}</h1>{body}</main></body></html>"
    )
}

pub(super) async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}

const STYLE: &str = "\
:root { color-scheme: light dark; --ground: #f4f5f7; --card: #ffffff; --text: #1b1f24;
  --quiet: #57606a; --line: #8c959f; --accent: #0b57d0; }
@media (prefers-color-scheme: dark) { :root { --ground: #101418; --card: #1a2027;
  --text: #e6eaf0; --quiet: #a3adb8; --line: #6b7683; --accent: #8ab4f8; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; }
main { max-width: 30rem; margin: 8vh auto; padding: 1.5rem; background: var(--card);
  border: 1px solid var(--line); border-radius: 8px; }
h1 { margin: 0 0 .5rem; font-size: 1.25rem; }
p { color: var(--quiet); }
ul { list-style: none; margin: 0; padding: 0; display: grid; gap: .5rem; }
button { width: 100%; min-height: 3rem; padding: .5rem 1rem; text-align: left; font: inherit;
  color: inherit; background: transparent; border: 1px solid var(--line); border-radius: 6px;
  cursor: pointer; }
button b { text-transform: capitalize; }
button span { display: block; color: var(--quiet); }
button:hover { border-color: var(--accent); }
button:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
";
