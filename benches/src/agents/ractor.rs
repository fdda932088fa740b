//! ractor: `send_message`; its mailboxes are unbounded.

use std::sync::{Arc, OnceLock};

use ractor::{Actor, ActorProcessingErr, ActorRef};

use super::{Actors, Finish, Message, runtime, timed};
use crate::memory::Meter;

/// See the module.
#[derive(Debug)]
pub struct Ractor;

/// Hands a message on to the next in the ring, or counts it.
struct Node {
    ring: Arc<OnceLock<Vec<ActorRef<Message>>>>,
    next: usize,
    finish: Finish,
}

impl Actor for Node {
    type Msg = Message;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Message>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(
        &self,
        _: ActorRef<Message>,
        message: Message,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        match message.handed_on() {
            Some(message) => {
                send(&self.ring.get().expect("closed at the start")[self.next], message)
            }
            None => self.finish.one(),
        }
        Ok(())
    }
}

fn send(node: &ActorRef<Message>, message: Message) {
    node.send_message(message).expect("the ring stands until the end");
}

async fn nodes(count: usize, finish: &Finish) -> Vec<ActorRef<Message>> {
    let ring = Arc::new(OnceLock::new());
    let mut nodes = Vec::new();
    for n in 0..count {
        let node = Node { ring: Arc::clone(&ring), next: (n + 1) % count, finish: finish.clone() };
        nodes.push(Actor::spawn(None, node, ()).await.expect("its start cannot fail").0);
    }
    assert!(ring.set(nodes.clone()).is_ok(), "set once");
    nodes
}

impl Actors for Ractor {
    const NAME: &'static str = "ractor";

    fn ring(actors: usize, messages: u64, hops: u64) -> u64 {
        runtime().block_on(async {
            let finish = Finish::of(messages);
            let nodes = nodes(actors, &finish).await;
            timed(async {
                for number in 0..messages as usize {
                    send(&nodes[number % actors], Message::with_hops(hops));
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
                    nodes.iter().for_each(|node| send(node, Message::with_hops(0)));
                    finish.wait().await;
                }
            })
            .await
        })
    }

    fn idle(actors: usize, meter: &mut Meter) {
        runtime().block_on(async {
            meter.start();
            let mut idlers = Vec::with_capacity(actors);
            for _ in 0..actors {
                idlers.push(Actor::spawn(None, Idler, ()).await.expect("its start cannot fail").0);
            }
            meter.stop();
            drop(idlers);
        });
    }
}

/// Does nothing.
struct Idler;

impl Actor for Idler {
    type Msg = Message;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Message>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }
}
