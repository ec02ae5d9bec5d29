//! A pretend Argo Rollouts controller that behaves as v1.9.1 does.
//!
//! `pass` (pure: what to do about one Rollout) <- `controller` (the loop over a cluster);
//! `run` (pure: one AnalysisRun) and `pods` (pure: one ReplicaSet) beside it; `traffic` says how
//! each version answers its requests.

mod analysis;
mod blue_green;
mod canary;
mod conditions;
pub mod controller;
pub mod expression;
pub(crate) mod hash;
mod istio;
pub mod pass;
mod phase;
pub mod pods;
pub mod renewal;
mod replica_set;
pub mod run;
mod scaling;
pub mod traffic;
mod types;
mod validation;

pub(crate) use types::duration_seconds;

#[cfg(test)]
mod tests;
