//! `/sign-in`: the one thing to do before anything else.

/// What is offered.
#[derive(Clone, Debug)]
pub struct SignInPage {
    /// Where to go afterwards: a path on this server.
    pub then: String,
    /// Why one is here, if it is not obvious: "Your session ended".
    pub note: Option<String>,
}
