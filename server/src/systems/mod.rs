//! One room per outside system: what it says on the wire, translated to the domain, and the
//! commands it takes.

pub mod oidc;
pub mod rollouts;
