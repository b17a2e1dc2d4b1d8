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

/// Many keys at once.
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(crate) mod batched {
    /// Logins.
    pub(crate) mod sessions {
        statements! {
            /// Key.
            THESE = session!("JOIN {k wanted:id} ON id = k.wanted WHERE tenant = ?");

            /// Key, locked until the commit.
            LOCK = session!("WHERE tenant = ? AND id = ? FOR UPDATE");

            /// Key.
            ALIVE = "SELECT s.id FROM chat_sessions s JOIN {k wanted:id} ON s.id = k.wanted \
                WHERE s.tenant = ? AND s.ends_at > ?";

            /// Key, locked in the order of ids.
            LOCK_THESE = "SELECT h.id FROM chat_sessions h JOIN {k wanted:id} ON h.id = k.wanted \
                WHERE h.tenant = ? ORDER BY h.id FOR UPDATE OF h";

            /// Key.
            TOUCH = "UPDATE chat_sessions SET last_seen_at = k.seen FROM {k wanted:id seen:int} \
                WHERE tenant = ? AND id = k.wanted AND last_seen_at < k.seen";
        }
    }
}
