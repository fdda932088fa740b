//! What the system's sockets allow by themselves, with the same frame and blocking calls: no thread in between, nothing
//! kept, nothing checked.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;

use super::{End, Pair};

const FRAME: usize = 68;

struct Socket<S> {
    stream: S,
    outbound: Vec<u8>,
    inbound: Vec<u8>,
    /// Bytes of a frame that has come in part.
    part: usize,
}

fn socket<S: Read + Write + Send + 'static>(stream: S) -> Box<dyn End> {
    let (outbound, inbound) = (Vec::new(), vec![0; 128 << 10]);
    Box::new(Socket { stream, outbound, inbound, part: 0 })
}

pub(super) fn tcp() -> Pair {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let address = listener.local_addr().expect("it is bound");
    let here = TcpStream::connect(address).expect("it listens");
    let (there, _) = listener.accept().expect("it was connected to");
    for stream in [&here, &there] {
        stream.set_nodelay(true).expect("TCP has this option");
    }
    (socket(here), socket(there))
}

pub(super) fn unix() -> Pair {
    let (here, there) = UnixStream::pair().expect("the system has Unix sockets");
    (socket(here), socket(there))
}

impl<S: Read + Write + Send> End for Socket<S> {
    fn send(&mut self) {
        self.outbound.extend_from_slice(&[7; FRAME]);
    }

    fn flush(&mut self) {
        self.stream.write_all(&self.outbound).expect("the other end is there");
        self.outbound.clear();
    }

    fn receive(&mut self, most: u64) -> u64 {
        // bound: each round reads bytes, and a frame has few
        loop {
            let room = self.inbound.len().min((most as usize).saturating_mul(FRAME) - self.part);
            let length =
                self.stream.read(&mut self.inbound[..room]).expect("the other end is there");
            assert!(length > 0, "the other end has closed");
            let bytes = self.part + length;
            self.part = bytes % FRAME;
            if bytes >= FRAME {
                return (bytes / FRAME) as u64;
            }
        }
    }
}
