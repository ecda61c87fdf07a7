//! From a command line and an environment to a desk.

use crate::call_link::{CallLink, SCHEME};
use crate::desk::{Desk, DeskConfig};
use crate::door::{OsChance, SystemClock};
use crate::error::AppError;
use crate::vault::{KdfCost, KeystoreChoice};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

const FOLDER: &str = "unbind-desk";
/// Where people look for what a program gave them; the first that is there.
const DOWNLOADS: &[&str] = &["Downloads", "下载"];

/// How a desk is started.
#[derive(Clone, Debug)]
pub struct Launch {
    profile_dir: PathBuf,
    docbox_exe: PathBuf,
    server: Option<String>,
    keystore: KeystoreChoice,
    kdf: KdfCost,
    demo_pack: Option<&'static [u8]>,
    exports_dir: PathBuf,
    has_usual_profile: bool,
    call_link: Option<CallLink>,
}

impl Launch {
    /// Reads `--profile DIR`, `--server URL`, `--keystore os|file` (the environment stands in for the first two) and a link
    /// to a call.
    pub fn from_arguments(arguments: &[String]) -> Result<Self, AppError> {
        Self::from_parts(arguments, |name| std::env::var_os(name))
    }

    fn from_parts(
        arguments: &[String],
        env: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, AppError> {
        let mut profile = env("UNBIND_DESK_PROFILE").map(PathBuf::from);
        let mut server = env("UNBIND_DESK_SERVER").and_then(|url| url.into_string().ok());
        let mut keystore = KeystoreChoice::Os;
        let mut call_link = None;
        let mut rest = arguments.iter();
        while let Some(flag) = rest.next() {
            if flag.starts_with(SCHEME) {
                call_link = Some(CallLink::parse(flag)?);
                continue;
            }
            let value = rest.next().ok_or(AppError::BadArguments)?;
            match flag.as_str() {
                "--profile" => profile = Some(PathBuf::from(value)),
                "--server" => server = Some(value.clone()),
                "--keystore" => keystore = keystore_named(value)?,
                _ => return Err(AppError::BadArguments),
            }
        }
        // A profile of its own keeps to its own folder.
        let has_usual_profile = profile.is_none();
        let downloads = has_usual_profile.then(|| downloads(&env)).flatten();
        let profile_dir = match profile {
            Some(dir) => dir,
            None => data_home(&env)
                .ok_or(AppError::Unexpected("no home folder"))?
                .join(FOLDER),
        };
        let exports_dir = downloads.unwrap_or_else(|| profile_dir.join("exports"));
        let docbox_exe =
            std::env::current_exe().map_err(|_| AppError::Unexpected("own program not found"))?;
        let server = server.filter(|url| !url.is_empty());
        Ok(Self {
            profile_dir,
            docbox_exe,
            server,
            keystore,
            kdf: KdfCost::default(),
            demo_pack: Some(crate::demo::shipped()),
            exports_dir,
            has_usual_profile,
            call_link,
        })
    }

    /// Another program that opens documents.
    #[must_use]
    pub fn with_docbox(self, docbox_exe: PathBuf) -> Self {
        Self { docbox_exe, ..self }
    }

    /// Whether this is the one profile of this user of the PC, not one given by name.
    pub fn has_usual_profile(&self) -> bool {
        self.has_usual_profile
    }

    /// The link to a call among the arguments of a second start, which came by the message bus from whomever.
    pub fn call_link(arguments: &[String]) -> Option<Result<CallLink, AppError>> {
        let link = arguments.iter().find(|text| text.starts_with(SCHEME))?;
        Some(CallLink::parse(link))
    }

    /// A shut desk on this profile. A call that it was started for rings there already.
    pub fn open(self) -> Result<Desk, AppError> {
        let desk = Desk::new(DeskConfig {
            profile_dir: self.profile_dir,
            docbox_exe: self.docbox_exe,
            clock: Arc::new(SystemClock),
            chance: Arc::new(OsChance),
            keystore: self.keystore,
            demo_pack: self.demo_pack,
            kdf: self.kdf,
            default_server: self.server,
            exports_dir: self.exports_dir,
        });
        if let Some(link) = self.call_link {
            desk.open_call_link(link);
        }
        Ok(desk)
    }
}

/// The other side of the docbox pipe: what the desk's program does when it is re-executed with `docbox`.
pub fn docbox() -> ExitCode {
    ExitCode::from(u8::try_from(desk_media::docbox_main()).unwrap_or(u8::MAX))
}

fn keystore_named(name: &str) -> Result<KeystoreChoice, AppError> {
    match name {
        "os" => Ok(KeystoreChoice::Os),
        "file" => Ok(KeystoreChoice::File),
        _ => Err(AppError::BadArguments),
    }
}

/// Where this platform keeps what a program stores for one user.
fn data_home(env: &impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let folder = |name: &str| env(name).map(PathBuf::from).filter(|dir| dir.is_absolute());
    if cfg!(windows) {
        return folder("LOCALAPPDATA");
    }
    if cfg!(target_os = "macos") {
        return folder("HOME").map(|home| home.join("Library/Application Support"));
    }
    folder("XDG_DATA_HOME").or_else(|| folder("HOME").map(|home| home.join(".local/share")))
}

fn downloads(env: &impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let name = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
    let home = env(name)
        .map(PathBuf::from)
        .filter(|dir| dir.is_absolute())?;
    let mut folders = DOWNLOADS.iter().map(|name| home.join(name));
    folders.find(|folder| folder.is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launched(arguments: &[&str], env: &[(&str, &str)]) -> Result<Launch, AppError> {
        let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
        let find = |name: &str| {
            env.iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| OsString::from(value))
        };
        Launch::from_parts(&arguments, find)
    }

    #[test]
    fn unknown_flags_and_missing_values_are_refused() {
        for bad in [
            &["--profil", "x"][..],
            &["--profile"],
            &["--keystore", "cloud"],
            &["x"],
        ] {
            assert!(launched(bad, &[("HOME", "/home/demo")]).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn flags_go_before_the_environment_and_the_environment_before_the_home_folder() {
        let home = [
            ("HOME", "/home/demo"),
            ("UNBIND_DESK_PROFILE", "/data/p"),
            ("UNBIND_DESK_SERVER", "http://a"),
        ];
        let launch = launched(
            &[
                "--profile",
                "/flag",
                "--server",
                "http://b",
                "--keystore",
                "file",
            ],
            &home,
        )
        .unwrap();
        assert_eq!(launch.profile_dir, PathBuf::from("/flag"));
        assert_eq!(launch.server.as_deref(), Some("http://b"));
        assert_eq!(launch.keystore, KeystoreChoice::File);
        assert_eq!(
            launched(&[], &home).unwrap().profile_dir,
            PathBuf::from("/data/p")
        );
    }

    #[test]
    fn what_is_taken_out_goes_to_the_downloads_but_never_from_a_profile_of_its_own() {
        let home = tempfile::tempdir().unwrap();
        let env = [
            ("HOME", home.path().to_str().unwrap()),
            ("USERPROFILE", home.path().to_str().unwrap()),
            ("LOCALAPPDATA", home.path().to_str().unwrap()),
        ];
        let none = launched(&[], &env).unwrap();
        assert_eq!(none.exports_dir, none.profile_dir.join("exports"));
        std::fs::create_dir(home.path().join("下载")).unwrap();
        assert_eq!(
            launched(&[], &env).unwrap().exports_dir,
            home.path().join("下载")
        );
        let own = launched(&["--profile", "/flag"], &env).unwrap();
        assert_eq!(own.exports_dir, PathBuf::from("/flag/exports"));
        assert!(none.has_usual_profile() && !own.has_usual_profile());
    }

    #[test]
    fn a_link_to_a_call_may_stand_among_the_flags_and_a_hostile_one_opens_nothing() {
        let home = [("HOME", "/home/demo")];
        let link = "unbind-desk://call?from=13000000001&id=A-1";
        let launch = launched(&["--profile", "/p", link], &home).unwrap();
        assert_eq!(launch.call_link, Some(CallLink::parse(link).unwrap()));
        assert!(launched(&[], &home).unwrap().call_link.is_none());
        for hostile in ["unbind-desk://evil.test?id=x", "unbind-desk:--profile"] {
            let refused = launched(&[hostile], &home).unwrap_err();
            assert_eq!(refused.code(), "call.bad_link");
            let argument = ["unbind-desk".to_owned(), hostile.to_owned()];
            assert!(matches!(Launch::call_link(&argument), Some(Err(_))));
        }
        assert!(Launch::call_link(&["unbind-desk".to_owned()]).is_none());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_profile_lies_in_the_data_home() {
        let plain = launched(&[], &[("HOME", "/home/demo")]).unwrap();
        assert_eq!(
            plain.profile_dir,
            PathBuf::from("/home/demo/.local/share/unbind-desk")
        );
        let relative = launched(
            &[],
            &[("HOME", "/home/demo"), ("XDG_DATA_HOME", "relative")],
        )
        .unwrap();
        assert_eq!(relative.profile_dir, plain.profile_dir);
    }
}
