//! What servers alone are told: locks, and the changes that many processes read.

statements! {
    /// Key. Made once for each user.
    MAKE_LOCKS = "INSERT INTO chat_locks (tenant, kind, id) SELECT ?, ?, k.wanted FROM {k wanted:id} \
        ON CONFLICT DO NOTHING";

    /// Key, locked in the order of ids.
    LOCK = "SELECT h.id FROM chat_locks h JOIN {k wanted:id} ON h.id = k.wanted \
        WHERE h.tenant = ? AND h.kind = ? ORDER BY h.id FOR UPDATE OF h";

    TELL = "INSERT INTO chat_changes (tenant, feed, at, kind, subject) \
        SELECT ?, k.feed, {now}, k.kind, k.subject FROM {k feed:int kind:int subject:id}";

    /// Key, from its end. What was thrown away is at or before the second.
    CHANGES_END = "SELECT (SELECT max(id) FROM chat_changes WHERE tenant = ? AND feed = ?), \
        (SELECT id FROM chat_floors WHERE tenant = ? AND feed = ?)";

    /// Key, in order.
    CHANGES = "SELECT id, kind, subject FROM chat_changes \
        WHERE tenant = ? AND feed = ? AND id > ? ORDER BY id LIMIT ?";

    /// Key, backwards through what is young.
    CHANGES_BEFORE = "SELECT id FROM chat_changes \
        WHERE tenant = ? AND feed = ? AND at < {now} - ? ORDER BY id DESC LIMIT 1";

    /// Key: how many there are between two.
    CHANGES_BETWEEN = "SELECT count(*) FROM chat_changes \
        WHERE tenant = ? AND feed = ? AND id > ? AND id <= ?";

    /// Key, from its beginning.
    CHANGES_OLD = "SELECT max(old.id) FROM (SELECT id, at FROM chat_changes \
        WHERE tenant = ? AND feed = ? ORDER BY id LIMIT ?) AS old WHERE old.at < {now} - ?";

    RAISE_FLOOR = "INSERT INTO chat_floors (tenant, feed, id) VALUES (?, ?, ?) \
        ON CONFLICT (tenant, feed) DO UPDATE SET id = excluded.id";

    /// Key.
    FORGET_CHANGES = "DELETE FROM chat_changes WHERE tenant = ? AND feed = ? AND id <= ?";

    PING = "SELECT 1";

    TENANTS_OF_PAIRS = "SELECT DISTINCT tenant FROM chat_pairs";

    TENANTS_OF_CONVERSATIONS = "SELECT DISTINCT tenant FROM chat_conversations";

    /// Key, in order.
    CONVERSATION_IDS = "SELECT id FROM chat_conversations WHERE tenant = ? AND id > ? ORDER BY id LIMIT ?";

    /// Keys of both. SQLite's `min` of two is `least` on servers.
    SIDE_ALONE = "SELECT count(*) FROM chat_friends f WHERE NOT EXISTS (SELECT 1 \
        FROM chat_pairs p WHERE p.tenant = f.tenant AND p.low = least(f.user_id, f.other) \
        AND p.high = greatest(f.user_id, f.other))";

    SESSION_ENDS = "SELECT count(*) FROM chat_sessions \
        WHERE ends_at <> least(idle_until, absolute_until)";
}

