//! The live view of one execution on standard error: a line for each console line, call and answer, and on a terminal
//! a last line that moves while calls are open.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::Arc,
    time::{Duration, Instant},
};

use codemode::{
    Event, EventKind, Json, Level,
    tools::text::{one_line, visible},
};

use crate::{
    output::{brief::brief, paint::Paint, terminal::terminal_width, write::say},
    size::format_duration,
};

/// Shows events as they come.
#[derive(Debug)]
pub struct Screen {
    paint: Paint,
    /// Columns of the terminal, if there is one.
    terminal: Option<usize>,
    open: BTreeMap<u64, (Arc<str>, Instant)>,
    /// Whether the moving line is on the terminal now.
    drawn: bool,
    turns: usize,
}

impl Screen {
    /// A view that suits standard error.
    pub fn new() -> Self {
        Self { paint: Paint::stderr(), terminal: terminal_width(), open: BTreeMap::new(), drawn: false, turns: 0 }
    }

    /// When [`tick`](Self::tick) wants to be called, if nothing else happens; `None` while nothing moves.
    pub fn next_tick(&self) -> Option<Duration> {
        (self.terminal.is_some() && !self.open.is_empty()).then_some(TICK)
    }

    /// Shows one event.
    pub fn show(&mut self, event: &Event) {
        let paint = self.paint;
        match &event.kind {
            EventKind::Console { level, message } => {
                // Without colours, in a log file, the level still shows: as the model reads it.
                let text = match level {
                    Level::Log => visible(message),
                    level => format!("[{}] {}", level.as_str(), visible(message)).into(),
                };
                self.line(&match level {
                    Level::Warn => paint.warn(&text),
                    Level::Error => paint.error(&text),
                    Level::Debug => paint.dim(&text),
                    _ => text.into_owned(),
                });
            }
            EventKind::Call { call_id, tool, args, .. } => {
                self.open.insert(*call_id, (tool.clone(), Instant::now()));
                let head = format!("→ {tool} #{call_id} ");
                self.call_with(&head, args.as_ref(), Paint::hint);
            }
            EventKind::CallResult { call_id, tool, result, duration, .. } => {
                self.open.remove(call_id);
                let head = format!("← {tool} #{call_id} {} ", format_duration(*duration));
                self.call_with(&head, result.as_ref(), Paint::good);
            }
            EventKind::CallError { call_id, tool, error, duration, .. } => {
                self.open.remove(call_id);
                let head = format!("✗ {tool} #{call_id} {} ", format_duration(*duration));
                if error.code.as_ref().and_then(|code| code.as_str()) == Some("CANCELLED") {
                    self.call(&head, "cancelled", Paint::warn);
                } else {
                    self.call(&head, &format!("{}: {}", error.name, error.message), Paint::error);
                }
            }
            _ => {}
        }
    }

    /// Shows what is odd but not wrong.
    pub fn warning(&mut self, text: &str) {
        let warning = format!("{}: {}", self.paint.warn("warning"), visible(text));
        self.line(&warning);
    }

    /// Moves the moving line on.
    pub fn tick(&mut self) {
        self.turns += 1;
        self.draw("");
    }

    /// Takes the moving line away.
    pub fn clear(&mut self) {
        if std::mem::take(&mut self.drawn) {
            say(ERASE);
        }
    }

    /// A line about a call and its input or answer.
    fn call_with(&mut self, head: &str, json: Option<&Json>, colour: fn(Paint, &str) -> String) {
        let text = json.map(|json| brief(json.text(), self.width_after(head))).unwrap_or_default();
        self.call(head, &text, colour);
    }

    fn call(&mut self, head: &str, rest: &str, colour: fn(Paint, &str) -> String) {
        let rest = self.paint.dim(&one_line(rest, self.width_after(head)));
        let line = format!("{}{rest}", colour(self.paint, &visible(head)));
        self.line(&line);
    }

    /// The columns that remain of a line after its head.
    fn width_after(&self, head: &str) -> usize {
        let head = visible(head).chars().count();
        self.terminal.unwrap_or(WIDTH_WITHOUT_TERMINAL).saturating_sub(head + 1).max(MIN_REST_WIDTH)
    }

    /// Writes a line above the moving one.
    fn line(&mut self, line: &str) {
        self.draw(&format!("{line}\n"));
    }

    /// Writes `text` and the moving line in one piece, so that a terminal never shows half of it.
    fn draw(&mut self, text: &str) {
        let mut out = String::new();
        if std::mem::take(&mut self.drawn) {
            out.push_str(ERASE);
        }
        out.push_str(text);
        // A call that is answered at once never shows it, so that quick ones do not flicker.
        if let (Some(width), Some((_, since))) = (self.terminal, self.open.values().next())
            && since.elapsed() >= TICK
        {
            let turn = TURNS.get(self.turns % TURNS.len()).copied().unwrap_or(' ');
            let names: Vec<String> = self
                .counted()
                .iter()
                .map(|(tool, n)| if *n > 1 { format!("{tool} ×{n}") } else { tool.to_string() })
                .collect();
            let text = format!("{turn} {:.1} s waiting for {}", since.elapsed().as_secs_f64(), names.join(", "));
            // Writing to a String cannot fail.
            let _ = write!(out, "{}", self.paint.dim(&one_line(&text, width.saturating_sub(1))));
            self.drawn = true;
        }
        say(&out);
    }

    fn counted(&self) -> BTreeMap<&str, usize> {
        let mut counted = BTreeMap::new();
        for (tool, _) in self.open.values() {
            *counted.entry(&**tool).or_insert(0) += 1;
        }
        counted
    }
}

const TICK: Duration = Duration::from_millis(100);
const TURNS: [char; 8] = ['⠋', '⠙', '⠸', '⠴', '⠦', '⠧', '⠇', '⠏'];
/// To the first column, and erases the line.
const ERASE: &str = "\r\x1b[2K";
const WIDTH_WITHOUT_TERMINAL: usize = 160;
const MIN_REST_WIDTH: usize = 20;
