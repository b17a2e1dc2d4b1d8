//! Conversations, their members and their logs.

/// The columns of a conversation, in the order in which rows are read.
macro_rules! conversation_columns {
    () => {
        "c.id, c.kind, c.low, c.high, c.creator, h.head, h.start, h.n, h.last_message, h.acl, h.roster, c.may_join, \
        c.may_read, c.may_post, c.history, c.name, c.picture, c.metadata, h.member_count, c.created_at, h.last_at, \
        c.closed "
    };
}

/// The columns of a member's row beside those of his conversation.
macro_rules! seat_columns {
    () => {
        "m.conversation, m.user_id, m.standing, m.visible_from, m.read, m.read_n, m.delivered, m.since"
    };
}

macro_rules! conversation {
    ($rest:literal) => {
        concat!("SELECT ", conversation_columns!(), $rest)
    };
}

/// A member's row before the columns of his conversation.
macro_rules! seat {
    ($members:literal, $rest:literal) => {
        concat!(
            "SELECT ",
            seat_columns!(),
            ", ",
            conversation_columns!(),
            "FROM ",
            $members,
            " JOIN chat_conversations c ON c.tenant = m.tenant AND c.id = m.conversation ",
            "JOIN chat_heads h ON h.tenant = m.tenant AND h.id = m.conversation ",
            $rest
        )
    };
}

macro_rules! member {
    ($rest:literal) => {
        concat!(
            "SELECT conversation, user_id, standing, visible_from, read, read_n, delivered, since ",
            "FROM chat_members ",
            $rest
        )
    };
}

macro_rules! message {
    ($rest:literal) => {
        concat!(
            "SELECT seq, n, rev, id, by_user, client_id, at, edited_at, deleted_at, text, body ",
            "FROM chat_entries ",
            $rest
        )
    };
}

/// The counters of a conversation, beside each message of a page of it.
#[cfg(any(feature = "postgres", feature = "mysql"))]
macro_rules! page {
    ($entries:literal) => {
        concat!(
            "SELECT h.head, h.start, h.n, e.seq, e.n, e.rev, e.id, e.by_user, e.client_id, e.at, e.edited_at, ",
            "e.deleted_at, e.text, e.body FROM (SELECT tenant, id, head, start, n FROM chat_heads ",
            "WHERE tenant = ? AND id = ?) AS h JOIN ",
            $entries
        )
    };
}

/// Conversations and their counters.
pub(crate) mod conversations {
    statements! {
        /// Keys of both.
        ONE = conversation!(
            "FROM chat_heads h JOIN chat_conversations c ON c.tenant = h.tenant AND c.id = h.id \
            WHERE h.tenant = ? AND h.id = ?"
        );

        /// Keys of both, in order.
        WALK = conversation!(
            "FROM chat_conversations c JOIN chat_heads h ON h.tenant = c.tenant AND h.id = c.id \
            WHERE c.tenant = ? AND c.id > ? ORDER BY c.id LIMIT ?"
        );

        INSERT = "INSERT INTO chat_conversations \
            (tenant, id, kind, low, high, creator, may_join, may_read, may_post, history, name, picture, metadata, \
            created_at, closed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

        INSERT_HEAD = "INSERT INTO chat_heads \
            (head, n, last_message, acl, roster, member_count, last_at, start, tenant, id) \
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

        /// Key.
        UPDATE = "UPDATE chat_conversations SET \
            may_join = ?, may_read = ?, may_post = ?, history = ?, name = ?, picture = ?, metadata = ?, closed = ? \
            WHERE tenant = ? AND id = ?";

        /// Key.
        UPDATE_HEAD = "UPDATE chat_heads SET \
            head = ?, n = ?, last_message = ?, acl = ?, roster = ?, member_count = ?, last_at = ? \
            WHERE tenant = ? AND id = ?";

        /// Key.
        HEAD = "SELECT head, start, n, last_message FROM chat_heads WHERE tenant = ? AND id = ?";

        /// Key.
        FENCE = "UPDATE chat_heads SET acl = acl + 1 WHERE tenant = ? AND id = ?";

        /// Key.
        MEMBER_ENTERED = "UPDATE chat_heads SET member_count = member_count + 1 WHERE tenant = ? AND id = ?";

        /// Key. Leaving takes a right away.
        MEMBER_LEFT = "UPDATE chat_heads SET member_count = member_count - 1, acl = acl + 1 \
            WHERE tenant = ? AND id = ?";
    }
}

