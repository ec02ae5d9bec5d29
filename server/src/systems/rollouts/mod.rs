//! Argo Rollouts, through the Kubernetes API: read tolerantly, written to with preconditions.

pub(crate) mod read;
pub mod write;

/// The API group of Argo's kinds.
pub(crate) const GROUP: &str = "argoproj.io";
/// Its one version.
pub(crate) const VERSION: &str = "v1alpha1";
