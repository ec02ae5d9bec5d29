//! Why something is not possible now.

use domain::rules::{Refusal, Rule};

/// The sentence to show beside an action. That an abort needs a reason is no refusal yet: the form
/// asks for it.
pub(crate) fn sentence(refusal: Option<&Refusal>) -> Option<String> {
    refusal.filter(|refusal| refusal.rule != Rule::Reason).map(|refusal| refusal.sentence.clone())
}

/// Whether it will not pass by waiting: then there is nothing to type either.
pub(crate) fn is_for_good(refusal: Option<&Refusal>) -> bool {
    refusal.is_some_and(|refusal| match refusal.rule {
        Rule::Visible | Rule::Role => true,
        Rule::Reason | Rule::Fresh | Rule::Unmoved | Rule::State => false,
    })
}
