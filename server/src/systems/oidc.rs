//! Sign-in with an OpenID provider: code flow with PKCE, as RFC 9700 wants it.
//!
//! ```text
//! begin -> (browser at the provider) -> finish: code -> ID token, checked -> Person with groups
//! ```
//!
//! The provider may be down when the server starts: discovery is repeated until it answers, and
//! until then sign-in says so.

mod types;

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use chrono::DateTime;
use jiff::Timestamp;
use openidconnect::{
    AuthType, AuthenticationFlow, AuthorizationCode, ClientId, ClientSecret, CsrfToken, IssuerUrl,
    Nonce, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, TokenResponse as _,
    core::{CoreClientAuthMethod, CoreJwsSigningAlgorithm, CoreResponseType},
    url::{Host, Url},
};
use tokio::task::JoinHandle;
use tracing::{info, warn};

use types::{Client, IdToken, Metadata};

/// Time for one answer of the provider: a person waits for it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// The largest answer read: key sets and tokens are far smaller.
const ANSWER_LIMIT: usize = 1 << 20;

/// Discovery is tried again after this, then after twice as long, up to [`DISCOVER_AT_MOST`].
const DISCOVER_AGAIN: Duration = Duration::from_millis(500);
const DISCOVER_AT_MOST: Duration = Duration::from_secs(30);

/// A provider changes its keys now and then; each is read again this often.
const REFRESH: Duration = Duration::from_secs(15 * 60);

/// Keys are read again at once for a token signed by an unknown one, but no more often than this:
/// nobody makes us hammer the provider by sending nonsense.
const REFRESH_PAUSE: Duration = Duration::from_secs(10);

/// Signatures we take. The provider's own word on it is not asked.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 3] = [
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// Which provider, and who we are to it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// As the provider writes it, to the letter.
    pub issuer: String,
    pub client_id: String,
    /// `None` for a public client.
    pub client_secret: Option<String>,
    pub groups_claim: String,
    /// `{public_url}/auth/callback`, as registered with the provider.
    pub redirect_url: String,
}

/// Where to send a browser, and what its return must fit.
#[derive(Debug)]
pub struct Departure {
    pub url: String,
    pub state: String,
    pub nonce: String,
    pub code_verifier: String,
}

/// What the provider sent the browser back with.
#[derive(Clone, Debug)]
pub struct Return {
    pub code: String,
    /// RFC 9207.
    pub issuer: Option<String>,
    pub nonce: String,
    pub code_verifier: String,
}

/// Who signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Issuer and subject: neither alone is unique, and no name is.
    pub id: String,
    pub name: String,
    pub groups: Vec<String>,
}

/// The provider as far as it is known; clones share it.
#[derive(Clone)]
pub struct Login(Arc<Shared>);

struct Shared {
    settings: Settings,
    http: reqwest::Client,
    known: RwLock<Known>,
    reading: tokio::sync::Mutex<Option<tokio::time::Instant>>,
    discovery: std::sync::OnceLock<Ended>,
}

#[derive(Clone)]
enum Known {
    /// Why it is not known yet.
    Not(String),
    Provider(Arc<Provider>),
}

struct Provider {
    client: Client,
    authorization: Url,
    must_name_issuer: bool,
}

