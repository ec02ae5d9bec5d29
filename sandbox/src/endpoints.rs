//! Where the pretend world listens, and the certificates of its clusters.

use crate::oidc::OidcEndpoint;
use anyhow::Context;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// Where everything is.
#[derive(Clone, Debug)]
pub struct Endpoints {
    /// One per cluster, in the world's order.
    pub clusters: Vec<ClusterEndpoint>,
    /// The identity provider.
    pub oidc: OidcEndpoint,
    /// The control page.
    pub control_url: String,
}

/// How to reach one cluster.
#[derive(Clone, Debug)]
pub struct ClusterEndpoint {
    /// Also the kubeconfig's context.
    pub name: String,
    /// `https://127.0.0.1:port`.
    pub url: String,
    /// Signalbox's ServiceAccount token.
    pub token: String,
    /// A token that may do everything, for `kubectl` and tests.
    pub admin_token: String,
    /// The authority that signed the API's certificate, as PEM.
    pub certificate_authority: String,
}

impl Endpoints {
    /// A kubeconfig with every cluster as a context of its name, for Signalbox's ServiceAccount.
    /// It is JSON, which is YAML.
    pub fn kubeconfig(&self) -> String {
        kubeconfig(self.clusters.iter().map(|cluster| (cluster, cluster.token.as_str())))
    }

    /// The same for a person who may do everything.
    pub fn admin_kubeconfig(&self) -> String {
        kubeconfig(self.clusters.iter().map(|cluster| (cluster, cluster.admin_token.as_str())))
    }
}

impl ClusterEndpoint {
    /// A kubeconfig for this cluster alone, for Signalbox's ServiceAccount.
    pub fn kubeconfig(&self) -> String {
        kubeconfig([(self, self.token.as_str())])
    }

    /// The same for a person who may do everything.
    pub fn admin_kubeconfig(&self) -> String {
        kubeconfig([(self, self.admin_token.as_str())])
    }
}

fn kubeconfig<'a>(clusters: impl IntoIterator<Item = (&'a ClusterEndpoint, &'a str)>) -> String {
    use base64::Engine;
    let (mut entries, mut users, mut contexts) = (Vec::new(), Vec::new(), Vec::new());
    for (cluster, token) in clusters {
        let authority =
            base64::prelude::BASE64_STANDARD.encode(cluster.certificate_authority.as_bytes());
        let name = &cluster.name;
        entries.push(json!({"name": name, "cluster": {
            "server": cluster.url, "certificate-authority-data": authority}}));
        users.push(json!({"name": name, "user": {"token": token}}));
        contexts.push(json!({"name": name, "context": {"cluster": name, "user": name}}));
    }
    let current = contexts.first().map(|context| context["name"].clone()).unwrap_or(Value::Null);
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": current,
        "clusters": entries, "users": users, "contexts": contexts,
    });
    format!("{config:#}\n")
}

/// The certificates of one sandbox: an authority of its own and one for the loopback address.
pub(crate) struct Certificates {
    pub(crate) authority: String,
    pub(crate) acceptor: TlsAcceptor,
}

pub(crate) fn certificates() -> anyhow::Result<Certificates> {
    let authority_key = KeyPair::generate().context("make the authority's key")?;
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    authority.distinguished_name.push(DnType::CommonName, "sandbox");
    let signed = authority.self_signed(&authority_key).context("sign the authority")?;

    let key = KeyPair::generate().context("make the server's key")?;
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let mut server = CertificateParams::new(names).context("name the server")?;
    server.distinguished_name.push(DnType::CommonName, "kube-apiserver");
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let issuer = Issuer::from_params(&authority, &authority_key);
    let certificate = server.signed_by(&key, &issuer).context("sign the server")?;

    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("choose TLS versions")?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .context("take the certificate")?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Certificates { authority: signed.pem(), acceptor: TlsAcceptor::from(Arc::new(config)) })
}
