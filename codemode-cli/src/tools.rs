//! The tools a command line asks for, and the [`CodeMode`] over them.

use std::sync::Arc;

use codemode::{CodeMode, IsolateDriver, Limits, Tool};

use crate::{
    args::ToolArgs,
    command::{self, CommandTools},
    output,
    problem::Problem,
    sqlite,
};

/// The tools of `--sqlite` and `--tools`.
#[derive(Debug, Default)]
pub struct Tools {
    tools: Vec<Tool>,
    commands: Option<CommandTools>,
}

impl Tools {
    /// Opens the database and reads the file of tools.
    ///
    /// # Errors
    /// What is wrong with them, and where.
    pub fn open(args: &ToolArgs) -> Result<Self, Problem> {
        let mut tools = Vec::new();
        // First the file: a mistake in it is found without making a database.
        let commands = args.tools.as_deref().map(command::load).transpose()?;
        if let Some(path) = &args.sqlite {
            tools.extend(sqlite::tools(path)?);
        }
        if let Some(commands) = &commands {
            commands.refuse_names_of(&tools)?;
            tools.extend(commands.tools());
        }
        Ok(Self { tools, commands })
    }

    /// The code mode over these tools.
    ///
    /// # Errors
    /// When a tool of the file has a schema that is none.
    pub fn code_mode(
        &self,
        driver: Arc<dyn IsolateDriver>,
        limits: Limits,
        warn: impl Fn(String) + Send + Sync + 'static,
    ) -> Result<CodeMode, Problem> {
        let tools = self.tools.iter().cloned();
        let code_mode =
            CodeMode::builder().shared_driver(driver).tools(tools).limits(limits).on_warning(warn).build()?;
        for problem in code_mode.problems() {
            if let Some(commands) = &self.commands {
                commands.refuse_schema(problem)?;
            }
            output::warning(problem);
        }
        Ok(code_mode)
    }

    /// Kills every command that still runs.
    pub fn stop(&self) {
        if let Some(commands) = &self.commands {
            commands.stop();
        }
    }
}

/// The driver with this name; when none was named the one of `CODEMODE_DRIVER`, else the first of `codemode drivers`.
///
/// # Errors
/// When there is no such driver.
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
