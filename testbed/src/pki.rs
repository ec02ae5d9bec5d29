//! The certificates of one testbed: made when it starts, gone with its folder.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};

/// Files of the testbed's own certificate authority and of what it signed.
#[derive(Debug)]
pub(crate) struct Pki {
    pub(crate) ca: PathBuf,
    /// Serves the API and, as a client, is `admin` of `system:masters`.
    pub(crate) admin_cert: PathBuf,
    pub(crate) admin_key: PathBuf,
    /// Signs the tokens of ServiceAccounts.
    pub(crate) token_key: PathBuf,
    pub(crate) token_public_key: PathBuf,
}

pub(crate) fn create(folder: &Path) -> anyhow::Result<Pki> {
    let mut authority = CertificateParams::default();
    authority.distinguished_name = name("testbed", None);
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    let ca_key = KeyPair::generate().context("make the authority's key")?;
    let ca = authority.self_signed(&ca_key).context("sign the authority")?;
    let issuer = Issuer::new(authority, ca_key);

    let hosts = ["127.0.0.1", "localhost"].map(str::to_owned);
    let mut admin = CertificateParams::new(hosts).context("name the hosts")?;
    admin.distinguished_name = name("admin", Some("system:masters"));
    admin.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    admin.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let admin_key = KeyPair::generate().context("make the admin's key")?;
    let admin_cert = admin.signed_by(&admin_key, &issuer).context("sign the admin")?;
    let token_key = KeyPair::generate().context("make the key of the tokens")?;

    let file = |name: &str, text: String| {
        let path = folder.join(name);
        write_secret(&path, &text).map(|()| path)
    };
    Ok(Pki {
        ca: file("ca.crt", ca.pem())?,
        admin_cert: file("admin.crt", admin_cert.pem())?,
        admin_key: file("admin.key", admin_key.serialize_pem())?,
        token_key: file("tokens.key", token_key.serialize_pem())?,
        token_public_key: file("tokens.pub", token_key.public_key_pem())?,
    })
}

/// Writes a file only its owner can read.
pub(crate) fn write_secret(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(path).with_context(|| format!("create {}", path.display()))?;
    file.write_all(text.as_bytes()).with_context(|| format!("write {}", path.display()))
}

fn name(common: &str, organization: Option<&str>) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    if let Some(organization) = organization {
        name.push(DnType::OrganizationName, organization);
    }
    name
}
