//! Logins.

macro_rules! session {
    ($rest:literal) => {
        concat!(
            "SELECT id, user_id, device, created_at, last_seen_at, idle_until, absolute_until, ",
            "credential_version, generation, current, previous, salt, key_id, rotated_at FROM chat_sessions ",
            $rest
        )
    };
}

/// Logins.
pub(crate) mod sessions {
    statements! {
        /// Key.
        ONE = session!("WHERE tenant = ? AND id = ?");

        /// `chat_sessions_by_user`.
        OF_USER = session!("INDEXED BY chat_sessions_by_user WHERE tenant = ? AND user_id = ? ORDER BY created_at, id");

        /// `chat_sessions_by_user`, ids alone.
        IDS_OF_USER = "SELECT id FROM chat_sessions \
            INDEXED BY chat_sessions_by_user WHERE tenant = ? AND user_id = ? ORDER BY created_at, id";

        INSERT = "INSERT INTO chat_sessions \
            (tenant, id, user_id, device, created_at, last_seen_at, idle_until, absolute_until, ends_at, \
            credential_version, generation, current, previous, salt, key_id, rotated_at) \
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

        /// Key.
        ENDS_AT = "SELECT ends_at FROM chat_sessions WHERE tenant = ? AND id = ?";

        /// Key.
        ROTATE = "UPDATE chat_sessions SET \
            generation = ?, current = ?, previous = ?, salt = ?, key_id = ?, rotated_at = ?, \
            idle_until = ?, ends_at = ?, credential_version = ? WHERE tenant = ? AND id = ?";

        /// Key.
        TOUCH = "UPDATE chat_sessions SET last_seen_at = ? \
            WHERE tenant = ? AND id = ? AND last_seen_at < ?";

        /// Key.
        END = "DELETE FROM chat_sessions WHERE tenant = ? AND id = ?";

        /// `chat_sessions_by_end`.
        EXPIRED = "SELECT id FROM chat_sessions \
            INDEXED BY chat_sessions_by_end WHERE tenant = ? AND ends_at <= ? ORDER BY ends_at LIMIT ?";
    }
}
