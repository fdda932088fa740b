//! kameo: unbounded mailboxes, `tell` without waiting.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};

use kameo::actor::{Actor, ActorRef, Spawn};
use kameo::mailbox;
use kameo::message::Context;
use tokio::task::yield_now;

use super::{Actors, Finish, Message, runtime, timed};
use crate::memory::Meter;

/// See the module.
#[derive(Debug)]
pub struct Kameo;

/// Hands a message on to the next in the ring, or counts it.
struct Node {
    ring: Arc<OnceLock<Vec<ActorRef<Self>>>>,
    next: usize,
    finish: Finish,
}

impl Actor for Node {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(node: Self, _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(node)
    }
}

impl kameo::message::Message<Message> for Node {
    type Reply = ();

    async fn handle(&mut self, message: Message, _: &mut Context<Self, ()>) {
        match message.handed_on() {
            Some(message) => {
                tell(&self.ring.get().expect("closed at the start")[self.next], message)
            }
            None => self.finish.one(),
        }
    }
}

fn tell(node: &ActorRef<Node>, message: Message) {
    node.tell(message).try_send().expect("an unbounded mailbox takes everything");
}

async fn nodes(count: usize, finish: &Finish) -> Vec<ActorRef<Node>> {
    let ring = Arc::new(OnceLock::new());
    let node = |n| Node { ring: Arc::clone(&ring), next: (n + 1) % count, finish: finish.clone() };
    let start = |n| Node::spawn_with_mailbox(node(n), mailbox::unbounded());
    let nodes: Vec<_> = (0..count).map(start).collect();
    assert!(ring.set(nodes.clone()).is_ok(), "set once");
    for node in &nodes {
        node.wait_for_startup().await;
    }
    nodes
}

impl Actors for Kameo {
    const NAME: &'static str = "kameo";

    fn ring(actors: usize, messages: u64, hops: u64) -> u64 {
        runtime().block_on(async {
            let finish = Finish::of(messages);
            let nodes = nodes(actors, &finish).await;
            timed(async {
                for number in 0..messages as usize {
                    tell(&nodes[number % actors], Message::with_hops(hops));
                }
                finish.wait().await;
            })
            .await
        })
    }

    fn fan_out(actors: usize, times: u64) -> u64 {
        runtime().block_on(async {
            let finish = Finish::of(actors as u64);
            let nodes = nodes(actors, &finish).await;
            timed(async {
                for _ in 0..times {
                    finish.again(actors as u64);
                    nodes.iter().for_each(|node| tell(node, Message::with_hops(0)));
                    finish.wait().await;
                }
            })
            .await
        })
    }

    fn idle(actors: usize, meter: &mut Meter) {
        runtime().block_on(async {
            meter.start();
            let idlers: Vec<_> = (0..actors).map(|_| Idler::spawn(Idler)).collect();
            yield_now().await;
            meter.stop();
            drop(idlers);
        });
    }
}

/// Does nothing.
struct Idler;

impl Actor for Idler {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(idler: Self, _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(idler)
    }
}
