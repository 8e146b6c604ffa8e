//! The opening of a conversation between two nodes: which minor version, which clock, which process.

use crate::convert::field;
use crate::convert::invalid::{Invalid, Why};
use crate::v1;
use domain::time::Timestamp;
use sync::message::{Epoch, Incarnation};

/// The lowest minor version of the contract that this release speaks.
pub const PROTOCOL_MIN: u32 = 1;
/// The highest minor version of the contract that this release speaks.
pub const PROTOCOL_MAX: u32 = 1;

/// What the caller says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hello {
    /// The lowest minor version it speaks, from 1.
    pub protocol_min: u32,
    /// The highest minor version it speaks.
    pub protocol_max: u32,
    /// Its clock.
    pub clock: Timestamp,
}

impl Hello {
    /// What this release says.
    pub const fn new(clock: Timestamp) -> Self {
        Self { protocol_min: PROTOCOL_MIN, protocol_max: PROTOCOL_MAX, clock }
    }

    /// The highest minor version that both speak; `None` if there is none.
    pub fn agreed(&self) -> Option<u32> {
        let highest = self.protocol_max.min(PROTOCOL_MAX);
        (highest >= self.protocol_min.max(PROTOCOL_MIN)).then_some(highest)
    }
}

/// What the callee answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HelloReply {
    /// The minor version it chose: the highest that both speak.
    pub protocol: u32,
    /// Its clock.
    pub clock: Timestamp,
    /// New with every start of the callee.
    pub incarnation: Incarnation,
    /// The epoch of its history.
    pub epoch: Epoch,
}

impl From<Hello> for v1::HelloRequest {
    fn from(hello: Hello) -> Self {
        Self {
            protocol_min: hello.protocol_min,
            protocol_max: hello.protocol_max,
            clock_ms: hello.clock.as_millis(),
        }
    }
}

impl TryFrom<v1::HelloRequest> for Hello {
    type Error = Invalid;

    fn try_from(hello: v1::HelloRequest) -> Result<Self, Invalid> {
        if hello.protocol_min == 0 {
            return Err(Invalid::new("protocol_min", Why::Missing));
        }
        if hello.protocol_max < hello.protocol_min {
            return Err(Invalid::new("protocol_max", Why::OutOfRange));
        }
        Ok(Self {
            protocol_min: hello.protocol_min,
            protocol_max: hello.protocol_max,
            clock: field::instant("clock_ms", hello.clock_ms)?,
        })
    }
}

impl From<HelloReply> for v1::HelloResponse {
    fn from(reply: HelloReply) -> Self {
        Self {
            protocol: reply.protocol,
            clock_ms: reply.clock.as_millis(),
            incarnation: reply.incarnation.to_vec(),
            epoch: Some(reply.epoch.into()),
        }
    }
}

impl TryFrom<v1::HelloResponse> for HelloReply {
    type Error = Invalid;

    fn try_from(reply: v1::HelloResponse) -> Result<Self, Invalid> {
        if reply.protocol == 0 {
            return Err(Invalid::new("protocol", Why::Missing));
        }
        Ok(Self {
            protocol: reply.protocol,
            clock: field::instant("clock_ms", reply.clock_ms)?,
            incarnation: field::bytes("incarnation", &reply.incarnation)?,
            epoch: field::present("epoch", reply.epoch)?.try_into()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_version_of_both_is_chosen() {
        let hello = |protocol_min, protocol_max| Hello {
            protocol_min,
            protocol_max,
            clock: Timestamp::from_millis(0),
        };
        assert_eq!(Hello::new(Timestamp::from_millis(0)).agreed(), Some(PROTOCOL_MAX));
        assert_eq!(hello(1, 99).agreed(), Some(PROTOCOL_MAX));
        assert_eq!(hello(PROTOCOL_MAX + 1, PROTOCOL_MAX + 2).agreed(), None);
    }
}
