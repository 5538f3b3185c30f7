//! A test in a process of its own: the same test program, started once more with a [`Job`] in its environment. The parent
//! watches it, so that a program that ends its process, fills the machine or never ends is one failure with a name.

use std::{
    env, fmt,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, ExitCode, Stdio},
    str::FromStr,
    thread,
    time::{Duration, Instant},
};

use crate::usage::resident_kib;

/// The environment variable that holds the job of a child process.
pub(super) const JOB: &str = "CODEMODE_HOSTILE_JOB";

/// What a child process does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Job {
    /// The hostile program of this name, alone.
    Program(String),
    /// The same once the process has no idle threads.
    Settled(String),
    /// All of them, one after the other.
    Row,
    /// 64 at once.
    AtOnce,
    /// So many generated programs.
    Generated { first: u64, count: u64 },
    /// Generated programs for so long; `folder` gets the record.
    Soak { first: u64, seconds: u64, folder: PathBuf },
    /// One generated program alone, or one operation of it.
    Replay { seed: u64, only: Option<usize> },
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program(name) => write!(f, "program {name}"),
            Self::Settled(name) => write!(f, "settled {name}"),
            Self::Row => write!(f, "row"),
            Self::AtOnce => write!(f, "at-once"),
            Self::Generated { first, count } => write!(f, "generated {first} {count}"),
            Self::Soak { first, seconds, folder } => write!(f, "soak {first} {seconds} {}", folder.display()),
            Self::Replay { seed, only: None } => write!(f, "replay {seed}"),
            Self::Replay { seed, only: Some(only) } => write!(f, "replay {seed} {only}"),
        }
    }
}

impl FromStr for Job {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{JOB} is {text:?}, which is no job");
        let number = |text: &str| text.parse::<u64>().map_err(|_| wrong());
        let words: Vec<&str> = text.splitn(4, ' ').collect();
        Ok(match words[..] {
            ["program", name] => Self::Program(name.to_owned()),
            ["settled", name] => Self::Settled(name.to_owned()),
            ["row"] => Self::Row,
            ["at-once"] => Self::AtOnce,
            ["generated", first, count] => Self::Generated { first: number(first)?, count: number(count)? },
            ["soak", first, seconds, folder] => {
                Self::Soak { first: number(first)?, seconds: number(seconds)?, folder: folder.into() }
            }
            ["replay", seed] => Self::Replay { seed: number(seed)?, only: None },
            ["replay", seed, only] => {
                Self::Replay { seed: number(seed)?, only: Some(only.parse().map_err(|_| wrong())?) }
            }
            _ => return Err(wrong()),
        })
    }
}

impl Job {
    /// When it is taken to hang: far over what it may take on a loaded machine.
    fn timeout(&self) -> Duration {
        Duration::from_secs(match self {
            Self::Program(_) | Self::Settled(_) | Self::Replay { .. } => 90,
            Self::Row | Self::AtOnce | Self::Generated { .. } => 1_200,
            Self::Soak { seconds, .. } => seconds + 180,
        })
    }
}

/// Tells the parent what comes next, for the case that it does not end.
pub(super) fn begin(name: &str) {
    println!("{BEGUN}{name}");
}

/// Tells the parent how a job ended.
pub(super) fn report(ended: Result<(), String>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            println!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a job in a child process. The error says what the child found, or how it ended, and which program it had begun.
pub(super) fn run(job: &Job) -> Result<(), String> {
    let problem = |error: std::io::Error| format!("{job}: the child process: {error}");
    let program = env::current_exe().map_err(problem)?;
    let mut child = Command::new(program)
        .env(JOB, job.to_string())
        // To write the names of frames, a panic would read the symbols of the whole program into memory.
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(problem)?;
    let output = child.stdout.take();
    let reader = thread::spawn(move || {
        let (mut begun, mut said) = (String::new(), Vec::new());
        for line in output.into_iter().flat_map(|output| BufReader::new(output).lines()).map_while(Result::ok) {
            match line.strip_prefix(BEGUN) {
                Some(name) => name.clone_into(&mut begun),
                None => said.push(line),
            }
        }
        (begun, said.join("\n"))
    });
    let ended = watch(&mut child, job.timeout()).map_err(problem)?;
    let (begun, said) = reader.join().unwrap_or_default();
    let begun = if begun.is_empty() { job.to_string() } else { format!("{job}, in {begun}") };
    match ended {
        Ended::Itself(status) if status.success() => Ok(()),
        Ended::Itself(status) if status.code() == Some(1) && !said.is_empty() => Err(said),
        Ended::Itself(status) => Err(format!("{begun}: {DEATH} ({status})\n{said}")),
        Ended::ByWatch(why) => Err(format!("{begun}: {DEATH}: it was killed, for {why}\n{said}")),
    }
}

enum Ended {
    Itself(std::process::ExitStatus),
    ByWatch(String),
}

/// Waits for the end of a child; kills one that takes too long, or too much of the machine.
fn watch(child: &mut Child, timeout: Duration) -> std::io::Result<Ended> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Ended::Itself(status));
        }
        let resident = resident_kib(child.id()).unwrap_or(0);
        let why = if begun.elapsed() > timeout {
            format!("it had not ended after {timeout:?}")
        } else if resident > MAX_RESIDENT_KIB {
            format!("it held {} MiB", resident >> 10)
        } else {
            thread::sleep(Duration::from_millis(5));
            continue;
        };
        child.kill()?;
        child.wait()?;
        return Ok(Ended::ByWatch(why));
    }
}

const BEGUN: &str = "begun: ";
/// In every report of a process that did not end by itself as it should.
pub(super) const DEATH: &str = "the process ended";
/// What a test may take before the machine suffers.
const MAX_RESIDENT_KIB: u64 = 3 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_read_back() {
        for job in [
            Job::Program("a-name".into()),
            Job::Settled("a-name".into()),
            Job::Row,
            Job::AtOnce,
            Job::Generated { first: 1, count: 2 },
            Job::Soak { first: 1, seconds: 2, folder: "a folder/with spaces".into() },
            Job::Replay { seed: 7, only: None },
            Job::Replay { seed: 7, only: Some(0) },
        ] {
            assert_eq!(job.to_string().parse(), Ok(job));
        }
        assert!("program".parse::<Job>().is_err());
    }
}
