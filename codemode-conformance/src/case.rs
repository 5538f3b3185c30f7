//! [`Case`]: one `[[case]]` table of a case file, field by field.
//!
//! What a case does not say must not happen: without `console` the console must be empty, without `line` an error must
//! have no place, without `dropped` no call may be dropped. Only `events`, `calls` and the marked fields of an error are
//! compared when they are given.

use std::{collections::BTreeMap, path::PathBuf};

use codemode_core::Limits;
use serde::Deserialize;

use crate::{
    expected::{ConsoleText, ExpectedError},
    gates::Gate,
    test_tools::InlineTool,
};

/// One behaviour, the shortest program that shows it, and all that must come out.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Case {
    /// Name of the file without `.toml`.
    #[serde(skip)]
    pub area: String,
    /// The file, for messages.
    #[serde(skip)]
    pub file: PathBuf,
    /// In words with dashes, unique over all files.
    pub name: String,
    /// The rule in one sentence.
    pub why: String,
    /// TypeScript, as a model would send it.
    pub program: String,
    /// Tools of [`TestTools`](crate::TestTools) that the program can call, by name.
    #[serde(default)]
    pub tools: Vec<String>,
    /// Tools made for this case; they come after `tools`.
    #[serde(default, rename = "tool")]
    pub inline_tools: Vec<InlineTool>,
    /// Limits other than the defaults.
    #[serde(default)]
    pub limits: Limits,
    /// Seed of the program's randomness; fresh when absent.
    pub seed: Option<u64>,
    /// The program's clock at its start; the real time when absent.
    pub epoch_ms: Option<u64>,
    /// The order in which gated calls may finish. Gates that are not named stay closed.
    #[serde(default)]
    pub gates: Vec<Gate>,
    /// The host drops the execution right after this event. There is no outcome then: `error` is what a replay gives.
    pub cancel_after: Option<String>,
    /// Long texts: each name is replaced by `times` times `unit`, in the program and in all that is expected.
    #[serde(default)]
    pub fill: BTreeMap<String, Fill>,

    /// JSON text of the result; compared as a value, keys in any order.
    pub result: Option<String>,
    /// A file with the JSON text of the result, beside the case file.
    pub result_file: Option<String>,
    /// The program returns `undefined`.
    #[serde(default)]
    pub undefined: bool,
    /// The program fails so.
    pub error: Option<ExpectedError>,
    /// Console lines; none when absent.
    #[serde(default)]
    pub console: Vec<ConsoleText>,
    /// All events in order, each as [`event_text`](crate::event_text) writes it.
    pub events: Option<Vec<String>>,
    /// The events of calls alone.
    pub calls: Option<Vec<String>>,
    /// Warnings of the outcome; none when absent.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// Warnings about tools; none when absent.
    #[serde(default)]
    pub tool_warnings: Vec<String>,
    /// Calls given up at the end, as `2 external_gated started`, or `2 external_gated` for one that never ran.
    #[serde(default)]
    pub dropped: Vec<String>,
    /// Messages refused because something tampered with the bridge.
    #[serde(default)]
    pub refused: u64,
    /// JSON text of the model-facing reply.
    pub reply: Option<String>,
    /// The execution takes no longer; from the cancelling event on, where there is one.
    pub max_ms: Option<u64>,
    /// A changed program on the journal of this one.
    pub changed: Option<Changed>,
    /// The benches time this case.
    #[serde(default)]
    pub bench: bool,
}

/// A changed program that is replayed on the journal of the case.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Changed {
    /// The other program.
    pub program: String,
    /// What the error about the divergence says.
    pub error: String,
}

/// A text that is written by its length.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Fill {
    /// What is repeated.
    pub unit: String,
    /// How often.
    pub times: usize,
}

impl Case {
    /// `area::name`, as in test names and in known.toml.
    pub fn id(&self) -> String {
        format!("{}::{}", self.area, self.name)
    }

    /// The limits of its execution.
    pub fn limits(&self) -> Limits {
        self.limits.clone()
    }

    /// Puts the long texts in and says what is wrong with the case, if anything.
    pub(crate) fn prepare(&mut self) -> Result<(), String> {
        if let (Some(file), None) = (&self.result_file, &self.result) {
            let path = self.file.with_file_name(file);
            let text = std::fs::read_to_string(&path).map_err(|e| format!("result_file {}: {e}", path.display()))?;
            self.result = Some(text);
        } else if self.result_file.is_some() {
            return Err("it has both result and result_file".into());
        }
        for (name, fill) in self.fill.clone() {
            let text = fill.unit.repeat(fill.times);
            let mut used = false;
            self.each_text(&mut |place| {
                if place.contains(&name) {
                    *place = place.replace(&name, &text);
                    used = true;
                }
            });
            if !used {
                return Err(format!("fill {name} is used nowhere"));
            }
        }
        self.check()
    }

    /// All texts in which a fill may stand.
    fn each_text(&mut self, change: &mut dyn FnMut(&mut String)) {
        change(&mut self.program);
        self.result.iter_mut().for_each(&mut *change);
        self.reply.iter_mut().for_each(&mut *change);
        self.console.iter_mut().for_each(|line| change(&mut line.text));
        self.events.iter_mut().flatten().for_each(&mut *change);
        self.calls.iter_mut().flatten().for_each(&mut *change);
        if let Some(error) = &mut self.error {
            change(&mut error.message);
        }
        for tool in &mut self.inline_tools {
            tool.answer.iter_mut().for_each(&mut *change);
        }
    }

    fn check(&self) -> Result<(), String> {
        let kebab = |name: &str| {
            !name.is_empty()
                && name.split('-').all(|word| {
                    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
                })
        };
        if !kebab(&self.name) {
            return Err(format!("the name {:?} is not lower-case words with dashes", self.name));
        }
        if !self.why.trim_end().ends_with('.') || self.why.contains('\n') {
            return Err("`why` is one sentence on one line, with its full stop".into());
        }
        let ends = [self.result.is_some(), self.undefined, self.error.is_some()];
        if ends.into_iter().filter(|given| *given).count() != 1 {
            return Err("give exactly one of result, result_file, undefined and error".into());
        }
        for (field, text) in [("result", &self.result), ("reply", &self.reply)] {
            if let Some(text) = text {
                codemode_core::Json::from_text(text.trim()).map_err(|e| format!("{field} is not JSON: {e}"))?;
            }
        }
        if self.cancel_after.is_some() && self.error.is_none() {
            return Err("a cancelled case gives the error of its replay".into());
        }
        self.limits().check().map_err(|e| e.to_string())
    }
}
