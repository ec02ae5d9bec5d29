//! `target/site`: what the server sends besides pages, under names that carry a hash of what is in
//! them, so that a browser may keep them for ever; each compressed beforehand, as small as it gets.

use std::{collections::BTreeMap, fs, io::Write as _, path::Path};

use anyhow::{Context as _, Result, ensure};
use brotli::enc::BrotliEncoderParams;
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest as _, Sha256};

use crate::{
    css,
    wasm::{self, Profile},
};

/// JavaScript, WebAssembly and styles together, brotli, in bytes: four round trips on a fresh
/// connection. A page works before they arrive, but a phone pays for them.
const BUDGET: usize = 60_000;
const SITE: &str = "target/site";
/// The hash of what the WebAssembly in `target/site` was made of.
const STAMP: &str = "target/wasm/stamp";
const INDEX: &str = "assets.json";

/// What the parts are called in `assets.json`.
const JS: &str = "app.js";
const WASM: &str = "app_bg.wasm";
const CSS: &str = "app.css";
/// Not fetched: every page carries it.
const FIRST: &str = "first.css";

type Index = BTreeMap<String, String>;

/// Builds what changed and says how big it is. Returns a hash over all of it.
pub(crate) fn build(root: &Path, profile: Profile) -> Result<String> {
    let site = root.join(SITE);
    fs::create_dir_all(&site)?;
    let mut index = read_index(&site);
    let stamp = wasm::inputs(root, profile)?;
    let is_built = fs::read_to_string(root.join(STAMP)).is_ok_and(|built| built == stamp)
        && [JS, WASM]
            .iter()
            .all(|name| index.get(*name).is_some_and(|file| site.join(file).exists()));
    if !is_built {
        let module = wasm::build(root, profile)?;
        write(&site, &mut index, JS, &module.js)?;
        write(&site, &mut index, WASM, &module.wasm)?;
    }
    write(&site, &mut index, CSS, &css::build(root)?)?;
    write(&site, &mut index, FIRST, &css::first(root)?)?;
    sweep(&site, &index)?;
    let text = serde_json::to_string_pretty(&index)?;
    fs::write(site.join(INDEX), &text)?;
    fs::write(root.join(STAMP), stamp)?;

    let total = say_sizes(&site, &index)?;
    ensure!(
        profile == Profile::Dev || total <= BUDGET,
        "the assets are {total} bytes (brotli), more than the {BUDGET} a page may cost"
    );
    Ok(hex(&Sha256::digest(text)))
}

/// Nothing, or an unreadable file, is an empty index: all is built anew.
fn read_index(site: &Path) -> Index {
    fs::read(site.join(INDEX))
        .ok()
        .and_then(|text| serde_json::from_slice(&text).ok())
        .unwrap_or_default()
}

/// Writes a part under its hashed name with its compressed forms, unless it stands there already.
fn write(site: &Path, index: &mut Index, name: &str, content: &[u8]) -> Result<()> {
    let (stem, extension) = name.rsplit_once('.').context("an asset has an extension")?;
    let hash = hex(&Sha256::digest(content)[..6]);
    // `app.<hash>_bg.wasm` would say more than anyone needs: the start script names every file.
    let file = format!("{stem}.{hash}.{extension}");
    if !site.join(format!("{file}.gz")).exists() {
        fs::write(site.join(&file), content)?;
        fs::write(site.join(format!("{file}.br")), brotli(content)?)?;
        fs::write(site.join(format!("{file}.gz")), gzip(content)?)?;
    }
    index.insert(name.to_owned(), file);
    Ok(())
}

/// Removes what earlier builds left.
fn sweep(site: &Path, index: &Index) -> Result<()> {
    for entry in fs::read_dir(site)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let plain = name.trim_end_matches(".br").trim_end_matches(".gz");
        if name != INDEX && !index.values().any(|file| file == plain) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Raw and compressed sizes, and the sum of what a browser that speaks brotli fetches.
fn say_sizes(site: &Path, index: &Index) -> Result<usize> {
    let size = |file: &str, end: &str| -> Result<usize> {
        Ok(usize::try_from(fs::metadata(site.join(format!("{file}{end}")))?.len())?)
    };
    let mut total = 0;
    eprintln!("{:<32}{:>10}{:>10}{:>10}", "asset", "raw", "gzip", "brotli");
    for file in index.values() {
        let brotli = size(file, ".br")?;
        eprintln!("{file:<32}{:>10}{:>10}{brotli:>10}", size(file, "")?, size(file, ".gz")?);
        total += brotli;
    }
    eprintln!("{:<32}{:>30}  (at most {BUDGET})", "together", total);
    Ok(total)
}

fn brotli(content: &[u8]) -> Result<Vec<u8>> {
    let mut packed = Vec::new();
    let parameters = BrotliEncoderParams {
        quality: 11,
        lgwin: 22,
        size_hint: content.len(),
        ..BrotliEncoderParams::default()
    };
    brotli::BrotliCompress(&mut &*content, &mut packed, &parameters)?;
    Ok(packed)
}

fn gzip(content: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    Ok(encoder.finish()?)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_asset_gets_a_new_name_and_the_old_one_goes() {
        let site = std::env::temp_dir().join(format!("signalbox-assets-{}", std::process::id()));
        fs::create_dir_all(&site).expect("a folder");
        let mut index = Index::new();
        write(&site, &mut index, CSS, b"a{}").expect("written");
        let first = index[CSS].clone();
        write(&site, &mut index, CSS, b"b{}").expect("written");
        sweep(&site, &index).expect("swept");
        assert_ne!(index[CSS], first);
        assert!(!site.join(&first).exists() && !site.join(format!("{first}.br")).exists());
        assert!(site.join(format!("{}.br", index[CSS])).exists());
        fs::remove_dir_all(&site).expect("cleaned up");
    }

    #[test]
    fn compressed_forms_open_to_the_same_content() {
        let content = b"station ".repeat(500);
        let mut opened = Vec::new();
        brotli::BrotliDecompress(&mut &*brotli(&content).expect("packed"), &mut opened)
            .expect("opened");
        assert_eq!(opened, content);
        let mut opened = Vec::new();
        let packed = gzip(&content).expect("packed");
        std::io::copy(&mut flate2::read::GzDecoder::new(&*packed), &mut opened).expect("opened");
        assert_eq!(opened, content);
    }
}
