//! Files of this machine: reading them whole, and making those that only their owner may read.

use std::path::Path;
#[cfg(not(target_family = "wasm"))]
use std::{fs, io};

use crate::{failure::Failure, host};

/// Longer files are neither settings nor a route table: KV's own limit for one is below this.
const MAX_FILE_BYTES: u64 = 32 * 1024 * 1024;

/// The failure of a file, with its path.
pub(crate) fn failed(path: &Path, cause: &dyn core::fmt::Display) -> Failure {
    Failure::refused(format!("{}: {cause}", path.display()))
}

/// A whole file as text; `-` is standard input.
pub(crate) fn read_text(path: &Path) -> Result<String, Failure> {
    let read = if path == Path::new("-") {
        host::read_input(MAX_FILE_BYTES)
    } else {
        host::read_file(path, MAX_FILE_BYTES)
    };
    read.map_err(|error| failed(path, &error))
}

/// A folder that only its owner can read, if it is not there yet.
#[cfg(unix)]
pub(crate) fn private_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(any(unix, target_family = "wasm")))]
pub(crate) fn private_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// A new file that only its owner can read, from its first moment on. A file that is there is emptied.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn private_file(path: &Path) -> io::Result<fs::File> {
    private(fs::OpenOptions::new().write(true).create(true).truncate(true)).open(path)
}

/// A file to read and to write that only its owner can read. It is made if it is not there.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn private_for_update(path: &Path) -> Result<fs::File, Failure> {
    private(fs::OpenOptions::new().read(true).write(true).create(true).truncate(false))
        .open(path)
        .map_err(|error| failed(path, &error))
}

/// Lets a file that is made be read by its owner only.
#[cfg(not(target_family = "wasm"))]
fn private(options: &mut fs::OpenOptions) -> &mut fs::OpenOptions {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options
}
