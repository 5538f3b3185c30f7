//! The thread that receives the events of an execution: it shows them, writes them for `--events`, and keeps console
//! lines for the reply of an execution that was cancelled. It is a thread of its own because writing may block on a slow
//! reader, and the sender of an event must not for long: events that nobody reads are left out, and counted.

use std::{
    fs::File,
    io::{self, Write},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use codemode::{ConsoleLine, Event, EventKind};

use crate::{
    output::{
        queue::{Queue, Taken},
        screen::Screen,
        write,
    },
    problem::Problem,
};

/// The thread, while it listens.
#[derive(Debug)]
pub struct Listener {
    messages: Arc<Queue<Message>>,
    thread: JoinHandle<ListenerReport>,
}

/// Sends events and warnings to the listener.
#[derive(Debug, Clone)]
pub struct EventSender(Arc<Queue<Message>>);

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
}

impl Listener {
    /// Begins to listen; without a screen events are only written.
    pub fn start(screen: Option<Screen>, sink: Sink) -> Result<Self, Problem> {
        let messages = Arc::new(Queue::new(PATIENCE));
        let taken = messages.clone();
        let thread = thread::Builder::new()
            .name("codemode output".into())
            .spawn(move || listen(&taken, screen, sink))
            .map_err(|error| Problem::new(format!("the thread that writes events cannot be started: {error}")))?;
        Ok(Self { messages, thread })
    }

    /// Sends to this listener.
    pub fn sender(&self) -> EventSender {
        EventSender(self.messages.clone())
    }

    /// Waits until everything sent so far is written.
    pub fn finish(self) -> ListenerReport {
        self.messages.close();
        self.thread.join().unwrap_or_else(|_| ListenerReport {
            problem: Some(Problem::new("the thread that writes events failed; this is a defect of codemode")),
            ..ListenerReport::default()
        })
    }
}

impl EventSender {
    /// Something happened.
    pub fn event(&self, event: Event) {
        self.0.add(weight(&event), Message::Event(Box::new(event)));
    }

    /// Something is odd.
    pub fn warning(&self, text: String) {
        self.0.add(text.len(), Message::Warning(text));
    }
}

/// About how many bytes an event holds.
fn weight(event: &Event) -> usize {
    match &event.kind {
        EventKind::Console { message, .. } => message.len(),
        EventKind::Call { args, .. } => args.as_ref().map_or(0, |args| args.text().len()),
        EventKind::CallResult { result, .. } => result.as_ref().map_or(0, |result| result.text().len()),
        EventKind::CallError { error, .. } => error.message.len(),
        EventKind::Progress { progress, .. } => progress.message.as_ref().map_or(0, |message| message.len()),
        _ => 0,
    }
}

fn listen(messages: &Queue<Message>, mut screen: Option<Screen>, mut sink: Sink) -> ListenerReport {
    let mut report = ListenerReport::default();
    let (mut kept_bytes, had_sink) = (0, !matches!(sink, Sink::None));
    loop {
        match messages.take(screen.as_ref().and_then(Screen::next_tick)) {
            Taken::Item(Message::Event(event)) => {
                if let Err(problem) = sink.write(&event) {
                    report.problem.get_or_insert(problem);
                }
                if let Some(screen) = &mut screen {
                    screen.show(&event);
                }
                if let EventKind::Console { level, message } = event.kind
                    && kept_bytes < MAX_KEPT_BYTES
                {
                    kept_bytes += message.len() + size_of::<ConsoleLine>();
                    report.console.push(ConsoleLine::new(level, message));
                }
            }
            Taken::Item(Message::Warning(text)) => match &mut screen {
                Some(screen) => screen.warning(&text),
                None => write::warning(&text),
            },
            Taken::Nothing => {
                if let Some(screen) = &mut screen {
                    screen.tick();
                }
            }
            Taken::Closed => break,
        }
    }
    if let Some(screen) = &mut screen {
        screen.clear();
    }
    match messages.left_out() {
        0 => {}
        left_out if had_sink => {
            let why = format!("{left_out} events are not written, because nobody read those before them");
            report.problem.get_or_insert(Problem::new(why));
        }
        left_out => write::note(&format!("{left_out} events are not shown, because nobody read those before them")),
    }
    report
}

/// How long the sender of an event waits for a reader.
const PATIENCE: Duration = Duration::from_millis(500);
/// The bytes of console lines that are kept.
const MAX_KEPT_BYTES: usize = 16 << 20;

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
