//! Reads case files. A file that cannot be read, a field that does not exist or a name used twice is an error that
//! names the file and the case; nothing is skipped.

use std::{
    collections::HashMap,
    fmt, fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::case::Case;

/// All cases of the suite, in the order of their files and places.
///
/// # Errors
/// Everything that is wrong with the case files.
pub fn load_cases() -> Result<Vec<Case>, LoadError> {
    load_folder(Path::new(env!("CARGO_MANIFEST_DIR")).join("cases").as_path())
}

/// All cases of the `*.toml` files in one folder.
///
/// # Errors
/// Everything that is wrong with the case files.
pub fn load_folder(folder: &Path) -> Result<Vec<Case>, LoadError> {
    let mut problems = Vec::new();
    let mut cases = Vec::new();
    match toml_files(folder) {
        Ok(files) if files.is_empty() => problems.push(format!("{}: there is no .toml file in it", folder.display())),
        Ok(files) => {
            for file in files {
                match load_file(&file) {
                    Ok(found) => cases.extend(found),
                    Err(mut wrong) => problems.append(&mut wrong),
                }
            }
        }
        Err(error) => problems.push(format!("{}: {error}", folder.display())),
    }
    finish(cases, problems)
}

/// Puts the cases of several folders together; names must be unique over all of them.
pub(crate) fn joined(folders: Vec<Vec<Case>>) -> Result<Vec<Case>, LoadError> {
    finish(folders.into_iter().flatten().collect(), Vec::new())
}

fn finish(cases: Vec<Case>, mut problems: Vec<String>) -> Result<Vec<Case>, LoadError> {
    let mut seen: HashMap<String, PathBuf> = HashMap::new();
    for case in &cases {
        if let Some(other) = seen.insert(case.name.clone(), case.file.clone()) {
            let (here, there) = (case.file.display(), other.display());
            problems.push(format!("{here}: the name {:?} is already used in {there}", case.name));
        }
    }
    if problems.is_empty() { Ok(cases) } else { Err(LoadError(problems)) }
}

/// The `*.toml` files of one folder, by name.
pub(crate) fn toml_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    #[serde(default, rename = "case")]
    cases: Vec<Case>,
}

fn load_file(file: &Path) -> Result<Vec<Case>, Vec<String>> {
    let problem = |why: String| vec![format!("{}: {why}", file.display())];
    let text = fs::read_to_string(file).map_err(|e| problem(e.to_string()))?;
    let parsed: CaseFile = toml::from_str(&text).map_err(|error| {
        let place = error.span().and_then(|span| case_at(&text, span.start));
        let case = place.map(|name| format!("case {name}: ")).unwrap_or_default();
        problem(format!("{case}{error}"))
    })?;
    let area = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let mut problems = Vec::new();
    let mut cases = Vec::new();
    for mut case in parsed.cases {
        case.area.clone_from(&area);
        case.file = file.to_path_buf();
        match case.prepare() {
            Ok(()) => cases.push(case),
            Err(why) => problems.push(format!("{}: case {}: {why}", file.display(), case.name)),
        }
    }
    if problems.is_empty() { Ok(cases) } else { Err(problems) }
}

/// The name of the `[[case]]` in which an offset of the file lies.
fn case_at(text: &str, offset: usize) -> Option<&str> {
    let head = "[[case]]";
    // The place of an error may be the head of the table itself.
    let until = offset.saturating_add(head.len()).min(text.len());
    let start = text.get(..until).and_then(|before| before.rfind(head))?;
    let after = text.get(start + head.len()..)?;
    let table = after.find(head).and_then(|end| after.get(..end)).unwrap_or(after);
    let line = table.lines().find(|line| line.trim_start().starts_with("name"))?;
    line.split('"').nth(1)
}

/// What is wrong with case files, one line each.
#[derive(Debug)]
#[non_exhaustive]
pub struct LoadError(pub Vec<String>);

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for LoadError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        let folder = std::env::temp_dir().join(format!("codemode-cases-{}-{}", std::process::id(), text.len()));
        fs::create_dir_all(&folder).expect("a temporary folder");
        fs::write(folder.join("area.toml"), text).expect("a temporary file");
        let found = load_folder(&folder);
        fs::remove_dir_all(&folder).expect("it was just made");
        found.map(|cases| format!("{} cases", cases.len())).unwrap_or_else(|error| error.to_string())
    }

    const GOOD: &str = "[[case]]\nname = \"one\"\nwhy = \"It is one.\"\nprogram = 'return 1'\nresult = '1'\n";

    #[test]
    fn the_suite_loads() {
        let cases = load_cases().unwrap_or_else(|error| panic!("{error}"));
        assert!(cases.len() >= 350, "{} cases", cases.len());
    }

    #[test]
    fn what_is_wrong_is_named_with_file_and_case() {
        assert_eq!(problem(GOOD), "1 cases");
        for (text, file_and_case) in [
            (format!("{GOOD}colour = 'red'\n"), "area.toml: case one: "),
            (format!("{GOOD}\n{GOOD}"), "area.toml: the name \"one\" is already used in "),
            (GOOD.replace("'1'", "'{'"), "area.toml: case one: result is not JSON: "),
            (GOOD.replace("result = '1'", ""), "area.toml: case one: give exactly one of "),
            (format!("{GOOD}undefined = true\n"), "area.toml: case one: give exactly one of "),
            (GOOD.replace("\"one\"", "\"One two\""), "area.toml: case One two: the name "),
            (GOOD.replace("is one.", "is one"), "area.toml: case one: `why` is one sentence"),
            (format!("{GOOD}[case.limits]\nwall = 3\n"), "area.toml: case one: "),
            (format!("{GOOD}[case.limits]\ntimeout_ms = 0\n"), "area.toml: case one: limit timeout "),
            ("cases = 1\n".into(), "area.toml: "),
        ] {
            let problem = problem(&text);
            assert!(problem.contains(file_and_case), "{problem}\n--- for ---\n{text}");
        }
    }
}
