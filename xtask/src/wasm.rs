//! The islands: `app` compiled for the browser, with its JavaScript made in this process, so that
//! the tool can never differ from the library it belongs to.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use sha2::{Digest as _, Sha256};
use wasm_bindgen_cli_support::Bindgen;

use crate::command;

/// How the WebAssembly is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Compiled in seconds, many times the size.
    Dev,
    /// What is sent to people.
    Release,
}

impl Profile {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Profile::Dev => "wasm-dev",
            Profile::Release => "wasm-release",
        }
    }
}

/// A folder of its own, so that the browser's build never waits for the server's lock.
const TARGET: &str = "target/wasm";
const TRIPLE: &str = "wasm32-unknown-unknown";
/// Rooms of `app` that `lib.rs` gives to the server alone: a change there needs no new WebAssembly,
/// unless somebody put an island into one.
const SERVER_ROOMS: [&str; 4] = ["components", "pages", "shell.rs", "ui"];
const ISLAND: &str = "#[island";

/// The module and its WebAssembly.
pub(crate) struct Module {
    pub(crate) js: Vec<u8>,
    pub(crate) wasm: Vec<u8>,
}

/// Compiles and binds.
pub(crate) fn build(root: &Path, profile: Profile) -> Result<Module> {
    command::run(&mut command::cargo(
        root,
        [
            "rustc",
            "-p",
            "app",
            "--lib",
            "--crate-type",
            "cdylib",
            "--features",
            "hydrate",
            "--target",
            TRIPLE,
            "--target-dir",
            TARGET,
            "--profile",
            profile.name(),
        ],
    ))?;
    let target = root.join(TARGET);
    let compiled = target.join(TRIPLE).join(profile.name()).join("app.wasm");
    let bound = target.join("bound");
    // What an earlier run left would be taken for this one's.
    if bound.exists() {
        fs::remove_dir_all(&bound)?;
    }
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(&compiled)
        .web(true)?
        .typescript(false)
        // The page's start script names the WebAssembly: its name carries a hash.
        .omit_default_module_path(true)
        .remove_name_section(profile == Profile::Release)
        .remove_producers_section(true)
        .out_name("app");
    bindgen.generate(&bound).with_context(|| format!("bind {}", compiled.display()))?;
    ensure!(
        !bound.join("snippets").exists(),
        "a dependency brings JavaScript files of its own; assets.rs has to learn to serve them"
    );
    Ok(Module { js: fs::read(bound.join("app.js"))?, wasm: fs::read(bound.join("app_bg.wasm"))? })
}

/// A hash over everything the WebAssembly is made of.
pub(crate) fn inputs(root: &Path, profile: Profile) -> Result<String> {
    let mut files: Vec<PathBuf> =
        ["Cargo.lock", "Cargo.toml", "rust-toolchain.toml", "app/Cargo.toml", "xtask/src/wasm.rs"]
            .map(PathBuf::from)
            .into();
    let source = root.join("app/src");
    for file in files_below(&source)? {
        let room = file.strip_prefix(&source)?.iter().next().unwrap_or_default();
        let is_servers = SERVER_ROOMS.iter().any(|name| room == *name);
        if !is_servers || fs::read_to_string(&file)?.contains(ISLAND) {
            files.push(file);
        }
    }
    files.sort();
    let mut hash = Sha256::new();
    hash.update(profile.name());
    for file in files {
        let text =
            fs::read(root.join(&file)).with_context(|| format!("read {}", file.display()))?;
        hash.update(file.strip_prefix(root).unwrap_or(&file).as_os_str().as_encoded_bytes());
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
    Ok(crate::assets::hex(&hash.finalize()))
}

fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}
