//! The style sheets: five files, each in the layer of its name, joined and minified into one.
//!
//! A page carries what its first paint needs inside itself and fetches the sheet beside that. Rules
//! marked with [`FIRST`] are cut out for it, with the colours they name and the values of the other
//! tokens; the sheet holds them too, so that it alone decides once it is there.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context as _, Result, anyhow, ensure};
use lightningcss::{
    stylesheet::{MinifyOptions, ParserOptions, PrinterOptions, StyleSheet},
    targets::{Browsers, Targets},
};

/// In the order in which they win.
const LAYERS: [&str; 5] = ["tokens", "base", "ui", "components", "pages"];
/// The block in `tokens.css` that holds where somebody chose dark.
const DARK: &str = "[data-theme-mode=\"dark\"]";
/// Stands before a rule that the first paint needs: what gives boxes their places and sizes.
const FIRST: &str = "/* @first */";
/// The oldest browsers the sheet is written for; a version stands in the third byte.
const BROWSERS: Browsers = Browsers {
    chrome: Some(110 << 16),
    firefox: Some(110 << 16),
    safari: Some(16 << 16),
    android: None,
    edge: None,
    ie: None,
    ios_saf: Some(16 << 16),
    opera: None,
    samsung: None,
};

/// One minified sheet.
pub(crate) fn build(root: &Path) -> Result<Vec<u8>> {
    let mut joined = format!("@layer {};\n", LAYERS.join(","));
    for layer in LAYERS {
        let file = root.join("style").join(layer).with_extension("css");
        let text = fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
        joined.push_str(&format!("@layer {layer} {{\n{text}\n"));
        if layer == "tokens" {
            joined.push_str(&dark_by_system(&text)?);
        }
        joined.push_str("}\n");
    }
    minify(&joined).map(String::into_bytes)
}

/// The rules for the first paint, minified.
pub(crate) fn first(root: &Path) -> Result<Vec<u8>> {
    let mut rules = String::new();
    let mut tokens = String::new();
    for layer in LAYERS {
        let file = root.join("style").join(layer).with_extension("css");
        let text = fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
        if layer == "tokens" {
            tokens = text;
        } else {
            let cut = marked(&text).with_context(|| format!("cut {}", file.display()))?;
            rules.push_str(&format!("@layer {layer} {{\n{cut}}}\n"));
        }
    }
    let tokens = without_comments(&tokens);
    let light = block(&tokens, ":root").context("tokens.css has no :root block")?;
    let dark = block(&tokens, DARK).with_context(|| format!("tokens.css has no {DARK} block"))?;
    let colours: BTreeSet<&str> = declarations(dark).map(|(name, _)| name).collect();
    let rules = spelt_out(rules, light, &colours);
    let (light, dark) = (only(light, &colours, &rules), only(dark, &colours, &rules));
    let tokens = format!(":root {{{light}}}\n{DARK} {{{dark}}}\n");
    let by_system = dark_by_system(&tokens)?;
    let sheet = minify(&format!(
        "@layer {};\n@layer tokens {{\n{tokens}{by_system}}}\n{rules}",
        LAYERS.join(",")
    ))?;
    // It stands inside an element, unescaped.
    ensure!(!sheet.contains("</"), "the first paint's rules would end their element");
    Ok(sheet.into_bytes())
}

/// The rules behind the marks, each to its closing brace.
fn marked(text: &str) -> Result<String> {
    let mut cut = String::new();
    for rest in text.split(FIRST).skip(1) {
        let mut depth = 0;
        let end = rest.char_indices().find(|(_, letter)| {
            depth += match letter {
                '{' => 1,
                '}' => -1,
                _ => return false,
            };
            depth == 0
        });
        let (end, _) = end.context("a marked rule does not close")?;
        cut.push_str(rest[..=end].trim_start());
        cut.push('\n');
    }
    Ok(cut)
}

/// The rules with the values of the tokens that are the same in light and dark: a name and its
/// definition are more than the value, and every page pays.
fn spelt_out(mut rules: String, light: &str, colours: &BTreeSet<&str>) -> String {
    for (name, value) in declarations(light).filter(|(name, _)| !colours.contains(name)) {
        rules = rules.replace(&format!("var({name})"), value);
    }
    rules
}

/// The colours of a block that the rules name.
fn only(block: &str, colours: &BTreeSet<&str>, rules: &str) -> String {
    declarations(block)
        .filter(|(name, _)| name.starts_with("--") && colours.contains(name))
        .filter(|(name, _)| rules.contains(&format!("var({name})")))
        .map(|(name, value)| format!("{name}:{value};"))
        .collect()
}

