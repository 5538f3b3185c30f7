//! Published MCP servers and clients, for the tests of codemode-mcp: parts nobody here wrote. From npm and PyPI, pinned.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use super::{npm, part::Part};

pub const PART: Part = Part { name: "mcp parts", purpose: "the tests of codemode-mcp with published servers", prepare };

/// The servers, the official clients of both protocol generations, and the AI SDK's.
const NPM: &[&str] = &[
    "@ai-sdk/mcp@1.0.101",
    "@modelcontextprotocol/client@2.4.0",
    "@modelcontextprotocol/inspector@2.12.0",
    "@modelcontextprotocol/sdk@1.32.2",
    "@modelcontextprotocol/server-everything@2026.8.31",
    "@modelcontextprotocol/server-filesystem@2026.8.31",
    "@modelcontextprotocol/server-memory@2026.8.31",
    "@modelcontextprotocol/server-sequential-thinking@2026.8.31",
];

/// Folders of Python packages: the servers and the official client, and a server of the first SDK generation, which
/// cannot live beside them.
const PYPI: &[(&str, &[&str])] = &[
    ("py", &["mcp==2.3.0", "mcp-server-git==2026.10.19", "mcp-server-time==2026.10.19"]),
    ("py-sqlite", &["mcp==1.30.0", "mcp-server-sqlite==2025.4.25"]),
];

/// What marks a whole installation: the list it was made from.
const STAMP: &str = "complete.txt";

fn prepare(tools: &Path) -> Result<String, String> {
    let place = tools.join("mcp");
    let wanted = format!("{NPM:?}\n{PYPI:?}\n");
    if fs::read_to_string(place.join(STAMP)).is_ok_and(|made| made == wanted) {
        return Ok(place.display().to_string());
    }
    println!("setup: mcp parts: fetching servers and clients from npm and PyPI (120 MB)");
    npm::install(&place.join("npm"), NPM)?;
    for (folder, packages) in PYPI {
        pypi(&place.join(folder), packages)?;
    }
    fs::write(place.join(STAMP), wanted).map_err(|error| format!("{} cannot be written: {error}", place.display()))?;
    Ok(place.display().to_string())
}

fn pypi(folder: &Path, packages: &[&str]) -> Result<(), String> {
    let python = if cfg!(windows) { "python" } else { "python3" };
    let mut venv = Command::new(python);
    venv.args(["-m", "venv"]).arg(folder);
    run(venv, "Install Python 3.10 or newer with venv, and run this again")?;
    let inside = if cfg!(windows) { folder.join("Scripts/python.exe") } else { folder.join("bin/python") };
    let mut install = Command::new(inside);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(packages);
    run(install, "See what pip says above, and run this again")
}

fn run(mut command: Command, help: &str) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    match command.stdin(Stdio::null()).stdout(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{program} failed ({status}). {help}")),
        Err(error) => Err(format!("{program} cannot be run: {error}. {help}")),
    }
}
