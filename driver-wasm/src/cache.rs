//! Keeps the compiled guest from one process to the next. What is in a cache is run as machine code, so only files are
//! read that this user alone can write.

use std::path::PathBuf;

use codemode_core::engine::Fault;
use wasmtime::{Engine, Module};

/// Where the compiled guest is kept. Without a cache the first sandbox of a process waits about a second for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cache {
    /// `codemode` in the user's cache folder: `$XDG_CACHE_HOME`, else `~/.cache`. Nowhere if there is none.
    #[default]
    User,
    /// This folder, made if it is not there. It and the files in it must belong to the user of this process, and nobody
    /// else may write to them; otherwise nothing is read from it.
    Folder(PathBuf),
    /// In this process only. On systems other than Unix this is what the others come to.
    Off,
}

impl Cache {
    /// The file for what is called `key`.
    pub(crate) fn file(&self, key: &str) -> Option<CacheFile> {
        let folder = match self {
            Self::Off => return None,
            Self::Folder(folder) => folder.clone(),
            Self::User => {
                let chosen = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
                chosen.or_else(|| Some(std::env::home_dir()?.join(".cache")))?.join("codemode")
            }
        };
        Some(CacheFile { file: folder.join(format!("guest-{key}.cwasm")), folder })
    }
}

pub(crate) struct CacheFile {
    folder: PathBuf,
    file: PathBuf,
}

#[cfg(unix)]
mod unix {
    use std::{
        fs::{self, DirBuilder, OpenOptions},
        io::Write,
        os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
        path::Path,
    };

    use super::*;

    impl CacheFile {
        /// The module, if it is there and no other user can have written it.
        pub(crate) fn load(&self, engine: &Engine) -> Option<Module> {
            if !private(&self.folder) || !private(&self.file) {
                return None;
            }
            // SAFETY: only this user can write the folder and the file, `store` puts nothing into the folder but what
            // wasmtime compiled, and under its final name only when it is whole. wasmtime itself refuses files of
            // another version, configuration or processor.
            unsafe { Module::deserialize_file(engine, &self.file) }.ok()
        }

        /// Writes beside the file and moves into place, so that a reader sees all of it or nothing.
        pub(crate) fn store(&self, compiled: &[u8]) -> Result<(), Fault> {
            DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
            if !private(&self.folder) {
                return Err("others can write to the cache folder".into());
            }
            let beside = self.file.with_extension(format!("{}.tmp", std::process::id()));
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
            let written = file.write_all(compiled).and_then(|()| file.sync_all());
            written.and_then(|()| fs::rename(&beside, &self.file)).inspect_err(|_| drop(fs::remove_file(&beside)))?;
            self.remove_old();
            Ok(())
        }

        /// Removes all but the newest few: every version of this crate and of the prelude writes a file of its own.
        fn remove_old(&self) {
            let Ok(entries) = fs::read_dir(&self.folder) else { return };
            let ours = |name: &str| name.starts_with("guest-") && (name.ends_with(".cwasm") || name.ends_with(".tmp"));
            let files = entries.flatten().filter(|entry| entry.file_name().to_str().is_some_and(ours));
            let mut files: Vec<_> =
                files.filter_map(|file| Some((file.metadata().ok()?.mtime(), file.path()))).collect();
            files.sort();
            for (_, old) in files.iter().rev().skip(KEPT) {
                // Another process may have been faster.
                let _ = fs::remove_file(old);
            }
        }
    }

    /// Whether a path exists, is not a symbolic link, and belongs to this user, who alone can write to it.
    fn private(path: &Path) -> bool {
        fs::symlink_metadata(path).is_ok_and(|found| {
            !found.is_symlink() && found.uid() == rustix::process::geteuid().as_raw() && found.mode() & 0o022 == 0
        })
    }

    const KEPT: usize = 8;
}

#[cfg(not(unix))]
impl CacheFile {
    pub(crate) fn load(&self, _: &Engine) -> Option<Module> {
        None
    }

    pub(crate) fn store(&self, _: &[u8]) -> Result<(), Fault> {
        Err(format!("{} in {} is not written on this system", self.file.display(), self.folder.display()).into())
    }
}
