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
        if self.current_step().is_none() && !self.status.abort {
            return Some(plan.max_weight);
        }
        if self.status.available_replicas == 0 {
            return Some(0);
        }
        if plan.traffic_routing {
            return Some(self.status.canary_weight.unwrap_or_else(|| self.set_weight()));
        }
        if self.is_fully_promoted() {
            return Some(plan.max_weight);
        }
        let canary = self.replica_set(self.status.current_pod_hash.as_deref()?)?;
        Some(canary.available * plan.max_weight / self.status.available_replicas)
    }
}
