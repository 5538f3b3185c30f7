//! [`Hostile`]: the programs of `hostile/*.toml` and generated ones, each by itself, many in a row, and 64 at once with
//! good ones among them. The host survives, answers on time, and holds neither threads nor memory for long.
//!
//! Each test runs in a process of its own, a child of the test program: the death of one is one failure with a name, and
//! what a process has held at its peak belongs to one program.

mod alone;
mod bounds;
mod child;
mod many;
mod program;
mod soak;
mod worker;

use std::{env, process::ExitCode, sync::Arc, time::Duration};

use codemode_core::IsolateDriver;

use crate::{
    known::{Check, Gaps, Suite},
    measured::run_in_order,
};
pub use bounds::{Concurrent, HOSTILE_HEAP};
use child::Job;

type Make<T> = Box<dyn Fn() -> Result<T, String> + Send + Sync>;

/// Holds a driver to the hostile suite. A test's `main` makes one and runs it.
pub struct Hostile {
    driver: Make<Arc<dyn IsolateDriver>>,
    concurrent: Option<Make<Concurrent>>,
    constant_mib: u64,
}

impl Hostile {
    /// For the driver that `driver` makes. It is called in each child process, before the clock of any program runs.
    pub fn new(driver: impl Fn() -> Arc<dyn IsolateDriver> + Send + Sync + 'static) -> Self {
        Self { driver: Box::new(move || Ok(driver())), concurrent: None, constant_mib: 0 }
    }

    /// What 64 programs at once run on, where that is something else.
    #[must_use]
    pub fn concurrent(mut self, make: impl Fn() -> Result<Concurrent, String> + Send + Sync + 'static) -> Self {
        self.concurrent = Some(Box::new(make));
        self
    }

    /// How much memory one program may take beyond twice its heap limit, at its peak. The README of the driver says what
    /// for.
    #[must_use]
    pub fn constant_mib(mut self, constant_mib: u64) -> Self {
        self.constant_mib = constant_mib;
        self
    }

    /// Runs the suite. `known` is the text of the driver's known.toml. Takes the arguments of a Rust test.
    pub fn run(self, known: &str) -> ExitCode {
        if let Some(job) = env::var_os(child::JOB) {
            return child::report(self.work(&job.to_string_lossy(), known));
        }
        if let Some(soak) = soak::Soak::wanted() {
            return match (self.driver)() {
                Ok(driver) if soak.is_for(driver.name()) => soak.supervise(),
                Ok(_) => ExitCode::SUCCESS,
                Err(why) => {
                    eprintln!("{why}");
                    ExitCode::FAILURE
                }
            };
        }
        run_in_order(Suite::Hostile, known, |_| {
            let programs =
                program::all()?.into_iter().map(|program| (program.name.clone(), Job::Program(program.name)));
            let many = [
                ("a_thousand_in_a_row", Job::Row),
                ("sixty_four_at_once", Job::AtOnce),
                ("generated", Job::Generated { first: FIRST_SEED, count: GENERATED }),
            ];
            let checks = programs.chain(many.map(|(name, job)| (name.to_owned(), job)));
            Ok(checks.map(|(name, job)| (name, Box::new(move || run(job)) as Check)).collect())
        })
    }

    /// One job, in a child process.
    fn work(&self, job: &str, known: &str) -> Result<(), String> {
        let gaps = Gaps::parse(known, Suite::Hostile)?;
        let held = |programs: Vec<program::HostileProgram>| {
            programs.into_iter().filter(|program| !gaps.contains(&program.name)).collect::<Vec<_>>()
        };
        match job.parse()? {
            Job::Program(name) => self.alone(&name, false),
            Job::Settled(name) => self.alone(&name, true),
            Job::Row => many::a_thousand_in_a_row(&(self.driver)()?, &held(program::all()?)),
            Job::AtOnce => many::sixty_four_at_once(&self.for_many()?, &held(program::all()?)),
            Job::Generated { first, count } => soak::short(&(self.driver)()?, first, count, self.constant_mib),
            Job::Soak { first, seconds, folder } => {
                soak::long(&(self.driver)()?, first, Duration::from_secs(seconds), &folder, self.constant_mib)
            }
            Job::Replay { seed, only } => soak::replay(&(self.driver)()?, seed, only, self.constant_mib),
        }
    }

    fn alone(&self, name: &str, settled: bool) -> Result<(), String> {
        let program = program::all()?.into_iter().find(|program| program.name == name);
        let program = program.ok_or(format!("there is no program {name:?}"))?;
        alone::in_full(&(self.driver)()?, &program, settled, self.constant_mib)
    }

    fn for_many(&self) -> Result<Concurrent, String> {
        match &self.concurrent {
            Some(make) => make(),
            None => Ok(Concurrent::new((self.driver)()?)),
        }
    }
}

fn run(job: Job) -> Result<(), String> {
    match (child::run(&job), job) {
        (Err(why), Job::Program(name)) if why == alone::OVERRAN => child::run(&Job::Settled(name)),
        (ended, _) => ended,
    }
}

/// The generated programs that belong to the ordinary suite.
const FIRST_SEED: u64 = 1;
const GENERATED: u64 = 100;
