//! The client: a connection that is kept, a limit on time and size, a breaker.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use crate::breaker::{Breaker, BreakerSettings};

/// Of a body that is an error, so many characters are shown.
const SHOWN: usize = 300;

/// How to reach a server.
#[derive(Clone)]
pub struct RestSettings {
    /// `https://api.openai.com`, `http://localhost:6333`; paths come behind it.
    pub base_url: String,
    /// Headers of every request, such as a key; they are never shown.
    pub headers: Vec<(String, String)>,
    /// Until the whole answer has come. Default 10 s.
    pub timeout: Duration,
    /// Largest answer in bytes. Default 64 MiB.
    pub largest_answer: usize,
    /// When it is given up for a while.
    pub breaker: BreakerSettings,
}

impl RestSettings {
    /// The usual settings for a server.
    #[must_use]
    pub fn new(base_url: &str) -> Self {
        Self {
            base_url: base_url.trim_end_matches('/').to_owned(),
            headers: Vec::new(),
            timeout: Duration::from_secs(10),
            largest_answer: 64 << 20,
            breaker: BreakerSettings::default(),
        }
    }

    /// With a key, as most servers take one: `Authorization: Bearer KEY`.
    #[must_use]
    pub fn bearer(self, key: &str) -> Self {
        self.header(AUTHORIZATION.as_str(), &format!("Bearer {key}"))
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

impl std::fmt::Debug for RestSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        let mut shown = f.debug_struct("RestSettings");
        shown.field("base_url", &self.base_url).field("headers", &headers);
        shown
            .field("timeout", &self.timeout)
            .field("breaker", &self.breaker)
            .finish_non_exhaustive()
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RestError {
    /// The URL or a header cannot be used.
    #[error("{what} is refused: {why}")]
    Settings {
        /// What was given; of a header only its name.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// Nobody answered, or the answer broke off.
    #[error("{url} cannot be reached: {why}")]
    Unreachable {
        /// Who.
        url: String,
        /// What happened.
        why: String,
    },
    /// The breaker is open.
    #[error("{url} has failed {failures} times in a row, and is not asked for another {wait:?}")]
    GivenUp {
        /// Who.
        url: String,
        /// How often.
        failures: u32,
        /// How long.
        wait: Duration,
    },
    /// The server refused the request.
    #[error("the server answered {status}: {said}")]
    Status {
        /// As in HTTP.
        status: u16,
        /// The beginning of what it said.
        said: String,
    },
    /// The answer is not JSON.
    #[error("the answer is no JSON: {0}")]
    Malformed(String),
}

/// What became of requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RestCounts {
    /// Answered.
    pub answered: u64,
    /// Sent, and failed or refused by the server.
    pub failed: u64,
    /// Not sent, because the breaker was open.
    pub given_up: u64,
    /// How often the breaker opened.
    pub opened: u64,
}

type Http = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// Asks one server. Whoever calls waits for the answer.
pub struct RestClient {
    settings: RestSettings,
    headers: HeaderMap,
    client: Http,
    runtime: tokio::runtime::Runtime,
    state: Mutex<(Breaker, RestCounts)>,
    began: Instant,
}

impl std::fmt::Debug for RestClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RestClient").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl RestClient {
    /// A client with these settings; it connects when it is asked something.
    ///
    /// # Errors
    /// [`RestError::Settings`] for a URL or a header that cannot be used, and where no certificate of an authority is
    /// found for `https`.
    pub fn new(settings: RestSettings) -> Result<Self, RestError> {
        let refused = |why: String| RestError::Settings { what: settings.base_url.clone(), why };
        let url: Uri = settings.base_url.parse().map_err(|error| refused(format!("{error}")))?;
        if !matches!(url.scheme_str(), Some("http" | "https")) || url.host().is_none() {
            return Err(refused("it must begin with http:// or https:// and name a host".into()));
        }
        let headers = headers(&settings)?;
        let client = client(url.scheme_str() == Some("https")).map_err(&refused)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| refused(error.to_string()))?;
        let state = Mutex::new((Breaker::new(settings.breaker), RestCounts::default()));
        Ok(Self { settings, headers, client, runtime, state, began: now() })
    }