/// Members and their receipts.
pub(crate) mod members {
    statements! {
        /// Key.
        ONE = member!("WHERE tenant = ? AND conversation = ? AND user_id = ?");

        /// Key, in order.
        LIST = member!(
            "WHERE tenant = ? AND conversation = ? AND user_id > ? AND standing > 0 ORDER BY user_id LIMIT ?"
        );

        PUT = "INSERT INTO chat_members \
            (tenant, conversation, user_id, standing, visible_from, read, read_n, delivered, since) \
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) \
            ON CONFLICT (tenant, conversation, user_id) DO UPDATE SET standing = excluded.standing, \
            visible_from = excluded.visible_from, read = excluded.read, read_n = excluded.read_n, \
            delivered = excluded.delivered, since = excluded.since";

        /// Key.
        REMOVE = "DELETE FROM chat_members \
            WHERE tenant = ? AND conversation = ? AND user_id = ?";

        /// Key.
        EXIT = "DELETE FROM chat_members \
            WHERE tenant = ? AND conversation = ? AND user_id = ? AND standing > 0";

        /// Key. Senders without a member's row are passed over.
        OWN_READ = "UPDATE chat_members SET read = ?, read_n = ?, delivered = ? \
            WHERE tenant = ? AND conversation = ? AND user_id = ? AND standing > 0 AND read < ?";

        /// Key.
        RECEIPT = "UPDATE chat_members SET read = ?, read_n = ?, delivered = ? \
            WHERE tenant = ? AND conversation = ? AND user_id = ?";

        /// `chat_members_by_user`, then the keys of all three.
        POSITIONS = "SELECT m.conversation, c.kind, h.head, m.visible_from, h.member_count \
            FROM chat_members m INDEXED BY chat_members_by_user \
            JOIN chat_conversations c ON c.tenant = m.tenant AND c.id = m.conversation \
            JOIN chat_heads h ON h.tenant = m.tenant AND h.id = m.conversation \
            WHERE m.tenant = ? AND m.user_id = ? AND m.standing > 0 AND c.closed = 0 ORDER BY m.conversation";

        /// Keys of all three.
        SEAT = seat!(
            "chat_members m",
            "WHERE m.tenant = ? AND m.conversation = ? AND m.user_id = ?"
        );

        /// `chat_members_by_user`, then the keys of all three.
        SEATS = seat!(
            "chat_members m INDEXED BY chat_members_by_user",
            "WHERE m.tenant = ? AND m.user_id = ? AND m.conversation > ? AND m.standing > 0 AND c.closed = 0 \
            AND m.visible_from <= h.head ORDER BY m.conversation LIMIT ?"
        );

        /// `chat_members_by_user`, then the keys of all three. The number is that of a direct conversation.
        COUNT = "SELECT count(*) FROM chat_members m INDEXED BY chat_members_by_user \
            JOIN chat_conversations c ON c.tenant = m.tenant AND c.id = m.conversation \
            JOIN chat_heads h ON h.tenant = m.tenant AND h.id = m.conversation \
            WHERE m.tenant = ? AND m.user_id = ? AND m.standing > 0 AND c.closed = 0 AND c.kind <> 1 \
            AND m.visible_from <= h.head";

        /// The key of `chat_dead`, from a bucket on.
        DEAD_FROM = "SELECT bucket, dead, map FROM chat_dead \
            WHERE tenant = ? AND conversation = ? AND bucket >= ? ORDER BY bucket";

        /// Key.
        DEAD = "SELECT dead, map FROM chat_dead \
            WHERE tenant = ? AND conversation = ? AND bucket = ?";

        BURY = "INSERT INTO chat_dead (tenant, conversation, bucket, dead, map) \
            VALUES (?, ?, ?, ?, ?) \
            ON CONFLICT (tenant, conversation, bucket) DO UPDATE SET dead = excluded.dead, map = excluded.map";

        /// Key.
        EXHUME = "DELETE FROM chat_dead WHERE tenant = ? AND conversation = ? AND bucket = ?";
    }
}

