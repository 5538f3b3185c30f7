//! Runs the real program in a folder of its own, and never waits for it longer than [`PATIENCE`].
#![allow(dead_code)] // Each test file uses its part.

use std::{
    fs,
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

/// A folder that is gone after the test.
pub struct Folder(TempDir);

/// What a finished program left.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
}

impl Folder {
    pub fn new() -> Self {
        Self(TempDir::new().expect("a temporary folder"))
    }

    /// A folder with the example shop.
    pub fn with_shop() -> Self {
        let folder = Self::new();
        for name in ["shop.sql", "top-products.ts"] {
            fs::copy(root().join("examples").join(name), folder.path(name)).expect("the example is there");
        }
        folder
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> &Self {
        fs::write(self.path(name), bytes).expect("the file can be written");
        self
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("the file can be read")
    }

    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).expect("the folder can be read");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// The program, not yet started.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_codemode"));
        command.args(args).current_dir(self.0.path());
        for name in ["CODEMODE_DRIVER", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        finish(self.command(args))
    }

    /// Runs `source`, given on standard input, with more arguments.
    pub fn program(&self, source: impl AsRef<[u8]>, args: &[&str]) -> Ran {
        let mut command = self.command(&[&["run", "-"], args].concat());
        command.stdin(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        // It may refuse to read all of it.
        let _ = stdin.write_all(source.as_ref());
        drop(stdin);
        wait(child, Instant::now())
    }
}

impl Ran {
    /// Expects this exit code.
    #[track_caller]
    pub fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Expects this text on standard error.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "{text:?} is missing in {self:#?}");
        self
    }

    /// Standard output, which must be one JSON value and nothing else.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// The result of a program that ended well.
    #[track_caller]
    pub fn result(self) -> Value {
        self.ends(0).json()
    }
}

/// Starts the command and waits for its end.
pub fn finish(mut command: Command) -> Ran {
    let begin = Instant::now();
    wait(command.spawn().expect("the program starts"), begin)
}

/// Waits for the end of a child.
pub fn wait(mut child: Child, begin: Instant) -> Ran {
    let stdout = child.stdout.take().map(collect);
    let stderr = child.stderr.take().map(collect);
    let status = loop {
        if let Some(status) = child.try_wait().expect("the child can be waited for") {
            break Some(status);
        }
        if begin.elapsed() > PATIENCE {
            child.kill().expect("the child can be killed");
            break None;
        }
        thread::sleep(Duration::from_millis(2));
    };
    let text = |thread: Option<JoinHandle<String>>| thread.map_or_else(String::new, |it| it.join().expect("text"));
    let ran = Ran {
        code: status.and_then(|status| status.code()),
        stdout: text(stdout),
        stderr: text(stderr),
        took: begin.elapsed(),
    };
    assert!(status.is_some(), "it did not end within {PATIENCE:?}: {ran:#?}");
    ran
}

fn collect(mut stream: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("the stream can be read");
        String::from_utf8(bytes).expect("the program writes UTF-8")
    })
}

/// The root of the workspace.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a crate in a workspace")
}

/// More than a busy machine makes of a moment, and less than any deadline that ends what hangs.
pub const SOON: Duration = Duration::from_secs(10);
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Tells when every process that a tool started is gone: they hold the end of a pipe that the test reads.
#[cfg(unix)]
pub struct Alive(std::sync::mpsc::Receiver<String>);

#[cfg(unix)]
impl Alive {
    /// Shell text with which a command takes hold of the pipe, for itself and its children.
    pub const HOLD: &'static str = "exec 9>alive; echo up >&9; ";

    pub fn watch(folder: &Folder) -> Self {
        let path = folder.path("alive");
        let made = Command::new("mkfifo").arg(&path).status().expect("mkfifo");
        assert!(made.success());
        let (tell, hear) = std::sync::mpsc::channel();
        thread::spawn(move || tell.send(fs::read_to_string(path).expect("the pipe can be read")));
        Self(hear)
    }

    /// Expects that the command ran and that nothing of it is left.
    #[track_caller]
    pub fn ends(self) {
        assert_eq!(self.0.recv_timeout(SOON).as_deref(), Ok("up\n"), "a process is left");
    }
}
