//! What is shown when a page cannot be: not found, not allowed, broken.

/// A problem in words.
#[derive(Clone, Debug)]
pub struct ProblemPage {
    /// HTTP status.
    pub status: u16,
    pub title: String,
    /// What was expected and what to do.
    pub detail: String,
}
