//! A small pretend world that speaks the real protocols, for the demo and for tests.
//!
//! [`World`] (what there is at the start) -> [`Sandbox::start`] -> [`Endpoints`] for any client,
//! and handles for a test: the clusters' objects, their troubles and what they were asked.

pub mod clock;
mod control;
mod door;
mod endpoints;
mod fault;
pub mod kubernetes;
pub mod oidc;
pub mod rollouts;
pub mod scenarios;
mod world;

pub use endpoints::{ClusterEndpoint, Endpoints};
pub use fault::Fault;
pub use world::{Controllers, Sandbox, StartStory, Stories, Story, World, WorldCluster};
