//! The arguments of each command. Their help texts are the manual: `codemode help`, and the README says the same.

use std::{path::PathBuf, time::Duration};

use clap::{Args as ClapArgs, Parser, Subcommand};
use codemode::Limits;

use crate::{problem::Problem, size};

/// Run one TypeScript program in a sandbox whose only powers are the tools you give it
#[derive(Debug, Parser)]
#[command(name = "codemode", version, max_term_width = 100, arg_required_else_help = true, after_help = AFTER_HELP)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  codemode run examples/top-products.ts --sqlite examples/shop.db
  echo 'return await external_querySql({ sql: \"SELECT 1 AS one\" })' | codemode run - --sqlite shop.db --json
  codemode run program.ts --tools tools.json --timeout 5s --journal run.journal && codemode replay run.journal

Exit codes:
  0    success
  1    the program failed, or a replay diverged
  2    wrong usage or configuration, or the host failed
  130  cancelled by Ctrl-C (143 by SIGTERM, 129 by SIGHUP)

Colours appear on a terminal only; NO_COLOR switches them off. CODEMODE_DRIVER names the driver to use without \
--driver; without both it is the first that `codemode drivers` lists.";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a program
    #[command(after_long_help = RUN_HELP)]
    Run(Box<RunArgs>),
    /// Run a recorded program again from its journal, and compare
    #[command(after_long_help = REPLAY_HELP)]
    Replay(ReplayArgs),
    /// Say what is wrong with a program without running it: syntax, names, inputs, missing awaits, types
    #[command(after_long_help = CHECK_HELP)]
    Check(Box<CheckArgs>),
    /// Print the system prompt that tells a model about the tools
    Prompt(CatalogArgs),
    /// Print the TypeScript declarations of the tools
    Stubs(CatalogArgs),
    /// List the drivers in this build, and what each can guarantee
    Drivers(DriversArgs),
    /// Serve the sandbox to an MCP client: one tool, execute_typescript, in front of all your tools
    #[cfg(feature = "mcp")]
    #[command(after_long_help = MCP_HELP)]
    Mcp(Box<McpArgs>),
}

#[derive(Debug, ClapArgs)]
pub struct RunArgs {
    /// The program: the body of an async TypeScript function; `-` reads standard input
    pub file: PathBuf,
    /// The engine to run it on [default: $CODEMODE_DRIVER, else the first of `codemode drivers`]
    #[arg(long, value_name = "NAME")]
    pub driver: Option<String>,
    #[command(flatten)]
    pub tools: ToolArgs,
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Seed of the program's Math.random and crypto, from 0 to 2^64-1 [default: fresh]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = size::whole::<u64>)]
    pub seed: Option<u64>,
    /// Print exactly one JSON object: { success, result?, logs?, error? }
    #[arg(long)]
    pub json: bool,
    /// Write one JSON object a line for each event, as it happens; `-` is standard output
    #[arg(long, value_name = "FILE|-")]
    pub events: Option<PathBuf>,
    /// Record the execution, for `codemode replay`
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,
}

const RUN_HELP: &str = "\
Standard output holds the result alone: pretty-printed JSON, or with --json the one object a model would get, or with \
--events - the events. Console lines, calls and errors appear on standard error while the program runs.

Tools of --sqlite: querySql({ sql, params? }) and describeSchema({}). The database is opened read-only. When DB does \
not exist but a .sql file of the same name stands beside it, DB is made from it, and again when the .sql is newer.

