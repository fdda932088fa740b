//! Providers over HTTP: one request, one streamed answer, one connection that is closed when the answer is dropped.
//!
//! Plain HTTP/1.1: dropping the body of an answer closes its socket, so the server sees at once that nobody listens.
//! Connections of answers that were read to their end are used again.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Method, Request as HttpRequest, Response, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::answer::{Stop, Usage};
use crate::body::{Body, causes};
use crate::failure::{Failure, FailureKind};
use crate::protocol::{Delta, Protocol};
use crate::provider::{ModelInfo, Pending, Provider, Sink};
use crate::request::Request;
use crate::secret::ApiKey;

/// Of a body that is an error, so much is read.
const ERROR_BODY: usize = 64 << 10;

/// How to reach a provider.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// What it speaks.
    pub protocol: Protocol,
    /// `https://api.anthropic.com`, `http://localhost:11434`; paths of the protocol come behind it.
    pub base_url: String,
    /// The model that answers where a request names none.
    pub model: String,
    /// The key, if one is needed.
    pub key: Option<ApiKey>,
    /// Until a connection stands. Default 10 s.
    pub connect_timeout: Duration,
    /// Until the head of the answer has come. Default 60 s.
    pub answer_timeout: Duration,
    /// Between two pieces of an answer. Default 30 s.
    pub idle_timeout: Duration,
    /// Longest line of an answer in bytes. Default 1 MiB.
    pub longest_line: usize,
    /// Largest answer in bytes on the wire. Default 16 MiB.
    pub largest_answer: usize,
}

impl HttpSettings {
    /// The usual settings for a server.
    #[must_use]
    pub fn new(protocol: Protocol, base_url: &str, model: &str) -> Self {
        Self {
            protocol,
            base_url: base_url.trim_end_matches('/').to_owned(),
            model: model.to_owned(),
            key: None,
            connect_timeout: Duration::from_secs(10),
            answer_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(30),
            longest_line: 1 << 20,
            largest_answer: 16 << 20,
        }
    }

    /// The same with a key.
    #[must_use]
    pub fn key(mut self, key: ApiKey) -> Self {
        self.key = Some(key);
        self
    }
}

