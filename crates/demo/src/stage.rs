//! The folder, the four nodes as processes, and the two programs as people run them.

use crate::cast::{self, Agency};
use crate::narrator::Narrator;
use crate::stop::Stop;
use crate::tether::{self, Locks};
use anyhow::{Context as _, bail};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long a node may take to serve, and to stop.
const START_MAX: Duration = Duration::from_secs(30);
pub(crate) const STOP_MAX: Duration = Duration::from_secs(15);
/// How long a change may take to arrive.
const ARRIVE_MAX: Duration = Duration::from_secs(30);
/// The ports that are drawn from. Systems take the ports of outgoing connections from above.
const PORTS: std::ops::Range<u16> = 15_000..30_000;
/// How far apart the places lie at which two processes that start one after the other draw: further
/// than the eight ports of one demonstration.
const PORTS_APART: u32 = 16;
/// How often is looked again.
const LOOK: Duration = Duration::from_millis(100);

/// New or as the last run left it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beginning {
    /// Wiped.
    Fresh,
    /// Kept.
    Kept,
}

/// Everything the story plays on. Dropping it stops the nodes.
pub(crate) struct Stage {
    folder: PathBuf,
    node_program: PathBuf,
    officer_program: PathBuf,
    nodes: BTreeMap<&'static str, Child>,
    pub beginning: Beginning,
    stop: Stop,
    /// Last, so that it goes when the nodes are gone.
    locks: Locks,
}

impl Stage {
    /// Makes or finds the folder, beside the folder this program was built into.
    pub(crate) fn open(keep: bool, stop: Stop) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("where this program is")?;
        let target = program.parent().and_then(Path::parent).context("no folder to play in")?;
        let folder = target.join("malines-demo");
        fs::create_dir_all(&folder)?;
        let locks = Locks::take(&folder)?;
        let complete = folder.join("complete").exists();
        let beginning = if keep && complete { Beginning::Kept } else { Beginning::Fresh };
        if beginning == Beginning::Fresh {
            wipe(&folder).with_context(|| format!("cannot wipe {}", folder.display()))?;
        }
        let programs = folder.join("bin");
        fs::create_dir_all(&programs)?;
        let node_program = programs.join(format!("malines-node{}", std::env::consts::EXE_SUFFIX));
        let officer_program = programs.join(format!("malines{}", std::env::consts::EXE_SUFFIX));
        for link in [&node_program, &officer_program] {
            let _ = fs::remove_file(link);
            if fs::hard_link(&program, link).is_err() {
                fs::copy(&program, link).context("cannot link the programs")?;
            }
        }
        let nodes = BTreeMap::new();
        Ok(Self { folder, node_program, officer_program, nodes, beginning, stop, locks })
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// An agency's folder.
    pub(crate) fn home(&self, agency: Agency) -> PathBuf {
        self.folder.join(agency.id)
    }

    /// The program of officers, as printed for people.
    pub(crate) fn officer_program(&self) -> &Path {
        &self.officer_program
    }

    /// Makes an agency: keys, certificates, configuration, policy, one officer.
    pub(crate) fn found(&self, agency: Agency) -> anyhow::Result<()> {
        let home = self.home(agency);
        let (partners, officers) = (free_port()?, free_port()?);
        self.node(&[
            "init",
            "--agency",
            agency.id,
            "--country",
            agency.country,
            "--kind",
            agency.kind,
            "--folder",
            &home.to_string_lossy(),
            "--partner-address",
            &format!("127.0.0.1:{partners}"),
            "--partner-listen",
            &format!("127.0.0.1:{partners}"),
            "--officer-listen",
            &format!("127.0.0.1:{officers}"),
        ])?;
        fs::write(home.join("policy").join("local.cedar"), agency.policy)?;
        self.enrol(agency, agency.officer, "analyst", "default")
    }

    /// Enrols an officer of an agency, under a profile in the agency's folder of profiles.
    pub(crate) fn enrol(
        &self,
        agency: Agency,
        officer: &str,
        role: &str,
        profile: &str,
    ) -> anyhow::Result<()> {
        self.node(&[
            "officer",
            "add",
            officer,
            "--role",
            role,
            "--valid",
            "1y",
            "--out",
            &self.officer_home(agency).to_string_lossy(),
            "--profile",
            profile,
            "--demo",
            "--config",
            &self.home(agency).join("node.toml").to_string_lossy(),
        ])?;
        Ok(())
    }

