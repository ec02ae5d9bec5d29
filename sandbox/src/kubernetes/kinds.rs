//! The kinds a pretend cluster knows, as one table.

/// One kind of Kubernetes object and how it is served.
#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kind {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// The one version that is served and stored.
    pub version: &'static str,
    /// The name in an object's `kind`.
    pub kind: &'static str,
    /// The name in a URL.
    pub plural: &'static str,
    /// Lives in a namespace, not in the cluster as a whole.
    pub namespaced: bool,
    /// `status` is written through `/status` alone; without it, status is part of the main object.
    pub status_subresource: bool,
    /// Abbreviations that `kubectl` takes.
    pub short_names: &'static [&'static str],
}

/// Where a kind's definition comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Part of every API server.
    BuiltIn,
    /// Defined by a CustomResourceDefinition, so it may be missing.
    Custom,
}

impl Kind {
    /// What an object of this kind writes in `apiVersion`.
    pub fn api_version(&self) -> String {
        match self.group {
            "" => self.version.to_owned(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// `plural.group`, as Kubernetes names a resource in its messages.
    pub fn resource(&self) -> String {
        match self.group {
            "" => self.plural.to_owned(),
            group => format!("{}.{group}", self.plural),
        }
    }

    /// Whether this kind is part of every API server or comes with a CustomResourceDefinition.
    pub fn origin(&self) -> Origin {
        match self.group {
            "argoproj.io" | "networking.istio.io" | "kyverno.io" | "wgpolicyk8s.io" => {
                Origin::Custom
            }
            _ => Origin::BuiltIn,
        }
    }

    /// Looks a kind up by what an object says of itself.
    pub fn find(api_version: &str, kind: &str) -> Option<&'static Kind> {
        let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
        ALL.iter().copied().find(|k| k.group == group && k.version == version && k.kind == kind)
    }

    /// Looks a kind up by the words of a URL.
    pub fn find_plural(group: &str, version: &str, plural: &str) -> Option<&'static Kind> {
        ALL.iter().copied().find(|k| k.group == group && k.version == version && k.plural == plural)
    }

    /// Looks a kind up by its `plural.group` name, as a CustomResourceDefinition is named.
    pub fn find_resource(name: &str) -> Option<&'static Kind> {
        ALL.iter().copied().find(|k| k.resource() == name)
    }
}

macro_rules! kinds {
    ($($name:ident: $group:literal $version:literal $kind:literal $plural:literal $namespaced:literal $status:literal [$($short:literal),*];)*) => {
        $(
            #[doc = concat!("`", $plural, "` of group `", $group, "`.")]
            pub static $name: Kind = Kind {
                group: $group,
                version: $version,
                kind: $kind,
                plural: $plural,
                namespaced: $namespaced,
                status_subresource: $status,
                short_names: &[$($short),*],
            };
        )*
        /// Every kind a pretend cluster can serve.
        pub static ALL: &[&Kind] = &[$(&$name),*];
    };
}

//                                group version kind plural namespaced status_subresource short names
kinds! {
    NAMESPACE: "" "v1" "Namespace" "namespaces" false true ["ns"];
    NODE: "" "v1" "Node" "nodes" false true ["no"];
    POD: "" "v1" "Pod" "pods" true true ["po"];
    SERVICE: "" "v1" "Service" "services" true true ["svc"];
    SERVICE_ACCOUNT: "" "v1" "ServiceAccount" "serviceaccounts" true false ["sa"];
    CONFIG_MAP: "" "v1" "ConfigMap" "configmaps" true false ["cm"];
    SECRET: "" "v1" "Secret" "secrets" true false [];
    EVENT: "" "v1" "Event" "events" true false ["ev"];
    DEPLOYMENT: "apps" "v1" "Deployment" "deployments" true true ["deploy"];
    REPLICA_SET: "apps" "v1" "ReplicaSet" "replicasets" true true ["rs"];
    HORIZONTAL_POD_AUTOSCALER: "autoscaling" "v2" "HorizontalPodAutoscaler" "horizontalpodautoscalers" true true ["hpa"];
    POD_DISRUPTION_BUDGET: "policy" "v1" "PodDisruptionBudget" "poddisruptionbudgets" true true ["pdb"];
    NETWORK_POLICY: "networking.k8s.io" "v1" "NetworkPolicy" "networkpolicies" true false ["netpol"];
    ROLE: "rbac.authorization.k8s.io" "v1" "Role" "roles" true false [];
    ROLE_BINDING: "rbac.authorization.k8s.io" "v1" "RoleBinding" "rolebindings" true false [];
    CLUSTER_ROLE: "rbac.authorization.k8s.io" "v1" "ClusterRole" "clusterroles" false false [];
    CLUSTER_ROLE_BINDING: "rbac.authorization.k8s.io" "v1" "ClusterRoleBinding" "clusterrolebindings" false false [];
    CUSTOM_RESOURCE_DEFINITION: "apiextensions.k8s.io" "v1" "CustomResourceDefinition" "customresourcedefinitions" false true ["crd"];
    ROLLOUT: "argoproj.io" "v1alpha1" "Rollout" "rollouts" true true ["ro"];
    ANALYSIS_RUN: "argoproj.io" "v1alpha1" "AnalysisRun" "analysisruns" true false ["ar"];
    ANALYSIS_TEMPLATE: "argoproj.io" "v1alpha1" "AnalysisTemplate" "analysistemplates" true false ["at"];
    CLUSTER_ANALYSIS_TEMPLATE: "argoproj.io" "v1alpha1" "ClusterAnalysisTemplate" "clusteranalysistemplates" false false ["cat"];
    EXPERIMENT: "argoproj.io" "v1alpha1" "Experiment" "experiments" true false ["exp"];
    APPLICATION: "argoproj.io" "v1alpha1" "Application" "applications" true false ["app"];
    APP_PROJECT: "argoproj.io" "v1alpha1" "AppProject" "appprojects" true false ["appproj"];
    VIRTUAL_SERVICE: "networking.istio.io" "v1" "VirtualService" "virtualservices" true true ["vs"];
    DESTINATION_RULE: "networking.istio.io" "v1" "DestinationRule" "destinationrules" true true ["dr"];
    GATEWAY: "networking.istio.io" "v1" "Gateway" "gateways" true true ["gw"];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_own_names() {
        for kind in ALL.iter().copied() {
            assert_eq!(Kind::find(&kind.api_version(), kind.kind), Some(kind));
            assert_eq!(Kind::find_plural(kind.group, kind.version, kind.plural), Some(kind));
            assert_eq!(Kind::find_resource(&kind.resource()), Some(kind));
        }
    }

    #[test]
    fn an_unknown_version_is_no_kind() {
        assert_eq!(Kind::find("argoproj.io/v2", "Rollout"), None);
    }
}
