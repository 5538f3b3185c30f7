//! [`CodeMode::replay`]: a recorded execution again. Nothing in the record is believed before it was compared.

use std::{sync::Arc, time::Instant};

use codemode_typescript::Compiled;

use super::{CodeMode, execute::program, explain::Explainer, front_end::FrontEnd, host::fresh_id};
use crate::{
    driver::{ContextConfig, aside_until},
    journal::{
        Header, Recording,
        replay::{departed, departure},
    },
    types::{Error, ErrorKind, Failure, Limits, Outcome, ToolNames},
};

impl CodeMode {
    /// Runs a recorded execution again: no tool is called, every answer comes from the record. Every line is compared, in
    /// order.
    ///
    /// `code` is the program to run; give the recorded one to audit, a changed one to see where it departs. The limits are
    /// those of the record, each at most as large as that of this `CodeMode`: nothing in the record can ask for more. Only
    /// where the host stopped the recorded execution, the replay may take up to four times its timeout to come as far. When
    /// and why the host stopped it is believed, where the program itself still runs or waits; what it said is compared.
    ///
    /// # Errors
    /// [`ErrorKind::Diverged`] at the first message that differs from the record, or when the replay did not come to the end
    /// of it, [`ErrorKind::BadJournal`] when the record was altered or ends before its execution did.
    pub async fn replay(&self, code: &str, mut recording: Recording) -> Result<Outcome, Error> {
        let requested = Instant::now();
        let names = Arc::new(recording.header.tool_names());
        let limits = recording.header.limits.clone().within(&self.inner.limits);
        limits.check()?;
        let compiled = match self.compile_in_time(code, &names, &limits, requested).await? {
            FrontEnd::Compiled(compiled) => compiled,
            FrontEnd::Rejected(failure) => return replay_rejected(*failure, &recording),
        };
        if let Some(departure) = was_rejected(&recording) {
            return Err(departure);
        }
        self.check_script(code, &compiled, &names, &limits, &mut recording.header).await?;
        let program = program(&compiled, &names, fresh_id()).requested(Some(requested));
        let config = ContextConfig { limits, tools: names.clone() };
        let outcome = self.inner.driver.replay(config, program, recording).await?;
        Ok(Explainer::new(code, compiled, names, self.inner.catalog.clone()).complete(outcome))
    }

    /// Makes sure that the script of a record is that of its program, in the form that this driver takes: that of another
    /// engine may differ by its ticks.
    async fn check_script(
        &self,
        code: &str,
        compiled: &Compiled,
        names: &Arc<ToolNames>,
        limits: &Limits,
        header: &mut Header,
    ) -> Result<(), Error> {
        // A program that was changed on purpose is to depart in what it says.
        if header.typescript.as_deref() != Some(code) || header.javascript == compiled.javascript {
            return Ok(());
        }
        let ticks = !self.inner.driver.wants_ticks();
        let (code_mode, text, names, granted) = (self.clone(), code.to_owned(), names.clone(), limits.clone());
        let work = move || code_mode.compile_with(&text, &names, &granted, ticks);
        let other = aside_until(Instant::now() + limits.timeout, work).await?;
        match other {
            Some(Ok(other)) if header.javascript == other.javascript => {
                header.javascript.clone_from(&compiled.javascript);
                Ok(())
            }
            _ => Err(Error::new(
                ErrorKind::BadJournal,
                "the script in the journal is not what its program compiles to: the journal was altered, or another \
                 version of codemode wrote it",
            )),
        }
    }
}
/// The outcome of replaying a program that cannot run, if it could not run then either and for the same reason.
fn replay_rejected(failure: Failure, recording: &Recording) -> Result<Outcome, Error> {
    let end = recording.end.as_ref().ok_or_else(|| {
        Error::new(ErrorKind::BadJournal, "the journal does not say how its execution ended; it was cut short")
    })?;
    let then = end.failure.as_ref();
    let result = Err(failure);
    if let Some(departure) = departure(then, &result) {
        return Err(departure);
    }
    let same = then.map(|then| &then.message) == result.as_ref().err().map(|now| &now.message);
    if !same || !recording.lines.is_empty() {
        return Err(departed(then, result.as_ref().err()));
    }
    Ok(Outcome::new(result))
}

/// The outcome that a program must have which was rejected when it was recorded, and now can run.
fn was_rejected(recording: &Recording) -> Option<Error> {
    let nothing_ran = recording.lines.is_empty() && recording.header.javascript.is_empty();
    let then = recording.end.as_ref().filter(|_| nothing_ran)?.failure.as_ref()?;
    Some(departed(Some(then), None))
}
