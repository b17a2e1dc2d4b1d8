//! The frames that the load clients and the raw references exchange: the protocol's own, reduced to what is timed.

use crate::frame;

/// What every message says.
pub const TEXT: &str = "Shall we meet at the station?";

/// The first frame of a server to a session.
pub const HELLO: &str = r#"{"type":"hello"}"#;

/// What every pushed entry starts with.
pub const ENTRY: &str = r#"{"type":"entry""#;

/// What every acknowledgement contains.
pub const OK: &str = r#""type":"ok""#;

/// An acknowledgement of a reference.
pub const DONE: &str = r#"{"id":1,"type":"ok"}"#;

/// A pushed entry of a reference: of the same length as ours.
pub const PUSHED: &str = concat!(
    r#"{"type":"entry","conversation":"0199f1a2-5b7c-7d10-8e2f-3a4b5c6d7e8f","seq":123456,"#,
    r#""at":"2026-01-01T12:00:00.000Z","by":"1","client_id":"0000000000000001","kind":"message","#,
    r#""message":{"id":"0199f1a2-5b7c-7d10-8e2f-3a4b5c6d7e8f","conversation":"0199f1a2-5b7c-7d10-8e2f-3a4b5c6d7e8f","#,
    r#""seq":123456,"rev":123456,"sender":"1","client_id":"0000000000000001","text":"Shall we meet at the station?","#,
    r#""created_at":"2026-01-01T12:00:00.000Z"}}"#
);

/// The frame that sends the `nth` message of a client to a conversation.
pub fn send(conversation: &str, nth: u64) -> Vec<u8> {
    send_as(conversation, &format!("{nth:016x}"))
}

/// The frame that sends the message of this client id.
pub fn send_as(conversation: &str, client_id: &str) -> Vec<u8> {
    frame::from_client(&format!(
        r#"{{"id":1,"type":"message.send","conversation":"{conversation}","client_id":"{client_id}","text":"{TEXT}"}}"#
    ))
}
