//! When everybody had read up to where.

statements! {
    NOTE = "INSERT INTO chat_reads (tenant, conversation, user_id, up_to, at) VALUES (?, ?, ?, ?, ?) \
        ON CONFLICT DO NOTHING";

    /// Key, one user's part of a conversation.
    FROM = "SELECT conversation, user_id, up_to, at FROM chat_reads \
        WHERE tenant = ? AND conversation = ? AND user_id = ? AND up_to >= ? ORDER BY up_to LIMIT ?";

    /// Key, one conversation in order.
    WALK = "SELECT conversation, user_id, up_to, at FROM chat_reads \
        WHERE tenant = ? AND conversation = ? AND (user_id, up_to) > (?, ?) ORDER BY user_id, up_to LIMIT ?";
}

/// Many at once.
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(crate) mod batched {
    statements! {
        NOTE = "INSERT INTO chat_reads (tenant, conversation, user_id, up_to, at) \
            SELECT ?, k.place, k.who, k.up_to, k.told FROM {k place:id who:id up_to:int told:int} \
            ON CONFLICT DO NOTHING";

        /// Key, the parts of some users. Those of one are numbered, so that no more than asked come over the line.
        FROM = "SELECT conversation, user_id, up_to, at FROM (SELECT r.conversation, r.user_id, r.up_to, r.at, \
            ROW_NUMBER() OVER (PARTITION BY r.conversation, r.user_id ORDER BY r.up_to) AS nth \
            FROM chat_reads r JOIN {k place:id who:id least:int} \
            ON r.conversation = k.place AND r.user_id = k.who AND r.up_to >= k.least WHERE r.tenant = ?) numbered \
            WHERE nth <= ? ORDER BY up_to";
    }
}
