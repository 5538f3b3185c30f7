//! The tools a command line asks for, and the [`CodeMode`] over them.

use std::{path::Path, sync::Arc, time::Duration};

use codemode::{
    CodeMode, CodeModeBuilder, IsolateDriver, Limits, Tool,
    tools::{
        self, ErrorKind,
        command::CommandTools,
        sqlite::{self, Seeded, SqliteTools},
    },
};

use crate::{args::ToolArgs, output, problem::Problem, signals::before_sudden_end};

/// The tools of `--sqlite`, `--tools` and `--mcp`.
#[derive(Debug, Default)]
pub struct Tools {
    tools: Vec<Tool>,
    commands: Option<Arc<CommandTools>>,
    #[cfg(feature = "mcp")]
    mcp: Option<crate::mcp::servers::McpServers>,
}

impl Tools {
    /// Opens the database and reads the file of tools.
    ///
    /// # Errors
    /// What is wrong with them, and where.
    pub fn open(args: &ToolArgs) -> Result<Self, Problem> {
        // A single run wants all its tools; each server has a limit of its own.
        Self::open_with_timeout(args, Duration::MAX)
    }

    /// As [`open`](Self::open); waits only so long for slow MCP servers.
    ///
    /// # Errors
    /// What is wrong with them, and where.
    #[cfg_attr(not(feature = "mcp"), allow(unused_variables))]
    pub fn open_with_timeout(args: &ToolArgs, timeout: Duration) -> Result<Self, Problem> {
        let mut tools = Vec::new();
        // First the file: a mistake in it is found without making a database.
        let commands = args.tools.as_deref().map(commands).transpose()?.map(Arc::new);
        if let Some(commands) = commands.clone() {
            before_sudden_end(move || commands.kill_all());
        }
        if let Some(path) = &args.sqlite {
            tools.extend(database(path)?.tools());
        }
        if let Some(commands) = &commands {
            refuse_equal_names(commands, &tools)?;
            tools.extend(commands.tools());
        }
        Ok(Self {
            tools,
            commands,
            // Last: a mistake elsewhere is found without starting programs.
            #[cfg(feature = "mcp")]
            mcp: args.mcp.as_deref().map(|path| crate::mcp::servers::McpServers::open(path, timeout)).transpose()?,
        })
    }

    /// The MCP servers, if there are any.
    #[cfg(feature = "mcp")]
    pub fn mcp(&self) -> Option<&crate::mcp::servers::McpServers> {
        self.mcp.as_ref()
    }

    /// The code mode over these tools.
    ///
    /// # Errors
    /// When a tool of the file has an invalid schema.
    pub fn code_mode(
        &self,
        driver: Arc<dyn IsolateDriver>,
        limits: Limits,
        warn: impl Fn(String) + Send + Sync + 'static,
    ) -> Result<CodeMode, Problem> {
        self.give(CodeMode::builder().driver(driver).limits(limits).on_warning(warn))
    }

    /// The code mode over these tools that a builder makes.
    ///
    /// # Errors
    /// As [`code_mode`](Self::code_mode).
    pub fn give(&self, builder: CodeModeBuilder) -> Result<CodeMode, Problem> {
        let builder = builder.tools(self.tools.iter().cloned());
        #[cfg(feature = "mcp")]
        let builder = match &self.mcp {
            Some(servers) => servers.give(builder),
            None => builder,
        };
        let code_mode = builder.build()?;
        for problem in code_mode.problems() {
            if let Some(error) = self.commands.as_ref().and_then(|commands| commands.locate(problem)) {
                return Err(error.into());
            }
            output::warning(problem);
        }
        Ok(code_mode)
    }

    /// Kills every command that still runs, and ends the MCP servers. Takes some seconds at most, whatever they do.
    pub fn stop(&self) {
        if let Some(commands) = &self.commands {
            commands.kill_all();
        }
        #[cfg(feature = "mcp")]
        if let Some(servers) = &self.mcp {
            servers.stop();
        }
    }
}

impl Drop for Tools {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The tools of a file. A text of another form gets a hint at the manual.
fn commands(path: &Path) -> Result<CommandTools, Problem> {
    CommandTools::load(path).map_err(|error| match (error.kind(), error.help()) {
        (ErrorKind::Format, Some(help)) => {
            Problem::new(error.message()).help(format!("{help}; see codemode run --help"))
        }
        _ => error.into(),
    })
}

/// The tools over the database at `path`, which is made from the `.sql` beside it if there is one.
fn database(path: &Path) -> Result<SqliteTools, Problem> {
    let source = path.with_extension("sql");
    let made = match sqlite::seed(path)? {
        Seeded::Created => Some("made"),
        Seeded::Replaced => Some("renewed"),
        _ => None,
    };
    if let Some(made) = made {
        output::note(&format!("{made} {} from {}", path.display(), source.display()));
    }
    SqliteTools::open(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Problem::new(error.message())
            .help(format!("give an existing one, or put the SQL that makes it into {}", source.display())),
        _ => error.into(),
    })
}

/// Refuses a file with a tool that has the name of one of `others`.
fn refuse_equal_names(commands: &CommandTools, others: &[Tool]) -> Result<(), tools::Error> {
    match commands.tools().find(|tool| others.iter().any(|other| other.name() == tool.name())) {
        Some(tool) => {
            let message = format!("--sqlite has a tool {:?} as well; give it another name", tool.name());
            Err(commands.error_at(tool.name(), "name", &message))
        }
        None => Ok(()),
    }
}

/// The driver with this name; when none was named the one of `CODEMODE_DRIVER`, else the first of `codemode drivers`.
///
/// # Errors
/// When this build does not have the driver.
pub fn driver(name: Option<&str>) -> Result<Arc<dyn IsolateDriver>, Problem> {
    if let Some(name) = name {
        return Ok(codemode::driver(name)?);
    }
    match codemode::drivers().first() {
        // Of several the library takes none by itself; a person who typed a command wants it run.
        Some(first) if std::env::var_os("CODEMODE_DRIVER").is_none() => Ok(codemode::driver(&first.name)?),
        _ => Ok(codemode::default_driver()?),
    }
}
