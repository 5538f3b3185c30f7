//! What can be said of a program without running it.

use crate::code_mode::CodeMode;
use codemode_typescript::{Compiled, Diagnostic};

/// What a program's text tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checked {
    /// What keeps it from running.
    pub errors: Vec<Diagnostic>,
    /// What most likely is not meant.
    pub warnings: Vec<Diagnostic>,
}

impl CodeMode {
    /// Reads a program as [`execute`](Self::execute) does, and runs nothing.
    pub fn check(&self, code: &str) -> Checked {
        match self.compiled(code) {
            Ok(compiled) => Checked { errors: Vec::new(), warnings: compiled.warnings },
            Err(errors) => Checked { errors, warnings: Vec::new() },
        }
    }

    /// The same, and its types against the declarations of the tools it names.
    ///
    /// # Errors
    /// Those of [`TypeChecker::check`](codemode_typescript::typecheck::TypeChecker::check).
    #[cfg(feature = "typecheck")]
    pub fn type_check(
        &self,
        checker: &codemode_typescript::typecheck::TypeChecker,
        code: &str,
    ) -> Result<Checked, crate::types::Error> {
        let compiled = match self.compiled(code) {
            Ok(compiled) => compiled,
            Err(errors) => return Ok(Checked { errors, warnings: Vec::new() }),
        };
        let functions: Vec<&str> = compiled.externals.iter().map(String::as_str).collect();
        let errors = checker.check(code, &self.stubs_of(&functions))?;
        Ok(Checked { errors, warnings: compiled.warnings })
    }

    fn compiled(&self, code: &str) -> Result<Compiled, Vec<Diagnostic>> {
        self.compile(code, self.names(), self.limits())
    }
}
