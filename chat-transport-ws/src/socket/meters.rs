//! What the sockets tell the host's recorder, through the `metrics` facade.
//!
//! | name | kind | what |
//! |---|---|---|
//! | `chat_sockets_open` | gauge | sockets that have a place (`crate::limit`), at whatever door, those that have not shown who they are included |
//! | `chat_socket_frames_in_total` | counter | frames received |
//! | `chat_socket_frames_out_total` | counter | frames sent |
//! | `chat_socket_bytes_in_total` | counter | bytes read |
//! | `chat_socket_bytes_out_total` | counter | bytes written |
//! | `chat_socket_closes_total` | counter | sockets that ended, by `code`: the close code, or `none` when there was none |
//! | `chat_socket_slow_total` | counter | sockets closed because their peer took nothing |
//! | `chat_socket_rate_limited_total` | counter | frames refused as `rate_limited` |
//!
//! The handles are taken when the router is made: install the recorder before.

use metrics::{Counter, counter};

/// The handles of what is counted often.
pub(crate) struct Meters {
    pub(super) frames_in: Counter,
    pub(super) frames_out: Counter,
    pub(super) bytes_in: Counter,
    pub(super) bytes_out: Counter,
    pub(super) slow: Counter,
    pub(super) rate_limited: Counter,
}

impl Default for Meters {
    fn default() -> Self {
        Self {
            frames_in: counter!("chat_socket_frames_in_total"),
            frames_out: counter!("chat_socket_frames_out_total"),
            bytes_in: counter!("chat_socket_bytes_in_total"),
            bytes_out: counter!("chat_socket_bytes_out_total"),
            slow: counter!("chat_socket_slow_total"),
            rate_limited: counter!("chat_socket_rate_limited_total"),
        }
    }
}

impl Meters {
    /// Counts a socket that ended.
    pub(super) fn closed(code: Option<u16>) {
        let code = code.map_or("none".to_owned(), |code| code.to_string());
        counter!("chat_socket_closes_total", "code" => code).increment(1);
    }
}
