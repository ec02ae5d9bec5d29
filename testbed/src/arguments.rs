//! The command lines of the systems: loopback only, ports of our own, nothing shared.

use std::path::Path;

use crate::pki::Pki;
use crate::port::{self, Port};

/// The ports of one testbed, its own for as long as it lives.
#[derive(Debug)]
pub(crate) struct Ports {
    etcd: Port,
    etcd_peer: Port,
    apiserver: Port,
    controller_manager: Port,
    rollouts_metrics: Port,
    rollouts_health: Port,
}

impl Ports {
    pub(crate) fn claim() -> anyhow::Result<Ports> {
        Ok(Ports {
            etcd: port::claim()?,
            etcd_peer: port::claim()?,
            apiserver: port::claim()?,
            controller_manager: port::claim()?,
            rollouts_metrics: port::claim()?,
            rollouts_health: port::claim()?,
        })
    }

    /// Where the Kubernetes API is served.
    pub(crate) fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.apiserver.number)
    }

    /// Where the Rollouts controller says over plain HTTP that it works.
    pub(crate) fn rollouts_health(&self) -> u16 {
        self.rollouts_health.number
    }
}

/// <https://etcd.io/docs/v3.6/op-guide/configuration/>
pub(crate) fn etcd(ports: &Ports, data: &Path) -> Vec<String> {
    let client = format!("http://127.0.0.1:{}", ports.etcd.number);
    let peer = format!("http://127.0.0.1:{}", ports.etcd_peer.number);
    vec![
        "--name=testbed".to_owned(),
        format!("--data-dir={}", data.display()),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=testbed={peer}"),
        // A crash of the machine ends the testbed anyway.
        "--unsafe-no-fsync".to_owned(),
    ]
}

/// <https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/>
pub(crate) fn kube_apiserver(ports: &Ports, pki: &Pki) -> Vec<String> {
    vec![
        format!("--etcd-servers=http://127.0.0.1:{}", ports.etcd.number),
        "--bind-address=127.0.0.1".to_owned(),
        "--advertise-address=127.0.0.1".to_owned(),
        format!("--secure-port={}", ports.apiserver.number),
        format!("--tls-cert-file={}", pki.admin_cert.display()),
        format!("--tls-private-key-file={}", pki.admin_key.display()),
        format!("--client-ca-file={}", pki.ca.display()),
        format!("--service-account-key-file={}", pki.token_public_key.display()),
        format!("--service-account-signing-key-file={}", pki.token_key.display()),
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local".to_owned(),
        "--authorization-mode=Node,RBAC".to_owned(),
        "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
        "--allow-privileged=true".to_owned(),
    ]
}

/// <https://kubernetes.io/docs/reference/command-line-tools-reference/kube-controller-manager/>
pub(crate) fn controller_manager(ports: &Ports, pki: &Pki, kubeconfig: &Path) -> Vec<String> {
    vec![
        format!("--kubeconfig={}", kubeconfig.display()),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--secure-port={}", ports.controller_manager.number),
        format!("--root-ca-file={}", pki.ca.display()),
        format!("--service-account-private-key-file={}", pki.token_key.display()),
        "--use-service-account-credentials".to_owned(),
        "--leader-elect=false".to_owned(),
        // What deployments and releases need; the rest would only take memory.
        "--controllers=deployment,replicaset,serviceaccount,serviceaccount-token,namespace,\
         garbagecollector,endpointslice,horizontalpodautoscaling"
            .to_owned(),
    ]
}

/// <https://argo-rollouts.readthedocs.io/en/stable/installation/>
pub(crate) fn rollouts_controller(ports: &Ports, kubeconfig: &Path) -> Vec<String> {
    vec![
        format!("--kubeconfig={}", kubeconfig.display()),
        "--leader-elect=false".to_owned(),
        format!("--metricsPort={}", ports.rollouts_metrics.number),
        format!("--healthzPort={}", ports.rollouts_health.number),
    ]
}
