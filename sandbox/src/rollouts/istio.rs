//! Where requests go: selectors of Services, and weights of Istio VirtualServices split by host
//! (<https://github.com/argoproj/argo-rollouts/blob/v1.9.1/rollout/trafficrouting/istio/istio.go>).

use super::canary::{canary, current_step, max_weight};
use super::pass::{HASH_LABEL, Pass, Write, find_named};
use super::types::{Canary, HeaderRoute};
use crate::kubernetes::kinds;
use serde_json::{Value, json};

const MANAGED_BY: &str = "argo-rollouts.argoproj.io/managed-by-rollouts";

/// Points a Service at one ReplicaSet, if that one can answer.
pub(crate) fn point_service(pass: &mut Pass, name: &str, index: usize) {
    let Some(service) = find_named(pass.children, "Service", name) else { return };
    let set = &pass.sets[index];
    let is_adopted = service["metadata"]["annotations"][MANAGED_BY].is_string();
    let can_answer = if is_adopted { set.available > 0 } else { set.is_available() };
    if can_answer {
        switch_service(pass, name, &set.hash.clone());
    }
}

/// Writes the hash into a Service's selector, whatever the pods are doing.
pub(crate) fn switch_service(pass: &mut Pass, name: &str, hash: &str) {
    let Some(service) = find_named(pass.children, "Service", name) else { return };
    if service["spec"]["selector"][HASH_LABEL] == hash {
        return;
    }
    let patch = json!({
        "metadata": {"annotations": {MANAGED_BY: pass.rollout.metadata.name}},
        "spec": {"selector": {HASH_LABEL: hash}},
    });
    pass.writes.push(Write::Patch { kind: &kinds::SERVICE, name: name.to_owned(), patch });
}

/// The hash in a Service's selector; empty without one.
pub(crate) fn selected_hash(pass: &Pass, name: &str) -> String {
    let service = find_named(pass.children, "Service", name);
    let hash = service.and_then(|service| service["spec"]["selector"][HASH_LABEL].as_str());
    hash.unwrap_or_default().to_owned()
}

/// Writes the canary's weight, and the rest for the stable one, into the managed routes.
pub(crate) fn set_weight(pass: &mut Pass, weight: i32) {
    let Some(canary) = canary(pass) else { return };
    let istio = canary.traffic_routing.as_ref().and_then(|routing| routing.istio.as_ref());
    let Some(reference) = istio.and_then(|istio| istio.virtual_service.clone()) else { return };
    let Some(service) = find_named(pass.children, "VirtualService", &reference.name) else {
        return;
    };
    let before = service["spec"]["http"].as_array().cloned().unwrap_or_default();
    let mut http = before.clone();
    for route in &mut http {
        if reference.routes.is_empty() || reference.routes.iter().any(|name| route["name"] == *name)
        {
            weigh(route, canary, weight, max_weight(pass));
        }
    }
    set_header_routes(pass, canary, &mut http);
    if http != before {
        let patch = json!({"spec": {"http": http}});
        let name = reference.name;
        pass.writes.push(Write::Patch { kind: &kinds::VIRTUAL_SERVICE, name, patch });
    }
}

/// A destination belongs to a Service if the first label of its host is the Service's name.
fn weigh(route: &mut Value, canary: &Canary, weight: i32, max: i32) {
    for destination in route["route"].as_array_mut().into_iter().flatten() {
        let host = destination["destination"]["host"].as_str().unwrap_or_default();
        let first = host.split('.').next().unwrap_or_default();
        if first == canary.canary_service {
            destination["weight"] = json!(weight);
        } else if first == canary.stable_service {
            destination["weight"] = json!(max - weight);
        }
    }
}

/// The routes for marked requests come first while the update runs, and go with its end.
fn set_header_routes(pass: &Pass, canary: &Canary, http: &mut Vec<Value>) {
    let managed = canary.traffic_routing.iter().flat_map(|routing| &routing.managed_routes);
    let is_managed = |route: &Value| managed.clone().any(|name| route["name"] == name.name);
    if pass.is_fully_promoted() || pass.is_aborted() || pass.was().promote_full {
        http.retain(|route| !is_managed(route));
        return;
    }
    let Some(step) = current_step(pass).and_then(|step| step.set_header_route.as_ref()) else {
        return;
    };
    http.retain(|route| route["name"] != step.name);
    if !step.matches.is_empty() {
        http.insert(0, header_route(step, canary));
    }
}

fn header_route(step: &HeaderRoute, canary: &Canary) -> Value {
    let matches = step.matches.iter().map(|one| {
        let header = one["headerName"].as_str().unwrap_or_default();
        json!({"headers": {header: one["headerValue"]}})
    });
    json!({
        "name": step.name,
        "match": matches.collect::<Vec<_>>(),
        "route": [{"destination": {"host": canary.canary_service}, "weight": 100}],
    })
}
