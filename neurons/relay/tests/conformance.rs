//! The contract of every transport, over each back end.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

mod support;

use neuronbus::transport::{Transport, conformance};
use neuronbus_relay::{Backend, Role, TcpSettings, TcpTransport, choice};

fn pair(backend: Backend) -> (TcpTransport, TcpTransport) {
    let settings = TcpSettings { backend, ends_with_peer: true, ..TcpSettings::default() };
    let here = TcpTransport::new(Role::Listen("127.0.0.1:0".into()), settings.clone()).unwrap();
    let address = here.local_address().unwrap().to_string();
    let there = TcpTransport::new(Role::Connect(address), settings).unwrap();
    assert_eq!(here.backend(), there.backend());
    assert!(backend == Backend::Auto || here.backend() == backend);
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

#[cfg(target_os = "linux")]
#[test]
fn tcp_on_io_uring_conforms() {
    if support::uring_is_refused() {
        return;
    }
    conformance::all(|| pair(Backend::Uring));
    conformance::all(|| {
        let (here, there) = pair(Backend::Uring);
        (there, here)
    });
}

#[test]
fn what_is_chosen_where_nothing_is_asked_for_is_said_with_its_reason() {
    let settings = TcpSettings { ends_with_peer: true, ..TcpSettings::default() };
    let here = TcpTransport::new(Role::Listen("127.0.0.1:0".into()), settings).unwrap();
    let choice = choice();
    assert_eq!(here.backend(), choice.backend);
    assert_eq!(here.notes(), std::slice::from_ref(&choice.reason));
    assert!(choice.reason.contains("ns") || choice.reason.contains("does not work here"));
    conformance::carries_both_ways(pair(Backend::Auto));
}
