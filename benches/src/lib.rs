//! Measurements beside a peer or a limit: every performance goal of the project has a program here.
//!
//! Owns: the servers and load generators that the programs share, how processor time is read, and
//! how a figure is printed beside the one it is compared with.
//!
//! **Invariant:** nothing is claimed without its peer or its limit measured in turns with it, in
//! the same minutes on the same machine; what could not be run says so.
//!
//! Path through it: [`program`] is the frame of each; [`settings`] reads the arguments; [`fixture`]
//! makes records and keeps them under the target folder; [`server`] starts a node or a bare service
//! as a process of its own, [`redis`] the peer; [`load`] asks; [`measure`] counts processor seconds, [`timed_disk`] times syncs;
//! [`report`] prints the table.

pub mod agreed;
pub mod bare;
pub mod certificate;
pub mod door;
pub mod fixture;
pub mod load;
pub mod measure;
pub mod node;
pub mod program;
pub mod record;
pub mod redis;
pub mod report;
pub mod server;
pub mod settings;
pub mod timed_disk;