/// The log.
pub(crate) mod log {
    statements! {
        INSERT = "INSERT INTO chat_entries \
            (tenant, conversation, seq, n, id, at, by_user, client_id, kind, rev, text, body, target, payload, digest, \
            dedupe) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

        /// `chat_entries_dedupe`, then the row it leads to. SQLite must be told: left alone it walks the whole
        /// conversation along the key.
        FIRST = "SELECT seq, by_user, client_id, digest FROM chat_entries \
            INDEXED BY chat_entries_dedupe WHERE tenant = ? AND conversation = ? AND dedupe = ?";

        /// Key.
        TARGET = "SELECT n, rev, deleted_at FROM chat_entries \
            WHERE tenant = ? AND conversation = ? AND seq = ? AND rev IS NOT NULL";

        /// Key.
        SET_BODY = "UPDATE chat_entries SET rev = ?, edited_at = ?, text = ?, body = ? \
            WHERE tenant = ? AND conversation = ? AND seq = ?";

        /// Key. Nothing of what was written is left.
        BURY = "UPDATE chat_entries SET \
            rev = ?, deleted_at = ?, text = NULL, body = NULL, digest = NULL \
            WHERE tenant = ? AND conversation = ? AND seq = ?";

        /// Key.
        TOUCH = "UPDATE chat_entries SET rev = ? \
            WHERE tenant = ? AND conversation = ? AND seq = ?";

        PUT_MARK = "INSERT INTO chat_marks (tenant, conversation, target, mark, by_user) \
            VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";

        /// Key.
        DROP_MARK = "DELETE FROM chat_marks \
            WHERE tenant = ? AND conversation = ? AND target = ? AND mark = ? AND by_user = ?";

        /// Key.
        DROP_MARKS = "DELETE FROM chat_marks \
            WHERE tenant = ? AND conversation = ? AND target = ?";

        /// Key.
        MARKS = "SELECT mark, by_user FROM chat_marks \
            WHERE tenant = ? AND conversation = ? AND target = ? ORDER BY mark, by_user";

        /// Key, in order.
        ENTRIES = "SELECT \
            seq, n, rev, id, by_user, client_id, at, edited_at, deleted_at, text, body, kind, target, payload \
            FROM chat_entries WHERE tenant = ? AND conversation = ? AND seq BETWEEN ? AND ? ORDER BY seq";

        /// Key.
        MESSAGE = message!("WHERE tenant = ? AND conversation = ? AND seq = ? AND rev IS NOT NULL");

        /// Key, from a position back; entries that are no messages are passed over by the reader.
        BACKWARD = message!("WHERE tenant = ? AND conversation = ? AND seq BETWEEN ? AND ? ORDER BY seq DESC");

        /// Key, from a position on; entries that are no messages are passed over by the reader.
        FORWARD = message!("WHERE tenant = ? AND conversation = ? AND seq BETWEEN ? AND ? ORDER BY seq");

        /// Key: how many messages there are up to a position.
        N_AT = "SELECT n, rev FROM chat_entries \
            WHERE tenant = ? AND conversation = ? AND seq <= ? ORDER BY seq DESC LIMIT 1";
    }
}

