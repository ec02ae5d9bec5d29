//! Signalbox's rules and words.
//!
//! Pure: what is here never asks what time it is, never waits and never talks to anything. Whoever
//! calls passes the time in. The server reads clusters into these types, the pages draw them, and
//! [`rules::permit`] decides for both.

pub mod actor;
pub mod analysis;
pub mod audit;
pub mod board;
pub mod command;
pub mod environment;
pub mod listing;
mod name;
pub mod rollout;
pub mod rules;
pub mod service;

pub use name::{ClusterName, EnvironmentName, Namespace, RolloutName, ServiceName};
