//! The figures of docs/mcp.md: what a model reads before it begins and during three tasks, with seven published servers
//! given directly and through codemode; and the overhead of a call. No model is needed: the calls are scripted.
//!
//! `cargo xtask setup`, then `cargo run --release -p codemode-mcp --example figures`.

use std::{
    error::Error,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use codemode_core::{CodeMode, CodeModeBuilder, ExecuteOptions};
use codemode_mcp::{ConnectOptions, McpConfig, McpServer, McpServerOptions, McpToolset, ServerConfig};
use rmcp::{
    RoleClient, ServiceExt,
    model::{CallToolRequestParams, ClientConfig},
    service::RunningService,
};
use serde_json::{Value, json};
use tiktoken_rs::{CoreBPE, o200k_base};

type Budget = fn(CodeModeBuilder) -> CodeModeBuilder;
type Client = RunningService<RoleClient, ClientConfig>;
type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Result<()> {
    if std::env::args().nth(1).as_deref() == Some("server") {
        return serve().await;
    }
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("target").join("tools/mcp");
    if !tools.is_dir() {
        return Err("the published servers are not in target/tools/mcp; run `cargo xtask setup`".into());
    }
    let folder = tempfile::tempdir()?;
    let folder = folder.path().canonicalize()?;
    std::process::Command::new("git").args(["init", "-q"]).current_dir(&folder).status()?;
    tokens(&tools, &folder).await?;
    overhead().await
}

/// The servers: name, command, arguments.
fn servers(tools: &Path, folder: &Path) -> Vec<(&'static str, PathBuf, Vec<String>)> {
    let node = |name: &str| {
        let file = tools.join(format!("npm/node_modules/@modelcontextprotocol/server-{name}/dist/index.js"));
        file.display().to_string()
    };
    let python = |name: &str| tools.join("py/bin").join(name);
    let place = folder.display().to_string();
    vec![
        ("everything", "node".into(), vec![node("everything")]),
        ("files", "node".into(), vec![node("filesystem"), place.clone()]),
        ("memory", "node".into(), vec![node("memory")]),
        ("thinking", "node".into(), vec![node("sequential-thinking")]),
        ("time", python("mcp-server-time"), vec!["--local-timezone".into(), "UTC".into()]),
        ("git", python("mcp-server-git"), vec!["--repository".into(), place.clone()]),
        (
            "sqlite",
            tools.join("py-sqlite/bin/mcp-server-sqlite"),
            vec!["--db-path".into(), format!("{place}/notes.db")],
        ),
    ]
}

/// One task: the calls a model makes one after the other, and the program it writes instead.
struct Task {
    name: &'static str,
    calls: Vec<(&'static str, &'static str, Value)>,
    program: String,
}

fn tasks(folder: &Path) -> Vec<Task> {
    let place = folder.display().to_string();
    let files: Vec<String> = (0..8).map(|n| format!("{place}/log{n}.txt")).collect();
    let write = |path: &String| {
        let text: String =
            (0..60).map(|line| format!("line {line} of a log that nobody wants to read in full\n")).collect();
        ("files", "write_file", json!({ "path": path, "content": text }))
    };
    let read = |path: &String| ("files", "read_text_file", json!({ "path": path }));
    vec![
        Task {
            name: "write eight logs",
            calls: files.iter().map(write).collect(),
            program: format!(
                "const text = Array.from({{ length: 60 }}, (_, n) => `line ${{n}} of a log that nobody wants to read in full\\n`).join('');\n\
                 const paths = Array.from({{ length: 8 }}, (_, n) => `{place}/log${{n}}.txt`);\n\
                 await Promise.all(paths.map(path => external_files_write_file({{ path, content: text }})));\n\
                 return 'written';"
            ),
        },
        Task {
            name: "count lines in eight logs and remember the sum",
            calls: files
                .iter()
                .map(read)
                .chain([("memory", "create_entities", json!({ "entities": [{ "name": "logs", "entityType": "count", "observations": ["480 lines"] }] }))])
                .collect(),
            program: format!(
                "const paths = Array.from({{ length: 8 }}, (_, n) => `{place}/log${{n}}.txt`);\n\
                 const texts = await Promise.all(paths.map(path => external_files_read_text_file({{ path }})));\n\
                 const lines = texts.reduce((sum, t) => sum + t.content.trim().split('\\n').length, 0);\n\
                 await external_memory_create_entities({{ entities: [{{ name: 'logs', entityType: 'count', observations: [`${{lines}} lines`] }}] }});\n\
                 return lines;"
            ),
        },
        Task {
            name: "a table of ten rows, summed",
            calls: [("sqlite", "create_table", json!({ "query": "CREATE TABLE sales (day INTEGER, cents INTEGER)" }))]
                .into_iter()
                .chain((0..10).map(|day| ("sqlite", "write_query", json!({ "query": format!("INSERT INTO sales VALUES ({day}, {})", day * 100) }))))
                .chain([("sqlite", "read_query", json!({ "query": "SELECT sum(cents) AS sum FROM sales" }))])
                .collect(),
            program: "await external_sqlite_create_table({ query: 'CREATE TABLE sales (day INTEGER, cents INTEGER)' });\n\
                      for (let day = 0; day < 10; day++)\n  await external_sqlite_write_query({ query: `INSERT INTO sales VALUES (${day}, ${day * 100})` });\n\
                      return await external_sqlite_read_query({ query: 'SELECT sum(cents) AS sum FROM sales' });"
                .into(),
        },
    ]
}

/// A server as a client without us has it. It ends when its input does.
async fn direct(command: &Path, args: &[String]) -> Result<Client> {
    let mut child = tokio::process::Command::new(command)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else { return Err("no pipes".into()) };
    Ok(ClientConfig::default().serve((stdout, stdin)).await?)
}

async fn tokens(tools: &Path, folder: &Path) -> Result<()> {
    let bpe = o200k_base().map_err(|error| error.to_string())?;
    let count = |text: &str| CoreBPE::encode_ordinary(&bpe, text).len();
    let json = |value: &Value| count(&value.to_string());

    let mut clients = Vec::new();
    let mut direct_tools = 0;
    let mut tool_count = 0;
    for (name, command, args) in servers(tools, folder) {
        let client = direct(&command, &args).await?;
        for tool in client.list_all_tools().await? {
            // What clients give a model of a tool: name, description, input schema.
            let given = json!({ "name": format!("{name}__{}", tool.name), "description": tool.description, "input_schema": tool.input_schema });
            direct_tools += json(&given);
            tool_count += 1;
        }
        clients.push((name, client));
    }

    let config = servers(tools, folder).into_iter().fold(McpConfig::default(), |config, (name, command, args)| {
        config.server(ServerConfig::stdio(name, command.display().to_string(), args))
    });
    let serve = |budget: Budget| {
        let config = config.clone();
        async move {
            let options = ConnectOptions::default().timeout(Duration::from_secs(60));
            let toolset = McpToolset::connect(config, options).await;
            let builder = toolset.add_to(CodeMode::builder().driver(codemode_driver_quickjs::driver()));
            let server = McpServer::new(budget(builder).build()?, McpServerOptions::default());
            let (ours, theirs) = tokio::io::duplex(1 << 20);
            tokio::spawn(async move { server.serve(tokio::io::split(theirs)).await });
            Ok::<Client, Box<dyn Error + Send + Sync>>(ClientConfig::default().serve(ours).await?)
        }
    };
    println!("{tool_count} tools of {} servers, tokens before the first question (o200k):", clients.len());
    println!("  {:<42} {direct_tools}", "directly");
    let budgets: [(&str, Budget); 3] = [
        ("through codemode, all declared", |builder| builder),
        ("through codemode, a line for each", |builder| builder.catalog_tokens(4_000)),
        ("through codemode, found by search alone", |builder| builder.catalog_tokens(0).lazy_tokens(0)),
    ];
    let mut through = None;
    for (name, budget) in budgets {
        let client = serve(budget).await?;
        let mut sum = client.peer_info().and_then(|info| info.instructions.clone()).map_or(0, |text| count(&text));
        for tool in client.list_all_tools().await? {
            sum +=
                json(&json!({ "name": tool.name, "description": tool.description, "input_schema": tool.input_schema }));
        }
        println!("  {name:<42} {sum}");
        through = through.or(Some(client));
    }

    let through = through.ok_or("a client")?;
    println!("\ntask | round trips, tokens of calls and answers: directly | through codemode");
    for task in tasks(folder) {
        let (mut spent, trips) = (0, task.calls.len());
        for (server, tool, input) in &task.calls {
            let (_, client) = clients.iter().find(|(name, _)| name == server).ok_or("a known server")?;
            spent += json(input) + count(tool);
            let input = input.as_object().cloned().unwrap_or_default();
            let answer = client.call_tool(CallToolRequestParams::new(*tool).with_arguments(input)).await?;
            spent +=
                answer.content.iter().filter_map(|block| block.as_text()).map(|text| count(&text.text)).sum::<usize>();
        }
        if task.name.starts_with("a table") {
            let drop = json!({ "query": "DROP TABLE sales" }).as_object().cloned().unwrap_or_default();
            let (_, client) = clients.iter().find(|(name, _)| *name == "sqlite").ok_or("sqlite")?;
            client.call_tool(CallToolRequestParams::new("write_query").with_arguments(drop)).await?;
        }
        let input = json!({ "typescriptCode": task.program });
        let mut ours = json(&input) + count("execute_typescript");
        let arguments = input.as_object().cloned().unwrap_or_default();
        let answer =
            through.call_tool(CallToolRequestParams::new("execute_typescript").with_arguments(arguments)).await?;
        if answer.is_error == Some(true) {
            return Err(format!("{}: {:?}", task.name, answer.content).into());
        }
        ours += answer.content.iter().filter_map(|block| block.as_text()).map(|text| count(&text.text)).sum::<usize>();
        println!("  {} | {trips}, {spent} | 1, {ours}", task.name);
    }
    Ok(())
}

/// This program as a server whose one tool takes as many microseconds as it is told.
async fn serve() -> Result<()> {
    rmcp_server::Sleeper.serve(rmcp::transport::stdio()).await?.waiting().await?;
    Ok(())
}

mod rmcp_server {
    use std::time::Duration;

    use rmcp::{
        ErrorData, RoleServer, ServerHandler,
        model::{
            CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ListToolsResult,
            PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
        },
        service::RequestContext,
    };

    pub(crate) struct Sleeper;

    impl ServerHandler for Sleeper {
        fn get_info(&self) -> ServerConfig {
            ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
        }

        async fn list_tools(
            &self,
            _request: Option<PaginatedRequestParams>,
            _context: RequestContext<RoleServer>,
        ) -> Result<ListToolsResult, ErrorData> {
            let schema = serde_json::json!({ "type": "object" }).as_object().cloned().unwrap_or_default();
            Ok(ListToolsResult::with_all_items(vec![Tool::new("sleep", "Sleeps", schema)]))
        }

        async fn call_tool(
            &self,
            request: CallToolRequestParams,
            _context: RequestContext<RoleServer>,
        ) -> Result<CallToolResponse, ErrorData> {
            let us = request.arguments.as_ref().and_then(|arguments| arguments.get("us")?.as_u64()).unwrap_or(0);
            if us > 0 {
                tokio::time::sleep(Duration::from_micros(us)).await;
            }
            Ok(CallToolResult::success(vec![ContentBlock::text("done")]).into())
        }
    }
}

/// One call after the other, by `rmcp` and by a program, over the same kind of pipe.
async fn overhead() -> Result<()> {
    const CALLS: u32 = 500;
    let program = std::env::current_exe()?;
    let client = direct(&program, &["server".into()]).await?;
    let config = McpConfig::default().server(ServerConfig::stdio("s", program.display().to_string(), ["server"]));
    let toolset = McpToolset::connect(config, ConnectOptions::default()).await;
    let code_mode = toolset.add_to(CodeMode::builder().driver(codemode_driver_quickjs::driver())).build()?;
    println!("\nmicroseconds a call, {CALLS} in a row, median of 7 rounds: rmcp directly, through codemode");
    for us in [0_u64, 1_000] {
        let (mut plain, mut bridged) = (Vec::new(), Vec::new());
        let code = format!("for (let n = 0; n < {CALLS}; n++) await external_s_sleep({{ us: {us} }});");
        for _ in 0..7 {
            let begun = Instant::now();
            for _ in 0..CALLS {
                let input = json!({ "us": us }).as_object().cloned().unwrap_or_default();
                client.call_tool(CallToolRequestParams::new("sleep").with_arguments(input)).await?;
            }
            plain.push(begun.elapsed());
            let begun = Instant::now();
            let outcome = code_mode.execute(&code, ExecuteOptions::default()).await?;
            bridged.push(begun.elapsed());
            outcome.result.map_err(|failure| failure.to_string())?;
        }
        let median = |times: &mut Vec<Duration>| {
            times.sort();
            times[times.len() / 2].as_secs_f64() * 1e6 / f64::from(CALLS)
        };
        let (plain, bridged) = (median(&mut plain), median(&mut bridged));
        println!("  a tool of {us} µs: {plain:.0}, {bridged:.0} ({:+.1} %)", (bridged / plain - 1.0) * 100.0);
    }
    Ok(())
}
