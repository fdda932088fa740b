//! `cargo bench -p neuronbus-benches`: see the library's documentation.

fn main() -> std::process::ExitCode {
    neuronbus_benches::main()
}
