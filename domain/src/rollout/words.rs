//! What Signalbox says about a rollout. Times are left out: pages set them beside the words, so
//! that a sentence changes only when its meaning does.

use super::{PauseReason, Phase, Rollout, Strategy, Wait};

impl Rollout {
    /// A few words for a cell: "Healthy", "60 %, waits for a person".
    pub fn short_words(&self) -> String {
        match self.wait() {
            Wait::Nothing => "Healthy".into(),
            Wait::Person { .. } => self.placed("waits for a person"),
            Wait::Promotion { .. } => "Preview waits for a person".into(),
            Wait::Undecided { .. } => self.placed("undecided"),
            Wait::Unpause => "Paused by hand".into(),
            Wait::Until { .. } => self.placed("paused"),
            Wait::Analysis { .. } => self.placed("analysis running"),
            Wait::Experiment => self.placed("experiment running"),
            Wait::Controller if self.is_unseen() => "Change not taken in yet".into(),
            Wait::Controller if self.status.abort => "Aborting".into(),
            Wait::Pods if self.is_first_deploy() => "First deploy".into(),
            Wait::Controller if self.reading().phase == Phase::Paused => self.placed("paused"),
            Wait::Pods | Wait::Controller => self.placed("progressing"),
            Wait::NewCommit { .. } if self.is_fully_promoted() => "Aborted".into(),
            Wait::NewCommit { .. } => match self.stable_version() {
                Some(stable) if self.is_back() => format!("Aborted, back on {}", stable.label()),
                Some(stable) => format!("Aborted, going back to {}", stable.label()),
                None => "Aborted".into(),
            },
            Wait::Repair => "Degraded".into(),
        }
    }

    /// Percent of the traffic asked for, where that says something: while a canary with steps walks
    /// them.
    fn percent_here(&self) -> Option<u32> {
        self.current_step()?;
        let walks = !self.is_first_deploy() && !self.is_fully_promoted() && !self.status.abort;
        walks.then(|| self.percent(self.set_weight()))
    }

    /// "60 %, paused", or "Paused" where no weight is worth a word.
    fn placed(&self, words: &str) -> String {
        match (self.percent_here(), words.split_at_checked(1)) {
            (Some(percent), _) => format!("{percent} %, {words}"),
            (None, Some((first, rest))) => first.to_uppercase() + rest,
            (None, None) => String::new(),
        }
    }

    /// What is going on and what will end it, in one or two sentences.
    pub fn sentence(&self) -> String {
        let reading = self.reading();
        let message = reading.message.trim_end_matches('.');
        let at = self.percent_here().map(|percent| format!(" at {percent} %")).unwrap_or_default();
        let previews = matches!(self.spec.strategy, Strategy::BlueGreen(_));
        match self.wait() {
            Wait::Nothing if self.spec.replicas == 0 => {
                "Healthy, and scaled to zero: no pod runs.".into()
            }
            Wait::Nothing => match self.desired_version() {
                Some(version) => format!("Healthy. All traffic is on {}.", version.label()),
                None => "Healthy. All traffic is on the version asked for.".into(),
            },
            Wait::Person { .. } => format!(
                "Paused{at} for a person. It goes on when someone resumes it, and goes back when someone aborts it."
            ),
            Wait::Promotion { .. } => "Paused with the new version as a preview. It takes over when someone resumes it; when someone aborts it, the active version stays.".into(),
            Wait::Undecided { .. } => format!(
                "Paused{at} because the {} could not decide. Look at what was measured, then resume or abort.",
                self.undecided()
            ),
            Wait::Unpause => "Paused by hand in the spec. Nothing goes on until someone resumes it, or Git no longer says paused.".into(),
            Wait::Until { .. } if previews => "Paused for a set time with the new version as a preview. It takes over by itself.".into(),
            Wait::Until { .. } => format!("Paused{at} for a set time. It goes on by itself."),
            Wait::Analysis { name } => format!(
                "Measuring{at}. It goes on when analysis {name} is successful, and goes back when it fails."
            ),
            Wait::Experiment => format!("Running an experiment{at}. It goes on when that ends well."),
            Wait::Controller if self.is_unseen() => "A change was asked for; the controller has not taken it in yet.".into(),
            Wait::Controller if self.status.abort => "Aborting: the controller is about to send all traffic back to the stable version.".into(),
            Wait::Pods if self.is_first_deploy() => self.first_deploy_sentence(),
            Wait::Pods => format!("Progressing{at}: {}.", or(message, "pods are becoming ready")),
            Wait::Controller => format!(
                "{}{at}: {}.",
                reading.phase.word(),
                or(message, "the controller is about to act")
            ),
            Wait::NewCommit { .. } => self.abort_sentence(message),
            Wait::Repair => format!("Degraded: {}.", or(message, "the controller gives no reason")),
        }
    }

    fn undecided(&self) -> &'static str {
        let by_experiment = self
            .status
            .pause_conditions
            .iter()
            .any(|pause| pause.reason == PauseReason::InconclusiveExperiment);
        if by_experiment { "experiment" } else { "analysis" }
    }

    fn first_deploy_sentence(&self) -> String {
        let skips = self.canary().is_some_and(|plan| !plan.steps.is_empty());
        let skipped = if skips { ", so the steps are skipped" } else { "" };
        format!(
            "First deploy. There is no stable version yet{skipped}; it is healthy once its pods are ready."
        )
    }

    /// Whether an abort has taken all traffic off the version asked for.
    fn is_back(&self) -> bool {
        match &self.spec.strategy {
            Strategy::Canary(_) => self.actual_weight() == Some(0),
            Strategy::BlueGreen(_) => self.status.active_hash == self.status.stable_hash,
        }
    }

    fn abort_sentence(&self, message: &str) -> String {
        let wanted = self.desired_version();
        let wanted = wanted.as_ref().map_or("the version asked for", |version| version.label());
        if self.is_fully_promoted() {
            return format!("Aborted when {wanted} was already fully live; nothing went back.");
        }
        let says = match message {
            "" => String::new(),
            message => format!(" The controller says: {message}."),
        };
        if self.is_first_deploy() {
            return format!(
                "Aborted on its first deploy; there is no stable version to go back to.{says} Mend it in Git."
            );
        }
        let stable = self.stable_version();
        let stable = stable.as_ref().map_or("the stable version", |version| version.label());
        let back = if self.is_back() {
            format!("all traffic is on {stable} again")
        } else {
            format!("traffic is going back to {stable}")
        };
        format!("Aborted; {back}.{says} Git still asks for {wanted}: revert that commit.")
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