/// Many keys at once.
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(crate) mod batched {
    /// Conversations and their counters.
    pub(crate) mod conversations {
        statements! {
            /// Keys of both.
            THESE = conversation!(
                "FROM chat_heads h JOIN {k wanted:id} ON h.id = k.wanted \
                JOIN chat_conversations c ON c.tenant = h.tenant AND c.id = h.id WHERE h.tenant = ?"
            );

            /// Key, locked in the order of ids.
            LOCK = "SELECT h.id FROM chat_heads h JOIN {k wanted:id} ON h.id = k.wanted \
                WHERE h.tenant = ? ORDER BY h.id FOR UPDATE OF h";

            /// Key.
            HEADS = "SELECT h.id, h.head, h.start, h.n, h.last_message FROM chat_heads h \
                JOIN {k wanted:id} ON h.id = k.wanted WHERE h.tenant = ?";

            /// Key.
            UPDATE_HEADS = "UPDATE chat_heads SET head = k.to_head, n = k.to_n, last_message = k.to_last, \
                acl = k.to_acl, roster = k.to_roster, member_count = k.to_count, last_at = k.to_at \
                FROM {k wanted:id to_head:int to_n:int to_last:int to_acl:int to_roster:int to_count:int to_at:int} \
                WHERE tenant = ? AND id = k.wanted";
        }
    }

    /// Members and their receipts.
    pub(crate) mod members {
        statements! {
            /// Key.
            THESE = member!(
                "JOIN {k place:id who:id} ON conversation = k.place AND user_id = k.who WHERE tenant = ?"
            );

            /// Key, locked in its order.
            LOCK = member!(
                "JOIN {k place:id who:id} ON conversation = k.place AND user_id = k.who WHERE tenant = ? \
                ORDER BY conversation, user_id FOR UPDATE"
            );

            /// Keys of all three: a conversation, and whether there is a row of this user in it, and which.
            PLACE = concat!(
                "SELECT ",
                conversation_columns!(),
                ", m.standing, ",
                seat_columns!(),
                " FROM chat_heads h JOIN chat_conversations c ON c.tenant = h.tenant AND c.id = h.id ",
                "LEFT JOIN chat_members m ON m.tenant = h.tenant AND m.conversation = h.id AND m.user_id = ? ",
                "WHERE h.tenant = ? AND h.id = ?"
            );

            /// Keys of all three.
            SEATS = seat!(
                "chat_members m JOIN {k place:id} ON m.conversation = k.place",
                "WHERE m.tenant = ? AND m.user_id = ?"
            );

            /// `chat_members_by_user`, then the keys of all three. The number is that of a direct conversation.
            COUNTS = "SELECT m.user_id, count(*) FROM chat_members m \
                INDEXED BY chat_members_by_user JOIN {k who:id} ON m.user_id = k.who \
                JOIN chat_conversations c ON c.tenant = m.tenant AND c.id = m.conversation \
                JOIN chat_heads h ON h.tenant = m.tenant AND h.id = m.conversation \
                WHERE m.tenant = ? AND m.standing > 0 AND c.closed = 0 AND c.kind <> 1 \
                AND m.visible_from <= h.head GROUP BY m.user_id";

            PUT = "INSERT INTO chat_members \
                (tenant, conversation, user_id, standing, visible_from, read, read_n, delivered, since) \
                SELECT ?, k.place, k.who, k.standing, k.from_seq, k.to_read, k.to_n, k.to_delivered, k.from_time \
                FROM {k place:id who:id standing:int from_seq:int to_read:int to_n:int to_delivered:int from_time:int} \
                ON CONFLICT (tenant, conversation, user_id) DO UPDATE SET standing = excluded.standing, \
                visible_from = excluded.visible_from, read = excluded.read, read_n = excluded.read_n, \
                delivered = excluded.delivered, since = excluded.since";

            /// Key. Senders without a member's row are passed over.
            OWN_READS = "UPDATE chat_members SET read = k.to_seq, read_n = k.to_n, delivered = k.to_seq \
                FROM {k place:id who:id to_seq:int to_n:int} WHERE tenant = ? AND conversation = k.place \
                AND user_id = k.who AND standing > 0 AND read < k.to_seq";

            /// Key.
            RECEIPTS = "UPDATE chat_members SET read = k.to_read, read_n = k.to_n, delivered = k.to_delivered \
                FROM {k place:id who:id to_read:int to_n:int to_delivered:int} \
                WHERE tenant = ? AND conversation = k.place AND user_id = k.who";

            /// The key of `chat_dead`, from a bucket to another; of both their maps, of those between their counts.
            DEAD_IN = "SELECT k.nth, d.bucket, d.dead, CASE WHEN d.bucket IN (k.first, k.last) THEN d.map END \
                FROM chat_dead d JOIN {k nth:int place:id first:int last:int} ON d.conversation = k.place \
                AND d.bucket BETWEEN k.first AND k.last WHERE d.tenant = ?";

            /// The key of `chat_heads`, then that of `chat_dead` from a bucket on; of that one its map.
            ALIVE_AFTER = "SELECT k.nth, h.n, d.bucket, d.dead, CASE WHEN d.bucket = k.first THEN d.map END \
                FROM chat_heads h JOIN {k nth:int place:id first:int} ON h.id = k.place \
                LEFT JOIN chat_dead d ON d.tenant = h.tenant AND d.conversation = h.id AND d.bucket >= k.first \
                WHERE h.tenant = ?";
        }
    }

    /// The log.
    pub(crate) mod log {
        statements! {
            INSERT = "INSERT INTO chat_entries \
                (tenant, conversation, seq, n, id, at, by_user, client_id, kind, rev, text, body, target, payload, \
                digest, dedupe) SELECT ?, e.place, e.seq, e.n, e.entry, e.made_at, e.by_whom, e.client_id, e.kind, \
                e.rev, e.said, e.body, e.target, e.payload, e.digest, e.dedupe FROM {e place:id seq:int n:int \
                entry:id made_at:int by_whom:id client_id:bytes kind:int rev:int said:text body:bytes target:int \
                payload:bytes digest:bytes dedupe:int}";

            /// Puts rows as they are, in the place of what is there.
            PUT = "INSERT INTO chat_entries \
                (tenant, conversation, seq, n, id, at, by_user, client_id, kind, rev, text, body, edited_at, \
                deleted_at, target, payload, digest, dedupe) SELECT ?, e.place, e.seq, e.n, e.entry, e.made_at, \
                e.by_whom, e.client_id, e.kind, e.rev, e.said, e.body, e.edited_at, e.deleted_at, e.target, \
                e.payload, e.digest, e.dedupe FROM {e place:id seq:int n:int entry:id made_at:int by_whom:id \
                client_id:bytes kind:int rev:int said:text body:bytes edited_at:int deleted_at:int target:int \
                payload:bytes digest:bytes dedupe:int} \
                ON CONFLICT (tenant, conversation, seq) DO UPDATE SET n = excluded.n, id = excluded.id, \
                at = excluded.at, by_user = excluded.by_user, client_id = excluded.client_id, \
                kind = excluded.kind, rev = excluded.rev, text = excluded.text, body = excluded.body, \
                edited_at = excluded.edited_at, deleted_at = excluded.deleted_at, target = excluded.target, \
                payload = excluded.payload, digest = excluded.digest, dedupe = excluded.dedupe";

            PUT_MARKS = "INSERT INTO chat_marks (tenant, conversation, target, mark, by_user) \
                SELECT ?, k.place, k.at_seq, k.mark, k.who FROM {k place:id at_seq:int mark:text who:id} \
                ON CONFLICT DO NOTHING";

            /// `chat_entries_dedupe`, then the rows it leads to. PostgreSQL says it in its own way.
            FIRSTS = "SELECT e.conversation, e.seq, e.by_user, e.client_id, e.digest FROM chat_entries e \
                INDEXED BY chat_entries_dedupe JOIN {k place:id dedupe:int} \
                ON e.conversation = k.place AND e.dedupe = k.dedupe WHERE e.tenant = ?";

            /// Key.
            TARGETS = "SELECT e.conversation, e.seq, e.n, e.rev, e.deleted_at FROM chat_entries e \
                JOIN {k place:id at_seq:int} ON e.conversation = k.place AND e.seq = k.at_seq \
                WHERE e.tenant = ? AND e.rev IS NOT NULL";

            /// Key, in order: from a position to another. MySQL is asked for each position.
            ENTRIES = "SELECT e.conversation, \
                e.seq, e.n, e.rev, e.id, e.by_user, e.client_id, e.at, e.edited_at, e.deleted_at, e.text, e.body, \
                e.kind, e.target, e.payload FROM chat_entries e JOIN {k place:id first:int last:int} \
                ON e.conversation = k.place AND e.seq BETWEEN k.first AND k.last WHERE e.tenant = ? \
                ORDER BY e.conversation, e.seq";

            /// Key, in order: positions one by one.
            ENTRIES_AT = "SELECT e.conversation, \
                e.seq, e.n, e.rev, e.id, e.by_user, e.client_id, e.at, e.edited_at, e.deleted_at, e.text, e.body, \
                e.kind, e.target, e.payload FROM chat_entries e JOIN {k place:id at_seq:int} \
                ON e.conversation = k.place AND e.seq = k.at_seq WHERE e.tenant = ? ORDER BY e.conversation, e.seq";

            /// Key.
            MESSAGES = "SELECT e.conversation, \
                e.seq, e.n, e.rev, e.id, e.by_user, e.client_id, e.at, e.edited_at, e.deleted_at, e.text, e.body \
                FROM chat_entries e JOIN {k place:id at_seq:int} ON e.conversation = k.place AND e.seq = k.at_seq \
                WHERE e.tenant = ? AND e.rev IS NOT NULL";

            /// Keys of both.
            LAST = "SELECT e.conversation, \
                e.seq, e.n, e.rev, e.id, e.by_user, e.client_id, e.at, e.edited_at, e.deleted_at, e.text, e.body \
                FROM chat_heads h JOIN {k wanted:id} ON h.id = k.wanted JOIN chat_entries e ON e.tenant = h.tenant \
                AND e.conversation = h.id AND e.seq = h.last_message WHERE h.tenant = ? AND e.rev IS NOT NULL";

            /// Key: how many messages there are up to each position that is there.
            N_AT = "SELECT k.nth, e.n, e.rev FROM chat_entries e JOIN {k nth:int place:id upto:int} \
                ON e.conversation = k.place AND e.seq = k.upto WHERE e.tenant = ?";

            /// Key, in order.
            MARKS = "SELECT m.target, m.mark, m.by_user FROM chat_marks m JOIN {k at_seq:int} \
                ON m.target = k.at_seq WHERE m.tenant = ? AND m.conversation = ?";

            /// Key, then that of the entries, backwards from a position or the head: messages alone, over so many
            /// positions.
            PAGE_BEFORE = page!(
                "chat_entries e ON e.tenant = h.tenant AND e.conversation = h.id \
                AND e.seq BETWEEN greatest(h.start, ?, least(h.head, ?) - ?) AND least(h.head, ?) AND e.rev IS NOT NULL \
                ORDER BY e.seq DESC LIMIT ?"
            );

            /// The same forwards, from a position to another.
            PAGE_AFTER = page!(
                "chat_entries e ON e.tenant = h.tenant AND e.conversation = h.id \
                AND e.seq BETWEEN greatest(h.start, ?) AND least(h.head, ?) AND e.rev IS NOT NULL ORDER BY e.seq LIMIT ?"
            );

            /// Key, backwards: messages alone, over so many positions.
            BACKWARD = message!("WHERE tenant = ? AND conversation = ? AND seq BETWEEN ? AND ? AND rev IS NOT NULL \
                ORDER BY seq DESC LIMIT ?");

            /// Key, forwards: messages alone, over so many positions.
            FORWARD = message!("WHERE tenant = ? AND conversation = ? AND seq BETWEEN ? AND ? AND rev IS NOT NULL \
                ORDER BY seq LIMIT ?");
        }
    }
}