Tools of --tools: a JSON array of { name, description, inputSchema, outputSchema?, command, timeoutMs?, \
maxConcurrency?, env? }.
  command         [\"program\", \"argument\", …], started once a call, without a shell, in the current directory. A relative
                  program with a slash is looked up beside TOOLS.json, one without in PATH. It reads the input as JSON
                  from standard input and writes the answer as JSON, at most 16 MiB, to standard output.
                  Any exit code but 0, or an answer that is not JSON, is an error of the tool, with the end of stderr.
                  When the call is over, or the execution is killed, the program and the processes it started are killed, on
                  Linux also those with a session of their own.
  timeoutMs       the longest a call may take [default: the --timeout of the execution]
  maxConcurrency  the most calls at once [default: the limit of the execution, 32]
  env             variables for the program: { \"NAME\": \"value\" }, or null to pass on your own.
                  It inherits only PATH, HOME, USER, LOGNAME, SHELL, LANG, LC_*, TZ, TMPDIR, TERM (and what Windows needs).";

#[derive(Debug, ClapArgs)]
pub struct CheckArgs {
    /// The program; `-` reads standard input
    pub file: PathBuf,
    #[command(flatten)]
    pub tools: ToolArgs,
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Whether types are checked: by TypeScript's compiler if it is there, surely, or not
    #[arg(long, value_enum, default_value_t = Types::Auto)]
    pub types: Types,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Types {
    /// Check them if the compiler is found, and say so if it is not
    Auto,
    /// Fail without a compiler
    Require,
    /// Do not check them
    Skip,
}

const CHECK_HELP: &str = "\
The compiler is the native tsc of TypeScript 7: the one that CODEMODE_TSC names, else the one in node_modules (or \
target/tools) of this folder or one above it. Exit code 0 means that nothing is wrong, 1 that something is; warnings \
alone are 0.";

#[derive(Debug, ClapArgs)]
pub struct ReplayArgs {
    /// What `codemode run --journal` wrote
    pub journal: PathBuf,
    /// Replay this program instead of the recorded one, to see where it departs
    #[arg(long, value_name = "FILE")]
    pub program: Option<PathBuf>,
    /// The engine to replay on, which may be another than the one that recorded
    #[arg(long, value_name = "NAME")]
    pub driver: Option<String>,
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Print exactly one JSON object: { equal, divergence?, reply? }
    #[arg(long)]
    pub json: bool,
}

const REPLAY_HELP: &str = "\
No tool is called: every answer comes from the journal. Its limits count as far as those of the replay go; nothing in a \
journal can ask for more. Exit code 0 means that the program said and did the same as \
when it was recorded, also if it failed then; 1 that it departs, with the first difference.";

#[derive(Debug, ClapArgs)]
pub struct CatalogArgs {
    #[command(flatten)]
    pub tools: ToolArgs,
    #[command(flatten)]
    pub limits: LimitArgs,
}

#[derive(Debug, ClapArgs)]
pub struct DriversArgs {
    /// Print a JSON array
    #[arg(long)]
    pub json: bool,
}

#[cfg(feature = "mcp")]
#[derive(Debug, ClapArgs)]
pub struct McpArgs {
    /// Serve over streamable HTTP at http://ADDR/mcp instead of standard input and output: 127.0.0.1:8808
    #[arg(long, value_name = "ADDR")]
    pub http: Option<String>,
    /// The environment variable that holds the bearer token clients must send; needed for addresses others can reach
    #[arg(long, value_name = "VAR", requires = "http")]
    pub token_env: Option<String>,
    /// A name that clients may use for this machine besides localhost; may be repeated
    #[arg(long, value_name = "HOST", requires = "http")]
    pub allow_host: Vec<String>,
    /// An origin that web pages may come from, such as https://app.example.com:443; may be repeated [default: none]
    #[arg(long, value_name = "ORIGIN", requires = "http")]
    pub allow_origin: Vec<String>,
    /// The most sessions at once [default: 64]
    #[arg(long, value_name = "N", requires = "http")]
    pub max_sessions: Option<usize>,
    /// The most TCP connections at once [default: 512]
    #[arg(long, value_name = "N", requires = "http")]
    pub max_connections: Option<usize>,
    /// The most tokens of one answer; the rest is read with read_result [default: 10000]
    #[arg(long, value_name = "N")]
    pub result_tokens: Option<usize>,
    /// The most tokens of declarations given at once; the tools of a larger catalog have one line each, and are declared
    /// when the model asks [default: 4000]
    #[arg(long, value_name = "N")]
    pub catalog_tokens: Option<usize>,
    /// The most tokens of such lines; tools beyond are found by search [default: 2000]
    #[arg(long, value_name = "N")]
    pub lazy_tokens: Option<usize>,
    /// The engine to run programs on; see `codemode drivers`
    #[arg(long, value_name = "NAME")]
    pub driver: Option<String>,
    #[command(flatten)]
    pub tools: ToolArgs,
    #[command(flatten)]
    pub limits: LimitArgs,
}

#[cfg(feature = "mcp")]
const MCP_HELP: &str = "\
In the config of your MCP client:
  { \"mcpServers\": { \"codemode\": { \"command\": \"codemode\", \"args\": [\"mcp\", \"--mcp\", \"/path/to/servers.json\"] } } }
with the servers that the client had before in servers.json.

Standard output belongs to the protocol; what happens to the servers is told on standard error.";

#[derive(Debug, ClapArgs)]
pub struct ToolArgs {
    /// Give the program read-only tools over this SQLite database: querySql, describeSchema
    #[arg(long, value_name = "DB")]
    pub sqlite: Option<PathBuf>,
    /// Give the program the tools of this file, each a command; see `codemode run --help`
    #[arg(long, value_name = "TOOLS.json")]
    pub tools: Option<PathBuf>,
    /// Give the program the tools of the MCP servers in this file: { "mcpServers": { … } }, as your MCP client has it
    #[cfg(feature = "mcp")]
    #[arg(long, value_name = "FILE")]
    pub mcp: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub struct LimitArgs {
    /// The longest the program may run, tool calls included: 500ms, 30s, 2m, 1h [default: 30s]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = size::duration)]
    pub timeout: Option<Duration>,
    /// The most memory the program may use: 128MiB, 64MB, 1GiB or bytes [default: 128MiB]
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true, value_parser = size::bytes)]
    pub memory: Option<usize>,
    /// The most tool calls the program may make [default: 1000]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = size::whole::<u32>)]
    pub max_calls: Option<u32>,
}

impl LimitArgs {
    /// The defaults with what was asked for.
    ///
    /// # Errors
    /// When no program could run with them.
    pub fn limits(&self) -> Result<Limits, Problem> {
        let mut limits = Limits::default();
        if let Some(timeout) = self.timeout {
            limits.timeout = timeout;
        }
        if let Some(heap_bytes) = self.memory {
            limits.heap_bytes = heap_bytes;
        }
        if let Some(calls) = self.max_calls {
            limits.calls = calls;
        }
        limits.check().map_err(|error| {
            let message = error.to_string();
            Problem::new(message.replace("limit timeout", "--timeout").replace("limit heap_bytes", "--memory"))
        })?;
        Ok(limits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_in_the_help_are_the_defaults() {
        let limits = Limits::default();
        assert_eq!((limits.timeout, limits.heap_bytes), (Duration::from_secs(30), 128 << 20));
        assert_eq!((limits.calls, limits.parallel_calls), (1000, 32));
    }

    /// What people copy from the documents is taken.
    #[cfg(feature = "mcp")]
    #[test]
    fn the_configs_in_the_documents_are_right() {
        let mut seen = 0;
        for text in [include_str!("../../README.md"), include_str!("../../docs/mcp.md")] {
            for block in text.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next()) {
                let config: serde_json::Value = serde_json::from_str(block).expect(block);
                let servers = config.as_object().and_then(|config| config.values().next()).expect(block);
                let Some(server) = servers.get("codemode") else { continue };
                let args = server["args"].as_array().expect(block).iter().filter_map(|arg| arg.as_str());
                Args::try_parse_from(["codemode"].into_iter().chain(args)).expect(block);
                assert_eq!(server["command"], "codemode");
                seen += 1;
            }
            let commands = text
                .lines()
                .filter_map(|line| line.split("codemode mcp ").nth(1).filter(|_| !line.contains(['`', '▶'])));
            // What a command does stands behind a `#`, or in a column of its own.
            let commands = commands.map(|rest| rest.split(" #").next().unwrap_or(rest));
            for command in commands.map(|rest| rest.split("  ").next().unwrap_or(rest)) {
                let args = ["codemode", "mcp"].into_iter().chain(command.split_whitespace());
                Args::try_parse_from(args).expect(command);
                seen += 1;
            }
        }
        assert!(seen > 8, "{seen}");
    }

    #[test]
    fn the_arguments_do_not_contradict_each_other() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }
}
