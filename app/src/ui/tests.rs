//! The markup of the parts whose bytes or attributes others rely on.

use leptos::prelude::*;

use super::{
    button::{Kind, submit},
    document::theme_switch,
    time::{countdown, time_ago},
    track::{Run, Size, Stop, track},
};

const STOPS: [Stop<'static>; 7] = [
    Stop::Station("0"),
    Stop::Station("20"),
    Stop::Station("40"),
    Stop::Station("60"),
    Stop::Gate("judgment"),
    Stop::Station("80"),
    Stop::Station("100"),
];

#[test]
fn a_track_is_a_bare_list_of_about_two_hundred_bytes() {
    let html = track(Size::Small, Run::Waiting, 3, &STOPS, "60 %, step 6 of 9".into()).to_html();
    assert_eq!(
        html,
        "<ol role=\"img\" aria-label=\"60 %, step 6 of 9\" data-state=\"waiting\" class=\"track\">\
         <li>0</li><li>20</li><li>40</li><li aria-current=\"step\">60</li><li class=\"gate\"></li>\
         <li>80</li><li>100</li><!></ol>"
    );
    assert!(html.len() <= 210, "{} bytes", html.len());
}

#[test]
fn a_large_track_names_its_gates() {
    let html = track(Size::Large, Run::Running, 7, &STOPS, "done".into()).to_html();
    assert!(html.contains("<li class=\"gate\">judgment</li>"), "{html}");
    assert!(!html.contains("aria-current"), "past the end nothing is current: {html}");
}

#[test]
fn a_refused_button_says_why_and_submits_nothing() {
    let html = submit(Kind::Primary, "resume", "Resume", Some("prod is frozen".into())).to_html();
    assert!(html.contains("type=\"button\""), "{html}");
    assert!(html.contains("aria-disabled=\"true\""), "{html}");
    assert!(html.contains("aria-describedby=\"resume-why\""), "{html}");
    assert!(html.contains("title=\"prod is frozen\""), "{html}");
    assert!(html.contains("id=\"resume-why\" class=\"unseen\">prod is frozen<"), "{html}");
    let allowed = submit(Kind::Plain, "resume", "Resume", None).to_html();
    assert_eq!(allowed, "<button id=\"resume\" class=\"button\">Resume</button><!>");
}

#[test]
fn times_render_the_same_text_whenever_they_are_rendered() {
    let at = "2026-11-23T14:02:11.5Z".parse().expect("a timestamp");
    assert_eq!(time_ago(at).to_html(), "<time data-ago=\"\">2026-11-23 14:02:11Z</time>");
    assert!(countdown(at).to_html().contains(" data-countdown=\"\""));
}

#[test]
fn the_theme_switch_shows_what_is_chosen() {
    let html = theme_switch(Some("dark")).to_html();
    assert_eq!(html.matches("aria-pressed=\"true\"").count(), 1);
    assert!(html.contains("data-theme-choice=\"dark\" aria-pressed=\"true\""), "{html}");
}
