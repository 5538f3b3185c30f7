//! The TypeScript compiler: all files in one run.

use std::{
    collections::{BTreeMap, HashMap},
    env::consts,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

pub struct Compiler {
    program: PathBuf,
}

/// Errors of a file, by line.
pub type Errors = BTreeMap<usize, String>;

impl Compiler {
    /// The compiler that setup fetched.
    pub fn find() -> Result<Self, String> {
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
        let package = format!("typescript/node_modules/@typescript/typescript-{system}-{processor}/lib");
        let program = tools().join(package).join(if cfg!(windows) { "tsc.exe" } else { "tsc" });
        if program.is_file() { Ok(Self { program }) } else { Err(format!("{} is not there", program.display())) }
    }

    /// Compiles the files, given by name without extension, as modules of one strict project.
    pub fn check<'f>(&self, files: impl Iterator<Item = (&'f str, &'f str)>) -> HashMap<String, Errors> {
        let folder = tempfile::tempdir().expect("a folder for the files");
        for (name, text) in files {
            fs::write(folder.path().join(format!("{name}.ts")), text).expect("the file can be written");
        }
        let options = r#"{"compilerOptions":{"strict":true,"noEmit":true,"target":"es2022","module":"esnext","lib":["es2022"],"types":[],"skipLibCheck":true},"include":["*.ts"]}"#;
        fs::write(folder.path().join("tsconfig.json"), options).expect("the options can be written");
        let output = Command::new(&self.program)
            .args(["--project", "tsconfig.json", "--pretty", "false"])
            .current_dir(folder.path())
            .output()
            .expect("the compiler starts");
        let text = String::from_utf8_lossy(&output.stdout);
        let mut errors: HashMap<String, Errors> = HashMap::new();
        for line in text.lines().filter(|line| !line.starts_with(' ')) {
            // file.ts(12,34): error TS2322: …
            let parsed = line.split_once(".ts(").and_then(|(file, rest)| {
                let (place, message) = rest.split_once("): ")?;
                Some((file, place.split_once(',')?.0.parse::<usize>().ok()?, message))
            });
            let (file, at, message) = parsed.unwrap_or_else(|| panic!("the compiler says: {line}"));
            errors.entry(file.to_owned()).or_default().entry(at).or_insert_with(|| message.to_owned());
        }
        assert!(output.status.success() || !errors.is_empty(), "the compiler failed: {text}");
        errors
    }
}

/// Where setup puts what it fetches.
pub fn tools() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("target").join("tools")
}