/// A task that ends with its owner.
struct Ended(JoinHandle<()>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Login {
    /// Checks the settings and begins to look for the provider, without waiting for it.
    pub fn start(settings: Settings) -> Result<Self> {
        check_issuer(&settings.issuer)?;
        RedirectUrl::new(settings.redirect_url.clone()).context("read the redirect URL")?;
        let http = reqwest::Client::builder()
            // A redirect would let whoever answers choose whom we ask next.
            .redirect(reqwest::redirect::Policy::none())
            .timeout(ANSWER_TIMEOUT)
            .build()
            .context("set up the client for the sign-in provider")?;
        let login = Self(Arc::new(Shared {
            settings,
            http,
            known: RwLock::new(Known::Not("it has not answered yet".into())),
            reading: tokio::sync::Mutex::new(None),
            discovery: std::sync::OnceLock::new(),
        }));
        let shared = Arc::downgrade(&login.0);
        let task = tokio::spawn(async move {
            let mut wait = DISCOVER_AGAIN;
            while let Some(shared) = shared.upgrade() {
                let pause = match shared.discover().await {
                    Ok(()) => {
                        wait = DISCOVER_AGAIN;
                        REFRESH
                    }
                    Err(error) => {
                        warn!("the sign-in provider was not read: {error:#}");
                        let pause = wait;
                        wait = (wait * 2).min(DISCOVER_AT_MOST);
                        pause
                    }
                };
                drop(shared);
                tokio::time::sleep(pause).await;
            }
        });
        let _ = login.0.discovery.set(Ended(task));
        Ok(login)
    }

    /// The origin browsers are sent to, or why there is none.
    pub fn authorization_origin(&self) -> Result<String, String> {
        Ok(self.provider()?.authorization.origin().ascii_serialization())
    }

    /// Where to send a browser; an error says why sign-in is not possible now.
    pub fn begin(&self) -> Result<Departure, String> {
        let provider = self.provider()?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (url, state, nonce) = provider
            .client
            .authorize_url(
                AuthenticationFlow::<CoreResponseType>::AuthorizationCode,
                || CsrfToken::new_random_len(32),
                || Nonce::new_random_len(32),
            )
            .add_scope(Scope::new("profile".into()))
            .add_scope(Scope::new("email".into()))
            .set_pkce_challenge(challenge)
            .url();
        Ok(Departure {
            url: url.into(),
            state: state.secret().clone(),
            nonce: nonce.secret().clone(),
            code_verifier: verifier.secret().clone(),
        })
    }

    /// Redeems the code and checks what comes for it.
    pub async fn finish(&self, back: Return, now: Timestamp) -> Result<Person> {
        let provider = self.provider().map_err(anyhow::Error::msg)?;
        check_named_issuer(
            back.issuer.as_deref(),
            &self.0.settings.issuer,
            provider.must_name_issuer,
        )?;
        let http = &self.0.http;
        let answer = provider
            .client
            .exchange_code(AuthorizationCode::new(back.code))
            .context("the provider names no token endpoint")?
            .set_pkce_verifier(PkceCodeVerifier::new(back.code_verifier))
            .request_async(&|request| ask(http.clone(), request))
            .await
            .context("redeem the code")?;
        let token = answer.id_token().context("the provider sent no ID token")?;
        let nonce = Nonce::new(back.nonce);
        match self.person(&provider, token, &nonce, now) {
            Ok(person) => Ok(person),
            Err(first) => {
                // Perhaps it is signed with a key that is newer than our set.
                if !self.0.discover_soon().await {
                    return Err(first);
                }
                let provider = self.provider().map_err(anyhow::Error::msg)?;
                self.person(&provider, token, &nonce, now)
            }
        }
    }

    fn person(
        &self,
        provider: &Provider,
        token: &IdToken,
        nonce: &Nonce,
        now: Timestamp,
    ) -> Result<Person> {
        let now = DateTime::from_timestamp(now.as_second(), 0).context("read the time")?;
        let verifier = provider
            .client
            .id_token_verifier()
            .set_allowed_algs(ALGORITHMS)
            .set_time_fn(move || now);
        let claims = token.claims(&verifier, nonce).context("check the ID token")?;
        let subject = claims.subject().as_str();
        let name = claims
            .name()
            .and_then(|name| name.get(None))
            .map(|name| name.as_str())
            .or_else(|| claims.preferred_username().map(|name| name.as_str()))
            .or_else(|| claims.email().map(|email| email.as_str()))
            .unwrap_or(subject);
        Ok(Person {
            id: format!("{}#{subject}", self.0.settings.issuer),
            name: name.to_owned(),
            groups: claims.additional_claims().groups(&self.0.settings.groups_claim),
        })
    }

    fn provider(&self) -> Result<Arc<Provider>, String> {
        match &*self.0.known.read().unwrap_or_else(PoisonError::into_inner) {
            Known::Provider(provider) => Ok(Arc::clone(provider)),
            Known::Not(why) => Err(format!("The sign-in provider does not answer: {why}.")),
        }
    }
}

impl Shared {
    async fn discover(&self) -> Result<()> {
        let mut last = self.reading.lock().await;
        let read = self.read_provider().await;
        *last = Some(tokio::time::Instant::now());
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok(provider) => {
                if matches!(*known, Known::Not(_)) {
                    info!(issuer = self.settings.issuer, "the sign-in provider answers");
                }
                *known = Known::Provider(Arc::new(provider));
                Ok(())
            }
            Err(error) => {
                // One that was known stays known: a hiccup must not lock people out.
                if let Known::Not(why) = &mut *known {
                    *why = format!("{}", error.root_cause());
                }
                Err(error)
            }
        }
    }

    /// Reads the provider again unless that was done a moment ago; whether it was read.
    async fn discover_soon(&self) -> bool {
        let last = *self.reading.lock().await;
        if last.is_some_and(|last| last.elapsed() < REFRESH_PAUSE) {
            return false;
        }
        self.discover().await.is_ok()
    }

    async fn read_provider(&self) -> Result<Provider> {
        let settings = &self.settings;
        let issuer = IssuerUrl::new(settings.issuer.clone()).context("read the issuer")?;
        // It refuses a document that names another issuer.
        let metadata = Metadata::discover_async(issuer, &|request| ask(self.http.clone(), request))
            .await
            .context("read the provider's configuration")?;
        let authorization = metadata.authorization_endpoint().url().clone();
        check_address(&authorization)?;
        let must_name_issuer = metadata.additional_metadata().names_issuer;
        let takes_post_only =
            metadata.token_endpoint_auth_methods_supported().is_some_and(|methods| {
                !methods.contains(&CoreClientAuthMethod::ClientSecretBasic)
                    && methods.contains(&CoreClientAuthMethod::ClientSecretPost)
            });
        if let Some(token) = metadata.token_endpoint() {
            check_address(token.url())?;
        }
        let secret = settings.client_secret.clone().map(ClientSecret::new);
        let client = types::client(
            metadata,
            ClientId::new(settings.client_id.clone()),
            secret,
            RedirectUrl::new(settings.redirect_url.clone()).context("read the redirect URL")?,
        );
        let client =
            if takes_post_only { client.set_auth_type(AuthType::RequestBody) } else { client };
        Ok(Provider { client, authorization, must_name_issuer })
    }
}

