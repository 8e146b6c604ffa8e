//! The only reader of files and of the environment: profiles, answers, lists, keys, exports.
//!
//! A profile is `<folder>/<name>.toml`; the folder is `$MALINES_HOME`, else `malines` in the
//! platform's configuration folder. Paths in it are relative to it. See [`Profile`] for its keys.

use crate::console::Console;
use crate::error::Failure;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use domain::name::AgencyId;
use domain::time::{Clock, SystemClock, Timestamp};
use fingerprint::NegativeBank;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The longest profile, answers file, key file or certificate, in bytes.
pub(crate) const SMALL_FILE_BYTES_MAX: u64 = 64 * 1024;
/// The longest key file of a person, in bytes.
pub(crate) const KEY_FILE_BYTES_MAX: u64 = 4096;
/// The longest list of rows or values, in bytes.
pub(crate) const LIST_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// The longest name of a profile, in characters.
pub(crate) const PROFILE_NAME_CHARACTERS_MAX: usize = 64;
/// The most profiles named in a hint.
const PROFILES_SHOWN_MAX: usize = 16;

/// Stands for standard input where a file is asked for.
pub(crate) const STANDARD_INPUT: &str = "-";

/// What the program knows about the machine it runs on.
#[derive(Debug, Clone)]
pub struct Environment {
    /// The folder of the profiles; `None` if nothing says where.
    pub home: Option<PathBuf>,
    /// The present instant, read once.
    pub now: Timestamp,
}

impl Environment {
    /// Reads the environment of this process.
    pub fn of_process() -> Self {
        Self { home: home(|name| std::env::var_os(name)), now: SystemClock.now() }
    }
}

/// What a profile says: which node, who asks, and with which certificate.
///
/// ```toml
/// node = "127.0.0.1:7444"        # host and port of the own agency's node, for officers
/// agency = "be-fedpol"
/// certificate = "BE-1042.pem"    # the officer's certificate, its authority's below it
/// key = "BE-1042.key"            # the officer's private key
/// signing_key = "BE-1042.signing" # optional: the key of the officer's own signature
/// node_ca = "node-ca.pem"        # the authority of the node's certificate
/// negative_bank = "bank.tsv"     # optional: the agency's own contacts that are never indexed
/// demo = false                   # true allows `--value` with invented values
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Profile {
    /// The file it was read from.
    pub(crate) file: PathBuf,
    /// Host and port.
    pub(crate) node: String,
    /// The own agency.
    pub(crate) agency: AgencyId,
    /// The officer's certificate with its authority's.
    pub(crate) certificate: PathBuf,
    /// The officer's private key.
    pub(crate) key: PathBuf,
    /// The key of the officer's own signature, where there is one.
    pub(crate) signing_key: Option<PathBuf>,
    /// The authority of the node's certificate.
    pub(crate) node_ca: PathBuf,
    /// The agency's own rows of the negative bank, where there are some.
    pub(crate) negative_bank: Option<PathBuf>,
    /// May values stand on the command line?
    pub(crate) values: Values,
}

/// Where a value of a person may come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Values {
    /// A prompt, standard input or a file.
    Hidden,
    /// From the command line too: everything is invented.
    Demo,
}

const PROFILE_KEYS: &[&str] =
    &["node", "agency", "certificate", "key", "signing_key", "node_ca", "negative_bank", "demo"];

