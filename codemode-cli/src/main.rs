//! The program `codemode`: runs a TypeScript program in a sandbox whose only powers are the tools it is given.
//!
//! Exit codes: 0 success, 1 the program failed or a replay diverged, 2 usage, configuration or host; 128 and the
//! signal's number when it was cancelled. Standard output holds the result and nothing else, whatever the options.
#![forbid(unsafe_code)]

mod args;
mod catalog;
mod check;
mod command;
mod input;
mod json_place;
#[cfg(feature = "mcp")]
mod mcp;
mod output;
mod problem;
mod replay;
mod run;
mod signals;
mod size;
mod sqlite;
mod tools;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Args, Command};

/// Without it nothing counts what programs on Boa allocate.
#[cfg(feature = "boa")]
#[global_allocator]
static ALLOCATOR: codemode::GuestHeap = codemode::GuestHeap::SYSTEM;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return usage(&error),
    };
    let ending = match &args.command {
        Command::Run(args) => run::run(args),
        Command::Replay(args) => replay::replay(args),
        Command::Check(args) => check::check(args),
        Command::Prompt(args) => catalog::prompt(args),
        Command::Stubs(args) => catalog::stubs(args),
        Command::Drivers(args) => catalog::drivers(args),
        #[cfg(feature = "mcp")]
        Command::Mcp(args) => mcp::serve::serve(args),
    };
    match ending {
        Ok(ending) => ending.into(),
        Err(problem) => {
            output::report(&problem);
            Ending::Problem.into()
        }
    }
}

/// How a command ended, as the shell is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// It did what was asked.
    Success,
    /// The program failed, or a replay diverged.
    Failed,
    /// Usage, configuration or the host.
    Problem,
    /// This signal cancelled it.
    Signal(u8),
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Success => Self::SUCCESS,
            Ending::Failed => Self::from(1),
            Ending::Problem => Self::from(2),
            Ending::Signal(number) => Self::from(128u8.saturating_add(number)),
        }
    }
}

/// Help and version are answers, everything else that clap says is a usage error.
fn usage(error: &clap::Error) -> ExitCode {
    // Nothing is left to do when nobody reads the help.
    let _ = error.print();
    if error.use_stderr() { Ending::Problem.into() } else { ExitCode::SUCCESS }
}
