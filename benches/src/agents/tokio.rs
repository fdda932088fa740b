//! Bare tokio: a task for each actor, an unbounded channel for its mailbox, and nothing around them.

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{JoinSet, yield_now};

use super::{Actors, Finish, Message, runtime, timed};
use crate::memory::Meter;

/// See the module.
#[derive(Debug)]
pub struct Tokio;

async fn hand_on(
    mut mailbox: UnboundedReceiver<Message>,
    next: UnboundedSender<Message>,
    finish: Finish,
) {
    while let Some(message) = mailbox.recv().await {
        match message.handed_on() {
            Some(message) => next.send(message).expect("the ring stands until the end"),
            None => finish.one(),
        }
    }
}

fn nodes(count: usize, finish: &Finish) -> (Vec<UnboundedSender<Message>>, JoinSet<()>) {
    let (senders, mailboxes): (Vec<_>, Vec<_>) = (0..count).map(|_| unbounded_channel()).unzip();
    let mut tasks = JoinSet::new();
    for (n, mailbox) in mailboxes.into_iter().enumerate() {
        tasks.spawn(hand_on(mailbox, senders[(n + 1) % count].clone(), finish.clone()));
    }
    (senders, tasks)
}

impl Actors for Tokio {
    const NAME: &'static str = "tokio: bare tasks and channels";

    fn ring(actors: usize, messages: u64, hops: u64) -> u64 {
        runtime().block_on(async {
            let finish = Finish::of(messages);
            let (nodes, _tasks) = nodes(actors, &finish);
            yield_now().await;
            timed(async {
                for number in 0..messages as usize {
                    let sent = nodes[number % actors].send(Message::with_hops(hops));
                    sent.expect("the ring stands until the end");
                }
                finish.wait().await;
            })
            .await
        })
    }

    fn fan_out(actors: usize, times: u64) -> u64 {
        runtime().block_on(async {
            let finish = Finish::of(actors as u64);
            let (nodes, _tasks) = nodes(actors, &finish);
            yield_now().await;
            timed(async {
                for _ in 0..times {
                    finish.again(actors as u64);
                    for node in &nodes {
                        node.send(Message::with_hops(0)).expect("the tasks stand until the end");
                    }
                    finish.wait().await;
                }
            })
            .await
        })
    }

    fn idle(actors: usize, meter: &mut Meter) {
        runtime().block_on(async {
            meter.start();
            let idle = nodes(actors, &Finish::of(1));
            yield_now().await;
            meter.stop();
            drop(idle);
        });
    }
}
