//! From an agent on one core to one on another, in the ways that are fastest for each.

use std::sync::mpsc;

use actix::{Actor, Addr, Arbiter, Context, Handler};
use neuronbus::pace::Stamp;

use super::Message;
use crate::harness::{Sample, pin};

/// How many messages an actor sends before it waits for the first half of them to be heard.
const WINDOW: u64 = 1024;

/// A bounded channel between two threads with a runtime each.
pub(super) fn tokio(messages: u64) -> Sample {
    let (sender, mut mailbox) = tokio::sync::mpsc::channel::<Message>(WINDOW as usize);
    let on_thread = |core| {
        pin(core);
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.expect("a runtime without drivers asks nothing of the system")
    };
    let began = Stamp::now();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            on_thread(1).block_on(async {
                for number in 0..messages {
                    let message = mailbox.recv().await.expect("as many are sent");
                    assert_eq!(message.0[0], number);
                }
            });
        });
        scope.spawn(move || {
            on_thread(0).block_on(async {
                for number in 0..messages {
                    sender.send(Message::with_hops(number)).await.expect("the receiver waits");
                }
            });
        });
    });
    rate(messages, began)
}

fn rate(messages: u64, began: Stamp) -> Sample {
    Sample::from(messages as f64 * 1000.0 / Stamp::now().ns_since(began) as f64)
}

/// Two arbiters, one actor in each.
pub(super) fn actix(messages: u64) -> Sample {
    let runner = actix::System::new();
    let (here, there) = (Arbiter::new(), Arbiter::new());
    for (arbiter, core) in [(&here, 0), (&there, 1)] {
        arbiter.spawn_fn(move || _ = pin(core));
    }
    let (done, finished) = mpsc::channel();
    let ear = Ear { heard: 0, messages, done };
    let ear = Ear::start_in_arbiter(&there.handle(), |_| ear);
    let mouth = Mouth { ear, sent: 0, messages };
    let began = Stamp::now();
    let mouth = Mouth::start_in_arbiter(&here.handle(), |_| mouth);
    mouth.do_send(Window(mouth.clone()));
    mouth.do_send(Window(mouth.clone()));
    finished.recv().expect("the last message is heard");
    let sample = rate(messages, began);
    here.stop();
    there.stop();
    drop(runner);
    sample
}

/// Asks for half a window.
struct Window(Addr<Mouth>);

/// A message and whom to ask for more.
struct Told(Message, Option<Addr<Mouth>>);

impl actix::Message for Window {
    type Result = ();
}

impl actix::Message for Told {
    type Result = ();
}

struct Mouth {
    ear: Addr<Ear>,
    sent: u64,
    messages: u64,
}

impl Actor for Mouth {
    type Context = Context<Self>;
}

impl Handler<Window> for Mouth {
    type Result = ();

    fn handle(&mut self, window: Window, _: &mut Context<Self>) {
        let end = (self.sent + WINDOW / 2).min(self.messages);
        while self.sent < end {
            let more = (self.sent + 1 == end).then(|| window.0.clone());
            self.ear.do_send(Told(Message::with_hops(self.sent), more));
            self.sent += 1;
        }
    }
}

struct Ear {
    heard: u64,
    messages: u64,
    done: mpsc::Sender<()>,
}

impl Actor for Ear {
    type Context = Context<Self>;
}

impl Handler<Told> for Ear {
    type Result = ();

    fn handle(&mut self, told: Told, _: &mut Context<Self>) {
        assert_eq!(told.0.0[0], self.heard);
        self.heard += 1;
        if self.heard == self.messages {
            self.done.send(()).expect("the driver waits");
        } else if let Some(mouth) = told.1 {
            mouth.do_send(Window(mouth.clone()));
        }
    }
}
