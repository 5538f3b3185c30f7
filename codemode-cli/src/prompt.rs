//! The commands that only print: `prompt`, `stubs` and `drivers`.

use codemode::{CodeMode, DriverInfo};

use crate::{
    args::{CatalogArgs, DriversArgs},
    exit::ExitStatus,
    output::{self, paint::Paint},
    problem::Problem,
    signals::Signals,
    tools::{self, Tools},
};

/// Prints the system prompt.
pub fn prompt(args: &CatalogArgs) -> Result<ExitStatus, Problem> {
    let (_tools, code_mode) = code_mode(args)?;
    print(code_mode.system_prompt())
}

/// Prints the declarations alone.
pub fn stubs(args: &CatalogArgs) -> Result<ExitStatus, Problem> {
    let (_tools, code_mode) = code_mode(args)?;
    if code_mode.discovery_definition().is_none() {
        return print(code_mode.stubs());
    }
    // Those that the prompt only lists too.
    let functions: Vec<&str> = code_mode.functions().map(|function| function.name).collect();
    print(&code_mode.stubs_of(&functions))
}

/// Lists the drivers.
pub fn drivers(args: &DriversArgs) -> Result<ExitStatus, Problem> {
    let drivers = codemode::drivers();
    if args.json {
        let text = serde_json::to_string_pretty(&drivers)
            .map_err(|error| Problem::new(format!("the drivers have no JSON form: {error}")))?;
        return print(&text);
    }
    if drivers.is_empty() {
        output::note("no driver is in this build; build it with a feature such as quickjs");
    }
    let paint = Paint::stdout();
    let text: Vec<String> = drivers.iter().map(|driver| described(driver, paint)).collect();
    output::print(&text.join("\n"))?;
    Ok(ExitStatus::Success)
}

fn described(driver: &DriverInfo, paint: Paint) -> String {
    let DriverInfo { name, engine, deadline, memory, isolation, .. } = driver;
    let mut text = format!("{}\n", paint.strong(name));
    for (label, value) in [("engine", engine), ("deadline", deadline), ("memory", memory), ("isolation", isolation)] {
        let value = if value.is_empty() { "not stated" } else { value };
        text.push_str(&format!("  {} {value}\n", paint.dim(&format!("{label:<9}"))));
    }
    text
}

/// The tools, which are stopped when they are dropped, and the code mode over them. The tools decide the text; the driver
/// does not, so any will do.
fn code_mode(args: &CatalogArgs) -> Result<(Tools, CodeMode), Problem> {
    let driver = tools::driver(None)?;
    Signals::catch().map_err(|error| Problem::new(format!("Ctrl-C cannot be caught: {error}")))?;
    let tools = Tools::open(&args.tools)?;
    let code_mode = tools.code_mode(driver, args.limits.limits()?, |warning| output::warning(&warning))?;
    Ok((tools, code_mode))
}

fn print(text: &str) -> Result<ExitStatus, Problem> {
    let end = if text.ends_with('\n') || text.is_empty() { "" } else { "\n" };
    output::print(&format!("{text}{end}"))?;
    Ok(ExitStatus::Success)
}
