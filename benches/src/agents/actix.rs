//! actix: one arbiter on this thread, `do_send`.

use std::rc::Rc;
use std::sync::OnceLock;

use actix::{Actor, Addr, Context, Handler, System};

use super::{Actors, Finish, Message, timed};
use crate::harness::pin;
use crate::memory::Meter;

/// See the module.
#[derive(Debug)]
pub struct Actix;

impl actix::Message for Message {
    type Result = ();
}

/// Hands a message on to the next in the ring, or counts it.
struct Node {
    ring: Rc<OnceLock<Vec<Addr<Self>>>>,
    next: usize,
    finish: Finish,
}

impl Actor for Node {
    type Context = Context<Self>;
}

impl Handler<Message> for Node {
    type Result = ();

    fn handle(&mut self, message: Message, _: &mut Context<Self>) {
        match message.handed_on() {
            Some(message) => {
                self.ring.get().expect("closed at the start")[self.next].do_send(message)
            }
            None => self.finish.one(),
        }
    }
}

fn nodes(count: usize, finish: &Finish) -> Vec<Addr<Node>> {
    let ring = Rc::new(OnceLock::new());
    let node = |n| Node { ring: Rc::clone(&ring), next: (n + 1) % count, finish: finish.clone() };
    let nodes: Vec<_> = (0..count).map(|n| node(n).start()).collect();
    assert!(ring.set(nodes.clone()).is_ok(), "set once");
    nodes
}

/// Lets every actor begin.
async fn settle() {
    tokio::task::yield_now().await;
}

impl Actors for Actix {
    const NAME: &'static str = "actix";

    fn ring(actors: usize, messages: u64, hops: u64) -> u64 {
        pin(0);
        System::new().block_on(async {
            let finish = Finish::of(messages);
            let nodes = nodes(actors, &finish);
            settle().await;
            timed(async {
                for number in 0..messages as usize {
                    nodes[number % actors].do_send(Message::with_hops(hops));
                }
                finish.wait().await;
            })
            .await
        })
    }

    fn fan_out(actors: usize, times: u64) -> u64 {
        pin(0);
        System::new().block_on(async {
            let finish = Finish::of(actors as u64);
            let nodes = nodes(actors, &finish);
            settle().await;
            timed(async {
                for _ in 0..times {
                    finish.again(actors as u64);
                    nodes.iter().for_each(|node| node.do_send(Message::with_hops(0)));
                    finish.wait().await;
                }
            })
            .await
        })
    }

    fn idle(actors: usize, meter: &mut Meter) {
        System::new().block_on(async {
            meter.start();
            let nodes: Vec<_> = (0..actors).map(|_| Idler.start()).collect();
            settle().await;
            meter.stop();
            drop(nodes);
        });
    }
}

/// Does nothing.
struct Idler;

impl Actor for Idler {
    type Context = Context<Self>;
}
