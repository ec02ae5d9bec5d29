//! Builds the real systems from pinned Go modules, once, and keeps what is up to date.
//!
//! Each tool has a Go module of its own under `testbed/tools`, because the versions they ask for
//! exclude one another. Beside every binary lies a stamp: the hash of the module's `go.mod` and
//! `go.sum` and of the build's flags. When it still fits, Go is not even asked for.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Instant;

use anyhow::{Context as _, bail};
use sha2::{Digest as _, Sha256};

/// The oldest Go that builds every module here; their `go.mod` files say the same.
const GO_NEEDED: (u32, u32) = (1, 26);

/// Istio's definitions the Rollouts controller steers traffic with.
const ISTIO_KINDS: [&str; 3] = [
    "destinationrules.networking.istio.io",
    "gateways.networking.istio.io",
    "virtualservices.networking.istio.io",
];

/// The version is linked in, as upstream's own build does; without it the server calls itself v0.0.0.
/// <https://github.com/kubernetes/kubernetes/blob/v1.34.4/hack/lib/version.sh>
const KUBE_LDFLAGS: &str = "-s -w \
    -X k8s.io/component-base/version.gitVersion=v1.34.4 \
    -X k8s.io/component-base/version.gitMajor=1 \
    -X k8s.io/component-base/version.gitMinor=34 \
    -X k8s.io/client-go/pkg/version.gitVersion=v1.34.4";

const LDFLAGS: &str = "-s -w";

/// Where the built systems lie, with the definitions and rights that ship with them.
#[derive(Debug, Clone)]
pub struct Tools {
    pub etcd: PathBuf,
    pub kube_apiserver: PathBuf,
    pub kube_controller_manager: PathBuf,
    pub rollouts_controller: PathBuf,
    /// CustomResourceDefinitions: one file per kind of Argo Rollouts and of Istio's networking.
    pub crds: Vec<PathBuf>,
    /// The Rollouts controller's own ServiceAccount, ClusterRole and binding, as it ships them.
    pub rollouts_rights: Vec<PathBuf>,
}

struct Program {
    module: &'static str,
    name: &'static str,
    package: &'static str,
    ldflags: &'static str,
    /// Said before the first build, measured on two cores.
    cold: &'static str,
}

const ETCD: Program = Program {
    module: "etcd",
    name: "etcd",
    package: "go.etcd.io/etcd/server/v3",
    ldflags: LDFLAGS,
    cold: "1 minute",
};
const KUBE_APISERVER: Program = Program {
    module: "kube",
    name: "kube-apiserver",
    package: "k8s.io/kubernetes/cmd/kube-apiserver",
    ldflags: KUBE_LDFLAGS,
    cold: "4 minutes",
};
const KUBE_CONTROLLER_MANAGER: Program = Program {
    module: "kube",
    name: "kube-controller-manager",
    package: "k8s.io/kubernetes/cmd/kube-controller-manager",
    ldflags: KUBE_LDFLAGS,
    cold: "3 minutes",
};
const ROLLOUTS_CONTROLLER: Program = Program {
    module: "rollouts",
    name: "rollouts-controller",
    package: "github.com/argoproj/argo-rollouts/cmd/rollouts-controller",
    ldflags: LDFLAGS,
    cold: "5 minutes",
};

/// `<target>/testbed/bin` of the running workspace, wherever `cargo` was told to put its target.
pub fn default_bin_dir() -> PathBuf {
    let marked = |folder: &&Path| folder.join("CACHEDIR.TAG").is_file();
    let target = std::env::current_exe()
        .ok()
        .and_then(|exe| exe.ancestors().find(marked).map(Path::to_path_buf))
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"));
    target.join("testbed/bin")
}

