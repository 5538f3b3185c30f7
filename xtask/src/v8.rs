//! `cargo xtask v8 build`: V8's static library from the source in the `v8` crate, with parts from package registries
//! only. For machines that cannot reach the place from which the crate downloads it.
//!
//! Each step leaves something behind and does nothing when that is there, so the task can be stopped and started again
//! at any time. It is never started by another task.

mod debian;
mod files;
mod parts;

use std::{
    env::consts,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{
    commands::{cargo, output, run},
    v8_library::{VARIABLE, VERSION, archive, folder},
};
use files::{remove, rename};
use parts::Parts;

const HELP: &str = "\
cargo xtask v8 build

Builds the static library that the v8 crate links, from the crate's own source, and leaves it where every other task of
this workspace finds it. It takes about 80 minutes on two cores and 6 GB under target/tools. Stop it whenever you like;
the next run goes on where this one was.

It wants Linux on x86_64, python3 with pip, and from Debian or a derivative of it clang, lld and llvm of version 22 and
ICU's data. What of these is not installed it downloads with apt-get and unpacks under target/tools, without root.
  CLANG_BASE_PATH    another clang 22 with lld and llvm-ar, such as /opt/llvm-22
  ICUDTL_DAT         another icudtl.dat, of the ICU version that the crate holds
";

/// The task.
pub fn v8(args: &[String]) -> Result<(), String> {
    match args {
        [build] if build == "build" => build_archive(),
        [] => {
            print!("{HELP}");
            Ok(())
        }
        _ => Err(format!("v8 can do nothing but build\n\n{HELP}")),
    }
}

fn build_archive() -> Result<(), String> {
    if consts::OS != "linux" || consts::ARCH != "x86_64" {
        return Err(format!(
            "the recipe is known for Linux on x86_64 only, and this is {} {}",
            consts::OS,
            consts::ARCH
        ));
    }
    let archive = archive();
    if archive.is_file() {
        println!("v8: {} is there already; remove it to build it again", archive.display());
        return Ok(());
    }
    println!(
        "v8: building V8 for the crate v8 {VERSION}: about 80 minutes on two cores, 6 GB in {}",
        folder().display()
    );
    let place = folder();
    fs::create_dir_all(&place).map_err(|error| format!("{}: {error}", place.display()))?;
    let source = source(&place)?;
    let parts = Parts::gather(&place, &source)?;
    let out = configure(&place, &source, &parts)?;
    println!("v8: compiling, 2,230 steps; stop it whenever you like, the next run goes on here");
    let mut ninja = parts.command(&parts.ninja);
    ninja.arg("-C").arg(&out).arg("rusty_v8");
    run(ninja)?;
    pack(&out.join("obj/librusty_v8.a"), &parts, &archive)?;
    println!(
        "v8: every task of this workspace uses it from now on; for others:\nexport {VARIABLE}={}",
        archive.display()
    );
    Ok(())
}

/// A copy of the crate, since a build writes into it.
fn source(place: &Path) -> Result<PathBuf, String> {
    let source = place.join("source");
    if source.is_dir() {
        return Ok(source);
    }
    let crate_folder = crate_folder()?;
    println!("v8: copying {} (210 MB)", crate_folder.display());
    let half = place.join("source.copying");
    remove(&half)?;
    let mut copy = Command::new("cp");
    copy.arg("-R").arg(&crate_folder).arg(&half);
    run(copy)?;
    rename(&half, &source)?;
    Ok(source)
}

/// Where cargo keeps the crate; it fetches it if need be.
fn crate_folder() -> Result<PathBuf, String> {
    let metadata = output(cargo(&["metadata", "--format-version", "1", "--locked"]))?;
    let metadata: Value = serde_json::from_str(&metadata).map_err(|error| format!("cargo metadata: {error}"))?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let v8 = packages.into_iter().find(|package| package["name"] == "v8" && package["version"] == VERSION);
    let manifest = v8.and_then(|package| package["manifest_path"].as_str());
    let folder = manifest.and_then(|manifest| Path::new(manifest).parent());
    folder.map(Path::to_owned).ok_or_else(|| format!("this workspace has no crate v8 {VERSION}"))
}

/// What the crate's own build script passes for its default features, and what a build without its Rust toolchain and
/// with a stock clang wants.
fn arguments(clang: &Path) -> String {
    format!(
        "is_debug=false use_custom_libcxx=true v8_enable_sandbox=false v8_enable_pointer_compression=false \
         v8_enable_v8_checks=false v8_monolithic_for_shared_library=true clang_base_path=\"{}\" clang_version=\"{}\" \
         treat_warnings_as_errors=false symbol_level=0 v8_symbol_level=0 line_tables_only=false enable_rust=false \
         enable_rust_cxx=false v8_enable_temporal_support=false use_glib=false",
        clang.display(),
        parts::CLANG
    )
}

fn configure(place: &Path, source: &Path, parts: &Parts) -> Result<PathBuf, String> {
    let out = place.join("out");
    if out.join("build.ninja").is_file() {
        return Ok(out);
    }
    println!("v8: configuring");
    let mut gn = parts.command(&parts.gn);
    gn.arg("gen").arg(&out).arg(format!("--root={}", source.display())).arg("--script-executable=python3");
    gn.arg(format!("--args={}", arguments(&parts.clang)));
    run(gn)?;
    Ok(out)
}

/// Strips and compresses the library; half an archive never counts.
fn pack(library: &Path, parts: &Parts, archive: &Path) -> Result<(), String> {
    println!("v8: packing {}", library.display());
    let half = archive.with_extension("packing");
    fs::copy(library, &half).map_err(|error| format!("{}: {error}", library.display()))?;
    let mut strip = parts.command(&parts.clang.join("bin/llvm-strip"));
    strip.arg("--strip-debug").arg(&half);
    run(strip)?;
    let packed = archive.with_extension("part");
    let to = fs::File::create(&packed).map_err(|error| format!("{}: {error}", packed.display()))?;
    let mut gzip = Command::new("gzip");
    gzip.args(["-9", "-n", "-c"]).arg(&half).stdout(Stdio::from(to));
    run(gzip)?;
    rename(&packed, archive)?;
    remove(&half)
}
