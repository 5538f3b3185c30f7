//! Generated hostile programs in one process that lives long: what an execution leaves behind, and what ends the process.
//!
//! `cargo xtask soak hostile` runs them for as long as it is told. The process that is tested writes each program down
//! before it runs, so that the one that ended it is known, and is started again with the next.

use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use codemode_core::IsolateDriver;
use serde::{Deserialize, Serialize};

use super::{
    child::{self, DEATH, Job, begin},
    worker::{Finding, Kind, Worker},
};
use crate::{generated::Generated, usage::Usage};

/// What `cargo xtask soak hostile` asks for, through the environment.
#[derive(Debug)]
pub(super) struct Soak {
    first: u64,
    timeout: Duration,
    /// What was found, and the figures.
    folder: PathBuf,
    /// One program alone, instead.
    replay: bool,
    /// The only driver that is meant; each, if there is none.
    driver: Option<String>,
}

/// What a process looked like between two programs.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Sample {
    programs: u64,
    resident_kib: u64,
    threads: u64,
    /// The most that one program took since the last sample.
    peak_kib: u64,
}

/// What a soak came to.
#[derive(Debug, Default, Serialize)]
struct Soaked {
    minutes: u64,
    first_seed: u64,
    programs: u64,
    deaths: u64,
    late: u64,
    /// Threads that came back only after seconds.
    held: u64,
    lost: u64,
    host_errors: u64,
    engine_failed: u64,
    /// Good programs that were answered wrong or late.
    good_failed: u64,
    /// Programs over twice their heap and the driver's constant.
    over_peak: u64,
    largest_peak_mib: u64,
    /// Means of the second and the last quarter of the longest life of a process.
    resident_mib_second_quarter: u64,
    resident_mib_last_quarter: u64,
}

impl Soak {
    pub fn wanted() -> Option<Self> {
        let number = |name: &str| env::var(name).ok()?.parse::<u64>().ok();
        let folder = env::var_os("CODEMODE_SOAK").filter(|folder| !folder.is_empty())?;
        let replayed = number("CODEMODE_SOAK_REPLAY");
        Some(Self {
            first: replayed.or(number("CODEMODE_SOAK_SEED")).unwrap_or(1),
            timeout: Duration::from_secs(60 * number("CODEMODE_SOAK_MINUTES").unwrap_or(1)),
            folder: folder.into(),
            replay: replayed.is_some(),
            driver: env::var("CODEMODE_SOAK_DRIVER").ok(),
        })
    }

    /// Whether this driver is meant.
    pub fn is_for(&self, driver: &str) -> bool {
        self.driver.as_deref().is_none_or(|meant| meant == driver)
    }

    pub fn supervise(&self) -> ExitCode {
        let ended = if self.replay { self.replay() } else { self.soak() };
        match ended {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(why) => {
                eprintln!("{why}");
                ExitCode::FAILURE
            }
        }
    }

    fn replay(&self) -> Result<bool, String> {
        let program = Generated::new(self.first);
        println!("// {:?}, default heap: {}\n{}", program.timeout, program.default_heap, program.text());
        match child::run(&Job::Replay { seed: self.first, only: None }) {
            Ok(()) => {
                println!("nothing was found");
                Ok(true)
            }
            Err(why) => {
                println!("{why}");
                for at in 0..program.operations.len() {
                    if let Err(why) = child::run(&Job::Replay { seed: self.first, only: Some(at) }) {
                        println!("\nby this alone: {}\n{why}", program.operations[at]);
                    }
                }
                Ok(false)
            }
        }
    }

