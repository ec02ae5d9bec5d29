//! How much of the traffic the canary is meant to get, and how much it gets.
//!
//! <https://github.com/argoproj/argo-rollouts/blob/v1.9.1/pkg/kubectl-argo-rollouts/info/rollout_info.go>

use super::{Rollout, Step};

impl Rollout {
    /// The weight asked for: of the nearest `setWeight` at or before the present step; everything
    /// once no step is left; nothing after an abort. 0 for a blue/green rollout.
    pub fn set_weight(&self) -> u32 {
        let Some(plan) = self.canary() else { return 0 };
        if self.status.abort {
            return 0;
        }
        let index = self.step_index() as usize;
        if index >= plan.steps.len() {
            return plan.max_weight;
        }
        plan.steps[..=index]
            .iter()
            .rev()
            .find_map(|step| match step {
                Step::SetWeight(weight) => Some(*weight),
                _ => None,
            })
            .unwrap_or(0)
    }

    /// The weight in force: what the traffic router was told; without a router the share of the
    /// canary's available pods. `None` when no number is known, which is not the same as 0.
    pub fn actual_weight(&self) -> Option<u32> {
        let plan = self.canary()?;
        let through = self.current_step().is_none() && !self.status.abort;
        if through || self.is_fully_promoted() {
            return Some(plan.max_weight);
        }
        if self.status.available_replicas == 0 {
            return Some(0);
        }
        if plan.traffic_routing {
            return Some(self.status.canary_weight.unwrap_or_else(|| self.set_weight()));
        }
        let canary = self.replica_set(self.status.current_pod_hash.as_deref()?)?;
        Some(share(canary.available, self.status.available_replicas, plan.max_weight))
    }

    /// A weight of this rollout in percent of all traffic; the two differ only under a
    /// `maxTrafficWeight`.
    pub fn percent(&self, weight: u32) -> u32 {
        match self.canary() {
            Some(plan) if plan.max_weight != ALL => share(weight, plan.max_weight, ALL),
            Some(_) | None => weight,
        }
    }
}

/// All of the traffic, in percent.
const ALL: u32 = 100;

/// `of * part / whole`, never more than `of`: pods are counted at different moments, so that a part
/// may seem greater than the whole.
fn share(part: u32, whole: u32, of: u32) -> u32 {
    let exact = u64::from(part) * u64::from(of) / u64::from(whole.max(1));
    u32::try_from(exact).unwrap_or(of).min(of)
}
