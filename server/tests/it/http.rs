//! Clients of the stories: a program with a token, a person with a session, a tab's event stream.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use futures::StreamExt;
use reqwest::{Method, RequestBuilder, Response, StatusCode, header, redirect::Policy};
use serde_json::Value;

/// How long an answer or an event may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A plain client that follows no redirect.
pub(crate) fn plain() -> reqwest::Client {
    reqwest::Client::builder().redirect(Policy::none()).build().expect("a client without options")
}

/// A program with an API token.
#[derive(Clone)]
pub(crate) struct Program {
    client: reqwest::Client,
    base: String,
    token: String,
}

impl Program {
    pub(crate) fn new(base: &str, token: &str) -> Self {
        Self { client: plain(), base: base.to_owned(), token: token.to_owned() }
    }

    /// A request to a path of the server, with the token.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token)
    }

    pub(crate) async fn get(&self, path: &str) -> Result<(StatusCode, Value)> {
        answer(self.request(Method::GET, path).send().await?).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<(StatusCode, Value)> {
        answer(self.request(Method::POST, path).json(body).send().await?).await
    }

    /// Opens a stream of server-sent events.
    pub(crate) async fn events(&self, path: &str) -> Result<Events> {
        Events::open(self.request(Method::GET, path)).await
    }
}

async fn answer(response: Response) -> Result<(StatusCode, Value)> {
    let status = response.status();
    let text = response.text().await?;
    let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Ok((status, value))
}

/// A person's browser without script: cookies, redirects followed by hand, plain forms.
pub(crate) struct Person {
    client: reqwest::Client,
    base: String,
    /// By host and port, then by name.
    cookies: BTreeMap<String, BTreeMap<String, String>>,
}

/// What a person ends up looking at.
pub(crate) struct Seen {
    pub(crate) status: StatusCode,
    pub(crate) url: reqwest::Url,
    pub(crate) html: String,
}

impl Person {
    pub(crate) fn new(base: &str) -> Self {
        Self { client: plain(), base: base.to_owned(), cookies: BTreeMap::new() }
    }

    /// Goes through the provider's page and picks a role there.
    pub(crate) async fn sign_in(base: &str, role: &str) -> Result<Self> {
        let mut person = Self::new(base);
        let seen = person.form("/auth/start", &[("then", "/")]).await?;
        let fields = hidden_fields(&seen.html);
        let action = attribute(&seen.html, "action").unwrap_or_default();
        let url = seen.url.join(&action)?;
        let mut form: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        form.retain(|(name, _)| *name != "role");
        form.push(("role", role));
        let seen = person.send(Method::POST, url, Some(&form)).await?;
        ensure!(
            seen.status.is_success() && seen.url.as_str().starts_with(base),
            "sign-in as {role} ended at {} with {}: {}",
            seen.url,
            seen.status,
            seen.html
        );
        Ok(person)
    }

    pub(crate) async fn get(&mut self, path: &str) -> Result<Seen> {
        let url = reqwest::Url::parse(&format!("{}{path}", self.base))?;
        self.send(Method::GET, url, None).await
    }

    /// Sends a form as a browser does from a page of this server.
    pub(crate) async fn form(&mut self, path: &str, fields: &[(&str, &str)]) -> Result<Seen> {
        let url = reqwest::Url::parse(&format!("{}{path}", self.base))?;
        self.send(Method::POST, url, Some(fields)).await
    }