/// What PostgreSQL alone understands.
#[cfg(feature = "postgres")]
pub(crate) mod postgres {
    statements! {
        /// The oldest transaction that is not over, and the first that has not begun.
        TRANSACTIONS = "SELECT pg_snapshot_xmin(now.snapshot)::text::int8, pg_snapshot_xmax(now.snapshot)::text::int8 \
            FROM (SELECT pg_current_snapshot() AS snapshot) AS now";

        /// `chat_entries_dedupe`, then the rows it leads to. The rest is compared after that: a server that
        /// knows nothing of the tables yet takes the key for as good, and would walk all entries of the conversation.
        FIRSTS = "SELECT e.conversation, e.seq, e.by_user, e.client_id, e.digest FROM {k place:id dedupe:int} \
            CROSS JOIN LATERAL (SELECT x.tenant, x.conversation, x.seq, x.by_user, x.client_id, x.digest \
            FROM chat_entries x WHERE x.dedupe = k.dedupe OFFSET 0) AS e \
            WHERE e.conversation = k.place AND e.tenant = ?";

        /// Keys, and `chat_entries_dedupe` as above. Everything or nothing; why this is right is told where it is used.
        APPEND = "WITH \
            lane AS MATERIALIZED (SELECT ?::int8 AS tenant, l.* FROM {l place:id from_head:int from_acl:int \
            to_head:int to_n:int to_last:int to_at:int}), \
            entry AS MATERIALIZED (SELECT ?::int8 AS tenant, e.* FROM {e place:id seq:int n:int entry:id made_at:int \
            by_whom:id client_id:bytes kind:int rev:int said:text body:bytes target:int payload:bytes digest:bytes \
            dedupe:int}), \
            reading AS MATERIALIZED (SELECT ?::int8 AS tenant, r.* FROM {r place:id who:id to_seq:int to_n:int}), \
            locked AS MATERIALIZED (SELECT h.id FROM lane JOIN chat_heads h ON h.tenant = lane.tenant \
            AND h.id = lane.place WHERE h.head = lane.from_head AND h.acl = lane.from_acl \
            AND NOT EXISTS (SELECT 1 FROM entry CROSS JOIN LATERAL (SELECT e.tenant, e.conversation FROM chat_entries e \
            WHERE e.dedupe = entry.dedupe OFFSET 0) AS x \
            WHERE x.conversation = entry.place AND x.tenant = entry.tenant) ORDER BY h.id FOR UPDATE OF h), \
            moved AS (UPDATE chat_heads h SET head = lane.to_head, n = lane.to_n, last_message = lane.to_last, \
            last_at = lane.to_at FROM lane WHERE h.tenant = lane.tenant AND h.id = lane.place \
            AND (SELECT count(*) FROM locked) = ? RETURNING h.tenant, h.id, acl, roster, member_count), \
            written AS (INSERT INTO chat_entries \
            (tenant, conversation, seq, n, id, at, by_user, client_id, kind, rev, text, body, target, payload, \
            digest, dedupe) SELECT entry.* FROM entry WHERE EXISTS (SELECT 1 FROM moved)), \
            own AS (UPDATE chat_members m SET read = r.to_seq, read_n = r.to_n, delivered = r.to_seq \
            FROM reading r WHERE m.tenant = r.tenant AND m.conversation = r.place AND m.user_id = r.who \
            AND standing > 0 AND read < r.to_seq AND EXISTS (SELECT 1 FROM moved)), \
            told AS (INSERT INTO chat_changes (tenant, feed, at, kind, subject) \
            SELECT moved.tenant, 2, {now}, 1, moved.id FROM moved) \
            SELECT id, acl, roster, member_count FROM moved";

        /// As shared, and the entries of the page alone: left to itself the server would sort all positions.
        PAGE_BEFORE = page!(
            "LATERAL (SELECT * FROM chat_entries m WHERE m.tenant = h.tenant AND m.conversation = h.id \
            AND m.seq BETWEEN greatest(h.start, ?, least(h.head, ?) - ?) AND least(h.head, ?) \
            AND m.rev IS NOT NULL ORDER BY m.seq DESC LIMIT ?) AS e ON true ORDER BY e.seq DESC"
        );

        /// As shared, like the other.
        PAGE_AFTER = page!(
            "LATERAL (SELECT * FROM chat_entries m WHERE m.tenant = h.tenant AND m.conversation = h.id \
            AND m.seq BETWEEN greatest(h.start, ?) AND least(h.head, ?) \
            AND m.rev IS NOT NULL ORDER BY m.seq LIMIT ?) AS e ON true ORDER BY e.seq"
        );
    }
}

/// What MySQL says in its own way.
#[cfg(feature = "mysql")]
pub(crate) mod mysql {
    statements! {
        /// Key, from a pair on: MySQL walks no index for a comparison of rows.
        PAIRS = "SELECT low, high, state, low_blocks, high_blocks, version, at, fence_due, fenced \
            FROM (SELECT ? AS whose, ? AS after_low, ? AS after_high) AS k JOIN chat_pairs \
            ON tenant = k.whose AND low >= k.after_low AND (low > k.after_low OR high > k.after_high) \
            ORDER BY low, high LIMIT ?";

        /// `chat_pairs_unfenced`: MySQL has no index of some rows, but one of a column that is mostly absent.
        UNFENCED = "SELECT low, high, state, low_blocks, high_blocks, version, at, fence_due, fenced FROM chat_pairs \
            WHERE tenant = ? AND due = 1 ORDER BY low, high LIMIT ?";
    }
}