impl Profile {
    /// Reads a profile.
    ///
    /// # Errors
    /// [`Failure`]: no folder, no such profile, unknown or missing keys, values that cannot be.
    pub(crate) fn load(environment: &Environment, name: &str) -> Result<Self, Failure> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let length = name.chars().count();
        if length == 0 || length > PROFILE_NAME_CHARACTERS_MAX || !name.chars().all(allowed) {
            let name = name.chars().take(PROFILE_NAME_CHARACTERS_MAX).collect();
            return Err(Failure::ProfileName { name });
        }
        let folder = environment.home.clone().ok_or(Failure::NoHome)?;
        let file = folder.join(format!("{name}.toml"));
        if !file.exists() {
            let known = profiles(&folder);
            return Err(Failure::ProfileMissing { name: name.to_owned(), folder, known });
        }
        let table = read_toml(&file)?;
        check_keys(&file, table.keys().map(String::as_str), PROFILE_KEYS)?;
        Self::of_table(file, &folder, &table)
    }

    /// The file of the officer's own signature.
    ///
    /// # Errors
    /// [`Failure::KeyMissing`] for a profile without one.
    pub(crate) fn signing_key(&self) -> Result<&Path, Failure> {
        let missing = Failure::KeyMissing { file: self.file.clone(), key: "signing_key" };
        self.signing_key.as_deref().ok_or(missing)
    }

    /// The contacts that are never indexed: those shipped, and the agency's own.
    ///
    /// # Errors
    /// [`Failure::FileInvalid`] with the line, and those of [`read_text`].
    pub(crate) fn bank(&self) -> Result<NegativeBank, Failure> {
        let Some(file) = &self.negative_bank else {
            return Ok(NegativeBank::shipped());
        };
        let text = read_text(file, LIST_BYTES_MAX)?;
        NegativeBank::shipped().with(&text).map_err(|fault| Failure::FileInvalid {
            file: file.clone(),
            line: u64::try_from(fault.line).unwrap_or(0),
            why: fault.why.to_string(),
        })
    }

    fn of_table(file: PathBuf, folder: &Path, table: &toml::Table) -> Result<Self, Failure> {
        let wrong = |why: String| Failure::FileInvalid { file: file.clone(), line: 0, why };
        let text = |key: &'static str| match table.get(key) {
            Some(toml::Value::String(text)) => Ok(text.as_str()),
            Some(_) => Err(wrong(format!("`{key}` is a text"))),
            None => Err(Failure::KeyMissing { file: file.clone(), key }),
        };
        let optional = |key: &'static str| match table.contains_key(key) {
            true => text(key).map(|name| Some(folder.join(name))),
            false => Ok(None),
        };
        let values = match table.get("demo") {
            None | Some(toml::Value::Boolean(false)) => Values::Hidden,
            Some(toml::Value::Boolean(true)) => Values::Demo,
            Some(_) => return Err(wrong("`demo` is true or false".to_owned())),
        };
        let node = text("node")?;
        let port = node.rsplit_once(':').and_then(|(host, port)| {
            let port: Option<u16> = port.parse().ok();
            port.filter(|port| *port > 0 && !host.is_empty())
        });
        if port.is_none() {
            return Err(wrong(
                "`node` is a host and a port, like node.example.org:7444".to_owned(),
            ));
        }
        let agency = text("agency")?.parse().map_err(|error| wrong(format!("{error}")))?;
        Ok(Self {
            node: node.to_owned(),
            agency,
            certificate: folder.join(text("certificate")?),
            key: folder.join(text("key")?),
            signing_key: optional("signing_key")?,
            negative_bank: optional("negative_bank")?,
            node_ca: folder.join(text("node_ca")?),
            values,
            file: file.clone(),
        })
    }
}

/// Reads a TOML file.
///
/// # Errors
/// [`Failure::FileInvalid`] with the line, and those of [`read`].
pub(crate) fn read_toml(file: &Path) -> Result<toml::Table, Failure> {
    let text = read_text(file, SMALL_FILE_BYTES_MAX)?;
    text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(0, |span| {
            1 + text.bytes().take(span.start).filter(|byte| *byte == b'\n').count()
        });
        let why = error.message().to_owned();
        Failure::FileInvalid { file: file.to_owned(), line: u64::try_from(line).unwrap_or(0), why }
    })
}

