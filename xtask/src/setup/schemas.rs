//! Schemas that other people published: the tools of MCP servers and the models of OpenAPI documents, from npm.
//!
//! Each server is started once, with keys that open nothing, and asked for its tools; the answer is kept and the server
//! thrown away. Nothing of it is ever committed.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use super::{npm, part::Part};

pub const PART: Part = Part { name: "published schemas", purpose: "the proof of the type stubs", prepare };

/// Package, version, the file that is the program, and what stands on its command line.
const SERVERS: &[(&str, &str, &str, &[&str])] = &[
    ("@antv/mcp-server-chart", "0.9.10", "build/index.js", &[]),
    ("@modelcontextprotocol/server-brave-search", "0.6.2", "dist/index.js", &[]),
    ("@modelcontextprotocol/server-everything", "2026.8.31", "dist/index.js", &[]),
    ("@modelcontextprotocol/server-filesystem", "2026.8.31", "dist/index.js", &["."]),
    ("@modelcontextprotocol/server-github", "2025.4.8", "dist/index.js", &[]),
    ("@modelcontextprotocol/server-gitlab", "2025.4.25", "dist/index.js", &[]),
    ("@modelcontextprotocol/server-google-maps", "0.6.2", "dist/index.js", &[]),
    ("@modelcontextprotocol/server-memory", "2026.8.31", "dist/index.js", &[]),
    ("@modelcontextprotocol/server-sequential-thinking", "2026.8.31", "dist/index.js", &[]),
    ("@modelcontextprotocol/server-slack", "2025.4.25", "dist/index.js", &[]),
    ("@notionhq/notion-mcp-server", "2.5.2", "bin/cli.mjs", &[]),
    ("@playwright/mcp", "0.0.83", "cli.js", &[]),
    ("@upstash/context7-mcp", "4.1.1", "dist/index.js", &[]),
    ("chrome-devtools-mcp", "1.11.0", "build/src/bin/chrome-devtools-mcp.js", &[]),
    ("firecrawl-mcp", "3.26.0", "dist/index.js", &[]),
    ("tavily-mcp", "0.2.22", "build/index.js", &[]),
];

/// Package, version and the file in it: one of OpenAPI 3, one of Swagger 2.
const DOCUMENTS: &[(&str, &str, &str)] = &[
    ("@octokit/openapi", "23.0.2", "generated/api.github.com.json"),
    ("@netlify/open-api", "2.60.0", "dist/swagger.json"),
];

/// Writes the same tools in the form of another code mode, to compare the length of prompts.
const RIVAL: &[&str] = &["@tanstack/ai-code-mode@0.3.4", "@tanstack/ai@0.39.0"];
const RIVAL_SCRIPT: &str = r#"
import fs from 'node:fs';
import { convertSchemaToJsonSchema } from '@tanstack/ai';
import { createCodeModeTool, createCodeModeSystemPrompt } from '@tanstack/ai-code-mode';
const [from, to] = process.argv.slice(1);
for (const file of fs.readdirSync(from)) {
  const { tools } = JSON.parse(fs.readFileSync(`${from}/${file}`, 'utf8')).result;
  const plain = tools.map(({ name, description = '', inputSchema, outputSchema }) =>
    ({ name: name.replace(/[^\w$]/g, '_'), description, inputSchema, outputSchema, execute() {} }));
  const { name, description, inputSchema } = createCodeModeTool({ driver: {}, tools: plain });
  const definition = { name, description, input_schema: convertSchemaToJsonSchema(inputSchema) };
  const text = createCodeModeSystemPrompt({ tools: plain }) + JSON.stringify(definition);
  fs.writeFileSync(`${to}/${file.replace('.json', '.md')}`, text);
}
"#;

/// Servers want a key to start; none is used to list tools.
const KEYS: &[&str] = &[
    "BRAVE_API_KEY",
    "FIRECRAWL_API_KEY",
    "GITLAB_PERSONAL_ACCESS_TOKEN",
    "GOOGLE_MAPS_API_KEY",
    "SLACK_BOT_TOKEN",
    "SLACK_TEAM_ID",
    "TAVILY_API_KEY",
];

const HELLO: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"codemode-setup","version":"1"}}}
"#;
const LIST: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}
{"jsonrpc":"2.0","id":2,"method":"tools/list","params":{}}
"#;
const PATIENCE: Duration = Duration::from_secs(60);

