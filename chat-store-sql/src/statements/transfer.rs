//! Everything as it is, read and put: what copies are made of.

statements! {
    /// Key, in order.
    PAIRS = pair!("WHERE tenant = ? AND (low, high) > (?, ?) ORDER BY low, high LIMIT ?");

    /// Key.
    SIDE = "SELECT other, relation, blocks, at, version FROM chat_friends \
        WHERE tenant = ? AND user_id = ? AND other = ? AND version IS NOT NULL";

    PUT_PAIR = "INSERT INTO chat_pairs \
        (state, low_blocks, high_blocks, version, at, fence_due, fenced, tenant, low, high) \
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
        ON CONFLICT (tenant, low, high) DO UPDATE SET state = excluded.state, low_blocks = excluded.low_blocks, \
        high_blocks = excluded.high_blocks, version = excluded.version, at = excluded.at, \
        fence_due = excluded.fence_due, fenced = excluded.fenced";

    /// Key, in order.
    ACCOUNTS = account!("FROM chat_accounts a WHERE a.tenant = ? AND a.user_id > ? ORDER BY a.user_id LIMIT ?");

    PUT_ACCOUNT = "INSERT INTO chat_accounts \
        (username, full_name, email, email_verified_at, picture, bio, password, credential_version, state, \
        version, created_at, particulars, tenant, user_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
        ON CONFLICT (tenant, user_id) DO UPDATE SET username = excluded.username, full_name = excluded.full_name, \
        email = excluded.email, email_verified_at = excluded.email_verified_at, picture = excluded.picture, \
        bio = excluded.bio, password = excluded.password, credential_version = excluded.credential_version, \
        state = excluded.state, version = excluded.version, created_at = excluded.created_at, \
        particulars = excluded.particulars";

    /// `chat_claims_by_user`.
    CLAIMS = "SELECT kind, value FROM chat_claims \
        INDEXED BY chat_claims_by_user WHERE tenant = ? AND user_id = ? ORDER BY kind, value";

    /// `chat_claims_by_user`.
    FORGET_CLAIMS = "DELETE FROM chat_claims INDEXED BY chat_claims_by_user WHERE tenant = ? AND user_id = ?";

    /// `chat_account_words_by_user`.
    WORDS = "SELECT word FROM chat_account_words \
        INDEXED BY chat_account_words_by_user WHERE tenant = ? AND user_id = ? ORDER BY word";

    /// Key, in order.
    SESSIONS = session!("WHERE tenant = ? AND id > ? ORDER BY id LIMIT ?");

    /// Key.
    FORGET_SESSIONS = "DELETE FROM chat_sessions WHERE tenant = ? AND id > ? AND id <= ?";

    /// Key: the first row of any tenant.
    ANY_CONVERSATION = "SELECT 1 FROM chat_conversations WHERE tenant >= 0 LIMIT 1";

    PUT_CONVERSATION = "INSERT INTO chat_conversations \
        (tenant, id, kind, low, high, creator, may_join, may_read, may_post, history, name, picture, metadata, \
        created_at, closed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
        ON CONFLICT (tenant, id) DO UPDATE SET kind = excluded.kind, low = excluded.low, high = excluded.high, \
        creator = excluded.creator, may_join = excluded.may_join, may_read = excluded.may_read, \
        may_post = excluded.may_post, history = excluded.history, name = excluded.name, \
        picture = excluded.picture, metadata = excluded.metadata, created_at = excluded.created_at, \
        closed = excluded.closed";

    PUT_HEAD = "INSERT INTO chat_heads \
        (head, n, last_message, acl, roster, member_count, last_at, start, tenant, id) \
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
        ON CONFLICT (tenant, id) DO UPDATE SET head = excluded.head, n = excluded.n, \
        last_message = excluded.last_message, acl = excluded.acl, roster = excluded.roster, \
        member_count = excluded.member_count, last_at = excluded.last_at, start = excluded.start";

    /// Key, in order.
    ENTRIES = "SELECT seq, n, rev, id, by_user, client_id, at, edited_at, deleted_at, text, body, kind, target, \
        payload, digest FROM chat_entries \
        WHERE tenant = ? AND conversation = ? AND seq > ? ORDER BY seq LIMIT ?";

    PUT_ENTRY = "INSERT INTO chat_entries \
        (tenant, conversation, seq, n, id, at, by_user, client_id, kind, rev, text, body, edited_at, deleted_at, \
        target, payload, digest, dedupe) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
        ON CONFLICT (tenant, conversation, seq) DO UPDATE SET n = excluded.n, id = excluded.id, at = excluded.at, \
        by_user = excluded.by_user, client_id = excluded.client_id, kind = excluded.kind, rev = excluded.rev, \
        text = excluded.text, body = excluded.body, edited_at = excluded.edited_at, \
        deleted_at = excluded.deleted_at, target = excluded.target, payload = excluded.payload, \
        digest = excluded.digest, dedupe = excluded.dedupe";

    /// Key, from the end of the log back to its last message.
    LAST_MESSAGE = "SELECT seq FROM chat_entries \
        WHERE tenant = ? AND conversation = ? AND rev IS NOT NULL ORDER BY seq DESC LIMIT 1";

    /// Key, in order, banned rows included.
    MEMBERS = member!("WHERE tenant = ? AND conversation = ? AND user_id > ? ORDER BY user_id LIMIT ?");

    /// Key.
    FORGET_MEMBERS = "DELETE FROM chat_members WHERE tenant = ? AND conversation = ? AND user_id > ? AND user_id <= ?";
}
