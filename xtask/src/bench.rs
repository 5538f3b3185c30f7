//! `cargo xtask bench` and `cargo xtask report`: measure, keep what was measured, show it.

mod chart;
mod criterion;
mod instructions;
pub mod machine;
mod overview;
mod package;
mod peers;
mod record;
mod report;

use std::path::PathBuf;

use serde_json::Value;

use crate::{
    commands::{cargo, output},
    drivers::{Driver, drivers, left_out},
};
use package::with_features;
use record::Record;

pub use report::report;

/// What `bench` was asked for.
#[derive(Default)]
struct Options {
    drivers: Vec<String>,
    models: Vec<String>,
    record: bool,
    check: bool,
    set_baseline: bool,
    peers: Option<PathBuf>,
    quick: bool,
}

/// Runs what was asked for.
pub fn bench(args: &[String]) -> Result<(), String> {
    let options = Options::parse(args)?;
    if let Some(lines) = options.peers.as_deref().filter(|place| place.is_file()) {
        return keep_peers(peers::read(lines)?);
    }
    let drivers = measured(&options)?;
    let features: Vec<String> = drivers.iter().map(|driver| driver.name.clone()).collect();
    if options.check || options.set_baseline {
        return instructions::run(&features, options.set_baseline);
    }
    if let Some(folder) = &options.peers {
        let lines = peers::run(folder, &drivers, options.quick)?;
        return if options.record { keep_peers(lines) } else { Ok(()) };
    }
    let about = if options.record { Some(record::drivers(&features)?) } else { None };
    let keep = |kind: &str, results| match &about {
        Some(drivers) => record::keep(kind, Record::new(drivers.clone(), results)),
        None => Ok(()),
    };
    let wanted = |model: &str| options.models.is_empty() || options.models.iter().any(|wanted| wanted == model);
    if options.models.is_empty() || options.models.iter().any(|model| !PROCESSES.contains(&model.as_str())) {
        let results = criterion::run(&features, &options.drivers, &options.models)?;
        keep("drivers", results)?;
    }
    for model in PROCESSES.iter().filter(|model| wanted(model)) {
        let mut results = Vec::new();
        for driver in drivers.iter().filter(|driver| options.measures(model, driver)) {
            for args in arguments(model) {
                let result = measure(&features, &driver.name, &args)?;
                println!("{result}");
                results.push(result);
            }
        }
        keep(model, results)?;
    }
    Ok(())
}

fn keep_peers(lines: Vec<Value>) -> Result<(), String> {
    record::keep("peers", Record::new(peers::ours(&lines), lines))
}

/// The models that criterion does not time: each measurement wants a process of its own.
const PROCESSES: &[&str] = &["memory", "waiting", "growth"];

fn arguments(model: &str) -> Vec<[&'static str; 2]> {
    match model {
        "memory" => vec![["waiting", "64"]],
        "waiting" => vec![["waiting", "10000"]],
        _ => ["calls", "payload", "tools", "program"].map(|curve| ["growth", curve]).to_vec(),
    }
}

/// One line of `measure KIND DRIVER SIZE`.
fn measure(features: &[String], driver: &str, [kind, size]: &[&str; 2]) -> Result<Value, String> {
    let mut command = with_features(cargo(&["run", "--quiet", "--release", "--bin", "measure"]), features);
    command.args(["--", kind, driver, size]);
    serde_json::from_str(&output(command)?).map_err(|error| format!("measure {kind}: {error}"))
}

/// The drivers that can be built here and were asked for. Their names are also features of codemode-benches.
fn measured(options: &Options) -> Result<Vec<Driver>, String> {
    let left_out = left_out()?;
    for driver in &left_out {
        println!("{}", driver.notice("IS NOT MEASURED"));
    }
    let wanted = |name: &str| {
        options.drivers.is_empty() || options.drivers.iter().any(|driver| driver.trim_end_matches("-warm") == name)
    };
    let mut measured = drivers()?;
    measured.retain(|driver| left_out.iter().all(|out| out.driver.name != driver.name) && wanted(&driver.name));
    match measured.is_empty() {
        true => Err("none of the drivers that were asked for can be measured here".into()),
        false => Ok(measured),
    }
}

impl Options {
    /// Ten thousand executions wait at once where none holds a thread, and on another driver if both are named.
    fn measures(&self, model: &str, driver: &Driver) -> bool {
        let named = |names: &[String], name: &str| names.iter().any(|named| named == name);
        let asked_for = || named(&self.drivers, &driver.name) && named(&self.models, model);
        model != "waiting" || driver.facts.waits_without_thread || asked_for()
    }

    fn parse(args: &[String]) -> Result<Self, String> {
        let mut options = Self::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().cloned().ok_or_else(|| format!("{arg} wants a value"));
            match arg.as_str() {
                "--driver" => options.drivers.push(value()?),
                "--model" => options.models.push(value()?),
                "--peers" => options.peers = Some(value()?.into()),
                "--record" => options.record = true,
                "--check" => options.check = true,
                "--set-baseline" => options.set_baseline = true,
                "--quick" => options.quick = true,
                other => return Err(format!("bench has no option {other:?}; see cargo xtask help")),
            }
        }
        Ok(options)
    }
}
