//! `--tools TOOLS.json`: tools that are commands. Here the file is read and checked; `call` runs one command.

mod call;
mod children;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    num::{NonZeroU64, NonZeroUsize},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use codemode::Tool;
use serde::Deserialize;
use serde_json::Value;
use serde_path_to_error::Segment;

use crate::{
    command::{call::Spec, children::Children},
    input,
    json_place::{self, Step},
    problem::Problem,
};

/// The tools of one file.
#[derive(Debug)]
pub struct CommandTools {
    path: PathBuf,
    text: String,
    entries: Vec<Entry>,
    specs: Vec<Arc<Spec>>,
    children: Children,
}

/// A tool as the file declares it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a tool, which is an object")]
struct Entry {
    name: String,
    description: String,
    input_schema: Value,
    output_schema: Option<Value>,
    command: Vec<String>,
    timeout_ms: Option<NonZeroU64>,
    max_concurrency: Option<NonZeroUsize>,
    #[serde(default)]
    env: BTreeMap<String, Option<String>>,
}

/// Reads and checks a file of tools.
///
/// # Errors
/// What is wrong, with file, line, column and field.
pub fn load(path: &Path) -> Result<CommandTools, Problem> {
    let text = input::text(path, MOST_BYTES)?;
    let mut reader = serde_json::Deserializer::from_str(&text);
    let entries: Vec<Entry> =
        serde_path_to_error::deserialize(&mut reader).map_err(|error| unreadable(path, &text, &error))?;
    reader.end().map_err(|error| {
        Problem::new(format!("{}:{}:{}: there is more after the array", path.display(), error.line(), error.column()))
    })?;
    let mut tools =
        CommandTools { path: path.to_owned(), text, entries, specs: Vec::new(), children: Children::default() };
    tools.specs = tools.entries.iter().enumerate().map(|(i, entry)| tools.check(i, entry)).collect::<Result<_, _>>()?;
    Ok(tools)
}

/// What is wrong with a text that does not hold tools.
fn unreadable(path: &Path, text: &str, error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let steps: Vec<Step<'_>> = error
        .path()
        .iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(Step::Index(*index)),
            Segment::Map { key } => Some(Step::Key(key)),
            _ => None,
        })
        .collect();
    let inner = error.inner();
    // Only in JSON the path leads to a place; serde_json itself knows the end of the wrong value, not its beginning.
    let place = if inner.is_data() { json_place::find(text, &steps) } else { None };
    let (line, column) = place.unwrap_or((inner.line().max(1), inner.column().max(1)));
    let said = inner.to_string();
    // serde_json ends its messages with the place, and speaks of Rust's types.
    let said = said.rsplit_once(" at line ").map_or(said.as_str(), |(said, _)| said);
    let said = [("type: map", "type: object"), ("type: sequence", "type: array"), ("a sequence", "an array")]
        .into_iter()
        .chain([("a map", "an object"), ("a nonzero u64", POSITIVE), ("a nonzero usize", POSITIVE)])
        .fold(said.to_owned(), |said, (rust, json)| said.replace(rust, json));
    let field = if steps.is_empty() { String::new() } else { format!("{}: ", json_place::shown(&steps)) };
    Problem::new(format!("{}:{line}:{column}: {field}{said}", path.display()))
        .help("it must be a JSON array of tools; see codemode run --help")
}

const POSITIVE: &str = "a whole number over 0";

impl CommandTools {
    /// The tools.
    pub fn tools(&self) -> impl Iterator<Item = Tool> {
        self.entries.iter().zip(&self.specs).map(|(entry, spec)| {
            let (spec, children) = (spec.clone(), self.children.clone());
            let run = move |input: Value, _context| call::run(spec.clone(), children.clone(), input);
            let (input, output) = (entry.input_schema.clone(), entry.output_schema.clone());
            let mut tool = Tool::from_schema(entry.name.as_str(), &entry.description, input, output, run);
            if let Some(ms) = entry.timeout_ms {
                tool = tool.timeout(Duration::from_millis(ms.get()));
            }
            if let Some(most) = entry.max_concurrency {
                tool = tool.concurrency(most.get());
            }
            tool
        })
    }

    /// Refuses a file with a tool that has the name of one of `others`.
    pub fn refuse_names_of(&self, others: &[Tool]) -> Result<(), Problem> {
        for (i, entry) in self.entries.iter().enumerate() {
            if others.iter().any(|other| other.name() == entry.name) {
                let what = format!("--sqlite has a tool {:?} as well; give it another name", entry.name);
                return Err(self.wrong(&[Step::Index(i), Step::Key("name")], &what));
            }
        }
        Ok(())
    }