/// Reads a text.
///
/// # Errors
/// [`Failure::FileInvalid`] if it is not UTF-8, and those of [`read`].
pub(crate) fn read_text(file: &Path, bytes_max: u64) -> Result<Zeroizing<String>, Failure> {
    let bytes = read(file, bytes_max)?;
    match core::str::from_utf8(&bytes) {
        Ok(text) => Ok(Zeroizing::new(text.trim_start_matches('\u{feff}').to_owned())),
        Err(_) => {
            let why = "it is not text in UTF-8".to_owned();
            Err(Failure::FileInvalid { file: file.to_owned(), line: 0, why })
        }
    }
}

/// Reads a file, at most `bytes_max` bytes.
///
/// # Errors
/// [`Failure::FileUnreadable`], [`Failure::FileTooLong`].
pub(crate) fn read(file: &Path, bytes_max: u64) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut bytes = Zeroizing::new(Vec::new());
    let mut bounded = open(file)?.take(bytes_max.saturating_add(1));
    bounded.read_to_end(&mut bytes).map_err(|error| unreadable(file, &error))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > bytes_max {
        return Err(Failure::FileTooLong { path: file.to_owned(), bytes_max });
    }
    Ok(bytes)
}

/// Reads a file, or standard input for `-`.
///
/// # Errors
/// Those of [`read`] and of [`Console::rest`].
pub(crate) fn read_or_input(
    console: &mut Console,
    file: &Path,
    bytes_max: u64,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if file.as_os_str() == STANDARD_INPUT { console.rest(bytes_max) } else { read(file, bytes_max) }
}

/// Opens a file to be read in pieces.
///
/// # Errors
/// [`Failure::FileUnreadable`]; also for a folder.
pub(crate) fn open(file: &Path) -> Result<File, Failure> {
    let opened = File::open(file).map_err(|error| unreadable(file, &error))?;
    let is_folder = opened.metadata().is_ok_and(|metadata| metadata.is_dir());
    if is_folder {
        let kind = io::ErrorKind::IsADirectory;
        return Err(Failure::FileUnreadable { path: file.to_owned(), kind });
    }
    Ok(opened)
}

/// Makes a new file; never writes over one that exists.
///
/// # Errors
/// [`Failure::FileUnwritable`].
pub(crate) fn create(file: &Path) -> Result<File, Failure> {
    private()
        .open(file)
        .map_err(|error| Failure::FileUnwritable { path: file.to_owned(), kind: error.kind() })
}

