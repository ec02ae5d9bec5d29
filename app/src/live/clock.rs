//! Turns the server's exact times into ages and countdowns, once a second.
//!
//! The server writes one text for one instant, so that a fragment rendered twice is equal; what
//! changes with the clock is said here, and the exact time moves into the `title`.

use wasm_bindgen::JsCast;
use web_sys::{Document, Element};

use super::words;

/// The server's clock, told from ours: where ours is wrong, or the pretend world runs faster, ages
/// and countdowns still are the server's. Milliseconds since the epoch.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    rendered: f64,
    loaded: f64,
    speed: f64,
}

impl Clock {
    /// Reads `data-now` (the time of rendering) and `data-speed` from the body; without them the
    /// clocks are taken to agree.
    pub(super) fn read(document: &Document, now: f64) -> Self {
        let said = |name: &str| document.body()?.get_attribute(name);
        let rendered = said("data-now").map_or(f64::NAN, |iso| js_sys::Date::parse(&iso));
        let speed = said("data-speed").map_or(f64::NAN, |text| js_sys::Number::parse_float(&text));
        Self {
            rendered: if rendered.is_nan() { now } else { rendered },
            loaded: now,
            speed: if speed.is_nan() { 1.0 } else { speed },
        }
    }

    fn at(self, now: f64) -> f64 {
        self.rendered + (now - self.loaded) * self.speed
    }
}

/// Says every time on the page anew. `now` is our clock, in milliseconds since the epoch.
pub(super) fn tick(document: &Document, clock: Clock, now: f64) {
    let Ok(times) = document.query_selector_all("time[data-ago],time[data-countdown]") else {
        return;
    };
    for index in 0..times.length() {
        if let Some(time) = times.get(index) {
            say(time.unchecked_ref(), clock.at(now));
        }
    }
}

/// Where the instant stands once the text is an age.
const INSTANT: &str = "datetime";

/// The instant a `<time>` tells: its attribute, else the text the server wrote.
pub(super) fn instant(time: &Element) -> String {
    time.get_attribute(INSTANT).or_else(|| time.text_content()).unwrap_or_default()
}

/// HTML takes a space between date and time, JavaScript promises to read a `T` alone.
fn parse(instant: &str) -> f64 {
    js_sys::Date::parse(&instant.replacen(' ', "T", 1))
}

fn say(time: &Element, now: f64) {
    let at = parse(&instant(time));
    if at.is_nan() {
        return;
    }
    let shown = time.text_content().unwrap_or_default();
    if !time.has_attribute(INSTANT) {
        let _ = time.set_attribute(INSTANT, &shown);
    }
    if !time.has_attribute("title") {
        let _ = time.set_attribute("title", &shown);
    }
    let passed = ((now - at) / 1000.0).floor() as i64;
    let said = match time.get_attribute("data-ago").as_deref() {
        None => words::countdown(-passed),
        Some("for") => words::span(passed),
        Some(_) => words::ago(passed),
    };
    if said == shown {
        return;
    }
    // Writing into the text node, not replacing it, leaves a selection around it alone.
    match time.first_child() {
        Some(text) => text.set_node_value(Some(&said)),
        None => time.set_text_content(Some(&said)),
    }
}
