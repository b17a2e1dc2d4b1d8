//! Every statement, by name, with the index it walks.
//!
//! Written once for all dialects: `?` in order, each once, columns by name, no expression that only one database
//! knows. `tenant` comes first in every key, so it is always the first condition. "key" below is the primary key of
//! the table that is read first; the tables are clustered on it.

/// The columns of a conversation, in the order in which rows are read.
macro_rules! conversation {
    ($rest:literal) => {
        concat!(
            "SELECT c.id, c.kind, c.low, c.high, c.creator, h.head, h.start, h.n, h.last_message, h.acl, ",
            "h.roster, c.may_join, c.may_read, c.may_post, c.history, c.name, c.picture, c.metadata, ",
            "h.member_count, c.created_at, h.last_at, c.closed ",
            $rest
        )
    };
}

/// A member's row before the columns of his conversation.
macro_rules! seat {
    ($rest:literal) => {
        concat!(
            "SELECT m.conversation, m.user_id, m.standing, m.visible_from, m.read, m.read_n, m.delivered, ",
            "m.since, c.id, c.kind, c.low, c.high, c.creator, h.head, h.start, h.n, h.last_message, h.acl, ",
            "h.roster, c.may_join, c.may_read, c.may_post, c.history, c.name, c.picture, c.metadata, ",
            "h.member_count, c.created_at, h.last_at, c.closed ",
            "FROM chat_members m ",
            "JOIN chat_conversations c ON c.tenant = m.tenant AND c.id = m.conversation ",
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

macro_rules! pair {
    ($rest:literal) => {
        concat!(
            "SELECT low, high, state, low_blocks, high_blocks, version, at, fence_due, fenced FROM chat_pairs ",
            $rest
        )
    };
}

macro_rules! account {
    ($rest:literal) => {
        concat!(
            "SELECT a.user_id, a.username, a.full_name, a.email, a.email_verified_at, a.picture, a.bio, ",
            "a.password, a.credential_version, a.state, a.version, a.created_at ",
            $rest
        )
    };
}

macro_rules! session {
    ($rest:literal) => {
        concat!(
            "SELECT id, user_id, device, created_at, last_seen_at, idle_until, absolute_until, ",
            "credential_version, generation, current, previous, salt, key_id, rotated_at FROM chat_sessions ",
            $rest
        )
    };
}

/// What the file says about itself.
pub(crate) mod meta {
    pub(crate) const READ: &str = "SELECT epoch, digest_key FROM chat_meta WHERE id = 1";
    pub(crate) const WRITE: &str = "INSERT INTO chat_meta (id, epoch, digest_key) VALUES (1, ?, ?)";
    pub(crate) const RENEW: &str = "UPDATE chat_meta SET epoch = ? WHERE id = 1";
}

/// Pairs and what each side sees of them.
pub(crate) mod friendships {
    /// Key.
    pub(crate) const PAIR: &str = pair!("WHERE tenant = ? AND low = ? AND high = ?");

    pub(crate) const INSERT: &str = "INSERT INTO chat_pairs \
        (state, low_blocks, high_blocks, version, at, fence_due, fenced, tenant, low, high) \
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

    /// Key.
    pub(crate) const UPDATE: &str = "UPDATE chat_pairs SET \
        state = ?, low_blocks = ?, high_blocks = ?, version = ?, at = ?, fence_due = ?, fenced = ? \
        WHERE tenant = ? AND low = ? AND high = ?";

    /// Key.
    pub(crate) const FENCED: &str = "UPDATE chat_pairs SET fenced = ? \
        WHERE tenant = ? AND low = ? AND high = ? AND fenced < ?";

    /// `chat_pairs_unfenced`.
    pub(crate) const UNFENCED: &str =
        pair!("WHERE tenant = ? AND fenced < fence_due ORDER BY low, high LIMIT ?");

    /// `chat_friends_feed`, from its end.
    pub(crate) const FEED_END: &str =
        "SELECT max(version) FROM chat_friends WHERE tenant = ? AND user_id = ?";

    /// A side that sees something new.
    pub(crate) const SHOW: &str = "INSERT INTO chat_friends \
        (tenant, user_id, other, relation, blocks, any_block, at, version) VALUES (?, ?, ?, ?, ?, ?, ?, ?) \
        ON CONFLICT (tenant, user_id, other) DO UPDATE SET relation = excluded.relation, \
        blocks = excluded.blocks, any_block = excluded.any_block, at = excluded.at, version = excluded.version";

    /// A side that sees what it saw: its feed does not move, but a block may concern it.
    pub(crate) const NOTE: &str = "INSERT INTO chat_friends \
        (tenant, user_id, other, relation, blocks, any_block, at, version) VALUES (?, ?, ?, 0, 0, ?, 0, NULL) \
        ON CONFLICT (tenant, user_id, other) DO UPDATE SET any_block = excluded.any_block";

    /// Key, one user's rows in order. Filtered while read: a user has hundreds of rows, not millions.
    pub(crate) const LIST: &str = "SELECT other, relation, blocks, at FROM chat_friends \
        WHERE tenant = ? AND user_id = ? AND other > ? AND version IS NOT NULL ORDER BY other";

    /// Key, one user's rows.
    pub(crate) const BLOCKS: &str = "SELECT other FROM chat_friends \
        WHERE tenant = ? AND user_id = ? AND any_block = 1 ORDER BY other";

    /// `chat_friends_feed`.
    pub(crate) const SINCE: &str = "SELECT other, relation, blocks, at, version FROM chat_friends \
        WHERE tenant = ? AND user_id = ? AND version > ? ORDER BY version LIMIT ?";
}

/// Accounts, their claims and words.
pub(crate) mod accounts {
    /// Key.
    pub(crate) const ONE: &str = account!("FROM chat_accounts a WHERE a.tenant = ? AND a.user_id = ?");

    pub(crate) const INSERT: &str = "INSERT INTO chat_accounts \
        (username, full_name, email, email_verified_at, picture, bio, password, credential_version, state, \
        version, created_at, tenant, user_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

    /// Key.
    pub(crate) const UPDATE: &str = "UPDATE chat_accounts SET \
        username = ?, full_name = ?, email = ?, email_verified_at = ?, picture = ?, bio = ?, password = ?, \
        credential_version = ?, state = ?, version = ?, created_at = ? WHERE tenant = ? AND user_id = ?";

    /// `chat_accounts_by_state`.
    pub(crate) const IN_STATE: &str = account!(
        "FROM chat_accounts a WHERE a.tenant = ? AND a.state = ? AND a.user_id > ? ORDER BY a.user_id LIMIT ?"
    );

    /// Key.
    pub(crate) const CLAIMED: &str =
        "SELECT user_id FROM chat_claims WHERE tenant = ? AND kind = ? AND value = ?";

    pub(crate) const CLAIM: &str = "INSERT INTO chat_claims (tenant, kind, value, user_id) \
        VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING";

    /// Key.
    pub(crate) const RELEASE: &str = "DELETE FROM chat_claims \
        WHERE tenant = ? AND kind = ? AND value = ? AND user_id = ?";

    /// `chat_account_words_by_user`.
    pub(crate) const FORGET_WORDS: &str = "DELETE FROM chat_account_words WHERE tenant = ? AND user_id = ?";

    pub(crate) const ADD_WORD: &str = "INSERT INTO chat_account_words (tenant, word, user_id) VALUES (?, ?, ?) \
        ON CONFLICT DO NOTHING";

    /// The key of `chat_account_words`, all words of one beginning.
    pub(crate) const WITH_WORD: &str = "SELECT DISTINCT w.user_id FROM chat_account_words w \
        WHERE w.tenant = ? AND w.word >= ? AND w.word < ? AND w.user_id > ? ORDER BY w.user_id";

    /// `chat_account_words_by_user`.
    pub(crate) const HAS_WORD: &str = "SELECT 1 FROM chat_account_words \
        WHERE tenant = ? AND user_id = ? AND word >= ? AND word < ? LIMIT 1";
}

/// Logins.
pub(crate) mod sessions {
    /// Key.
    pub(crate) const ONE: &str = session!("WHERE tenant = ? AND id = ?");

    /// `chat_sessions_by_user`.
    pub(crate) const OF_USER: &str = session!("WHERE tenant = ? AND user_id = ? ORDER BY created_at, id");

    /// `chat_sessions_by_user`, ids alone.
    pub(crate) const IDS_OF_USER: &str = "SELECT id FROM chat_sessions \
        WHERE tenant = ? AND user_id = ? ORDER BY created_at, id";

    pub(crate) const INSERT: &str = "INSERT INTO chat_sessions \
        (tenant, id, user_id, device, created_at, last_seen_at, idle_until, absolute_until, ends_at, \
        credential_version, generation, current, previous, salt, key_id, rotated_at) \
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

    /// Key.
    pub(crate) const ENDS_AT: &str = "SELECT ends_at FROM chat_sessions WHERE tenant = ? AND id = ?";

    /// Key.
    pub(crate) const ROTATE: &str = "UPDATE chat_sessions SET \
        generation = ?, current = ?, previous = ?, salt = ?, key_id = ?, rotated_at = ?, \
        idle_until = ?, ends_at = ?, credential_version = ? WHERE tenant = ? AND id = ?";

    /// Key.
    pub(crate) const TOUCH: &str = "UPDATE chat_sessions SET last_seen_at = ? \
        WHERE tenant = ? AND id = ? AND last_seen_at < ?";

    /// Key.
    pub(crate) const END: &str = "DELETE FROM chat_sessions WHERE tenant = ? AND id = ?";

    /// `chat_sessions_by_end`.
    pub(crate) const EXPIRED: &str = "SELECT id FROM chat_sessions \
        WHERE tenant = ? AND ends_at <= ? ORDER BY ends_at LIMIT ?";
}

/// Conversations and their counters.
pub(crate) mod conversations {
    /// Keys of both.
    pub(crate) const ONE: &str = conversation!(
        "FROM chat_heads h JOIN chat_conversations c ON c.tenant = h.tenant AND c.id = h.id \
        WHERE h.tenant = ? AND h.id = ?"
    );

    /// Keys of both, in order.
    pub(crate) const WALK: &str = conversation!(
        "FROM chat_conversations c JOIN chat_heads h ON h.tenant = c.tenant AND h.id = c.id \
        WHERE c.tenant = ? AND c.id > ? ORDER BY c.id LIMIT ?"
    );

    pub(crate) const INSERT: &str = "INSERT INTO chat_conversations \
        (tenant, id, kind, low, high, creator, may_join, may_read, may_post, history, name, picture, metadata, \
        created_at, closed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

    pub(crate) const INSERT_HEAD: &str = "INSERT INTO chat_heads \
        (head, n, last_message, acl, roster, member_count, last_at, start, tenant, id) \
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

    /// Key.
    pub(crate) const UPDATE: &str = "UPDATE chat_conversations SET \
        may_join = ?, may_read = ?, may_post = ?, history = ?, name = ?, picture = ?, metadata = ?, closed = ? \
        WHERE tenant = ? AND id = ?";

    /// Key.
    pub(crate) const UPDATE_HEAD: &str = "UPDATE chat_heads SET \
        head = ?, n = ?, last_message = ?, acl = ?, roster = ?, member_count = ?, last_at = ? \
        WHERE tenant = ? AND id = ?";

    /// Key.
    pub(crate) const HEAD: &str =
        "SELECT head, start, n, last_message FROM chat_heads WHERE tenant = ? AND id = ?";

    /// Key.
    pub(crate) const FENCE: &str = "UPDATE chat_heads SET acl = acl + 1 WHERE tenant = ? AND id = ?";

    /// Key.
    pub(crate) const COUNT_MEMBERS: &str = "UPDATE chat_heads SET member_count = member_count + ? \
        WHERE tenant = ? AND id = ?";

    /// Key. Leaving takes a right away.
    pub(crate) const MEMBER_LEFT: &str = "UPDATE chat_heads SET member_count = member_count - 1, acl = acl + 1 \
        WHERE tenant = ? AND id = ?";
}

/// Members and their receipts.
pub(crate) mod members {
    /// Key.
    pub(crate) const ONE: &str = member!("WHERE tenant = ? AND conversation = ? AND user_id = ?");

    /// Key, in order.
    pub(crate) const LIST: &str = member!(
        "WHERE tenant = ? AND conversation = ? AND user_id > ? AND standing > 0 ORDER BY user_id LIMIT ?"
    );

    pub(crate) const PUT: &str = "INSERT INTO chat_members \
        (tenant, conversation, user_id, standing, visible_from, read, read_n, delivered, since) \
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) \
        ON CONFLICT (tenant, conversation, user_id) DO UPDATE SET standing = excluded.standing, \
        visible_from = excluded.visible_from, read = excluded.read, read_n = excluded.read_n, \
        delivered = excluded.delivered, since = excluded.since";

    /// Key.
    pub(crate) const REMOVE: &str = "DELETE FROM chat_members \
        WHERE tenant = ? AND conversation = ? AND user_id = ?";

    /// Key.
    pub(crate) const EXIT: &str = "DELETE FROM chat_members \
        WHERE tenant = ? AND conversation = ? AND user_id = ? AND standing > 0";

    /// Key. Senders without a member's row are passed over.
    pub(crate) const OWN_READ: &str = "UPDATE chat_members SET read = ?, read_n = ?, delivered = ? \
        WHERE tenant = ? AND conversation = ? AND user_id = ? AND standing > 0 AND read < ?";

    /// Key.
    pub(crate) const RECEIPT: &str = "UPDATE chat_members SET read = ?, read_n = ?, delivered = ? \
        WHERE tenant = ? AND conversation = ? AND user_id = ?";

    /// `chat_members_by_user`, then the keys of all three.
    pub(crate) const POSITIONS: &str = "SELECT m.conversation, c.kind, h.head, m.visible_from, h.member_count \
        FROM chat_members m \
        JOIN chat_conversations c ON c.tenant = m.tenant AND c.id = m.conversation \
        JOIN chat_heads h ON h.tenant = m.tenant AND h.id = m.conversation \
        WHERE m.tenant = ? AND m.user_id = ? AND m.standing > 0 AND c.closed = 0 ORDER BY m.conversation";

    /// Keys of all three.
    pub(crate) const SEAT: &str = seat!("WHERE m.tenant = ? AND m.conversation = ? AND m.user_id = ?");

    /// `chat_members_by_user`, then the keys of all three.
    pub(crate) const SEATS: &str = seat!(
        "WHERE m.tenant = ? AND m.user_id = ? AND m.conversation > ? AND m.standing > 0 AND c.closed = 0 \
        AND m.visible_from <= h.head ORDER BY m.conversation LIMIT ?"
    );

    /// `chat_members_by_user`, then the keys of all three. The number is that of a direct conversation.
    pub(crate) const COUNT: &str = "SELECT count(*) FROM chat_members m \
        JOIN chat_conversations c ON c.tenant = m.tenant AND c.id = m.conversation \
        JOIN chat_heads h ON h.tenant = m.tenant AND h.id = m.conversation \
        WHERE m.tenant = ? AND m.user_id = ? AND m.standing > 0 AND c.closed = 0 AND c.kind <> 1 \
        AND m.visible_from <= h.head";

    /// The key of `chat_dead`, from a bucket on.
    pub(crate) const DEAD_FROM: &str = "SELECT bucket, dead, map FROM chat_dead \
        WHERE tenant = ? AND conversation = ? AND bucket >= ? ORDER BY bucket";

    /// Key.
    pub(crate) const DEAD: &str = "SELECT dead, map FROM chat_dead \
        WHERE tenant = ? AND conversation = ? AND bucket = ?";

    pub(crate) const BURY: &str = "INSERT INTO chat_dead (tenant, conversation, bucket, dead, map) \
        VALUES (?, ?, ?, ?, ?) \
        ON CONFLICT (tenant, conversation, bucket) DO UPDATE SET dead = excluded.dead, map = excluded.map";
}

/// The log.
pub(crate) mod log {
    pub(crate) const INSERT: &str = "INSERT INTO chat_entries \
        (tenant, conversation, seq, n, id, at, by_user, client_id, kind, rev, text, body, target, payload, digest, \
        dedupe) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

    /// `chat_entries_dedupe`, then the row it leads to.
    pub(crate) const FIRST: &str = "SELECT seq, by_user, client_id, digest FROM chat_entries \
        WHERE tenant = ? AND conversation = ? AND dedupe = ? ORDER BY seq";

    /// Key.
    pub(crate) const TARGET: &str = "SELECT n, rev, deleted_at FROM chat_entries \
        WHERE tenant = ? AND conversation = ? AND seq = ? AND rev IS NOT NULL";

    /// Key.
    pub(crate) const SET_BODY: &str = "UPDATE chat_entries SET rev = ?, edited_at = ?, text = ?, body = ? \
        WHERE tenant = ? AND conversation = ? AND seq = ?";

    /// Key. Nothing of what was written is left.
    pub(crate) const BURY: &str = "UPDATE chat_entries SET \
        rev = ?, deleted_at = ?, text = NULL, body = NULL, digest = NULL \
        WHERE tenant = ? AND conversation = ? AND seq = ?";

    /// Key.
    pub(crate) const TOUCH: &str = "UPDATE chat_entries SET rev = ? \
        WHERE tenant = ? AND conversation = ? AND seq = ?";

    pub(crate) const PUT_MARK: &str = "INSERT INTO chat_marks (tenant, conversation, target, mark, by_user) \
        VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";

    /// Key.
    pub(crate) const DROP_MARK: &str = "DELETE FROM chat_marks \
        WHERE tenant = ? AND conversation = ? AND target = ? AND mark = ? AND by_user = ?";

    /// Key.
    pub(crate) const DROP_MARKS: &str = "DELETE FROM chat_marks \
        WHERE tenant = ? AND conversation = ? AND target = ?";

    /// Key.
    pub(crate) const MARKS: &str = "SELECT mark, by_user FROM chat_marks \
        WHERE tenant = ? AND conversation = ? AND target = ? ORDER BY mark, by_user";

    /// Key, in order.
    pub(crate) const ENTRIES: &str = "SELECT \
        seq, n, rev, id, by_user, client_id, at, edited_at, deleted_at, text, body, kind, target, payload \
        FROM chat_entries WHERE tenant = ? AND conversation = ? AND seq BETWEEN ? AND ? ORDER BY seq";

    /// Key.
    pub(crate) const MESSAGE: &str =
        message!("WHERE tenant = ? AND conversation = ? AND seq = ? AND rev IS NOT NULL");

    /// Key, from a position back; entries that are no messages are passed over by the reader.
    pub(crate) const BACKWARD: &str =
        message!("WHERE tenant = ? AND conversation = ? AND seq <= ? ORDER BY seq DESC");

    /// Key, from a position on; entries that are no messages are passed over by the reader.
    pub(crate) const FORWARD: &str =
        message!("WHERE tenant = ? AND conversation = ? AND seq >= ? ORDER BY seq");

    /// Key: how many messages there are up to a position.
    pub(crate) const N_AT: &str = "SELECT n, rev FROM chat_entries \
        WHERE tenant = ? AND conversation = ? AND seq <= ? ORDER BY seq DESC LIMIT 1";
}
