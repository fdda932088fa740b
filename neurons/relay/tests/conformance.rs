//! The contract of every transport, over each back end.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

use neuronbus::transport::conformance;
use neuronbus_relay::{Backend, Role, TcpSettings, TcpTransport};

fn pair(backend: Backend) -> (TcpTransport, TcpTransport) {
    let settings = TcpSettings { backend, ends_with_peer: true, ..TcpSettings::default() };
    let here = TcpTransport::new(Role::Listen("127.0.0.1:0".into()), settings.clone()).unwrap();
    let address = here.local_address().unwrap().to_string();
    let there = TcpTransport::new(Role::Connect(address), settings).unwrap();
    assert_eq!((here.backend(), there.backend()), (backend, backend));
    (here, there)
}

#[test]
fn tcp_on_mio_conforms_with_the_listening_end_first() {
    conformance::all(|| pair(Backend::Mio));
}

#[test]
fn tcp_on_mio_conforms_with_the_connecting_end_first() {
    conformance::all(|| {
        let (here, there) = pair(Backend::Mio);
        (there, here)
    });
}
