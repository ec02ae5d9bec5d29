//! The style sheets: five files, each in the layer of its name, joined and minified into one.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, anyhow};
use lightningcss::{
    stylesheet::{MinifyOptions, ParserOptions, PrinterOptions, StyleSheet},
    targets::{Browsers, Targets},
};

/// In the order in which they win.
const LAYERS: [&str; 5] = ["tokens", "base", "ui", "components", "pages"];
/// The block in `tokens.css` that holds where somebody chose dark.
const DARK: &str = "[data-theme-mode=\"dark\"]";
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
