//! Files of messages.

macro_rules! attachment {
    ($rest:literal) => {
        concat!("SELECT id, user_id, version, due, payload FROM chat_attachments ", $rest)
    };
}

statements! {
    /// Key.
    ONE = attachment!("WHERE tenant = ? AND id = ?");

    /// Key.
    VERSION = "SELECT version FROM chat_attachments WHERE tenant = ? AND id = ?";

    INSERT = "INSERT INTO chat_attachments (tenant, id, user_id, version, due, payload) VALUES (?, ?, ?, ?, ?, ?)";

    /// Key.
    UPDATE = "UPDATE chat_attachments SET version = ?, due = ?, payload = ? \
        WHERE tenant = ? AND id = ? AND version = ? AND user_id = ?";

    /// Key.
    REMOVE = "DELETE FROM chat_attachments WHERE tenant = ? AND id = ? AND version = ?";

    /// `chat_attachments_by_due`.
    DUE = attachment!(
        "INDEXED BY chat_attachments_by_due WHERE tenant = ? AND due <= ? ORDER BY due, id LIMIT ?"
    );

    /// `chat_attachments_by_user`.
    WAITING = "SELECT count(*) FROM chat_attachments \
        INDEXED BY chat_attachments_by_user WHERE tenant = ? AND user_id = ? AND due IS NOT NULL";

    /// Key, in order.
    AFTER = attachment!("WHERE tenant = ? AND id > ? ORDER BY id LIMIT ?");

    /// Key.
    FORGET = "DELETE FROM chat_attachments WHERE tenant = ? AND id > ? AND id <= ?";
}

/// Many keys at once.
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(crate) mod batched {
    statements! {
        /// Key.
        THESE = attachment!("JOIN {k wanted:id} ON id = k.wanted WHERE tenant = ?");

        /// Key, locked until the commit.
        LOCK = "SELECT version FROM chat_attachments WHERE tenant = ? AND id = ? FOR UPDATE";
    }
}