    /// Refuses a file with a schema that is none, given what the catalog says about it: `tool: input schema: why`.
    pub fn refuse_schema(&self, problem: &str) -> Result<(), Problem> {
        for (i, entry) in self.entries.iter().enumerate() {
            let Some(rest) = problem.strip_prefix(&entry.name).and_then(|rest| rest.strip_prefix(": ")) else {
                continue;
            };
            for (start, field) in [("input schema: ", "inputSchema"), ("output schema: ", "outputSchema")] {
                if let Some(why) = rest.strip_prefix(start) {
                    return Err(self.wrong(&[Step::Index(i), Step::Key(field)], why));
                }
            }
        }
        Ok(())
    }

    /// Kills every command that still runs.
    pub fn stop(&self) {
        self.children.kill_all();
    }

    fn check(&self, i: usize, entry: &Entry) -> Result<Arc<Spec>, Problem> {
        let wrong = |path: &[Step<'_>], what: &str| Err(self.wrong(path, what));
        let at = Step::Index(i);
        if entry.name.trim().is_empty() || entry.name.contains(char::is_control) {
            return wrong(
                &[at, Step::Key("name")],
                "the name of a tool must be a text without control characters, and not empty",
            );
        }
        if let Some(first) = self.entries.iter().take(i).position(|other| other.name == entry.name) {
            return wrong(&[at, Step::Key("name")], &format!("[{first}] has the name {:?} already", entry.name));
        }
        for (field, schema) in
            [("inputSchema", Some(&entry.input_schema)), ("outputSchema", entry.output_schema.as_ref())]
        {
            if schema.is_some_and(|schema| !schema.is_object() && !schema.is_boolean()) {
                return wrong(&[at, Step::Key(field)], "this must be a JSON Schema, such as {\"type\": \"object\"}");
            }
        }
        if let Some(part) = entry.command.iter().position(|part| part.contains('\0')) {
            return wrong(&[at, Step::Key("command"), Step::Index(part)], "a command cannot hold a NUL character");
        }
        let Some((program, arguments)) = entry.command.split_first().filter(|(program, _)| !program.is_empty()) else {
            return wrong(&[at, Step::Key("command")], "it must be [\"program\", \"argument\", …]");
        };
        let program = match found(program, &self.path) {
            Ok(program) => program,
            Err(why) => return wrong(&[at, Step::Key("command"), Step::Index(0)], &why),
        };
        let mut env: Vec<(OsString, OsString)> = inherited().collect();
        for (name, value) in &entry.env {
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
        Ok(Arc::new(Spec { tool: entry.name.clone(), program, arguments: arguments.to_vec(), env }))
    }

    fn wrong(&self, path: &[Step<'_>], what: &str) -> Problem {
        let (line, column) = json_place::find(&self.text, path).unwrap_or((1, 1));
        let field = json_place::shown(path);
        Problem::new(format!("{}:{line}:{column}: {field}: {what}", self.path.display()))
    }
}

/// Where a program is: beside the file of tools when it is a relative path, in `PATH` when it is a name.
fn found(program: &str, tools: &Path) -> Result<PathBuf, String> {
    if program.contains(std::path::is_separator) {
        let folder = tools.parent().unwrap_or(Path::new(""));
        // Absolute, because a relative path without a slash would be looked up in PATH.
        let path = std::path::absolute(folder.join(program)).map_err(|error| error.to_string())?;
        return if is_program(&path) {
            Ok(path)
        } else {
            Err(format!("{} is no program that can be run", path.display()))
        };
    }
    let places = std::env::var_os("PATH").unwrap_or_default();
    let names = [program.to_owned(), format!("{program}{}", std::env::consts::EXE_SUFFIX)];
    let mut candidates = std::env::split_paths(&places).flat_map(|place| names.clone().map(|name| place.join(name)));
    match candidates.find(|path| is_program(path)) {
        Some(path) => Ok(std::path::absolute(&path).unwrap_or(path)),
        None => Err(format!(
            "there is no program {program:?} in PATH; a relative path such as \"./{program}\" is looked up beside this file"
        )),
    }
}

fn is_program(path: &Path) -> bool {
    let Ok(about) = std::fs::metadata(path) else { return false };
    #[cfg(unix)]
    let runs = std::os::unix::fs::PermissionsExt::mode(&about.permissions()) & 0o111 != 0;
    #[cfg(not(unix))]
    let runs = true;
    about.is_file() && runs
}

/// What a command inherits: what programs need to find others and to speak the user's language, and no secrets.
fn inherited() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os().filter(|(name, _)| {
        let Some(name) = name.to_str() else { return false };
        INHERITED.contains(&name)
            || name.starts_with("LC_")
            || (cfg!(windows) && INHERITED_ON_WINDOWS.iter().any(|known| known.eq_ignore_ascii_case(name)))
    })
}

const INHERITED: [&str; 9] = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TMPDIR", "TERM"];
const INHERITED_ON_WINDOWS: [&str; 8] =
    ["PATH", "PATHEXT", "SYSTEMROOT", "SYSTEMDRIVE", "COMSPEC", "TEMP", "TMP", "USERPROFILE"];
const MOST_BYTES: usize = 16 << 20;