    /// Where the officer's profile is.
    pub(crate) fn officer_home(&self, agency: Agency) -> PathBuf {
        self.folder.join(agency.officer)
    }

    /// Writes the samples.
    pub(crate) fn lay_out_samples(&self) -> anyhow::Result<PathBuf> {
        let folder = self.folder.join("samples");
        for (name, text) in cast::SAMPLES {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap_or(&folder))?;
            fs::write(path, text)?;
        }
        Ok(folder)
    }

    /// Starts an agency's node and waits until it serves its officer.
    pub(crate) fn start(&mut self, agency: Agency) -> anyhow::Result<()> {
        let home = self.home(agency);
        let log = fs::OpenOptions::new().create(true).append(true).open(self.log(agency))?;
        let mut command = Command::new(&self.node_program);
        let child = self
            .locks
            .tie(command.args(["run"]).arg(home.join("node.toml")))
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start a node")?;
        self.nodes.insert(agency.id, child);
        let begun = Instant::now();
        loop {
            if self.malines(agency, &["status", "--json"])?.status.success() {
                return Ok(());
            }
            if begun.elapsed() > START_MAX {
                bail!(
                    "the node of {} does not serve; see {}",
                    agency.name,
                    self.log(agency).display()
                );
            }
            std::thread::sleep(LOOK);
        }
    }

    /// An agency's log.
    pub(crate) fn log(&self, agency: Agency) -> PathBuf {
        self.home(agency).join("node.log")
    }

    /// Fails if this program is to stop, or, naming it, if a node that was started is gone.
    pub(crate) fn check_nodes(&mut self) -> anyhow::Result<()> {
        self.stop.check()?;
        for agency in cast::ALL {
            let Some(node) = self.nodes.get_mut(agency.id) else { continue };
            if let Some(status) = node.try_wait()? {
                bail!(
                    "the node of {} ({}) is gone ({status}); see {}",
                    agency.name,
                    agency.id,
                    self.log(agency).display()
                );
            }
        }
        Ok(())
    }

    /// Runs `malines` as an agency's officer.
    pub(crate) fn malines(&mut self, agency: Agency, arguments: &[&str]) -> anyhow::Result<Output> {
        self.check_nodes()?;
        let mut command = Command::new(&self.officer_program);
        let output = tether::detach(&mut command)
            .args(arguments)
            .env("MALINES_HOME", self.officer_home(agency))
            .current_dir(self.folder.join("samples"))
            .stdin(Stdio::null())
            .output()
            .context("cannot run malines")?;
        self.check_nodes()?;
        Ok(output)
    }

    /// Runs `malines --json` and reads what it said; the exit code must be one of `allowed`.
    pub(crate) fn ask(
        &mut self,
        agency: Agency,
        arguments: &[&str],
        allowed: &[i32],
    ) -> anyhow::Result<(i32, Value)> {
        let with_json: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        let output = self.malines(agency, &with_json)?;
        let code = output.status.code().unwrap_or(-1);
        if !allowed.contains(&code) {
            bail!(
                "`malines {}` in {} ended with {code}: {}",
                arguments.join(" "),
                agency.name,
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        let value = serde_json::from_slice(&output.stdout)
            .with_context(|| format!("`malines {}` printed no JSON", arguments.join(" ")))?;
        Ok((code, value))
    }

    /// Runs `malines` for people and returns what it said on both streams.
    pub(crate) fn show(
        &mut self,
        agency: Agency,
        arguments: &[&str],
        allowed: &[i32],
    ) -> anyhow::Result<String> {
        let output = self.malines(agency, arguments)?;
        let code = output.status.code().unwrap_or(-1);
        let said = [output.stderr, output.stdout].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        if !allowed.contains(&code) {
            bail!("`malines {}` in {} ended with {code}: {said}", arguments.join(" "), agency.name);
        }
        Ok(said)
    }

    /// The same as [`Self::ask`], with the command that is run told.
    pub(crate) fn ask_aloud(
        &mut self,
        narrator: &Narrator,
        agency: Agency,
        arguments: &[&str],
        allowed: &[i32],
    ) -> anyhow::Result<(i32, Value)> {
        narrator.command(agency.name, &typed(&[arguments, &["--json"]].concat()));
        self.ask(agency, arguments, allowed)
    }

    /// The same as [`Self::show`], with the command that is run and what it said told.
    pub(crate) fn show_aloud(
        &mut self,
        narrator: &Narrator,
        agency: Agency,
        arguments: &[&str],
        allowed: &[i32],
    ) -> anyhow::Result<String> {
        narrator.command(agency.name, &typed(arguments));
        let said = self.show(agency, arguments, allowed)?;
        narrator.quote(&said);
        Ok(said)
    }

    /// Looks again and again until `arrived` says yes.
    pub(crate) fn until(
        &mut self,
        what: &str,
        mut arrived: impl FnMut(&mut Self) -> anyhow::Result<bool>,
    ) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        while !arrived(self)? {
            self.check_nodes()?;
            if begun.elapsed() > ARRIVE_MAX {
                bail!("{what}: not within {} seconds", ARRIVE_MAX.as_secs());
            }
            std::thread::sleep(LOOK);
        }
        Ok(begun.elapsed())
    }

    /// Runs `malines-node` and returns what it said.
    pub(crate) fn node(&self, arguments: &[&str]) -> anyhow::Result<String> {
        self.stop.check()?;
        let mut command = Command::new(&self.node_program);
        let output = tether::detach(&mut command)
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .context("cannot run malines-node")?;
        if !output.status.success() {
            bail!(
                "`malines-node {}` failed: {}",
                arguments.join(" "),
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Remembers that the folder is whole, so that `--keep` can go on with it.
    pub(crate) fn complete(&self) -> anyhow::Result<()> {
        Ok(fs::write(self.folder.join("complete"), "")?)
    }

    /// Waits until this program is asked to stop; fails if a node is gone before.
    pub(crate) fn watch(&mut self) -> anyhow::Result<()> {
        while !self.stop.is_asked() {
            match self.check_nodes() {
                Err(error) if !self.stop.is_asked() => return Err(error),
                _ => std::thread::sleep(LOOK),
            }
        }
        Ok(())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for node in self.nodes.values_mut() {
            ask_to_stop(node);
        }
        let begun = Instant::now();
        for node in self.nodes.values_mut() {
            while matches!(node.try_wait(), Ok(None)) && begun.elapsed() < STOP_MAX {
                std::thread::sleep(Duration::from_millis(20));
            }
            let _ = node.kill();
            let _ = node.wait();
        }
    }
}

/// A command of an officer as it is typed into a shell.
pub(crate) fn typed(arguments: &[&str]) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./,:=@+".contains(c);
    let quoted = |argument: &&str| match argument.chars().all(is_plain) && !argument.is_empty() {
        true => (*argument).to_owned(),
        false => format!("'{}'", argument.replace('\'', r"'\''")),
    };
    let words: Vec<String> = arguments.iter().map(quoted).collect();
    format!("malines {}", words.join(" "))
}

/// Everything goes but the locks.
fn wipe(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if Locks::NAMES.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        let is_folder = entry.file_type()?.is_dir();
        if is_folder { fs::remove_dir_all(entry.path())? } else { fs::remove_file(entry.path())? }
    }
    Ok(())
}

/// SIGTERM: the node ends what is under way, signs its head and closes its store.
fn ask_to_stop(node: &Child) {
    #[cfg(unix)]
    if let Some(pid) = i32::try_from(node.id()).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
}

/// A port nobody listens on now. Each process draws from a place of its own: a port that is free now
/// is bound a while later, and a second demonstration must not draw it meanwhile.
fn free_port() -> anyhow::Result<u16> {
    static DRAWN: AtomicU32 = AtomicU32::new(0);
    let span = u32::from(PORTS.end - PORTS.start);
    let begin = std::process::id().wrapping_mul(PORTS_APART) % span;
    for _ in 0..span {
        let drawn = DRAWN.fetch_add(1, Ordering::Relaxed);
        let port = PORTS.start + u16::try_from(begin.wrapping_add(drawn) % span)?;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no port between {} and {} is free", PORTS.start, PORTS.end)
}
