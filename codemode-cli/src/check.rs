//! `codemode check`: what is wrong with a program, found without running it.

use codemode::{Checked, CodeMode, typecheck::TypeChecker, typescript::Diagnostic};

use crate::{
    args::{CheckArgs, Types},
    exit::ExitStatus,
    input,
    output::{self, paint::Paint},
    problem::Problem,
    signals::Signals,
    tools::{self, Tools},
};

/// Checks the program of `args`.
pub fn check(args: &CheckArgs) -> Result<ExitStatus, Problem> {
    let limits = args.limits.limits()?;
    let _signals = Signals::catch().map_err(|error| Problem::new(format!("Ctrl-C cannot be caught: {error}")))?;
    let code = input::program(&args.file, limits.source_bytes)?;
    let tools = Tools::open(&args.tools)?;
    let code_mode = tools.code_mode(tools::driver(None)?, limits, |warning| output::warning(&warning))?;
    // The tools are stopped when all is said.
    let Checked { errors, warnings, .. } = checked(&code_mode, &code, args.types)?;
    let (name, paint) = (input::name(&args.file), Paint::stderr());
    for (label, diagnostics) in [(paint.error("error"), &errors), (paint.warn("warning"), &warnings)] {
        diagnostics.iter().for_each(|diagnostic| output::say(&shown(&label, diagnostic, &name, paint)));
    }
    Ok(if errors.is_empty() { ExitStatus::Success } else { ExitStatus::Failed })
}

fn checked(code_mode: &CodeMode, code: &str, types: Types) -> Result<Checked, Problem> {
    if types == Types::Skip {
        return Ok(code_mode.check(code));
    }
    match TypeChecker::find() {
        Ok(checker) => code_mode.type_check(&checker, code).map_err(Problem::from),
        Err(error) if types == Types::Require => Err(Problem::new(error.to_string())),
        Err(error) => {
            output::note(&format!("types are not checked: {error}"));
            Ok(code_mode.check(code))
        }
    }
}

fn shown(label: &str, diagnostic: &Diagnostic, name: &str, paint: Paint) -> String {
    let Diagnostic { message, line, column, hint, code_frame, .. } = diagnostic;
    let mut text = format!("{label}: {message}\n  {} {name}:{line}:{column}\n{code_frame}\n", paint.dim("at"));
    if let Some(hint) = hint {
        text.push_str(&format!("  {} {hint}\n", paint.hint("hint:")));
    }
    text
}
