//! How much a peer may ask of us: sizes, counts and times, in one place.
//!
//! Nothing is compressed, because a small compressed message could unpack to a huge one, and
//! because sizes would then tell what is inside.

use std::time::Duration;
use tonic::transport::Endpoint;
use tonic::transport::server::Server;

/// The largest message that is decoded, in bytes. Every generated client and server takes it
/// through its `max_decoding_message_size`.
pub const DECODE_BYTES_MAX: usize = 1024 * 1024;
/// The largest message that is sent, in bytes: what the other side would decode.
pub const ENCODE_BYTES_MAX: usize = DECODE_BYTES_MAX;
/// Calls at once on one connection.
pub const STREAMS_MAX: u32 = 32;
/// All headers of one call together, in bytes.
pub const HEADER_LIST_BYTES_MAX: u32 = 8 * 1024;
/// What may be under way unread on one call, in bytes: one largest message.
pub const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
/// What may be under way unread on one connection, in bytes.
pub const CONNECTION_WINDOW_BYTES: u32 = 2 * 1024 * 1024;
/// Calls that a peer opened and reset before they were taken up; one more ends the connection.
pub const RESET_STREAMS_MAX: usize = 20;
/// Calls that had to be reset for the peer's protocol errors; one more ends the connection.
pub const FAULTY_STREAMS_MAX: usize = 128;
/// How often a quiet connection is tried, in milliseconds.
pub const KEEP_ALIVE_MS: u64 = 20_000;
/// How long the answer to that may take, in milliseconds.
pub const KEEP_ALIVE_ANSWER_MS: u64 = 20_000;
/// After so many milliseconds a connection takes no new calls, so that certificates are seen again.
pub const CONNECTION_AGE_MS: u64 = 3_600_000;
/// So much longer the calls under way may take before the connection is cut, in milliseconds.
pub const CONNECTION_GRACE_MS: u64 = 60_000;
/// A call must have begun to answer after so many milliseconds.
pub const CALL_MS_MAX: u64 = 30_000;

/// From the first byte to an accepted identity, in milliseconds.
pub const HANDSHAKE_MS_MAX: u64 = 5_000;
/// Handshakes under way at once on one port. Only together with the deadline is it of use.
pub const PENDING_MAX: usize = 512;
/// Connections of one agency, or of one officer.
pub const CONNECTIONS_PER_CALLER_MAX: usize = 8;
/// Connections on one port.
pub const CONNECTIONS_MAX: usize = 2048;
/// What calls under way get to finish after a stop was asked for, in milliseconds.
pub const SHUTDOWN_GRACE_MS: u64 = 10_000;
/// The same refusal of the same address is logged once in so many milliseconds.
pub const LOG_INTERVAL_MS: u64 = 60_000;

/// Connecting over TCP, in milliseconds.
pub const DIAL_MS_MAX: u64 = 5_000;
/// From connected to the server's first frame, in milliseconds.
pub const GREETING_MS_MAX: u64 = 10_000;

/// A server with these limits.
pub fn server() -> Server {
    Server::builder()
        .max_concurrent_streams(STREAMS_MAX)
        .http2_max_header_list_size(HEADER_LIST_BYTES_MAX)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .http2_max_pending_accept_reset_streams(Some(RESET_STREAMS_MAX))
        .http2_max_local_error_reset_streams(Some(FAULTY_STREAMS_MAX))
        .http2_keepalive_interval(Some(Duration::from_millis(KEEP_ALIVE_MS)))
        .http2_keepalive_timeout(Some(Duration::from_millis(KEEP_ALIVE_ANSWER_MS)))
        // The end of the grace is enforced by the connection's own guard: tonic given a grace
        // would skip the orderly end and only cut.
        .max_connection_age(Duration::from_millis(CONNECTION_AGE_MS))
        .timeout(Duration::from_millis(CALL_MS_MAX))
}

/// A dialled endpoint with these limits.
pub fn endpoint(endpoint: Endpoint) -> Endpoint {
    endpoint
        .http2_max_header_list_size(HEADER_LIST_BYTES_MAX)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .http2_max_local_error_reset_streams(FAULTY_STREAMS_MAX)
        .http2_keep_alive_interval(Duration::from_millis(KEEP_ALIVE_MS))
        .keep_alive_timeout(Duration::from_millis(KEEP_ALIVE_ANSWER_MS))
        .keep_alive_while_idle(true)
        .concurrency_limit(STREAMS_MAX as usize)
        .timeout(Duration::from_millis(CALL_MS_MAX))
}
