//! Measurements beside a peer or a limit.
