//! Finds a compiler that makes wasm32 code of C. Shared by the build script, which uses it, and by `cargo xtask setup`,
//! which gets one where there is none.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The environment variable that names a clang or zig.
pub const VARIABLE: &str = "CODEMODE_WASM_CC";
/// The folder below `target/tools` into which setup installs zig.
pub const ZIG_FOLDER: &str = "zig";

/// A compiler and the linker that goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compiler {
    /// `zig cc` and `zig wasm-ld`.
    Zig(PathBuf),
    /// `clang` and `wasm-ld`, the linker that rustup installs beside rustc or one from an LLVM.
    Clang { clang: PathBuf, linker: PathBuf },
}

impl Compiler {
    /// Looks in [`VARIABLE`], then in `tools`, then on the path.
    pub fn find(tools: &Path) -> Result<Self, String> {
        if let Some(chosen) = env::var_os(VARIABLE).filter(|chosen| !chosen.is_empty()) {
            return Self::of(Path::new(&chosen)).map_err(|why| format!("{VARIABLE}={}: {why}", chosen.display()));
        }
        let zig = tools.join(ZIG_FOLDER).join("ziglang").join(format!("zig{}", env::consts::EXE_SUFFIX));
        let mut tried = Vec::new();
        for candidate in [zig.as_path(), Path::new("clang"), Path::new("zig")] {
            match Self::of(candidate) {
                Ok(compiler) => return Ok(compiler),
                Err(why) => tried.push(format!("{}: {why}", candidate.display())),
            }
        }
        Err(tried.join("; "))
    }

    /// The compiler at `program`, if it works.
    fn of(program: &Path) -> Result<Self, String> {
        let is_zig = program.file_stem().is_some_and(|stem| stem.to_string_lossy().starts_with("zig"));
        if is_zig {
            output(program, &["version"])?;
            return Ok(Self::Zig(program.to_owned()));
        }
        if !output(program, &["--print-targets"])?.contains("wasm32") {
            return Err("it has no wasm32 target".into());
        }
        Ok(Self::Clang { clang: program.to_owned(), linker: linker()? })
    }
}

/// rustup's own `wasm-ld`, or one on the path.
fn linker() -> Result<PathBuf, String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut candidates = Vec::new();
    if let Ok(folder) = output(Path::new(&rustc), &["--print", "target-libdir"])
        && let Some(folder) = Path::new(folder.trim()).parent()
    {
        candidates.push(folder.join("bin").join("gcc-ld").join(format!("wasm-ld{}", env::consts::EXE_SUFFIX)));
    }
    candidates.push("wasm-ld".into());
    candidates.into_iter().find(|linker| output(linker, &["--version"]).is_ok()).ok_or_else(|| {
        "there is no wasm-ld for it, neither beside rustc nor on the path (it is in LLVM's package lld)".into()
    })
}

/// What a program prints, if it can be started and succeeds.
fn output(program: &Path, arguments: &[&str]) -> Result<String, String> {
    let output =
        Command::new(program).args(arguments).stderr(Stdio::null()).output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("it failed on {}", arguments.join(" ")));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
