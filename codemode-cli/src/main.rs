//! The program `codemode`: runs a TypeScript program in a sandbox whose only powers are the tools it is given.
//!
//! Exit codes: 0 success, 1 the program failed or a replay diverged, 2 usage, configuration or host; 128 and the
//! signal's number when it was cancelled. Standard output holds the result and nothing else, whatever the options.
#![forbid(unsafe_code)]

mod args;
mod check;
mod exit;
mod input;
#[cfg(feature = "mcp")]
mod mcp;
mod output;
mod problem;
mod prompt;
mod replay;
mod run;
mod signals;
mod size;
mod tools;

use std::process::ExitCode;

use clap::Parser;

use crate::{
    args::{Args, Command},
    exit::ExitStatus,
};

/// Without it nothing counts what programs on Boa allocate.
#[cfg(feature = "boa")]
#[global_allocator]
static ALLOCATOR: codemode::GuestHeap = codemode::GuestHeap::SYSTEM;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return usage(&error),
    };
    let status = match &args.command {
        Command::Run(args) => run::run(args),
        Command::Replay(args) => replay::replay(args),
        Command::Check(args) => check::check(args),
        Command::Prompt(args) => prompt::prompt(args),
        Command::Stubs(args) => prompt::stubs(args),
        Command::Drivers(args) => prompt::drivers(args),
        #[cfg(feature = "mcp")]
        Command::Mcp(args) => mcp::serve::serve(args),
    };
    output::flush();
    match status {
        Ok(status) => status.into(),
        Err(problem) => {
            output::report(&problem);
            ExitStatus::Problem.into()
        }
    }
}

/// Help and version are answers, everything else that clap says is a usage error.
fn usage(error: &clap::Error) -> ExitCode {
    // Nothing is left to do when nobody reads the help.
    let _ = error.print();
    if error.use_stderr() { ExitStatus::Problem.into() } else { ExitCode::SUCCESS }
}
