//! Stories told against the pretend world, and the gates a build must keep.

mod bad_canary;
mod browser;
mod canary;
mod edges;
mod gates;
mod http;
mod outages;
mod pages;
mod rooms;
mod told;
mod troubles;
mod world;
