//! The command line as its users see it: on this machine alone, and against a node with fixed answers.

mod kit;
mod node;
mod officer;
mod offline;
