//! `kind = "tract"`: a wire to another cortex.

use std::time::Duration;

use neuronbus_relay::{Backend, Carrier, Role, TcpSettings, TractSettings};

use crate::mistake::Code;
use crate::sheet::Located;
use crate::table::Table;

const BACKENDS: [(&str, Backend); 3] =
    [("auto", Backend::Auto), ("mio", Backend::Mio), ("io-uring", Backend::Uring)];

const HOUR: Duration = Duration::from_secs(3600);
const MILLISECOND: Duration = Duration::from_millis(1);

/// A wire, as a description has it; what it carries is said by projections.
#[derive(Debug, Clone, PartialEq)]
pub struct TractPlan {
    /// Which side waits for the other, and where.
    pub role: Role,
    /// How the wire is kept.
    pub tcp: TcpSettings,
    /// Neurons over there that get one of their own here.
    pub max_origins: usize,
    /// How long a run that ends waits until what was sent has arrived.
    pub linger: Duration,
}

impl TractPlan {
    pub(crate) fn read(table: &Table<'_, '_>) -> Self {
        let (tcp, tract) = (TcpSettings::default(), TractSettings::default());
        let role = read_role(table);
        let buffer = table.bytes("buffer", 64 << 10..=1 << 30).unwrap_or(tcp.buffer);
        let usual = tcp.max_payload.min(buffer / 4);
        let heartbeat = table.duration("heartbeat", MILLISECOND..=HOUR).unwrap_or(tcp.heartbeat);
        let silence = heartbeat.saturating_mul(2)..=HOUR.saturating_mul(2);
        Self {
            role,
            max_origins: table.whole("max-origins", 1..=32_768).unwrap_or(tract.max_origins),
            linger: table.duration("linger", Duration::ZERO..=HOUR).unwrap_or(tract.linger),
            tcp: TcpSettings {
                backend: table.choice("backend", &BACKENDS).unwrap_or_default(),
                buffer,
                max_payload: table.bytes("max-payload", 0..=buffer / 4).unwrap_or(usual),
                heartbeat,
                silence: table
                    .duration("silence", silence)
                    .unwrap_or(tcp.silence.max(heartbeat.saturating_mul(6))),
                ends_with_peer: table.flag("ends-with-peer"),
                ..tcp
            },
        }
    }

    /// What the tract runs over; nothing is opened before the run begins.
    pub(crate) fn carrier(&self) -> Carrier {
        Carrier::tcp(self.role.clone(), self.tcp.clone())
    }

    pub(crate) fn settings(&self, receives: bool) -> TractSettings {
        let (max_origins, linger) = (self.max_origins, self.linger);
        TractSettings { max_origins, receives, linger }
    }

    /// What the tract is told, in a few words.
    pub(crate) fn summary(&self) -> String {
        match &self.role {
            Role::Listen(address) => format!("waits for the other cortex at {address}"),
            Role::Connect(address) => format!("goes to the other cortex at {address}"),
        }
    }
}

fn read_role(table: &Table<'_, '_>) -> Role {
    let (listen, connect) = (table.text("listen"), table.text("connect"));
    for address in [&listen, &connect].into_iter().flatten() {
        check_address(table, address);
    }
    match (listen, connect) {
        (Some(listen), None) => return Role::Listen(listen.value),
        (None, Some(connect)) => return Role::Connect(connect.value),
        (Some(_), Some(connect)) => {
            let expected = "either `listen` or `connect`: one side waits for the other";
            table.sheet().wrong(Code::Contradiction, &connect.place, expected);
        }
        (None, None) if table.has("listen") || table.has("connect") => {}
        (None, None) => {
            let expected = "`listen` or `connect`, with an address such as \"127.0.0.1:7700\"";
            table.sheet().absent(Code::MissingKey, table.place(), expected);
        }
    }
    // The description is refused; this is never used.
    Role::Listen(String::new())
}

fn check_address(table: &Table<'_, '_>, address: &Located<String>) {
    let parts = address.value.rsplit_once(':');
    if !parts.is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok()) {
        let expected = "a host and a port, such as \"127.0.0.1:7700\" or \"brain.example:7700\"";
        table.sheet().wrong(Code::OutOfRange, &address.place, expected);
    }
}