    fn soak(&self) -> Result<bool, String> {
        let begun = Instant::now();
        let mut first = self.first;
        let mut soaked = Soaked { minutes: self.timeout.as_secs() / 60, first_seed: first, ..Soaked::default() };
        let mut lives: Vec<Vec<Sample>> = Vec::new();
        while let Some(left) = self.timeout.checked_sub(begun.elapsed()).filter(|left| left.as_secs() > 0) {
            let ended = child::run(&Job::Soak { first, seconds: left.as_secs(), folder: self.folder.clone() });
            let samples: Vec<Sample> = read_lines(&self.folder.join(SAMPLES))?;
            let _ = fs::remove_file(self.folder.join(SAMPLES));
            lives.push(samples);
            let seed = fs::read_to_string(self.folder.join(SEED)).ok().and_then(|seed| seed.parse::<u64>().ok());
            let Some(seed) = seed else {
                return Err(format!("no program was begun: {ended:?}"));
            };
            soaked.programs += seed + 1 - first;
            match ended {
                Ok(()) => {}
                Err(why) if why.contains(DEATH) => {
                    let again = child::run(&Job::Replay { seed, only: None });
                    let alone = if again.is_err() { "also alone" } else { "not when it runs alone" };
                    let mut finding = Finding::new(&Generated::new(seed), Kind::Death, format!("{why}; {alone}"));
                    finding.shrink(|only| child::run(&Job::Replay { seed, only: Some(only) }).is_err());
                    eprintln!("{finding}");
                    append(&self.folder.join(FINDINGS), &finding)?;
                }
                Err(why) => println!("the process gave up after seed {seed}: {why}"),
            }
            first = seed + 1;
        }
        let mut findings: Vec<Finding> = read_lines(&self.folder.join(FINDINGS))?;
        self.shrink(&mut findings)?;
        soaked.sum(&findings, &lives);
        let text = serde_json::to_string_pretty(&soaked).map_err(|error| error.to_string())? + "\n";
        println!("{text}");
        let file = self.folder.join("soaked.json");
        fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))?;
        Ok(findings.is_empty())
    }
}

impl Soak {
    /// Looks for the one operation of each program that does it alone, for a part of the time that the soak took.
    fn shrink(&self, findings: &mut [Finding]) -> Result<(), String> {
        let begun = Instant::now();
        for finding in findings.iter_mut().filter(|finding| finding.kind != Kind::Death) {
            if begun.elapsed() > self.timeout / 4 {
                break;
            }
            let seed = finding.seed;
            finding.shrink(|only| child::run(&Job::Replay { seed, only: Some(only) }).is_err());
        }
        let lines: Vec<String> = findings.iter().filter_map(|finding| serde_json::to_string(finding).ok()).collect();
        let file = self.folder.join(FINDINGS);
        fs::write(&file, lines.join("\n") + "\n").map_err(|error| format!("{}: {error}", file.display()))?;
        findings.iter().for_each(|finding| println!("{finding}"));
        Ok(())
    }
}

impl Soaked {
    fn sum(&mut self, findings: &[Finding], lives: &[Vec<Sample>]) {
        let of = |kind: Kind| findings.iter().filter(|finding| finding.kind == kind).count() as u64;
        (self.deaths, self.late, self.held, self.lost) =
            (of(Kind::Death), of(Kind::Late), of(Kind::Held), of(Kind::Lost));
        (self.host_errors, self.engine_failed) = (of(Kind::HostError), of(Kind::EngineFailed));
        (self.good_failed, self.over_peak) = (of(Kind::Good), of(Kind::Peak));
        self.largest_peak_mib = lives.iter().flatten().map(|sample| sample.peak_kib >> 10).max().unwrap_or(0);
        let Some(longest) = lives.iter().max_by_key(|life| life.len()).filter(|life| life.len() >= 4) else { return };
        let quarter = longest.len() / 4;
        let mean = |samples: &[Sample]| {
            let sum: u64 = samples.iter().map(|sample| sample.resident_kib >> 10).sum();
            sum / (samples.len() as u64).max(1)
        };
        self.resident_mib_second_quarter = mean(&longest[quarter..2 * quarter]);
        self.resident_mib_last_quarter = mean(&longest[longest.len() - quarter..]);
    }
}

