//! LiteLLM's proxy, a gate to models in Python: started here if `benches/litellm/install.sh` has made its environment.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use neuronbus_llm::{Failure, Protocol};

use super::bare;
use super::server::{Answers, Server};
use crate::harness::Sample;

/// What is asked: OpenAI's Chat Completions, which the proxy passes on as it is.
const PROTOCOL: Protocol = Protocol::OpenAiChat;

/// A proxy in front of a server, which ends with this.
pub(super) struct Proxy {
    child: Child,
    url: String,
    server: Server,
    version: String,
    /// Its settings, which go when it does.
    _settings: tempfile::NamedTempFile,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Where the environment is.
fn environment() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/litellm"))
}

impl Proxy {
    /// Starts one; says why there is none.
    pub(super) fn start() -> Option<Self> {
        let program = environment().join("bin/litellm");
        if !program.exists() {
            eprintln!(
                "left out: LiteLLM, for want of its environment (benches/litellm/install.sh)"
            );
            return None;
        }
        let started = Self::launch(&program);
        started.inspect_err(|why| eprintln!("left out: LiteLLM, {why}")).ok()
    }

    fn launch(program: &std::path::Path) -> Result<Self, String> {
        let said = |error: std::io::Error| error.to_string();
        let version =
            Command::new(environment().join("bin/pip")).args(["show", "litellm"]).output();
        let version = String::from_utf8_lossy(&version.map_err(said)?.stdout).into_owned();
        let version = version.lines().find_map(|line| line.strip_prefix("Version: "));
        let version = version.ok_or("it does not say its version")?.to_owned();
        let server = Server::start(Answers::Whole(PROTOCOL));
        let mut settings = tempfile::Builder::new().suffix(".yaml").tempfile().map_err(said)?;
        writeln!(
            settings,
            "model_list:\n  - model_name: m\n    litellm_params:\n      model: openai/m\n      \
             api_base: {}/v1\n      api_key: none",
            server.url
        )
        .map_err(said)?;
        let free = TcpListener::bind("127.0.0.1:0").map_err(said)?;
        let port = free.local_addr().map_err(said)?.port();
        drop(free);
        let mut command = Command::new(program);
        command.arg("--config").arg(settings.path()).args(["--host", "127.0.0.1", "--port"]);
        command.arg(port.to_string()).env("LITELLM_TELEMETRY", "False").env("LITELLM_LOG", "ERROR");
        // Its price list lies in the package as well.
        command.env("LITELLM_LOCAL_MODEL_COST_MAP", "True");
        // It listens on loopback alone and has no keys to guard.
        command.env("LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY", "true");
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().map_err(said)?;
        let url = format!("http://127.0.0.1:{port}");
        let mut proxy = Self { child, url, server, version, _settings: settings };
        // A minute and a half of looks.
        for _ in 0..1800 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(proxy);
            }
            if let Ok(Some(status)) = proxy.child.try_wait() {
                return Err(format!("it ended with {status}"));
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
        Err("it was not ready within a minute and a half".to_owned())
    }

    /// Its name and version.
    pub(super) fn name(&self) -> String {
        format!("LiteLLM proxy {}", self.version)
    }

    /// What it adds to a request, beside the same client without it.
    pub(super) fn added(&self, requests: u64) -> Result<Sample, Failure> {
        // The first requests find nothing warm.
        bare(&self.url, PROTOCOL, 5)?;
        let (without, through) =
            (bare(&self.server.url, PROTOCOL, requests)?, bare(&self.url, PROTOCOL, requests)?);
        let p50 = |times: &hdrhistogram::Histogram<u64>| times.value_at_quantile(0.5) as f64;
        let (without, through) = (p50(&without), p50(&through));
        Ok(Sample {
            figure: (through - without).max(0.0),
            beside: vec![("without it µs", without / 1e3), ("through it µs", through / 1e3)],
        })
    }
}
