//! The command line of `malines-node`.

use crate::officer::OfficerRole;
use clap::{Args, Parser, Subcommand};
use domain::name::{AgencyId, Country, OfficerId};
use domain::value::AgencyKind;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The configuration file that is meant if none is named.
pub(crate) const DEFAULT_CONFIG: &str = "node.toml";

#[derive(Debug, Parser)]
#[command(
    name = "malines-node",
    version,
    about = "Sets up, checks and runs one agency's node",
    after_help = "First day: init, check-config, officer add, run; then `malines agreement`.\n\
        Every day: backup; docs/operating.md says what to do for each alarm.\n\
        Exit codes: 0 done, 2 failed or something is wrong, 64 usage",
    max_term_width = 100
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make keys, certificates, a manifest and a configuration file; never writes over anything
    Init(Init),
    /// Enrol an officer, or revoke one
    #[command(subcommand)]
    Officer(OfficerCommand),
    /// Make a new certificate or manifest before the old one ends
    #[command(subcommand)]
    Renew(RenewCommand),
    /// Say everything that is wrong with the configuration and all it names
    CheckConfig(ConfigFile),
    /// Read the whole journal again and compare everything; a node may be running on it
    Verify(Verify),
    /// Make the tables anew from the journal; refused while a node is running
    Rebuild(ConfigFile),
    /// Copy the store into an archive, while the node runs, and its data keys into a file apart
    Backup(Archive),
    /// Put a backup into an empty data folder; the node is in RECOVERY then and only lets itself be
    /// read, until a later release brings the way out
    Restore(Restore),
    /// Copy the store into an archive to be run elsewhere; no node starts on this folder again
    Export(Archive),
    /// Put an export into an empty data folder; the node goes on where the other one stopped
    Import(Archive),
    /// Run the node until it is told to stop (SIGINT, SIGTERM); SIGHUP reads policy, agreements and
    /// certificates again
    Run(ConfigFile),
}

#[derive(Debug, Args)]
pub(crate) struct ConfigFile {
    /// The configuration file
    #[arg(value_name = "FILE", default_value = DEFAULT_CONFIG)]
    pub(crate) config: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigOption {
    /// The configuration file
    #[arg(long, value_name = "FILE", default_value = DEFAULT_CONFIG)]
    pub(crate) config: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Also open every seal and follow every pointer of the tables; refused while a node is running
    #[arg(long)]
    pub(crate) deep: bool,
    #[command(flatten)]
    pub(crate) config: ConfigFile,
}

#[derive(Debug, Args)]
pub(crate) struct Archive {
    /// The archive
    #[arg(value_name = "ARCHIVE")]
    pub(crate) archive: PathBuf,
    /// The file of the wrapped data keys, kept apart from the archives; only its newest state
    #[arg(long, value_name = "KEYFILE")]
    pub(crate) keys: PathBuf,
    #[command(flatten)]
    pub(crate) config: ConfigOption,
}

#[derive(Debug, Args)]
pub(crate) struct Restore {
    #[command(flatten)]
    pub(crate) from: Archive,
    /// A copy of the node's erasure ledger, the newest: what it names is erased again. The ledger
    /// that the configuration names counts too, if it is there
    #[arg(long, value_name = "LEDGER")]
    pub(crate) ledger: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// This agency, like be-fedpol
    #[arg(long)]
    pub(crate) agency: AgencyId,
    /// Its country, like BE
    #[arg(long)]
    pub(crate) country: Country,
    /// What kind of service it is, like POLICE or PROSECUTION
    #[arg(long)]
    pub(crate) kind: AgencyKind,
    /// The folder to fill
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) folder: PathBuf,
    /// The name of this node within the agency
    #[arg(long, value_name = "NODE", default_value = "node-1")]
    pub(crate) name: String,
    /// Where partners reach this node; may be given up to eight times
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) partner_address: Vec<String>,
    /// Where the node listens for partners
    #[arg(long, value_name = "IP:PORT", default_value = "0.0.0.0:7443")]
    pub(crate) partner_listen: SocketAddr,
    /// Where the node listens for its officers
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:7444")]
    pub(crate) officer_listen: SocketAddr,
}

#[derive(Debug, Subcommand)]
pub(crate) enum OfficerCommand {
    /// Make a certificate and a profile that `malines` can use at once
    Add(OfficerAdd),
    /// Refuse an officer from the next call on; `kill -HUP` or the next start cuts open connections
    Revoke(OfficerRevoke),
}

#[derive(Debug, Args)]
pub(crate) struct OfficerAdd {
    /// The pseudonym, like BE-1042; only the agency can resolve it
    #[arg(value_name = "PSEUDONYM")]
    pub(crate) officer: OfficerId,
    /// What the officer is to do; kept in the register, against which every call is held
    #[arg(long)]
    pub(crate) role: OfficerRole,
    /// How long the certificate is valid: days or years, like 90d or 1y
    #[arg(long, value_name = "TIME", default_value = "1y", value_parser = days)]
    pub(crate) valid: u32,
    /// The folder for the profile: hand it to the officer, who sets MALINES_HOME to it
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// The name of the profile
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) profile: String,
    /// Where officers reach the node, if not where it listens
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) node: Option<String>,
    /// Make a profile for invented values only: they may stand on the command line
    #[arg(long)]
    pub(crate) demo: bool,
    #[command(flatten)]
    pub(crate) config: ConfigOption,
}

#[derive(Debug, Args)]
pub(crate) struct OfficerRevoke {
    /// The pseudonym
    #[arg(value_name = "PSEUDONYM")]
    pub(crate) officer: OfficerId,
    #[command(flatten)]
    pub(crate) config: ConfigOption,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RenewCommand {
    /// A new certificate and key for the node, under the same authority
    Certificate(ConfigFile),
    /// A new manifest, signed with the root key; send it to the partners
    Manifest {
        /// The root key file
        #[arg(long, value_name = "FILE", default_value = "root.key")]
        root_key: PathBuf,
        /// Where partners reach this node from now on; may be given up to eight times
        #[arg(long, value_name = "HOST:PORT")]
        partner_address: Vec<String>,
        #[command(flatten)]
        config: ConfigFile,
    },
}

/// `90d` or `1y`, in days.
fn days(text: &str) -> Result<u32, String> {
    let wrong = || "days or years, like 90d or 1y".to_owned();
    let (number, unit) = match (text.strip_suffix('d'), text.strip_suffix('y')) {
        (Some(number), _) => (number, 1),
        (_, Some(number)) => (number, 365),
        _ => return Err(wrong()),
    };
    let number: u32 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(unit).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_fits_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn times_are_days_or_years() {
        assert_eq!(days("90d"), Ok(90));
        assert_eq!(days("2y"), Ok(730));
        for bad in ["", "1", "d", "1m", "-1d", "1.5y", "99999999999d", "4000000000y"] {
            assert!(days(bad).is_err(), "{bad}");
        }
    }
}
