//! The pages: plain data in, markup out.
//!
//! `server::pages` gathers what a page shows into one of the structs of [`pages`]; [`document`]
//! renders all of it, [`live`] renders the parts that can change by themselves, from the same
//! components. In the browser only the islands run.
#![recursion_limit = "256"]

#[cfg(feature = "ssr")]
pub mod components;
pub mod live;
#[cfg(feature = "ssr")]
pub mod pages;
#[cfg(all(test, feature = "ssr"))]
mod sample;
#[cfg(feature = "ssr")]
mod shell;
#[cfg(feature = "ssr")]
pub mod ui;

#[cfg(feature = "ssr")]
pub use components::since::staleness;
#[cfg(feature = "ssr")]
pub use shell::{Assets, Fragment, Frame, Live, Outcome, Page, Theme, document, live, region};