fn prepare(tools: &Path) -> Result<String, String> {
    let folder = tools.join("schemas");
    let wanted: Vec<PathBuf> = SERVERS
        .iter()
        .map(|(package, ..)| file_of(&folder, "mcp", package))
        .chain(DOCUMENTS.iter().map(|(package, ..)| file_of(&folder, "openapi", package)))
        .chain(SERVERS.iter().map(|(package, ..)| file_of(&folder, "rival", package).with_extension("md")))
        .collect();
    if wanted.iter().all(|file| file.is_file()) {
        return Ok(format!("{} MCP servers, {} OpenAPI documents", SERVERS.len(), DOCUMENTS.len()));
    }
    for kind in ["mcp", "openapi", "rival"] {
        let folder = folder.join(kind);
        fs::create_dir_all(&folder).map_err(|error| format!("{} could not be made: {error}", folder.display()))?;
    }
    println!("setup: published schemas: fetching {} packages from npm (200 MB)", SERVERS.len() + DOCUMENTS.len());
    let packages: Vec<String> = SERVERS
        .iter()
        .map(|(package, version, ..)| format!("{package}@{version}"))
        .chain(DOCUMENTS.iter().map(|(package, version, _)| format!("{package}@{version}")))
        .collect();
    let packages: Vec<&str> = packages.iter().map(String::as_str).chain(RIVAL.iter().copied()).collect();
    let installed = tools.join("schemas.unpacking");
    let modules = npm::install(&installed, &packages)?;
    for (package, _, file) in DOCUMENTS {
        let from = modules.join(package).join(file);
        fs::copy(&from, file_of(&folder, "openapi", package))
            .map_err(|error| format!("{} could not be copied: {error}", from.display()))?;
    }
    let mut failures = ask_all(&modules, &folder);
    failures.extend(rival(&installed, &folder).err());
    fs::remove_dir_all(&installed).map_err(|error| format!("{} could not be removed: {error}", installed.display()))?;
    match failures.is_empty() {
        true => Ok(format!("{} MCP servers, {} OpenAPI documents", SERVERS.len(), DOCUMENTS.len())),
        false => Err(failures.join("; ")),
    }
}

fn rival(installed: &Path, folder: &Path) -> Result<(), String> {
    let mut command = Command::new("node");
    command.args(["--input-type=module", "--eval", RIVAL_SCRIPT, "--"]);
    command.arg(folder.join("mcp")).arg(folder.join("rival")).current_dir(installed);
    match command.stdin(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("the prompts to compare with: node ended with {status}")),
        Err(error) => Err(format!("node could not be started: {error}")),
    }
}

fn file_of(folder: &Path, kind: &str, package: &str) -> PathBuf {
    folder.join(kind).join(format!("{}.json", package.trim_start_matches('@').replace('/', "-")))
}

/// Asks the servers, some at a time; returns who did not answer, and why.
fn ask_all(modules: &Path, folder: &Path) -> Vec<String> {
    let queue = std::sync::Mutex::new(SERVERS.iter());
    let failures = std::sync::Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let Some((package, _, program, args)) = queue.lock().ok().and_then(|mut queue| queue.next()) else {
                        return;
                    };
                    let answer = ask(modules, &modules.join(package).join(program), args);
                    let kept = answer.and_then(|answer| {
                        fs::write(file_of(folder, "mcp", package), answer).map_err(|error| error.to_string())
                    });
                    if let (Err(why), Ok(mut failures)) = (kept, failures.lock()) {
                        failures.push(format!("{package}: {why}"));
                    }
                }
            });
        }
    });
    failures.into_inner().unwrap_or_default()
}

/// One server's answer to `tools/list`, as it came.
fn ask(modules: &Path, program: &Path, args: &[&str]) -> Result<String, String> {
    let mut command = Command::new("node");
    command.arg(program).args(args).current_dir(modules).envs(KEYS.iter().map(|key| (key, "none")));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = command.spawn().map_err(|error| format!("node could not be started: {error}"))?;
    let answer = talk(&mut server);
    // It may have ended by itself.
    let _ = server.kill();
    let _ = server.wait();
    answer
}

fn talk(server: &mut Child) -> Result<String, String> {
    let (Some(mut input), Some(output)) = (server.stdin.take(), server.stdout.take()) else {
        return Err("it has no standard streams".into());
    };
    let (send, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                return;
            }
        }
    });
    let mut exchange = |text: &str, id: u32| {
        input.write_all(text.as_bytes()).map_err(|error| format!("it does not listen: {error}"))?;
        loop {
            let line = lines.recv_timeout(PATIENCE).map_err(|_| "it does not answer".to_owned())?;
            if [format!("\"id\":{id},"), format!("\"id\":{id}}}")].iter().any(|part| line.contains(part)) {
                return Ok(line);
            }
        }
    };
    exchange(HELLO, 1).and_then(|_: String| exchange(LIST, 2))
}