/// A new file that its owner alone may read: an export names officers and rules.
fn private() -> std::fs::OpenOptions {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Puts new bytes in the place of a file, all or nothing; its owner alone may read it.
///
/// # Errors
/// [`Failure::FileUnwritable`]; then the file is as it was.
pub(crate) fn replace(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let beside = file.with_file_name(name);
    let failed =
        |error: io::Error| Failure::FileUnwritable { path: file.to_owned(), kind: error.kind() };
    // What an earlier run left is nobody's.
    remove_unfinished(&beside);
    let mut out = create(&beside)?;
    let written = out.write_all(bytes).and_then(|()| out.sync_all());
    written.and_then(|()| std::fs::rename(&beside, file)).map_err(|error| {
        remove_unfinished(&beside);
        failed(error)
    })
}

/// Removes a file that was begun and could not be finished.
pub(crate) fn remove_unfinished(file: &Path) {
    let _ = std::fs::remove_file(file);
}

/// The bytes of the certificates in a PEM text (RFC 7468).
///
/// # Errors
/// [`Failure::FileInvalid`] if there is none, or one is not PEM.
pub(crate) fn read_certificates(file: &Path) -> Result<Vec<Vec<u8>>, Failure> {
    let text = read_text(file, SMALL_FILE_BYTES_MAX)?;
    let wrong = || Failure::FileInvalid {
        file: file.to_owned(),
        line: 0,
        why: "it holds no certificate in PEM".to_owned(),
    };
    let mut certificates = Vec::new();
    for block in text.split("-----BEGIN CERTIFICATE-----").skip(1) {
        let (body, _) = block.split_once("-----END CERTIFICATE-----").ok_or_else(wrong)?;
        let digits: String = body.chars().filter(|c| !c.is_whitespace()).collect();
        certificates.push(BASE64.decode(digits).map_err(|_| wrong())?);
    }
    if certificates.is_empty() { Err(wrong()) } else { Ok(certificates) }
}

/// Refuses keys that nobody knows, and names the nearest known one.
///
/// # Errors
/// [`Failure::KeyUnknown`].
pub(crate) fn check_keys<'k>(
    file: &Path,
    keys: impl IntoIterator<Item = &'k str>,
    known: &[&'static str],
) -> Result<(), Failure> {
    match keys.into_iter().find(|key| !known.contains(key)) {
        None => Ok(()),
        Some(key) => Err(Failure::KeyUnknown {
            file: file.to_owned(),
            what: "key",
            key: key.chars().take(64).collect(),
            nearest: nearest(key, known),
        }),
    }
}

/// The known word that is likeliest meant; `None` if none is near.
pub(crate) fn nearest(given: &str, known: &[&'static str]) -> Option<&'static str> {
    let given: String = given.chars().take(64).collect::<String>().to_ascii_lowercase();
    let distance = |known: &str| strsim::damerau_levenshtein(&given, known);
    let nearest = known.iter().copied().min_by_key(|known| distance(known))?;
    (distance(nearest) <= nearest.len().div_ceil(3)).then_some(nearest)
}

fn unreadable(file: &Path, error: &io::Error) -> Failure {
    Failure::FileUnreadable { path: file.to_owned(), kind: error.kind() }
}

/// The names of the profiles in a folder, in order.
fn profiles(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        name.strip_suffix(".toml").map(str::to_owned)
    });
    let mut names: Vec<String> = names.take(PROFILES_SHOWN_MAX).collect();
    names.sort();
    names
}

/// `$MALINES_HOME`, else `malines` in the configuration folder: XDG base directories, Apple's and
/// Microsoft's.
fn home(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let folder = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(home) = folder("MALINES_HOME") {
        return Some(home);
    }
    let configuration = if cfg!(windows) {
        folder("APPDATA")
    } else if cfg!(target_os = "macos") {
        folder("HOME").map(|home| home.join("Library/Application Support"))
    } else {
        folder("XDG_CONFIG_HOME")
            .filter(|folder| folder.is_absolute())
            .or_else(|| folder("HOME").map(|home| home.join(".config")))
    };
    configuration.map(|folder| folder.join("malines"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILE: &str = "node = \"127.0.0.1:7444\"\nagency = \"be-fedpol\"\n\
        certificate = \"a.pem\"\nkey = \"/k/a.key\"\nnode_ca = \"ca.pem\"\n";

    fn load(text: &str) -> Result<Profile, Failure> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("be.toml"), text).unwrap();
        let home = Some(folder.path().to_owned());
        Profile::load(&Environment { home, now: Timestamp::from_millis(0) }, "be")
    }

    #[test]
    fn a_profile_is_read_and_its_paths_are_relative_to_it() {
        let profile = load(PROFILE).unwrap();
        assert_eq!(profile.values, Values::Hidden);
        assert_eq!(profile.certificate, profile.file.with_file_name("a.pem"));
        assert_eq!(profile.key, Path::new("/k/a.key"));
        assert_eq!(load(&format!("{PROFILE}demo = true")).unwrap().values, Values::Demo);
    }

    #[test]
    fn an_agency_adds_to_the_negative_bank() {
        let folder = tempfile::tempdir().unwrap();
        let bank = |rows: &str| {
            let text = format!("{PROFILE}negative_bank = \"bank.tsv\"\n");
            std::fs::write(folder.path().join("be.toml"), text).unwrap();
            std::fs::write(folder.path().join("bank.tsv"), rows).unwrap();
            let home = Some(folder.path().to_owned());
            Profile::load(&Environment { home, now: Timestamp::from_millis(0) }, "be")?.bank()
        };
        let hint = Default::default();
        let url = "https://shelter.example/a";
        let url = fingerprint::normalise(fingerprint::InputKind::Url, url, &hint).unwrap();
        assert_eq!(load(PROFILE).unwrap().bank().unwrap().holds(&url), None);
        let own = "# ours\nhost\tshelter.example\ta shelter\tHUMANITARIAN\tits site\n";
        assert!(bank(own).unwrap().holds(&url).is_some());
        let failure = bank("# ours\n\nhost\tshelter.example\n").unwrap_err();
        assert!(matches!(failure, Failure::FileInvalid { line: 3, .. }), "{failure}");
        std::fs::remove_file(folder.path().join("bank.tsv")).unwrap();
        let missing = Profile::load(
            &Environment { home: Some(folder.path().to_owned()), now: Timestamp::from_millis(0) },
            "be",
        );
        assert!(matches!(missing.unwrap().bank(), Err(Failure::FileUnreadable { .. })));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let failure = load(&PROFILE.replace("node_ca", "nodeca")).unwrap_err();
        assert!(matches!(failure, Failure::KeyUnknown { nearest: Some("node_ca"), .. }));
        let failure = load(&PROFILE.replace("agency", "#")).unwrap_err();
        assert!(matches!(failure, Failure::KeyMissing { key: "agency", .. }));
        for (from, to) in
            [("127.0.0.1:7444", "node"), ("be-fedpol", "BE"), ("\"a.pem\"", "1"), ("7444", "0")]
        {
            let failure = load(&PROFILE.replace(from, to)).unwrap_err();
            assert!(matches!(failure, Failure::FileInvalid { .. }), "{to}: {failure}");
        }
        let failure = load(&format!("{PROFILE}demo = = 1")).unwrap_err();
        assert!(matches!(failure, Failure::FileInvalid { line: 6, .. }), "{failure}");
        let environment =
            Environment { home: Some(PathBuf::from("/x")), now: Timestamp::from_millis(0) };
        for name in ["", "../be", "be.toml", "a/b"] {
            let failure = Profile::load(&environment, name).unwrap_err();
            assert!(matches!(failure, Failure::ProfileName { .. }), "{name}");
        }
    }

    #[test]
    fn the_folder_follows_the_environment() {
        let of = |pairs: &'static [(&'static str, &'static str)]| {
            home(move |name| {
                pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
            })
        };
        assert_eq!(of(&[("MALINES_HOME", "/m"), ("HOME", "/h")]), Some(PathBuf::from("/m")));
        assert_eq!(of(&[]), None);
        if cfg!(target_os = "linux") {
            assert_eq!(of(&[("HOME", "/h")]), Some(PathBuf::from("/h/.config/malines")));
            assert_eq!(
                of(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "/c")]),
                Some(PathBuf::from("/c/malines"))
            );
            assert_eq!(
                of(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "c")]),
                Some(PathBuf::from("/h/.config/malines"))
            );
        }
    }

    #[test]
    fn certificates_are_found_in_a_pem_text() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let block = |body: &str| {
            format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
        };
        std::fs::write(&file, format!("a comment\n{}{}", block("AAEC\nAwQ="), block("BQ==")))
            .unwrap();
        assert_eq!(read_certificates(&file).unwrap(), vec![vec![0, 1, 2, 3, 4], vec![5]]);
        for bad in ["", "AAEC", "-----BEGIN CERTIFICATE-----\nAAEC", &block("!!")] {
            std::fs::write(&file, bad).unwrap();
            assert!(matches!(read_certificates(&file), Err(Failure::FileInvalid { .. })), "{bad}");
        }
        std::fs::write(&file, vec![b'a'; 70_000]).unwrap();
        assert!(matches!(read_certificates(&file), Err(Failure::FileTooLong { .. })));
    }
}
