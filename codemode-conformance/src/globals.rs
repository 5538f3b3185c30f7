//! What a program can reach: every global, every property of it, every prototype, held to one committed list.
//!
//! `golden/walk.ts` makes the list inside the sandbox. To change it on purpose, run a driver's suite with
//! `CODEMODE_GOLDEN=write`, read the difference, and see that the other drivers agree.

use std::{collections::BTreeSet, env, fs, path::PathBuf, sync::Arc};

use codemode_core::{ExecuteOptions, IsolateDriver, Limits};

use crate::{fixtures::code_mode, show};

/// Compares what is reachable on `driver` with the list that all drivers share. The error is a text for a person.
pub(crate) async fn hold(driver: &Arc<dyn IsolateDriver>) -> Result<(), String> {
    let found = walk(driver).await?;
    if env::var_os("CODEMODE_GOLDEN").is_some_and(|mode| mode == "write") {
        let text = found.iter().map(|line| format!("{line}\n")).collect::<String>();
        return fs::write(golden_path(), text).map_err(|error| format!("the list cannot be written: {error}"));
    }
    let expected: BTreeSet<&str> = GOLDEN.lines().collect();
    let found: BTreeSet<&str> = found.iter().map(String::as_str).collect();
    let missing = expected.difference(&found).map(|line| format!("  - {line}\n"));
    let extra = found.difference(&expected).map(|line| format!("  + {line}\n"));
    let mut wrong: Vec<String> = missing.chain(extra).collect();
    if wrong.is_empty() {
        return Ok(());
    }
    let more = wrong.len().saturating_sub(MAX_SHOWN);
    wrong.truncate(MAX_SHOWN);
    if more > 0 {
        wrong.push(format!("  and {more} more\n"));
    }
    Err(format!("what programs can reach differs from golden/globals.txt (- expected, + found):\n{}", wrong.concat()))
}

async fn walk(driver: &Arc<dyn IsolateDriver>) -> Result<Vec<String>, String> {
    let code_mode = code_mode(driver, [], Limits::default())?;
    let outcome = code_mode.execute(WALK, ExecuteOptions::default()).await.map_err(|error| error.to_string())?;
    match outcome.result {
        Ok(Some(lines)) => serde_json::from_str(lines.text()).map_err(|error| format!("walk.ts: {error}")),
        Ok(None) => Err("walk.ts returned nothing".into()),
        Err(failure) => Err(format!("walk.ts failed: {}", show::clip(&format!("{failure:?}")))),
    }
}

fn golden_path() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "golden", "globals.txt"].iter().collect()
}

const MAX_SHOWN: usize = 60;
const WALK: &str = include_str!("../golden/walk.ts");
const GOLDEN: &str = include_str!("../golden/globals.txt");

#[cfg(test)]
mod tests {
    use super::*;

    /// The linter knows globals by core's list: it must not call one unknown, nor promise one that is not there.
    #[test]
    fn core_and_the_list_name_the_same_globals() {
        let mut listed: Vec<&str> = GOLDEN
            .lines()
            .filter_map(|line| line.split_once(": ").map(|(path, _)| path))
            .filter(|path| !path.contains(['.', '[', '%']))
            .collect();
        // The lines are sorted with what follows the name.
        listed.sort_unstable();
        assert_eq!(listed, codemode_core::names::GLOBALS);
    }
}