    /// Sends JSON, or nothing, to a path below the base URL, and waits for JSON; an empty answer is `null`.
    ///
    /// # Errors
    /// [`RestError`].
    pub fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, RestError> {
        let since = || now().duration_since(self.began);
        {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(wait) = state.0.refuses(since()) {
                state.1.given_up += 1;
                let (url, failures) =
                    (self.settings.base_url.clone(), self.settings.breaker.failures);
                return Err(RestError::GivenUp { url, failures, wait });
            }
        }
        let told = self.runtime.block_on(self.ask(method, path, body));
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // A request that is refused says that somebody is there; a server that fails may be back later.
        let is_server = match &told {
            Err(RestError::Unreachable { .. } | RestError::Malformed(_)) => true,
            Err(RestError::Status { status, .. }) => *status >= 500 || *status == 429,
            _ => false,
        };
        if is_server {
            let opened = state.0.failed(since());
            state.1.opened += u64::from(opened);
        } else {
            state.0.succeeded();
        }
        match &told {
            Ok(_) => state.1.answered += 1,
            Err(_) => state.1.failed += 1,
        }
        told
    }

    /// What became of the requests so far.
    #[must_use]
    pub fn counts(&self) -> RestCounts {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    async fn ask(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, RestError> {
        let what = format!("{}{path}", self.settings.base_url);
        let refused = |why: String| RestError::Settings { what: what.clone(), why };
        let bytes = body.map(Value::to_string).unwrap_or_default();
        let mut request = Request::new(Full::new(Bytes::from(bytes)));
        *request.uri_mut() = what.parse().map_err(|error| refused(format!("{error}")))?;
        *request.method_mut() =
            Method::from_bytes(method.as_bytes()).map_err(|error| refused(error.to_string()))?;
        *request.headers_mut() = self.headers.clone();
        let unreachable = |why: String| RestError::Unreachable { url: what.clone(), why };
        let whole = async {
            let response = self.client.request(request).await;
            let response = response.map_err(|error| unreachable(causes(&error)))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), self.settings.largest_answer).collect();
            let body = body.await.map_err(|error| unreachable(causes(&*error)))?;
            Ok((status, body.to_bytes()))
        };
        let timeout = self.settings.timeout;
        let (status, body) = tokio::time::timeout(timeout, whole)
            .await
            .map_err(|_| unreachable(format!("no answer within {timeout:?}")))??;
        answer(status, &body)
    }
}

#[expect(clippy::disallowed_methods, reason = "it waits for a server, outside of every cortex")]
fn now() -> Instant {
    Instant::now()
}

fn answer(status: StatusCode, body: &[u8]) -> Result<Value, RestError> {
    if !status.is_success() {
        let said = String::from_utf8_lossy(body).chars().take(SHOWN).collect();
        return Err(RestError::Status { status: status.as_u16(), said });
    }
    if body.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(body).map_err(|error| RestError::Malformed(error.to_string()))
}

fn headers(settings: &RestSettings) -> Result<HeaderMap, RestError> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in &settings.headers {
        let refused = |why: String| RestError::Settings { what: format!("header {name:?}"), why };
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|e| refused(e.to_string()))?;
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| refused("its value has characters that no header has".to_owned()))?;
        value.set_sensitive(true);
        headers.insert(key, value);
    }
    Ok(headers)
}

fn client(is_https: bool) -> Result<Http, String> {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    let builder = HttpsConnectorBuilder::new();
    let tls = if is_https {
        let provider = rustls::crypto::ring::default_provider();
        builder.with_provider_and_native_roots(provider).map_err(|error| error.to_string())?
    } else {
        // No server is trusted that way: nothing but plain HTTP is asked for.
        let config = rustls::ClientConfig::builder_with_provider(
            rustls::crypto::ring::default_provider().into(),
        );
        let config = config.with_safe_default_protocol_versions().map_err(|e| e.to_string())?;
        let none = rustls::RootCertStore::empty();
        builder.with_tls_config(config.with_root_certificates(none).with_no_client_auth())
    };
    let connector = tls.https_or_http().enable_http1().wrap_connector(http);
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

/// An error with what caused it: the outer ones say little.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