/// Makes sure that every tool lies in `bin_dir` at the pinned version, building what does not.
///
/// Blocks for as long as the builds take (about a quarter of an hour the first time, milliseconds
/// when nothing changed) and says on stderr what it is doing. Callers in other processes wait for
/// one another.
pub fn ensure(bin_dir: &Path) -> anyhow::Result<Tools> {
    fs::create_dir_all(bin_dir).with_context(|| format!("create {}", bin_dir.display()))?;
    let lock = File::create(bin_dir.join(".lock")).context("create the lock of the tools")?;
    lock.lock().context("wait for another build of the tools")?;

    let (crds, rollouts_rights) = ensure_manifests(bin_dir)?;
    Ok(Tools {
        etcd: ensure_program(bin_dir, &ETCD)?,
        kube_apiserver: ensure_program(bin_dir, &KUBE_APISERVER)?,
        kube_controller_manager: ensure_program(bin_dir, &KUBE_CONTROLLER_MANAGER)?,
        rollouts_controller: ensure_program(bin_dir, &ROLLOUTS_CONTROLLER)?,
        crds,
        rollouts_rights,
    })
}

fn ensure_program(bin_dir: &Path, program: &Program) -> anyhow::Result<PathBuf> {
    let binary = bin_dir.join(program.name);
    let stamp = bin_dir.join(format!("{}.stamp", program.name));
    let wanted = fingerprint(program.module, &[program.package, program.ldflags])?;
    if binary.is_file() && reads(&stamp, &wanted) {
        return Ok(binary);
    }
    let started = Instant::now();
    eprintln!("testbed: building {} (about {} the first time)", program.name, program.cold);
    // Without the stamp a build that is interrupted is never taken for a finished one.
    remove_if_there(&stamp)?;
    let mut build = go(program.module)?;
    build.args(["build", "-trimpath", "-mod=readonly", "-ldflags", program.ldflags, "-o"]);
    build.arg(&binary).arg(program.package);
    run(&mut build).with_context(|| format!("build {}", program.name))?;
    fs::write(&stamp, wanted).context("write the stamp of a tool")?;
    eprintln!("testbed: {} built in {} s", program.name, started.elapsed().as_secs());
    Ok(binary)
}

/// Copies definitions and rights out of the modules, so that they too are there without Go.
fn ensure_manifests(bin_dir: &Path) -> anyhow::Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let crds = bin_dir.join("crds");
    let rights = bin_dir.join("rollouts-rights");
    let stamp = bin_dir.join("manifests.stamp");
    let wanted = format!("{}{}", fingerprint("crds", &ISTIO_KINDS)?, fingerprint("rollouts", &[])?);
    if !reads(&stamp, &wanted) {
        remove_if_there(&stamp)?;
        for folder in [&crds, &rights] {
            if folder.exists() {
                fs::remove_dir_all(folder).context("clear old manifests")?;
            }
            fs::create_dir_all(folder).context("create the folder of manifests")?;
        }
        let argo =
            module_folder("rollouts", "github.com/argoproj/argo-rollouts")?.join("manifests");
        for name in [
            "analysis-run",
            "analysis-template",
            "cluster-analysis-template",
            "experiment",
            "rollout",
        ] {
            let file = format!("{name}-crd.yaml");
            copy(&argo.join("crds").join(&file), &crds.join(&file))?;
        }
        for file in [
            "base/argo-rollouts-sa.yaml",
            "role/argo-rollouts-clusterrole.yaml",
            "cluster-install/argo-rollouts-clusterrolebinding.yaml",
        ] {
            let name = Path::new(file).file_name().context("a manifest has a name")?;
            copy(&argo.join(file), &rights.join(name))?;
        }
        let istio = module_folder("crds", "istio.io/api")?
            .join("kubernetes/customresourcedefinitions.gen.yaml");
        let all = fs::read_to_string(&istio).context("read Istio's definitions")?;
        for kind in ISTIO_KINDS {
            let name = format!("  name: {kind}");
            let definition = all
                .split("\n---")
                .find(|document| document.lines().any(|line| line == name))
                .with_context(|| format!("Istio's module has no definition of {kind}"))?;
            fs::write(crds.join(format!("{kind}.yaml")), definition)?;
        }
        fs::write(&stamp, wanted).context("write the stamp of the manifests")?;
    }
    Ok((files_of(&crds)?, files_of(&rights)?))
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    // Read and written, not copied: files of the module cache are read-only, and so would be ours.
    let text = fs::read(from).with_context(|| format!("read {}", from.display()))?;
    fs::write(to, text).with_context(|| format!("write {}", to.display()))
}

