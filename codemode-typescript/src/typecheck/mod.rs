//! A real type check of programs: TypeScript's native compiler, kept running as a language server.
//!
//! The compiler is another process and reads files, so a program that names any (imports, reference directives) never
//! reaches it. It runs in its own empty folder, without packages.

mod error;
mod project;
mod server;

use std::{
    env::{self, consts},
    fmt::Write as _,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use serde_json::Value;

use crate::compile::{CheckableProgram, Diagnostic, DiagnosticKind, type_error};
use server::{Failed, Server};

pub use error::{TypeCheckError, TypeCheckErrorKind};

/// The variable that names the compiler.
pub const VARIABLE: &str = "CODEMODE_TSC";

/// Checks programs against the declarations of their tools. Starts the compiler at the first check, and again when it
/// died; share one.
#[derive(Debug)]
pub struct TypeChecker {
    compiler: PathBuf,
    deadline: Duration,
    server: Mutex<Option<Server>>,
}

impl TypeChecker {
    /// With the compiler at this path: `tsc` of TypeScript 7, the native program and not the script of the same name.
    pub fn new(compiler: impl Into<PathBuf>) -> Self {
        Self { compiler: compiler.into(), deadline: Duration::from_secs(5), server: Mutex::new(None) }
    }

    /// With the compiler that the variable `CODEMODE_TSC` names, or the one in `node_modules` or `target/tools` of the
    /// current folder or one above it.
    ///
    /// # Errors
    /// [`TypeCheckErrorKind::NotFound`] when there is no compiler; its message says how to get one.
    pub fn find() -> Result<Self, TypeCheckError> {
        if let Some(chosen) = env::var_os(VARIABLE).filter(|chosen| !chosen.is_empty()) {
            let chosen = PathBuf::from(chosen);
            return match chosen.is_file() {
                true => Ok(Self::new(chosen)),
                false => Err(TypeCheckError::new(TypeCheckErrorKind::NotFound, format!("{VARIABLE} names no file"))
                    .at("path", &chosen)),
            };
        }
        let package = package();
        let program = if cfg!(windows) { "tsc.exe" } else { "tsc" };
        let inner = Path::new("node_modules").join(&package).join("lib").join(program);
        let here = env::current_dir().unwrap_or_default();
        let places = here.ancestors().flat_map(|folder| {
            [folder.join(&inner), folder.join("target").join("tools").join("typescript").join(&inner)]
        });
        let found = places.into_iter().find(|place| place.is_file());
        found.map(Self::new).ok_or_else(|| {
            TypeCheckError::new(
                TypeCheckErrorKind::NotFound,
                format!(
                    "the TypeScript compiler is missing; run `npm install {package}@7` here, or name its tsc in {VARIABLE}"
                ),
            )
        })
    }

    /// How long one check may take, the compiler's start included. 5 seconds without it.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// The type errors of a program, in its own positions. `declarations` is what it may call, as TypeScript.
    ///
    /// Syntax errors are left out: [`compile`](crate::compile()) reports them.
    ///
    /// # Errors
    /// [`TypeCheckErrorKind::Unsupported`] for a program that names files or modules, [`TypeCheckErrorKind::NotStarted`]
    /// when the compiler cannot be started, [`TypeCheckErrorKind::NoAnswer`] when it dies or does not answer in time.
    pub fn check(&self, code: &str, declarations: &str) -> Result<Vec<Diagnostic>, TypeCheckError> {
        let program =
            CheckableProgram::of(code).map_err(|why| TypeCheckError::new(TypeCheckErrorKind::Unsupported, why))?;
        // Behind the program, so that its lines stay its own. What no tool declares may be anything.
        let mut text = program.text().to_owned();
        let _infallible = write!(text, "\n{}\n", declarations.replace("Promise<unknown>", "Promise<any>"));
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        let mut answer = self.ask(&mut server, &text);
        if matches!(answer, Err(Failed::Died)) {
            // It may have died since the last check; a second death is its answer.
            answer = self.ask(&mut server, &text);
        }
        let items = answer.map_err(|failed| self.error(failed))?;
        Ok(items.iter().filter_map(|item| diagnostic(item, code, &program)).take(MAX_ERRORS).collect())
    }

    fn ask(&self, server: &mut Option<Server>, text: &str) -> Result<Vec<Value>, Failed> {
        let mut running = match server.take() {
            Some(running) => running,
            None => Server::start(&self.compiler, self.deadline)?,
        };
        let items = running.diagnostics(text, self.deadline)?;
        // Only one that answered is kept: after a deadline its next answer could be an old one.
        *server = Some(running);
        Ok(items)
    }

    fn error(&self, failed: Failed) -> TypeCheckError {
        let (kind, message) = match failed {
            Failed::NotStarted(why) => {
                (TypeCheckErrorKind::NotStarted, format!("the TypeScript compiler cannot be started: {why}"))
            }
            Failed::Died => {
                (TypeCheckErrorKind::NoAnswer, "the TypeScript compiler ended without an answer".to_owned())
            }
            Failed::Late => {
                (TypeCheckErrorKind::NoAnswer, format!("the type check took longer than {:?}", self.deadline))
            }
        };
        TypeCheckError::new(kind, message).at("compiler", &self.compiler)
    }
}

fn diagnostic(item: &Value, code: &str, program: &CheckableProgram) -> Option<Diagnostic> {
    let number = |value: &Value| value.as_u64().and_then(|number| u32::try_from(number).ok());
    let errno = item.get("code").and_then(number)?;
    // 1 is an error. Below 2000 it is about syntax, in which this compiler sees a function body and not a program.
    if item.get("severity").and_then(number) != Some(1) || errno < 2000 {
        return None;
    }
    let place = |end: &str| {
        let place = item.get("range")?.get(end)?;
        program.position(number(place.get("line")?)? + 1, number(place.get("character")?)? + 1)
    };
    let message = item.get("message")?.as_str()?;
    // The first line says what; the ones below lead into the depth of the type.
    let mut lines = message.lines();
    let first = lines.next().unwrap_or_default().trim_end_matches('.').to_owned();
    let hint = lines.next_back().map(|last| last.trim().trim_end_matches('.').to_owned());
    Some(type_error(code, place("start")?, place("end"), format!("{first} (TS{errno})"), hint, DiagnosticKind::Type))
}

fn package() -> String {
    let system = match consts::OS {
        "macos" => "darwin",
        "windows" => "win32",
        other => other,
    };
    let processor = match consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("@typescript/typescript-{system}-{processor}")
}

const MAX_ERRORS: usize = 10;

#[cfg(test)]
mod tests;
