//! [`CommandTools`]: a file of tools, read and checked.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use codemode_core::Tool;
use serde_json::Value;

use crate::{
    Error,
    ErrorKind::Declaration as Wrong,
    command::{
        call::{self, Spec},
        children::Children,
        declaration::{self, Declaration},
        json_place::{self, Step},
        program,
    },
    file, inherited_environment,
};

/// The tools of one file.
#[derive(Debug)]
pub struct CommandTools {
    path: PathBuf,
    text: String,
    declarations: Vec<Declaration>,
    specs: Vec<Arc<Spec>>,
    children: Children,
}

impl CommandTools {
    /// Reads and checks a file of tools, at most 16 MiB.
    ///
    /// # Errors
    /// What is wrong, with file, line, column and field. [`ErrorKind::Format`](crate::ErrorKind::Format) when it is not a
    /// JSON array of tools, [`ErrorKind::Declaration`](crate::ErrorKind::Declaration) when one of them cannot work.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        Self::from_json(file::read_text(path, MAX_BYTES)?, path)
    }

    /// As [`load`](Self::load), with the text of a file that need not exist: `path` names it in errors, and relative
    /// programs are looked up beside it.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn from_json(text: impl Into<String>, path: impl AsRef<Path>) -> Result<Self, Error> {
        let (text, path) = (text.into(), path.as_ref().to_owned());
        let declarations = declaration::parse(&text, &path)?;
        let mut tools = Self { path, text, declarations, specs: Vec::new(), children: Children::default() };
        let specs = tools.declarations.iter().enumerate().map(|(i, declared)| tools.check(i, declared));
        tools.specs = specs.collect::<Result<_, _>>()?;
        Ok(tools)
    }

    /// The tools.
    pub fn tools(&self) -> impl Iterator<Item = Tool> {
        self.declarations.iter().zip(&self.specs).map(|(declared, spec)| {
            let (spec, children) = (spec.clone(), self.children.clone());
            let run = move |input: Value, _context| call::run(spec.clone(), children.clone(), input);
            let (input, output) = (declared.input_schema.clone(), declared.output_schema.clone());
            let mut tool = Tool::from_schema(declared.name.as_str(), &declared.description, input, output, run);
            if let Some(ms) = declared.timeout_ms {
                tool = tool.timeout(Duration::from_millis(ms.get()));
            }
            if let Some(max) = declared.max_concurrency {
                tool = tool.concurrency(max.get());
            }
            tool
        })
    }

    /// The error that `field` of the tool `tool` is wrong, with its line and column in the file.
    ///
    /// For what the file alone does not show, such as a name that another tool of the host has.
    #[must_use]
    pub fn error_at(&self, tool: &str, field: &str, message: &str) -> Error {
        match self.declarations.iter().position(|declared| declared.name == tool) {
            Some(i) => self.wrong(&[Step::Index(i), Step::Key(field)], message),
            None => Error::new(Wrong, format!("{}: {tool}.{field}: {message}", self.path.display())),
        }
    }

    /// The error for a line of [`CodeMode::problems`](codemode_core::CodeMode::problems), with the place of the schema in
    /// the file. `None` when the problem is not of one of these tools.
    #[must_use]
    pub fn locate(&self, problem: &str) -> Option<Error> {
        self.declarations.iter().enumerate().find_map(|(i, declared)| {
            // A problem reads `tool: input schema: why`.
            let rest = problem.strip_prefix(&declared.name)?.strip_prefix(": ")?;
            [("input schema: ", "inputSchema"), ("output schema: ", "outputSchema")].iter().find_map(
                |(start, field)| {
                    let why = rest.strip_prefix(start)?;
                    Some(self.wrong(&[Step::Index(i), Step::Key(field)], why))
                },
            )
        })
    }

    /// Kills every command that still runs, with its children. For the end of the process: a call that is dropped kills
    /// its own, but one on a thread that never comes back drops nothing.
    pub fn kill_all(&self) {
        self.children.kill_all();
    }

    fn check(&self, i: usize, declared: &Declaration) -> Result<Arc<Spec>, Error> {
        let wrong = |path: &[Step<'_>], what: &str| Err(self.wrong(path, what));
        let at = Step::Index(i);
        if declared.name.trim().is_empty() || declared.name.contains(char::is_control) {
            return wrong(
                &[at, Step::Key("name")],
                "the name of a tool must be a text without control characters, and not empty",
            );
        }
        if let Some(first) = self.declarations.iter().take(i).position(|other| other.name == declared.name) {
            return wrong(&[at, Step::Key("name")], &format!("[{first}] has the name {:?} already", declared.name));
        }
        for (field, schema) in
            [("inputSchema", Some(&declared.input_schema)), ("outputSchema", declared.output_schema.as_ref())]
        {
            if schema.is_some_and(|schema| !schema.is_object() && !schema.is_boolean()) {
                return wrong(&[at, Step::Key(field)], "this must be a JSON Schema, such as {\"type\": \"object\"}");
            }
        }
        if let Some(part) = declared.command.iter().position(|part| part.contains('\0')) {
            return wrong(&[at, Step::Key("command"), Step::Index(part)], "a command cannot hold a NUL character");
        }
        let Some((program, arguments)) = declared.command.split_first().filter(|(program, _)| !program.is_empty())
        else {
            return wrong(&[at, Step::Key("command")], "it must be [\"program\", \"argument\", …]");
        };
        let program = match program::find(program, &self.path) {
            Ok(program) => program,
            Err(why) => return wrong(&[at, Step::Key("command"), Step::Index(0)], &why),
        };
        let mut env: Vec<(OsString, OsString)> = inherited_environment().collect();
        for (name, value) in &declared.env {
            let path = [at, Step::Key("env"), Step::Key(name)];
            if name.is_empty() || name.contains(['=', '\0']) || value.as_ref().is_some_and(|value| value.contains('\0'))
            {
                return wrong(&path, "this cannot be an environment variable");
            }
            let value = match value {
                Some(value) => value.into(),
                None => match std::env::var_os(name) {
                    Some(value) => value,
                    None => return wrong(&path, "null passes on codemode's own variable, but it is not set"),
                },
            };
            env.push((name.into(), value));
        }
        Ok(Arc::new(Spec { tool: declared.name.clone(), program, arguments: arguments.to_vec(), env }))
    }

    fn wrong(&self, path: &[Step<'_>], what: &str) -> Error {
        let (line, column) = json_place::find(&self.text, path).unwrap_or((1, 1));
        let field = json_place::shown(path);
        Error::new(Wrong, format!("{}:{line}:{column}: {field}: {what}", self.path.display()))
    }
}

const MAX_BYTES: usize = 16 << 20;
