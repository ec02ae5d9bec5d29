//! Stories of the testbed itself: `cargo test -p testbed --test it`.

mod canary;
mod lifecycle;
