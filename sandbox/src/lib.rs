//! A small pretend world that speaks the real protocols, for the demo and for tests.

pub mod clock;
pub mod kubernetes;
