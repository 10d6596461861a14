//! Where sign-ins are kept between runs: one file that only its owner can read.

use std::{
    collections::BTreeMap,
    env, fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    failure::Failure,
    files::{self, private_file, private_folder},
};

/// A sign-in at one deployment.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    pub(crate) login: String,
    pub(crate) refresh_token: String,
    pub(crate) access_token: String,
    /// When the access token expires, in seconds since 1970.
    pub(crate) expires_at: u64,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// By the deployment's URL.
    sign_ins: BTreeMap<String, SignIn>,
}

/// The file.
#[derive(Debug)]
pub(crate) struct SessionFile(PathBuf);

impl SessionFile {
    /// `POSTERN_SESSION_FILE`, or `postern/session.json` where this system keeps state.
    pub(crate) fn open() -> Result<Self, Failure> {
        let variable = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let path = variable("POSTERN_SESSION_FILE")
            .or_else(|| variable("XDG_STATE_HOME").map(|state| state.join("postern/session.json")))
            .or_else(|| variable("HOME").map(|home| home.join(".local/state/postern/session.json")))
            .or_else(|| variable("LOCALAPPDATA").map(|state| state.join("postern/session.json")));
        path.map(Self).ok_or_else(|| {
            Failure::usage("there is no folder for the sign-in. Set POSTERN_SESSION_FILE to a path")
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The sign-in at this deployment.
    pub(crate) fn find(&self, url: &str) -> Result<Option<SignIn>, Failure> {
        Ok(self.read()?.sign_ins.remove(url))
    }

    /// Keeps a sign-in, in place of the one before.
    pub(crate) fn keep(&self, url: &str, sign_in: SignIn) -> Result<(), Failure> {
        let mut file = self.read()?;
        file.sign_ins.insert(url.to_owned(), sign_in);
        self.write(&file)
    }

    /// Forgets the sign-in at this deployment.
    pub(crate) fn forget(&self, url: &str) -> Result<(), Failure> {
        let mut file = self.read()?;
        file.sign_ins.remove(url);
        self.write(&file)
    }

    fn read(&self) -> Result<File, Failure> {
        let text = match fs::read_to_string(&self.0) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(File::default()),
            Err(error) => return Err(self.broken(&error)),
        };
        // The parser's own message could quote a token.
        serde_json::from_str(&text)
            .map_err(|_| self.broken(&"it is not a file of `postern login`; remove it"))
    }

    /// Beside the old file first, then in its place: a crash leaves one of the two whole.
    fn write(&self, file: &File) -> Result<(), Failure> {
        let write = || -> io::Result<()> {
            let folder = self.0.parent().unwrap_or(Path::new("."));
            private_folder(folder)?;
            let text = serde_json::to_string_pretty(file)?;
            // Named by this run: two runs at once do not write into one another's file.
            let fresh = self.0.with_extension(format!("{}.new", std::process::id()));
            let mut new = private_file(&fresh)?;
            new.write_all(text.as_bytes())?;
            new.sync_all()?;
            fs::rename(&fresh, &self.0)
        };
        write().map_err(|error| self.broken(&error))
    }

    fn broken(&self, cause: &dyn core::fmt::Display) -> Failure {
        files::failed(&self.0, cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign_in(refresh_token: &str) -> SignIn {
        SignIn {
            login: "root@example.com".to_owned(),
            refresh_token: refresh_token.to_owned(),
            access_token: "a".to_owned(),
            expires_at: 1,
        }
    }

    // In a file that the owner alone can read.
    #[test]
    fn sign_ins_at_several_deployments_are_kept_apart() {
        let folder = env::temp_dir().join(format!("postern-session-{}", std::process::id()));
        let store = SessionFile(folder.join("deep/session.json"));
        store.keep("https://a.example", sign_in("one")).unwrap();
        store.keep("https://b.example", sign_in("two")).unwrap();
        store.keep("https://a.example", sign_in("three")).unwrap();
        let found = |url| store.find(url).unwrap().map(|sign_in| sign_in.refresh_token);
        assert_eq!(found("https://a.example"), Some("three".to_owned()));
        assert_eq!(found("https://b.example"), Some("two".to_owned()));
        store.forget("https://a.example").unwrap();
        assert_eq!(found("https://a.example"), None);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(store.path()), 0o600);
            assert_eq!(mode(store.path().parent().unwrap()), 0o700);
        }
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_broken_file_is_told_of_without_a_word_of_what_is_in_it() {
        let path = env::temp_dir().join(format!("postern-broken-{}.json", std::process::id()));
        fs::write(&path, r#"{"sign_ins": {"u": {"refresh_token": "prt_secret"}}}"#).unwrap();
        let failure = SessionFile(path.clone()).find("u").err().unwrap();
        assert!(!failure.message.contains("prt_secret"), "{}", failure.message);
        fs::remove_file(path).unwrap();
    }
}
