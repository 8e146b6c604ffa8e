//! From an empty folder to an agreement in force and a handshake, on real files and real TLS.

mod agreeing;
mod founding;
mod handshake;
mod kit;
mod program;
mod reading;