/// Names and values of a block without comments.
fn declarations(block: &str) -> impl Iterator<Item = (&str, &str)> {
    block
        .split(';')
        .filter_map(|declaration| declaration.split_once(':'))
        .map(|(name, value)| (name.trim(), value.trim()))
}

fn without_comments(text: &str) -> String {
    let mut parts = text.split("/*");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once("*/").map_or("", |(_, rest)| rest))
}

/// The dark block once more for those who chose nothing and whose system is dark: written once,
/// because two lists of colours would drift apart.
fn dark_by_system(tokens: &str) -> Result<String> {
    let block = block(tokens, DARK).with_context(|| format!("tokens.css has no {DARK} block"))?;
    Ok(format!(
        "@media (prefers-color-scheme: dark) {{ :root:not([data-theme-mode]) {{{block}}} }}\n"
    ))
}

/// What stands between the braces of the first rule with this selector.
pub(crate) fn block<'a>(text: &'a str, selector: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(selector)?;
    let (_, rest) = rest.split_once('{')?;
    rest.split_once('}').map(|(block, _)| block)
}

fn minify(text: &str) -> Result<String> {
    let targets = Targets::from(BROWSERS);
    // The errors borrow the text: they leave as words.
    let mut sheet = StyleSheet::parse(text, ParserOptions::default())
        .map_err(|error| anyhow!("style sheet: {error}"))?;
    sheet
        .minify(MinifyOptions { targets, ..MinifyOptions::default() })
        .map_err(|error| anyhow!("style sheet: {error}"))?;
    let printed = sheet
        .to_css(PrinterOptions { minify: true, targets, ..PrinterOptions::default() })
        .map_err(|error| anyhow!("style sheet: {error}"))?;
    Ok(printed.code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet() -> String {
        let root = crate::workspace().expect("the workspace");
        String::from_utf8(build(&root).expect("the sheet")).expect("text")
    }

    #[test]
    fn the_layers_stand_in_their_order_and_dark_holds_by_choice_and_by_system() {
        let sheet = sheet();
        assert!(sheet.starts_with("@layer tokens"), "{}", &sheet[..80]);
        assert!(sheet.contains("[data-theme-mode=dark]{"));
        assert!(sheet.contains(":root:not([data-theme-mode]){"));
    }

    #[test]
    fn the_first_paint_has_its_rules_its_tokens_and_no_others() {
        let root = crate::workspace().expect("the workspace");
        let first = String::from_utf8(first(&root).expect("the rules")).expect("text");
        assert!(first.starts_with("@layer tokens"), "{first:.80}");
        for needed in [".shell{", "[data-theme-mode=dark]{", ":root:not([data-theme-mode]){"] {
            assert!(first.contains(needed), "{needed} is not in {first}");
        }
        let defined = |name: &str| first.contains(&format!("{name}:"));
        for name in first.split("var(").skip(1) {
            let name = name.split([')', ',']).next().expect("a name");
            assert!(defined(name), "{name} is used and not defined");
        }
        assert!(!defined("--lift") && !first.contains(".dialog"), "what nobody needs: {first}");
    }

    #[test]
    fn a_marked_rule_is_cut_to_its_closing_brace() {
        let cut = marked("a { b: c } /* @first */ d { & e { f: g } } h { }").expect("cut");
        assert_eq!(cut, "d { & e { f: g } }\n");
        assert!(marked("/* @first */ a { b").is_err());
    }

    #[test]
    fn nothing_in_the_sheet_comes_from_elsewhere() {
        let sheet = sheet();
        for word in ["url(", "@import", "http:", "https:", "!important"] {
            assert!(!sheet.contains(word), "{word} in the sheet");
        }
    }

    #[test]
    fn only_tokens_name_colours() {
        let root = crate::workspace().expect("the workspace");
        for layer in &LAYERS[1..] {
            let file = root.join("style").join(layer).with_extension("css");
            let text = fs::read_to_string(&file).expect("a style sheet");
            for (number, line) in text.lines().enumerate() {
                let names_colour = line
                    .split([' ', ':', ',', '('])
                    .any(|word| word.starts_with('#') && word.len() > 3 && is_hex(&word[1..4]))
                    || ["rgb(", "hsl(", "oklch("].iter().any(|word| line.contains(word));
                assert!(!names_colour, "{layer}.css:{}: {line}", number + 1);
            }
        }
    }

    fn is_hex(text: &str) -> bool {
        text.chars().all(|letter| letter.is_ascii_hexdigit())
    }
}
