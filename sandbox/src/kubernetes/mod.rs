//! One pretend Kubernetes cluster: its objects, and the API over them.
//!
//! `store` (objects, versions, history) <- `api` (HTTP: lists, watches, patches) <- any client.

pub(crate) mod api;
mod definition;
pub mod faults;
pub mod kinds;
pub mod ledger;
pub mod store;

pub use api::access::Access;