/// HTTP for the login library, whose own client is another version of ours.
async fn ask(
    http: reqwest::Client,
    request: openidconnect::HttpRequest,
) -> Result<openidconnect::HttpResponse, AskError> {
    let (parts, body) = request.into_parts();
    let mut answer = http
        .request(parts.method, parts.uri.to_string())
        .headers(parts.headers)
        .body(body)
        .send()
        .await?;
    let mut response = openidconnect::http::Response::new(vec![]);
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    while let Some(chunk) = answer.chunk().await? {
        if response.body().len() + chunk.len() > ANSWER_LIMIT {
            return Err(AskError::TooLong);
        }
        response.body_mut().extend_from_slice(&chunk);
    }
    Ok(response)
}

#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error("{0}")]
    Http(#[from] reqwest::Error),
    #[error("the answer is longer than {ANSWER_LIMIT} bytes")]
    TooLong,
}

/// `https`, or `http` on this machine: elsewhere whoever sits on the way could sign in as anybody.
fn check_address(url: &Url) -> Result<()> {
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback => Ok(()),
        _ => bail!("{url}: expected https, or http on this machine"),
    }
}

fn check_issuer(issuer: &str) -> Result<()> {
    let url =
        Url::parse(issuer).with_context(|| format!("oidc.issuer {issuer:?}: expected a URL"))?;
    check_address(&url).context("oidc.issuer")
}

/// RFC 9207: an answer of another provider is not taken for one of ours.
fn check_named_issuer(named: Option<&str>, ours: &str, must_be: bool) -> Result<()> {
    match named {
        Some(named) => ensure!(named == ours, "the answer came from another provider, {named:?}"),
        None => ensure!(!must_be, "the answer does not say which provider it came from"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_taken_on_this_machine_only() {
        let table = [
            ("https://login.example", true),
            ("http://127.0.0.1:9000", true),
            ("http://[::1]:9000", true),
            ("http://localhost:9000/realm", true),
            ("http://login.example", false),
            ("http://localhost.example", false),
            ("http://10.0.0.1", false),
            ("ftp://127.0.0.1", false),
            ("login.example", false),
        ];
        for (issuer, good) in table {
            assert_eq!(check_issuer(issuer).is_ok(), good, "{issuer}");
        }
    }

    #[test]
    fn an_answer_of_another_provider_is_refused() {
        let ours = "https://login.example";
        assert!(check_named_issuer(Some(ours), ours, true).is_ok());
        assert!(check_named_issuer(None, ours, false).is_ok());
        assert!(check_named_issuer(None, ours, true).is_err());
        assert!(check_named_issuer(Some("https://login.example/"), ours, false).is_err());
        assert!(check_named_issuer(Some("https://evil.example"), ours, false).is_err());
    }

    #[tokio::test]
    async fn a_provider_that_is_down_is_said_so_and_does_not_stop_the_start() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let login = Login::start(Settings {
            issuer: "http://127.0.0.1:1".into(),
            client_id: "signalbox".into(),
            client_secret: None,
            groups_claim: "groups".into(),
            redirect_url: "http://127.0.0.1:8080/auth/callback".into(),
        })
        .unwrap();
        let why = login.begin().unwrap_err();
        assert!(why.contains("does not answer"), "{why}");
    }
}
