//! `codemode mcp`: the sandbox as an MCP server. Standard output belongs to the protocol.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use codemode::{
    CodeMode, CodeModeBuilder,
    mcp::{HttpOptions, McpServer, McpServerOptions},
};
use tokio::{net::TcpListener, task::spawn_blocking, time::sleep};

use crate::{
    args::McpArgs,
    exit::ExitStatus,
    mcp::servers::McpServers,
    output,
    problem::Problem,
    signals::Signals,
    tools::{self, Tools},
};

/// Serves until the client goes or a signal comes.
pub fn serve(args: &McpArgs) -> Result<ExitStatus, Problem> {
    let limits = args.limits.limits()?;
    limits.check()?;
    let token = token(args.token_env.as_deref())?;
    let driver = tools::driver(args.driver.as_deref())?;
    // Before anything is started that must not outlive this process.
    let mut signals = Signals::catch().map_err(|error| Problem::new(format!("Ctrl-C cannot be caught: {error}")))?;
    let tools = Arc::new(Tools::open_with_timeout(&args.tools, CONNECT_TIMEOUT)?);
    let mut options = McpServerOptions::default();
    options.result_tokens = args.result_tokens.unwrap_or(options.result_tokens);
    if let Some(servers) = tools.mcp() {
        options.store = servers.store();
    }
    let timeout = limits.timeout;
    let mut builder = CodeMode::builder().driver(driver).limits(limits).on_warning(warn);
    builder = builder.catalog_tokens(args.catalog_tokens.unwrap_or(CATALOG_TOKENS));
    if let Some(tokens) = args.lazy_tokens {
        builder = builder.lazy_tokens(tokens);
    }
    let server = McpServer::new(tools.give(builder.clone())?, options);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Problem::new(format!("the threads for clients cannot be started: {error}")))?;
    let status = runtime.block_on(async {
        let refreshing = tokio::spawn(refresh(server.clone(), tools.clone(), builder));
        let status = tokio::select! {
            served = serve_clients(&server, args, token, timeout) => served.map(|()| ExitStatus::Success),
            signal = signals.next() => Ok(ExitStatus::Signal(signal.number)),
        };
        refreshing.abort();
        status
    });
    tools.stop();
    // A read of standard input cannot be given up; it ends with the process.
    runtime.shutdown_timeout(Duration::from_millis(500));
    status
}

async fn serve_clients(
    server: &McpServer,
    args: &McpArgs,
    token: Option<String>,
    timeout: Duration,
) -> Result<(), Problem> {
    let Some(address) = &args.http else {
        return Ok(server.serve_stdio().await?);
    };
    let listener = TcpListener::bind(address).await.map_err(|error| {
        Problem::new(format!("{address} cannot be listened on: {error}")).help("give --http another address")
    })?;
    let at: SocketAddr =
        listener.local_addr().map_err(|error| Problem::new(format!("{address} cannot be listened on: {error}")))?;
    let defaults = HttpOptions::default();
    // A program may be silent for as long as it may run.
    let idle = defaults.idle_timeout.max(timeout.saturating_add(Duration::from_secs(60)));
    let (sessions, connections) = (defaults.max_sessions, defaults.max_connections);
    let mut options = defaults
        .allowed_hosts(args.allow_host.iter().cloned())
        .allowed_origins(args.allow_origin.iter().cloned())
        .max_sessions(args.max_sessions.unwrap_or(sessions))
        .max_connections(args.max_connections.unwrap_or(connections))
        .idle_timeout(idle);
    options.token = token;
    output::note(&format!("serving MCP at http://{at}/mcp"));
    Ok(server.serve_http(listener, options).await?)
}

/// Builds the sandbox again when servers come, go or change their tools.
async fn refresh(server: McpServer, tools: Arc<Tools>, builder: CodeModeBuilder) {
    let Some(mut changes) = tools.mcp().map(McpServers::changes) else { return };
    let mut pause = SETTLE;
    while changes.changed().await {
        // Servers that change often change once for the clients.
        sleep(pause).await;
        changes.mark_seen();
        let (begin, tools, builder) = (Instant::now(), tools.clone(), builder.clone());
        // The tools may be thousands.
        match spawn_blocking(move || tools.give(builder)).await {
            Ok(Ok(code_mode)) => server.replace(code_mode),
            Ok(Err(problem)) => output::warning_soon(problem.message),
            Err(error) => output::warning_soon(format!("the tools cannot be taken over: {error}")),
        }
        // A server that changes without end takes a small part of the time.
        pause = (begin.elapsed() * 10).clamp(SETTLE, MAX_SETTLE);
    }
}

/// Programs and other clients wait for who warns.
fn warn(warning: String) {
    output::warning_soon(warning);
}

/// The bearer token, from a variable: an argument would show it to every user of the machine.
fn token(variable: Option<&str>) -> Result<Option<String>, Problem> {
    let Some(variable) = variable else { return Ok(None) };
    match std::env::var(variable) {
        Ok(token) if token.len() >= MIN_TOKEN_LENGTH => Ok(Some(token)),
        Ok(_) => Err(Problem::new(format!("the token in {variable} is shorter than {MIN_TOKEN_LENGTH} characters"))),
        Err(_) => Err(Problem::new(format!("the environment variable {variable} of --token-env is not set"))),
    }
}

/// A client waits only so long for an answer to its first request; slower servers come later.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(8);
/// A larger catalog is not declared at once.
const CATALOG_TOKENS: usize = 4_000;
const SETTLE: Duration = Duration::from_millis(200);
const MAX_SETTLE: Duration = Duration::from_secs(60);
const MIN_TOKEN_LENGTH: usize = 16;
