//! Text on its ground must be readable in light and in dark: the ratios of WCAG 2.2 AA, computed
//! from `style/tokens.css` itself.
//! <https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio>

use std::{collections::BTreeMap, fs};

use crate::css::block;

/// Text (success criterion 1.4.3).
const TEXT: f64 = 4.5;
/// Shapes, outlines of controls, the focus ring (1.4.11).
const SHAPE: f64 = 3.0;

const GROUNDS: [&str; 4] =
    ["--bui-bg-app", "--bui-bg-neutral-1", "--bui-bg-neutral-2", "--bui-bg-neutral-3"];
const FAMILIES: [&str; 4] = ["positive", "negative", "warning", "announcement"];

type Tokens = BTreeMap<String, String>;

#[test]
fn every_pair_of_colours_is_readable_in_light_and_dark() {
    let root = crate::workspace().expect("the workspace");
    let text = fs::read_to_string(root.join("style/tokens.css")).expect("tokens.css");
    let light = tokens(block(&text, ":root").expect("a :root block"));
    let mut dark = light.clone();
    dark.extend(tokens(block(&text, "[data-theme-mode=\"dark\"]").expect("a dark block")));

    let mut unreadable = Vec::new();
    for (mode, tokens) in [("light", &light), ("dark", &dark)] {
        for (front, ground, least) in pairs() {
            let ratio = ratio(colour(tokens, &front), colour(tokens, &ground));
            if ratio < least {
                unreadable.push(format!("{mode}: {front} on {ground} is {ratio:.2}, not {least}"));
            }
        }
    }
    assert!(unreadable.is_empty(), "{}", unreadable.join("\n"));
}

fn pairs() -> Vec<(String, String, f64)> {
    let mut pairs = Vec::new();
    let mut pair = |front: &str, ground: &str, least| {
        pairs.push((front.to_owned(), ground.to_owned(), least));
    };
    for ground in GROUNDS {
        pair("--bui-fg-primary", ground, TEXT);
        pair("--bui-fg-secondary", ground, TEXT);
        pair("--bui-ring", ground, SHAPE);
        for family in FAMILIES {
            pair(&format!("--bui-fg-{family}"), ground, TEXT);
        }
    }
    for ground in ["--bui-bg-app", "--bui-bg-neutral-1"] {
        pair("--bui-border-2", ground, SHAPE);
        pair("--canary", ground, SHAPE);
        pair("--stable", ground, SHAPE);
        for family in FAMILIES {
            pair(&format!("--bui-{family}-border"), ground, SHAPE);
        }
    }
    pair("--bui-accent-fg", "--bui-accent-bg", TEXT);
    pair("--bui-accent-fg", "--bui-accent-bg-hover", TEXT);
    for family in FAMILIES {
        let fg = format!("--bui-{family}-fg");
        pair(&fg, &format!("--bui-{family}-bg"), TEXT);
        pair(&format!("{fg}-subdued"), &format!("--bui-{family}-bg-subdued"), TEXT);
        pair(&format!("{fg}-subdued"), "--bui-bg-neutral-1", TEXT);
        pair("--bui-fg-primary", &format!("--bui-{family}-bg-subdued"), TEXT);
        pair(&format!("--bui-{family}-border"), &format!("--bui-{family}-bg-subdued"), SHAPE);
    }
    pairs
}

fn tokens(block: &str) -> Tokens {
    block
        .split(';')
        .filter_map(|declaration| declaration.split_once(':'))
        .map(|(name, value)| {
            let name = name.rsplit("*/").next().unwrap_or(name);
            (name.trim().to_owned(), value.trim().to_owned())
        })
        .collect()
}

/// Red, green and blue from 0 to 1, following `var(--…)`.
fn colour(tokens: &Tokens, name: &str) -> [f64; 3] {
    let value = tokens.get(name).unwrap_or_else(|| panic!("{name} is no token"));
    if let Some(other) = value.strip_prefix("var(").and_then(|value| value.strip_suffix(')')) {
        return colour(tokens, other);
    }
    let hex = value.strip_prefix('#').filter(|hex| hex.len() == 6);
    let hex = hex.unwrap_or_else(|| panic!("{name}: {value} is not #rrggbb"));
    [0, 2, 4].map(|at| {
        f64::from(u8::from_str_radix(&hex[at..at + 2], 16).expect("two hexadecimal digits")) / 255.0
    })
}

fn ratio(one: [f64; 3], other: [f64; 3]) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

fn luminance(colour: [f64; 3]) -> f64 {
    let [red, green, blue] =
        colour.map(
            |part| {
                if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
            },
        );
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

#[test]
fn the_ratio_is_that_of_the_standard() {
    assert!((ratio([0.0; 3], [1.0; 3]) - 21.0).abs() < 1e-9);
    let grey = [f64::from(0x76_u8) / 255.0; 3];
    assert!((ratio(grey, [1.0; 3]) - 4.54).abs() < 0.01);
}
