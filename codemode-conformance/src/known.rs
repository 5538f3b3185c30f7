//! The gaps of a driver, read from its `known.toml`: cases, hostile programs and soak tests that it is known to fail,
//! each with the reason.
//!
//! A gap still runs and must fail: one that passes fails the run, and so does one whose name does not exist. Only a gap
//! with `run = false`, because it takes too long or ends the process, is reported as ignored instead.

use std::collections::BTreeMap;

use libtest_mimic::{Failed, Trial};
use serde::Deserialize;

/// What a gap is a gap of. Each has a test program of its own, which looks at its own gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Suite {
    Case,
    Hostile,
    Soak,
}

impl Suite {
    /// The key in `known.toml`, and what one of its tests is called in messages.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Case => ("case", "case"),
            Self::Hostile => ("hostile", "hostile program"),
            Self::Soak => ("soak", "soak test"),
        }
    }
}

/// The gaps of one suite, by name.
#[derive(Debug)]
pub(crate) struct Gaps {
    suite: Suite,
    gaps: BTreeMap<String, Gap>,
}

#[derive(Debug)]
struct Gap {
    reason: String,
    run: bool,
}

/// Holds the driver to one behaviour; the error is a text for a person.
pub(crate) type Check = Box<dyn FnOnce() -> Result<(), String> + Send>;

impl Gaps {
    /// Reads the text of a `known.toml`, all of which must be right, and keeps what belongs to `suite`.
    pub(crate) fn parse(text: &str, suite: Suite) -> Result<Self, String> {
        let file: KnownFile = toml::from_str(text).map_err(|error| format!("known.toml: {error}"))?;
        let (mut gaps, mut others) = (BTreeMap::new(), BTreeMap::new());
        for entry in file.gaps {
            let (of, name) = entry.name()?;
            let key = of.names().0;
            if entry.reason.trim().is_empty() {
                return Err(format!("known.toml: the gap {key} = {name:?} gives no reason"));
            }
            let kept = if of == suite { &mut gaps } else { &mut others };
            let listed = if of == suite { name.clone() } else { format!("{key} {name}") };
            if kept.insert(listed, Gap { reason: entry.reason, run: entry.run }).is_some() {
                return Err(format!("known.toml: the gap {key} = {name:?} is listed twice"));
            }
        }
        Ok(Self { suite, gaps })
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.gaps.contains_key(name)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.gaps.keys().cloned().collect()
    }

    /// A trial for each check, in their order, and one that fails for each gap that is not among them.
    pub(crate) fn trials(mut self, checks: Vec<(String, Check)>) -> Vec<Trial> {
        let mut trials: Vec<Trial> = checks
            .into_iter()
            .map(|(name, check)| match self.gaps.remove(&name) {
                None => Trial::test(name, move || check().map_err(Failed::from)),
                Some(Gap { reason, run }) => Trial::test(name.clone(), move || fails(&name, check, &reason))
                    .with_kind("gap")
                    .with_ignored_flag(!run),
            })
            .collect();
        let what = self.suite.names().1;
        trials.extend(self.gaps.into_keys().map(|name| {
            let why = format!("known.toml lists the gap {name}, but there is no such {what}");
            Trial::test(name, move || Err(why.into())).with_kind("gap")
        }));
        trials
    }
}

fn fails(name: &str, check: Check, reason: &str) -> Result<(), Failed> {
    match check() {
        Err(_) => Ok(()),
        Ok(()) => Err(format!("{name} passes now; it is in known.toml (\"{reason}\"): delete it there").into()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KnownFile {
    #[serde(default, rename = "gap")]
    gaps: Vec<Entry>,
}

/// One `[[gap]]`, with exactly one of `case`, `hostile` and `soak`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// `area::name`
    case: Option<String>,
    /// A program of `hostile/*.toml`, or one of the tests that run all of them.
    hostile: Option<String>,
    /// `pool::name`, such as `cold::programs_share_nothing`.
    soak: Option<String>,
    reason: String,
    #[serde(default = "yes")]
    run: bool,
}

impl Entry {
    fn name(&self) -> Result<(Suite, String), String> {
        match (&self.case, &self.hostile, &self.soak) {
            (Some(name), None, None) => Ok((Suite::Case, name.clone())),
            (None, Some(name), None) => Ok((Suite::Hostile, name.clone())),
            (None, None, Some(name)) => Ok((Suite::Soak, name.clone())),
            _ => Err(format!("known.toml: a gap names one case, hostile or soak; see the reason {:?}", self.reason)),
        }
    }
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use libtest_mimic::Arguments;

    use super::*;

    const KNOWN: &str = "[[gap]]\ncase = \"a::b\"\nreason = \"r\"\n[[gap]]\nhostile = \"h\"\nreason = \"r\"\n";

    /// How many trials passed, failed and were ignored.
    fn run(known: &str, suite: Suite, checks: &[(&str, bool)]) -> (u64, u64, u64) {
        let checks = checks.iter().map(|&(name, passes)| {
            let check: Check = Box::new(move || if passes { Ok(()) } else { Err("it fails".into()) });
            (name.to_owned(), check)
        });
        let trials = Gaps::parse(known, suite).expect("it can be read").trials(checks.collect());
        // Its report goes to a file: whoever counts the tests of this program would count these as well.
        let report = tempfile::NamedTempFile::new().expect("a temporary file");
        let logfile = Some(report.path().display().to_string());
        let ran = libtest_mimic::run(&Arguments { logfile, ..Arguments::default() }, trials);
        (ran.num_passed, ran.num_failed, ran.num_ignored)
    }

    #[test]
    fn a_gap_must_fail_and_must_exist() {
        assert_eq!(run(KNOWN, Suite::Case, &[("a::b", false), ("a::c", true)]), (2, 0, 0));
        assert_eq!(run(KNOWN, Suite::Case, &[("a::b", true)]), (0, 1, 0), "it passes");
        assert_eq!(run(KNOWN, Suite::Case, &[("a::c", true)]), (1, 1, 0), "it does not exist");
        assert_eq!(run(KNOWN, Suite::Hostile, &[("h", false)]), (1, 0, 0));
        assert_eq!(run(KNOWN, Suite::Soak, &[("h", true)]), (1, 0, 0), "it is a gap of another suite");
    }

    #[test]
    fn a_gap_that_does_not_run_is_ignored_but_must_exist() {
        let known = "[[gap]]\nsoak = \"s\"\nreason = \"it takes an hour\"\nrun = false\n";
        assert_eq!(run(known, Suite::Soak, &[("s", true)]), (0, 0, 1));
        assert_eq!(run(known, Suite::Soak, &[]), (0, 1, 0));
    }

    #[test]
    fn what_is_wrong_with_the_file_is_an_error_in_every_suite() {
        for (known, why) in [
            ("[[gap]]\ncase = \"a\"\nreason = \" \"\n".to_owned(), "gives no reason"),
            ("[[gap]]\ncase = \"a\"\n".to_owned(), "reason"),
            ("[[gap]]\nreason = \"r\"\n".to_owned(), "names one case, hostile or soak"),
            ("[[gap]]\ncase = \"a\"\nsoak = \"a\"\nreason = \"r\"\n".to_owned(), "names one case, hostile or soak"),
            ("[[gap]]\ncolour = \"a\"\nreason = \"r\"\n".to_owned(), "colour"),
            (format!("{KNOWN}{KNOWN}"), "is listed twice"),
        ] {
            for suite in [Suite::Case, Suite::Hostile, Suite::Soak] {
                let error = Gaps::parse(&known, suite).expect_err("it is wrong");
                assert!(error.contains(why), "{error}");
            }
        }
    }
}