/// Runs programs from a seed on for so long, and writes down what it finds.
pub(super) fn long(
    driver: &Arc<dyn IsolateDriver>,
    first: u64,
    timeout: Duration,
    folder: &Path,
    constant_mib: u64,
) -> Result<(), String> {
    let begun = Instant::now();
    let mut worker = Worker::new(driver, constant_mib)?;
    let mut largest = 0;
    for (programs, seed) in (first..).enumerate() {
        let program = Generated::new(seed);
        let current = folder.join(SEED);
        fs::write(&current, seed.to_string()).map_err(|error| format!("{}: {error}", current.display()))?;
        let mut findings = worker.run(&program);
        largest = largest.max(worker.peak_kib());
        if programs % GOOD_EVERY == 0 {
            findings.extend(worker.good(&program));
            if let Some(usage) = Usage::now() {
                let sample = Sample {
                    programs: programs as u64,
                    resident_kib: usage.resident_kib,
                    threads: usage.threads,
                    peak_kib: std::mem::take(&mut largest),
                };
                append(&folder.join(SAMPLES), &sample)?;
            }
        }
        for finding in &findings {
            eprintln!("{finding}");
            append(&folder.join(FINDINGS), finding)?;
        }
        if worker.lost() >= MAX_LOST {
            return Err(format!("{MAX_LOST} threads are lost; a fresh process goes on"));
        }
        if begun.elapsed() > timeout {
            break;
        }
    }
    Ok(())
}

/// So many programs, all of which must pass.
pub(super) fn short(driver: &Arc<dyn IsolateDriver>, first: u64, count: u64, constant_mib: u64) -> Result<(), String> {
    let begun = Instant::now();
    let mut worker = Worker::new(driver, constant_mib)?.timeout(SHORT);
    let mut findings = Vec::new();
    for seed in first..first + count {
        let program = Generated::new(seed);
        begin(&format!("the generated program {seed}: {}", program.operations.join("; ")));
        // How long a thread is held is a matter of the machine, too; that it comes back is not.
        findings.extend(worker.run(&program).into_iter().filter(|finding| finding.kind != Kind::Held));
        if seed % GOOD_EVERY as u64 == 0 {
            findings.extend(worker.good(&program));
        }
        // Each costs seconds, and the first few say enough.
        if findings.len() >= MAX_FINDINGS {
            break;
        }
    }
    let (took, rejected) = (begun.elapsed(), worker.rejected());
    eprintln!("{}: {count} generated programs in {took:?}, {rejected} of them rejected", driver.name());
    if rejected * 20 > count {
        return Err(format!("{rejected} of {count} generated programs are no programs"));
    }
    all_well(&findings)
}

fn all_well(findings: &[Finding]) -> Result<(), String> {
    if findings.is_empty() { Ok(()) } else { Err(findings.iter().map(ToString::to_string).collect()) }
}

/// One program alone, or one operation of it.
pub(super) fn replay(
    driver: &Arc<dyn IsolateDriver>,
    seed: u64,
    only: Option<usize>,
    constant_mib: u64,
) -> Result<(), String> {
    let mut worker = Worker::new(driver, constant_mib)?;
    let program = Generated::new(seed);
    let program = only.map_or(program.clone(), |only| program.only(only));
    let mut findings = worker.run(&program);
    findings.extend(worker.good(&program));
    eprintln!("{:?}, {} MiB at its peak", worker.last(), worker.peak_kib() >> 10);
    all_well(&findings)
}

fn append(file: &Path, value: &impl Serialize) -> Result<(), String> {
    let problem = |error: std::io::Error| format!("{}: {error}", file.display());
    let line = serde_json::to_string(value).map_err(|error| error.to_string())? + "\n";
    let mut file = fs::OpenOptions::new().create(true).append(true).open(file).map_err(problem)?;
    file.write_all(line.as_bytes()).map_err(problem)
}

fn read_lines<T: for<'a> Deserialize<'a>>(file: &Path) -> Result<Vec<T>, String> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(format!("{}: {error}", file.display())),
    };
    let lines = text.lines().map(|line| serde_json::from_str(line).map_err(|error| error.to_string()));
    lines.collect()
}

const FINDINGS: &str = "findings.jsonl";
const SAMPLES: &str = "samples.jsonl";
const SEED: &str = "seed";
const GOOD_EVERY: usize = 20;
/// The driver refuses work after eight.
const MAX_LOST: usize = 4;
const MAX_FINDINGS: usize = 5;
/// Deadlines in the ordinary suite, which has many other tests.
const SHORT: Duration = Duration::from_millis(100);
