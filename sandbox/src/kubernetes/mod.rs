//! One pretend Kubernetes cluster: its objects, and the API over them.
//!
//! `store` (objects, versions, history) <- `api` (HTTP: lists, watches, patches) <- any client.

mod definition;
pub mod kinds;
pub mod store;
