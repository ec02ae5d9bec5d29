//! The real systems the stories run against: etcd, kube-apiserver, kube-controller-manager and the
//! Argo Rollouts controller, built from pinned Go modules, started for one test and ended with it.
//! Test equipment only: nothing of it is shipped.
//!
//! ```no_run
//! # async fn story() -> anyhow::Result<()> {
//! let testbed = testbed::Testbed::start(testbed::Options::default()).await?;
//! testbed.apply(testbed::CANARY).await?;
//! # Ok(()) }
//! ```

mod apply;
mod arguments;
mod cluster;
mod keeper;
mod pki;
mod port;
mod process;
pub mod tools;
mod up;
mod wait;

pub use cluster::{Options, Rollouts, Testbed, Tool};
pub use keeper::NODE;
pub use up::up;
pub use wait::until;

/// A namespace `canary` with one service, `checkout`: a Rollout that goes to 20, 40 and 60 % by
/// itself, waits for a person, and goes on by 80 % to the end; with its Services and VirtualService.
pub const CANARY: &str = include_str!("../fixtures/canary.yaml");