/// Why a provider cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The URL cannot be used.
    #[error("the base URL {url:?} is refused: {why}")]
    Url {
        /// What was given.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The system's certificates cannot be read, so no server could be trusted.
    #[error("no certificate of an authority was found: {0}")]
    Roots(#[from] std::io::Error),
    /// The encryption cannot be set up.
    #[error("encryption cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

type Http = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// A provider over HTTP.
#[derive(Debug)]
pub struct HttpProvider {
    settings: HttpSettings,
    client: Http,
    url: Uri,
    models: Uri,
    headers: HeaderMap,
}

impl HttpProvider {
    /// A provider with these settings; connects when it is asked something.
    ///
    /// # Errors
    /// [`HttpError`] for a URL that is none, or where no certificate of an authority is found for `https`.
    pub fn new(settings: HttpSettings) -> Result<Self, HttpError> {
        let refused = |why: String| HttpError::Url { url: settings.base_url.clone(), why };
        let uri = |path: &str| {
            let uri: Uri = format!("{}{path}", settings.base_url)
                .parse()
                .map_err(|error| refused(format!("{error}")))?;
            match (uri.scheme_str(), uri.host()) {
                (Some("http" | "https"), Some(_)) => Ok(uri),
                _ => Err(refused("it must begin with http:// or https:// and name a host".into())),
            }
        };
        let (url, models) = (uri(settings.protocol.path())?, uri(settings.protocol.models_path())?);
        let client = client(&settings, url.scheme_str() == Some("https"))?;
        let headers = headers(&settings);
        Ok(Self { settings, client, url, models, headers })
    }

    fn request(&self, method: Method, url: &Uri, body: Vec<u8>) -> HttpRequest<Full<Bytes>> {
        let mut request = HttpRequest::new(Full::new(Bytes::from(body)));
        *request.method_mut() = method;
        *request.uri_mut() = url.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }

    /// Sends a request; the answer's head, if it says that it succeeded.
    async fn send(&self, request: HttpRequest<Full<Bytes>>) -> Result<Response<Incoming>, Failure> {
        let limit = self.settings.answer_timeout;
        let Ok(sent) = tokio::time::timeout(limit, self.client.request(request)).await else {
            let message = format!("no answer within {limit:?}");
            return Err(Failure::new(FailureKind::Timeout, message));
        };
        let response = sent.map_err(|error| self.broken(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let retry_after_ms = retry_after(response.headers());
        let body = self.read(response, ERROR_BODY).await.unwrap_or_default();
        let body = self.redact(&String::from_utf8_lossy(&body));
        Err(Failure { retry_after_ms, ..Failure::of_status(status.as_u16(), &body) })
    }

    /// A whole body, cut at a limit.
    async fn read(&self, response: Response<Incoming>, most: usize) -> Result<Vec<u8>, Failure> {
        let mut body = Body::new(response.into_body(), self.settings.idle_timeout);
        let mut whole = Vec::new();
        while let Some(piece) = body.next().await? {
            let room = most - whole.len();
            whole.extend_from_slice(&piece[..piece.len().min(room)]);
            if whole.len() == most {
                break;
            }
        }
        Ok(whole)
    }

    fn broken(&self, error: &hyper_util::client::legacy::Error) -> Failure {
        let message = format!("{} cannot be reached: {}", self.settings.base_url, causes(error));
        Failure::new(FailureKind::Connection, message)
    }

    fn redact(&self, text: &str) -> String {
        self.settings.key.as_ref().map_or_else(|| text.to_owned(), |key| key.redact(text))
    }

    async fn stream(
        &self,
        request: &Request,
        sink: &mut dyn Sink,
    ) -> Result<(Stop, Usage), Failure> {
        let model = request.model.as_deref().unwrap_or(&self.settings.model);
        let body = self.settings.protocol.body(request, model)?;
        let body = serde_json::to_vec(&body).expect("a JSON value can be written as JSON");
        let response = self.send(self.request(Method::POST, &self.url, body)).await?;
        let mut body = Body::new(response.into_body(), self.settings.idle_timeout);
        let mut decoder = self.settings.protocol.decoder(self.settings.longest_line);
        let (mut found, mut read) = (Vec::new(), 0);
        loop {
            match body.next().await? {
                Some(piece) => {
                    read += piece.len();
                    if read > self.settings.largest_answer {
                        let message = format!("an answer above {read} bytes is refused");
                        return Err(Failure::new(FailureKind::TooLarge, message));
                    }
                    decoder
                        .feed(&piece, &mut found)
                        .map_err(|error| self.redacted(error.into()))?;
                }
                None => decoder.finish(&mut found)?,
            }
            for delta in found.drain(..) {
                match delta {
                    Delta::Text(text) => sink.text(text).await?,
                    Delta::ToolCall(call) => sink.tool_call(call).await?,
                    Delta::End { stop, usage } => {
                        tokio::spawn(body.drain());
                        return Ok((stop, usage));
                    }
                }
            }
        }
    }

    fn redacted(&self, failure: Failure) -> Failure {
        Failure { message: self.redact(&failure.message), ..failure }
    }

    async fn models(&self) -> Result<Value, Failure> {
        let response = self.send(self.request(Method::GET, &self.models, Vec::new())).await?;
        let body = self.read(response, self.settings.largest_answer).await?;
        serde_json::from_slice(&body).map_err(|error| {
            Failure::new(FailureKind::Malformed, format!("the list of models is no JSON: {error}"))
        })
    }
}

fn client(settings: &HttpSettings, secure: bool) -> Result<Http, HttpError> {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_connect_timeout(Some(settings.connect_timeout));
    let ring = rustls::crypto::ring::default_provider();
    let connector = HttpsConnectorBuilder::new();
    let connector = if secure {
        connector.with_provider_and_native_roots(ring)?
    } else {
        // Nothing is encrypted, so the system's certificates need not be there.
        let config = rustls::ClientConfig::builder_with_provider(ring.into());
        let config = config.with_safe_default_protocol_versions()?;
        let config = config.with_root_certificates(rustls::RootCertStore::empty());
        connector.with_tls_config(config.with_no_client_auth())
    };
    let connector = connector.https_or_http().enable_http1().wrap_connector(http);
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

fn headers(settings: &HttpSettings) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let key = settings.key.as_ref().map(ApiKey::reveal);
    for (name, value) in settings.protocol.headers(key) {
        // The value keeps these very bytes, which are overwritten with the last of its clones. A key has been checked
        // for what cannot stand in a header.
        let value = Bytes::from_owner(Zeroizing::new(value.into_bytes()));
        if let Ok(mut value) = HeaderValue::from_maybe_shared(value) {
            value.set_sensitive(true);
            headers.insert(name, value);
        }
    }
    headers
}

/// How long the provider asks to wait; the form with a date is not used by any.
fn retry_after(headers: &HeaderMap) -> Option<u64> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let ms = number("retry-after-ms").or_else(|| number("retry-after").map(|s| s * 1e3))?;
    (ms.is_finite() && ms >= 0.0).then_some(ms as u64)
}

/// What a list of models says about one of them, in the shapes of all four protocols.
fn find_model(list: &Value, model: &str) -> Option<ModelInfo> {
    let entries = ["data", "models"].iter().find_map(|key| list.get(key)?.as_array())?;
    let word = |entry: &Value, key: &str| entry.get(key)?.as_str().map(str::to_owned);
    entries.iter().find_map(|entry| {
        let name = word(entry, "id").or_else(|| word(entry, "name"))?;
        // Ollama adds a tag where none was given.
        let same = name == model || name.strip_suffix(":latest") == Some(model);
        let owner = word(entry, "owned_by").or_else(|| word(entry, "display_name"));
        let limits = ["/context_window", "/max_input_tokens", "/meta/n_ctx_train"];
        let context_tokens = limits.iter().find_map(|at| entry.pointer(at)?.as_u64());
        same.then_some(ModelInfo { name, owner, context_tokens })
    })
}

impl Provider for HttpProvider {
    fn model(&self) -> &str {
        &self.settings.model
    }

    fn invoke<'a>(
        &'a self,
        request: &'a Request,
        sink: &'a mut dyn Sink,
    ) -> Pending<'a, (Stop, Usage)> {
        Box::pin(self.stream(request, sink))
    }

    fn validate_api_key(&self) -> Pending<'_, ()> {
        Box::pin(async { self.models().await.map(|_| ()) })
    }

    fn get_model_info(&self) -> Pending<'_, ModelInfo> {
        Box::pin(async {
            let (list, model) = (self.models().await?, &self.settings.model);
            find_model(&list, model).ok_or_else(|| {
                let message = format!("the provider lists no model {model:?}");
                Failure::new(FailureKind::Rejected, message)
            })
        })
    }
}