    /// A GET of this person's without following anything, for headers and exact bytes.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.base);
        let host = host_of(&reqwest::Url::parse(&url).expect("a valid address"));
        let mut request = self.client.request(method, url);
        if let Some(cookies) = self.cookie_header(&host) {
            request = request.header(header::COOKIE, cookies);
        }
        request
    }

    /// A tab's event stream for a page.
    pub(crate) async fn live(&self, view: &str, version: &str) -> Result<Events> {
        let view: String = view.bytes().map(|byte| format!("%{byte:02X}")).collect();
        Events::open(self.request(Method::GET, &format!("/events?view={view}&version={version}")))
            .await
    }

    async fn send(
        &mut self,
        method: Method,
        url: reqwest::Url,
        form: Option<&[(&str, &str)]>,
    ) -> Result<Seen> {
        let (mut method, mut url, mut form) = (method, url, form);
        for _ in 0..10 {
            let mut request = self.client.request(method.clone(), url.clone());
            request = request.header(header::ACCEPT, "text/html");
            if let Some(cookies) = self.cookie_header(&host_of(&url)) {
                request = request.header(header::COOKIE, cookies);
            }
            if method == Method::POST {
                let origin = url.origin().ascii_serialization();
                request =
                    request.header(header::ORIGIN, origin).header("sec-fetch-site", "same-origin");
            }
            if let Some(fields) = form {
                request = request.form(fields);
            }
            let response = request.send().await?;
            self.keep_cookies(&host_of(&url), &response);
            let location = response.headers().get(header::LOCATION).cloned();
            match location {
                Some(location) if response.status().is_redirection() => {
                    url = url.join(location.to_str()?)?;
                    (method, form) = (Method::GET, None);
                }
                _ => {
                    let status = response.status();
                    return Ok(Seen { status, url, html: response.text().await? });
                }
            }
        }
        bail!("more than ten redirects, last to {url}")
    }

    fn keep_cookies(&mut self, host: &str, response: &Response) {
        for value in response.headers().get_all(header::SET_COOKIE) {
            let Ok(text) = value.to_str() else { continue };
            let pair = text.split(';').next().unwrap_or_default();
            let Some((name, value)) = pair.split_once('=') else { continue };
            let jar = self.cookies.entry(host.to_owned()).or_default();
            if value.is_empty() || text.to_ascii_lowercase().contains("max-age=0") {
                jar.remove(name);
            } else {
                jar.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    fn cookie_header(&self, host: &str) -> Option<String> {
        let jar = self.cookies.get(host).filter(|jar| !jar.is_empty())?;
        Some(
            jar.iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>()
                .join("; "),
        )
    }
}

fn host_of(url: &reqwest::Url) -> String {
    format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(0))
}

/// The value of the first attribute of this name.
pub(crate) fn attribute(html: &str, name: &str) -> Option<String> {
    let start = html.find(&format!("{name}=\""))? + name.len() + 2;
    let end = html[start..].find('"')? + start;
    Some(unescape(&html[start..end]))
}

/// Names and values of hidden inputs.
pub(crate) fn hidden_fields(html: &str) -> Vec<(String, String)> {
    html.split("<input")
        .skip(1)
        .filter_map(|rest| rest.split_once('>').map(|(tag, _)| tag))
        .filter(|tag| attribute(tag, "type").as_deref() == Some("hidden"))
        .filter_map(|tag| {
            Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default()))
        })
        .collect()
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#x27;", "'")
        .replace("&amp;", "&")
}

/// One server-sent event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) id: Option<String>,
    pub(crate) data: String,
    /// Bytes of the whole frame on the wire.
    pub(crate) bytes: usize,
}

/// A stream of server-sent events.
pub(crate) struct Events {
    body: futures::stream::BoxStream<'static, reqwest::Result<Vec<u8>>>,
    buffer: Vec<u8>,
}

impl Events {
    async fn open(request: RequestBuilder) -> Result<Self> {
        let response = request.header(header::ACCEPT, "text/event-stream").send().await?;
        let status = response.status();
        if !status.is_success() {
            bail!("the event stream answered {status}: {}", response.text().await?);
        }
        let body = response.bytes_stream().map(|chunk| chunk.map(|bytes| bytes.to_vec())).boxed();
        Ok(Self { body, buffer: vec![] })
    }

    /// The next event; comments that keep the connection alive are passed over.
    pub(crate) async fn next(&mut self) -> Result<Event> {
        tokio::time::timeout(PATIENCE, self.read()).await.context("no event in time")?
    }

    /// The next event that fits.
    pub(crate) async fn next_where(&mut self, fits: impl Fn(&Event) -> bool) -> Result<Event> {
        let wait = async {
            loop {
                let event = self.read().await?;
                if fits(&event) {
                    return Ok(event);
                }
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.context("no such event in time")?
    }

    /// Whether no event that fits comes for so long; an end of the stream is no event.
    pub(crate) async fn is_quiet_for(
        &mut self,
        length: Duration,
        fits: impl Fn(&Event) -> bool,
    ) -> bool {
        let seen = async {
            loop {
                match self.read().await {
                    Ok(event) if fits(&event) => return,
                    Ok(_) => {}
                    Err(_) => std::future::pending().await,
                }
            }
        };
        tokio::time::timeout(length, seen).await.is_err()
    }

    async fn read(&mut self) -> Result<Event> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\n\n") {
                let frame: Vec<u8> = self.buffer.drain(..end + 2).collect();
                if let Some(event) = parse(&String::from_utf8_lossy(&frame)) {
                    return Ok(event);
                }
                continue;
            }
            match self.body.next().await {
                Some(chunk) => self.buffer.extend(chunk?),
                None => bail!("the event stream ended"),
            }
        }
    }
}

fn parse(frame: &str) -> Option<Event> {
    let mut event =
        Event { name: "message".into(), id: None, data: String::new(), bytes: frame.len() };
    let mut data: Vec<&str> = vec![];
    for line in frame.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => event.name = value.to_owned(),
            "id" => event.id = Some(value.to_owned()),
            "data" => data.push(value),
            _ => {}
        }
    }
    event.data = data.join("\n");
    (!data.is_empty() || event.name != "message").then_some(event)
}