fn files_of(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))?;
    let mut files =
        entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<PathBuf>>>()?;
    files.sort();
    Ok(files)
}

/// The folder of a module's source, fetched through the module proxy and checked against `go.sum`.
fn module_folder(module: &str, path: &str) -> anyhow::Result<PathBuf> {
    run(go(module)?.args(["mod", "download", path])).with_context(|| format!("fetch {path}"))?;
    let listed = run(go(module)?.args(["list", "-mod=readonly", "-m", "-f", "{{.Dir}}", path]))?;
    let folder = String::from_utf8(listed.stdout).context("a module's folder is UTF-8")?;
    Ok(PathBuf::from(folder.trim()))
}

fn modules() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tools")
}

fn fingerprint(module: &str, flags: &[&str]) -> anyhow::Result<String> {
    let mut hash = Sha256::new();
    for file in ["go.mod", "go.sum"] {
        let path = modules().join(module).join(file);
        hash.update(fs::read(&path).with_context(|| format!("read {}", path.display()))?);
    }
    for flag in flags {
        hash.update(flag.as_bytes());
        hash.update([0]);
    }
    Ok(hash.finalize().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    }))
}

fn reads(stamp: &Path, wanted: &str) -> bool {
    fs::read_to_string(stamp).is_ok_and(|found| found == wanted)
}

fn remove_if_there(file: &Path) -> anyhow::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove {}", file.display()))
        }
        _ => Ok(()),
    }
}

/// `go` in a module's folder, after a look at its version.
fn go(module: &str) -> anyhow::Result<Command> {
    // Asked outside any module and without the toolchain switch: which Go is installed here?
    let asked = Command::new("go")
        .args(["env", "GOVERSION"])
        .env("GOTOOLCHAIN", "local")
        .current_dir(std::env::temp_dir())
        .output();
    let found = match asked {
        Ok(output) => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        Err(_) => String::new(),
    };
    if let Some(complaint) = complaint_about_go(&found) {
        bail!(complaint);
    }
    let mut command = Command::new("go");
    command
        .current_dir(modules().join(module))
        .env("CGO_ENABLED", "0")
        .env("GOTOOLCHAIN", "local")
        .env("GOWORK", "off")
        .env_remove("GOFLAGS");
    Ok(command)
}

/// One sentence on what to do when the Go found (`go1.26.8`, or nothing) cannot build the tools.
fn complaint_about_go(found: &str) -> Option<String> {
    let (major, minor) = GO_NEEDED;
    let mut numbers = found.trim_start_matches("go").split(['.', '-', 'r', 'b']);
    let mut next = || numbers.next().and_then(|number| number.parse::<u32>().ok());
    let fits = matches!((next(), next()), (Some(a), Some(b)) if (a, b) >= GO_NEEDED);
    let what = if found.is_empty() { "there is none on PATH" } else { found };
    (!fits).then(|| {
        format!(
            "the testbed builds the real systems with Go {major}.{minor} or newer, and found: \
             {what}; get it from https://go.dev/dl/ and put its bin folder on PATH"
        )
    })
}

fn run(command: &mut Command) -> anyhow::Result<Output> {
    let output = command.output().context("start go")?;
    if !output.status.success() {
        bail!("go ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_or_missing_go_is_one_sentence_that_says_where_to_get_it() {
        for old in ["", "go1.19.8", "go1.25", "devel"] {
            let sentence = complaint_about_go(old).expect("too old");
            assert!(sentence.contains("https://go.dev/dl/"), "{sentence}");
            assert!(!sentence.contains('\n'));
        }
        for new in ["go1.26.0", "go1.26rc1", "go1.27", "go2.0.1", "go1.26.8-custom"] {
            assert_eq!(complaint_about_go(new), None, "{new}");
        }
    }

    #[test]
    fn a_fingerprint_tells_modules_and_flags_apart() {
        let one = fingerprint("etcd", &["a", "b"]).expect("module files are there");
        assert_eq!(one, fingerprint("etcd", &["a", "b"]).expect("module files are there"));
        assert_ne!(one, fingerprint("etcd", &["ab"]).expect("module files are there"));
        assert_ne!(one, fingerprint("kube", &["a", "b"]).expect("module files are there"));
    }
}
