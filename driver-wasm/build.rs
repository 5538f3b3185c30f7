//! Builds the guest, `guest/guest.c`, as WebAssembly: with the C sources of QuickJS and of a libc that the crate
//! `rquickjs-sys` of the lock file ships, and a C compiler that knows wasm32.

#[path = "build/compiler.rs"]
mod compiler;

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use compiler::{Compiler, VARIABLE};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=guest");
    println!("cargo::rerun-if-changed=../Cargo.lock");
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    if let Err(why) = build() {
        for line in why.lines() {
            println!("cargo::error={line}");
        }
    }
}

fn build() -> Result<(), String> {
    let here = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(variable("OUT_DIR")?);
    let compiler = Compiler::find(&here.with_file_name("target").join("tools")).map_err(|tried| {
        format!(
            "there is no C compiler for the wasm guest. Three ways out: run `cargo xtask setup`, which fetches one; \
             install clang and lld; or set {VARIABLE} to a clang or zig.\nTried: {tried}"
        )
    })?;
    let sources = sources(&here)?;
    let quickjs = sources.join("quickjs");
    let mut running = Vec::new();
    let mut objects = Vec::new();
    for file in
        [here.join("guest/guest.c"), quickjs.join("libregexp.c"), quickjs.join("libunicode.c"), quickjs.join("dtoa.c")]
    {
        let object = out.join(file.with_extension("o").file_name().ok_or("a source has no name")?);
        let mut cc = cc(&compiler);
        cc.args(FLAGS);
        cc.arg("-isystem").arg(sources.join("vendor/wasi-libc/include"));
        cc.arg("-I").arg(here.join("guest/include")).arg("-I").arg(&quickjs);
        // No path of this machine in the module.
        cc.arg(format!("-ffile-prefix-map={}=quickjs", sources.display()));
        cc.arg(format!("-ffile-prefix-map={}=guest", here.display()));
        cc.arg("-c").arg(&file).arg("-o").arg(&object);
        running.push(start(&mut cc, &out)?);
        objects.push(object);
    }
    running.into_iter().try_for_each(|finish| finish())?;
    let mut ld = ld(&compiler);
    ld.args(LINK_FLAGS).args(&objects).arg(sources.join("vendor/wasi-libc/lib/libc.a"));
    ld.arg("-o").arg(out.join("guest.wasm"));
    start(&mut ld, &out)?()
}

/// The folder of `rquickjs-sys`, wherever cargo keeps it. It has no `links` key, so cargo does not pass it to build scripts.
fn sources(here: &Path) -> Result<PathBuf, String> {
    let ask = |offline: &[&str]| {
        let mut cargo = Command::new(variable("CARGO")?);
        cargo.args(["metadata", "--format-version", "1", "--locked"]).args(offline);
        let output = cargo.current_dir(here).output().map_err(|error| format!("cargo metadata: {error}"))?;
        match output.status.success() {
            true => Ok(output.stdout),
            false => Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr))),
        }
    };
    // Offline it knows only packages that were fetched for some build; the second try fetches what is missing.
    let metadata = ask(&["--offline"]).or_else(|_| ask(&[]))?;
    let metadata: serde_json::Value =
        serde_json::from_slice(&metadata).map_err(|error| format!("cargo metadata: {error}"))?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let manifest = packages
        .filter(|package| package["name"] == "rquickjs-sys")
        .find_map(|package| package["manifest_path"].as_str());
    let folder = manifest.and_then(|manifest| Path::new(manifest).parent());
    folder
        .map(Path::to_owned)
        .ok_or_else(|| "the lock file has no package rquickjs-sys, which ships the sources of QuickJS".into())
}

fn cc(compiler: &Compiler) -> Command {
    match compiler {
        Compiler::Zig(zig) => with_argument(zig, "cc"),
        Compiler::Clang { clang, .. } => Command::new(clang),
    }
}

fn ld(compiler: &Compiler) -> Command {
    match compiler {
        Compiler::Zig(zig) => with_argument(zig, "wasm-ld"),
        Compiler::Clang { linker, .. } => Command::new(linker),
    }
}

fn with_argument(program: &Path, argument: &str) -> Command {
    let mut command = Command::new(program);
    command.arg(argument);
    command
}

/// Starts a command and returns what waits for its end.
fn start(command: &mut Command, out: &Path) -> Result<impl FnOnce() -> Result<(), String> + use<>, String> {
    command.env("ZIG_LOCAL_CACHE_DIR", out.join("zig-cache")).env("ZIG_GLOBAL_CACHE_DIR", out.join("zig-cache"));
    let shown = format!("{command:?}");
    let mut child = command.spawn().map_err(|error| format!("{shown} could not be started: {error}"))?;
    Ok(move || match child.wait() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{shown} failed: {status}")),
        Err(error) => Err(format!("{shown}: {error}")),
    })
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|_| format!("cargo did not set {name}"))
}

/// Not `wasm32-freestanding`: it implies `-ffreestanding`, and halves the speed.
const FLAGS: &[&str] = &[
    "--target=wasm32-wasi",
    "-mcpu=generic+bulk_memory+sign_ext+nontrapping_fptoint+mutable_globals",
    "-O2",
    "-std=gnu11",
    "-DNDEBUG",
    "-D_GNU_SOURCE",
    // wasm has one rounding mode and its <fenv.h> names only that.
    "-DFE_DOWNWARD=0",
    "-DFE_UPWARD=0",
    "-nostdlibinc",
    "-w",
    "-fvisibility=hidden",
    "-ffunction-sections",
    "-fdata-sections",
    "-fno-sanitize=undefined",
    "-fno-stack-protector",
];

/// The stack is at the bottom of memory, so that running out of it is a trap and not other data. Its size is in
/// `src/image.rs` too.
const LINK_FLAGS: &[&str] = &[
    "--no-entry",
    "--stack-first",
    "-z",
    "stack-size=1310720",
    "--gc-sections",
    "--strip-all",
    "--export-memory",
    "--export=__heap_base",
    "--export=__stack_pointer",
];
