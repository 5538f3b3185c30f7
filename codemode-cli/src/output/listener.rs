//! The thread that receives the events of an execution: it shows them, writes them for `--events`, and keeps console
//! lines for the reply of an execution that was cancelled. It is a thread of its own because writing may block on a slow
//! reader, and the sender of an event must not.

use std::{
    fs::File,
    io::{self, Write},
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
};

use codemode::{ConsoleLine, Event, EventKind};

use crate::{
    output::{screen::Screen, write},
    problem::Problem,
};

/// The thread, while it listens.
#[derive(Debug)]
pub struct Listener {
    sender: Sender<Message>,
    thread: JoinHandle<ListenerReport>,
}

/// Sends events and warnings to the listener.
#[derive(Debug, Clone)]
pub struct EventSender(Sender<Message>);

/// Where `--events` go.
#[derive(Debug)]
pub enum Sink {
    /// Nowhere.
    None,
    /// Standard output, which the result then leaves alone.
    Stdout,
    /// This file, and its name for messages.
    File(File, String),
}

/// What remains when an execution has ended.
#[derive(Debug, Default)]
pub struct ListenerReport {
    /// The console lines, in order.
    pub console: Vec<ConsoleLine>,
    /// Why not all events were written.
    pub problem: Option<Problem>,
}

#[derive(Debug)]
enum Message {
    Event(Box<Event>),
    Warning(String),
    Done,
}

impl Listener {
    /// Begins to listen; without a screen events are only written.
    pub fn start(screen: Option<Screen>, sink: Sink) -> Result<Self, Problem> {
        let (sender, receiver) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("codemode output".into())
            .spawn(move || listen(&receiver, screen, sink))
            .map_err(|error| Problem::new(format!("the thread that writes events cannot be started: {error}")))?;
        Ok(Self { sender, thread })
    }

    /// Sends to this listener.
    pub fn sender(&self) -> EventSender {
        EventSender(self.sender.clone())
    }

    /// Waits until everything sent so far is written.
    pub fn finish(self) -> ListenerReport {
        // Where the thread is gone, joining it says so.
        let _ = self.sender.send(Message::Done);
        self.thread.join().unwrap_or_else(|_| ListenerReport {
            problem: Some(Problem::new("the thread that writes events failed; this is a defect of codemode")),
            ..ListenerReport::default()
        })
    }
}

impl EventSender {
    /// Something happened.
    pub fn event(&self, event: Event) {
        // After the end of an execution nobody listens.
        let _ = self.0.send(Message::Event(Box::new(event)));
    }

    /// Something is odd.
    pub fn warning(&self, text: String) {
        let _ = self.0.send(Message::Warning(text));
    }
}

fn listen(receiver: &Receiver<Message>, mut screen: Option<Screen>, mut sink: Sink) -> ListenerReport {
    let mut report = ListenerReport::default();
    loop {
        let message = match screen.as_ref().and_then(Screen::next_tick) {
            Some(tick) => receiver.recv_timeout(tick),
            None => receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match message {
            Ok(Message::Event(event)) => {
                if let Err(problem) = sink.write(&event) {
                    report.problem.get_or_insert(problem);
                }
                if let Some(screen) = &mut screen {
                    screen.show(&event);
                }
                if let EventKind::Console { level, message } = event.kind {
                    report.console.push(ConsoleLine::new(level, message));
                }
            }
            Ok(Message::Warning(text)) => match &mut screen {
                Some(screen) => screen.warning(&text),
                None => write::warning(&text),
            },
            Err(RecvTimeoutError::Timeout) => {
                if let Some(screen) = &mut screen {
                    screen.tick();
                }
            }
            Ok(Message::Done) | Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    if let Some(screen) = &mut screen {
        screen.clear();
    }
    report
}

impl Sink {
    /// Writes one line, whole. After a failure nothing more is written.
    fn write(&mut self, event: &Event) -> Result<(), Problem> {
        if matches!(self, Self::None) {
            return Ok(());
        }
        let line = format!("{}\n", event.to_json());
        let (written, name) = match self {
            Self::None => return Ok(()),
            Self::Stdout => {
                let mut stdout = io::stdout().lock();
                (stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush()), "standard output".to_owned())
            }
            Self::File(file, name) => (file.write_all(line.as_bytes()), name.clone()),
        };
        let Err(error) = written else { return Ok(()) };
        *self = Self::None;
        match error.kind() {
            // The reader has seen enough.
            io::ErrorKind::BrokenPipe => Ok(()),
            _ => Err(Problem::new(format!("events cannot be written to {name}: {error}; the rest is missing"))),
        }
    }
}
