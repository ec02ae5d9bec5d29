//! What Signalbox says about a rollout. Times are left out: pages set them beside the words, so
//! that a sentence changes only when its meaning does.

use super::{Phase, Rollout, Strategy, Wait};

impl Rollout {
    /// A few words for a cell: "Healthy", "60 %, waits for a person".
    pub fn short_words(&self) -> String {
        let at = self.weight_words();
        match self.wait() {
            Wait::Nothing => "Healthy".into(),
            Wait::Person { .. } => format!("{at}waits for a person"),
            Wait::Promotion { .. } => "Preview waits for a person".into(),
            Wait::Undecided { .. } => format!("{at}undecided"),
            Wait::Unpause => "Paused by hand".into(),
            Wait::Until { .. } => format!("{at}paused"),
            Wait::Analysis { .. } => format!("{at}analysis running"),
            Wait::Experiment => format!("{at}experiment running"),
            Wait::Pods if self.is_first_deploy() => "First deploy".into(),
            Wait::Pods | Wait::Controller => format!("{at}progressing"),
            Wait::NewCommit { .. } => match self.stable_version() {
                Some(stable) => format!("Aborted, back on {}", stable.label()),
                None => "Aborted".into(),
            },
            Wait::Repair => "Degraded".into(),
        }
    }

    fn weight_words(&self) -> String {
        match &self.spec.strategy {
            Strategy::Canary(plan) if !plan.steps.is_empty() && !self.is_first_deploy() => {
                format!("{} %, ", self.set_weight())
            }
            Strategy::Canary(_) | Strategy::BlueGreen(_) => String::new(),
        }
    }

    /// What is going on and what will end it, in one or two sentences.
    pub fn sentence(&self) -> String {
        let reading = self.reading();
        let at = match &self.spec.strategy {
            Strategy::Canary(_) if !self.is_first_deploy() => {
                format!(" at {} %", self.set_weight())
            }
            Strategy::Canary(_) | Strategy::BlueGreen(_) => String::new(),
        };
        match self.wait() {
            Wait::Nothing => match self.desired_version() {
                Some(version) => format!("Healthy. All traffic is on {}.", version.label()),
                None => "Healthy. All traffic is on the version asked for.".into(),
            },
            Wait::Person { .. } => format!(
                "Paused{at} for a person. It goes on when someone resumes it, and goes back when someone aborts it."
            ),
            Wait::Promotion { .. } => "Paused with the new version as a preview. It takes over when someone resumes it; abort takes the preview away.".into(),
            Wait::Undecided { .. } => format!(
                "Paused{at} because the analysis could not decide. Look at its measurements, then resume or abort."
            ),
            Wait::Unpause => "Paused by hand in the spec. It goes on when someone resumes it, or when Git no longer says paused.".into(),
            Wait::Until { .. } => format!("Paused{at} for a set time. It goes on by itself."),
            Wait::Analysis { name } => format!(
                "Measuring{at}. It goes on when analysis {name} is successful, and goes back when it fails."
            ),
            Wait::Experiment => format!("Running an experiment{at}. It goes on when that ends well."),
            Wait::Pods if self.is_first_deploy() => {
                "First deploy. There is no stable version yet, so the steps are skipped; it is healthy once its pods are ready.".into()
            }
            Wait::Pods => format!("Progressing{at}: {}.", or(&reading.message, "pods are becoming ready")),
            Wait::Controller => format!("Progressing{at}: {}.", or(&reading.message, "the controller is about to act")),
            Wait::NewCommit { .. } => self.abort_sentence(&reading.message),
            Wait::Repair => format!("Degraded: {}.", or(&reading.message, "the controller gives no reason").trim_end_matches('.')),
        }
    }

    fn abort_sentence(&self, message: &str) -> String {
        let back = match self.stable_version() {
            Some(stable) => format!("all traffic is on {} again", stable.label()),
            None => "all traffic is on the stable version again".into(),
        };
        let wanted = match self.desired_version() {
            Some(version) => {
                format!(" Git still asks for {}: revert that commit, or retry.", version.label())
            }
            None => " Revert the commit in Git, or retry.".into(),
        };
        match message {
            "" => format!("Aborted; {back}.{wanted}"),
            message => {
                format!(
                    "Aborted; {back}. The controller says: {}.{wanted}",
                    message.trim_end_matches('.')
                )
            }
        }
    }

    /// Whether this stands among what needs a person first, and how urgently (lower is sooner).
    pub fn attention(&self) -> Option<u8> {
        match (self.reading().phase, self.wait()) {
            (Phase::Degraded, _) => Some(0),
            (_, Wait::Undecided { .. }) => Some(1),
            (_, Wait::Person { .. } | Wait::Promotion { .. }) => Some(2),
            (_, Wait::Unpause) => Some(3),
            _ => None,
        }
    }
}

fn or<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.is_empty() { otherwise } else { text }
}
