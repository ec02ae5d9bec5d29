//! One file per page: the struct of what it shows, and the function that draws it.

pub mod audit;
pub mod connections;
pub mod environments;
pub mod problem;
pub mod rollout;
pub mod rollouts;
pub mod sign_in;
