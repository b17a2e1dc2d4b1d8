//! What a check of the whole file reads: every table from its beginning to its end.

statements! {
    CONVERSATIONS = "SELECT c.tenant, c.id FROM chat_conversations c ORDER BY c.tenant, c.id";

    /// Keys of both.
    WITHOUT_HEAD = "SELECT count(*) FROM chat_conversations c \
        WHERE NOT EXISTS (SELECT 1 FROM chat_heads h WHERE h.tenant = c.tenant AND h.id = c.id)";

    /// Keys of both.
    HEAD_ALONE = "SELECT count(*) FROM chat_heads h \
        WHERE NOT EXISTS (SELECT 1 FROM chat_conversations c WHERE c.tenant = h.tenant AND c.id = h.id)";

    /// Keys of both.
    ENTRY_ALONE = "SELECT count(*) FROM chat_entries e \
        WHERE NOT EXISTS (SELECT 1 FROM chat_heads h WHERE h.tenant = e.tenant AND h.id = e.conversation)";

    /// Keys of both.
    MEMBER_ALONE = "SELECT count(*) FROM chat_members m \
        WHERE NOT EXISTS (SELECT 1 FROM chat_heads h WHERE h.tenant = m.tenant AND h.id = m.conversation)";

    /// Keys of both.
    MARK_ALONE = "SELECT count(*) FROM chat_marks m \
        WHERE NOT EXISTS (SELECT 1 FROM chat_entries e WHERE e.tenant = m.tenant \
        AND e.conversation = m.conversation AND e.seq = m.target AND e.rev IS NOT NULL AND e.deleted_at IS NULL)";

    /// Key: the log of one conversation.
    LOG = "SELECT \
        seq, n, rev, id, by_user, client_id, at, edited_at, deleted_at, text, body, kind, target, payload, \
        digest, dedupe FROM chat_entries WHERE tenant = ? AND conversation = ? ORDER BY seq";

    /// Key: the rows of one conversation.
    MEMBERS = "SELECT conversation, user_id, standing, visible_from, read, read_n, delivered, since \
        FROM chat_members WHERE tenant = ? AND conversation = ? ORDER BY user_id";

    PAIRS = "SELECT low, high, state, low_blocks, high_blocks, version, at, fence_due, \
        fenced, tenant FROM chat_pairs ORDER BY tenant, low, high";

    /// Key.
    SIDE = "SELECT relation, blocks, any_block, version FROM chat_friends \
        WHERE tenant = ? AND user_id = ? AND other = ?";

    /// Keys of both.
    SIDE_ALONE = "SELECT count(*) FROM chat_friends f WHERE NOT EXISTS (SELECT 1 \
        FROM chat_pairs p WHERE p.tenant = f.tenant AND p.low = min(f.user_id, f.other) \
        AND p.high = max(f.user_id, f.other))";

    /// Keys of both.
    CLAIM_ALONE = "SELECT count(*) FROM chat_claims c \
        WHERE NOT EXISTS (SELECT 1 FROM chat_accounts a WHERE a.tenant = c.tenant AND a.user_id = c.user_id)";

    /// Keys of both.
    WORD_ALONE = "SELECT count(*) FROM chat_account_words w \
        WHERE NOT EXISTS (SELECT 1 FROM chat_accounts a WHERE a.tenant = w.tenant AND a.user_id = w.user_id)";

    SESSION_ENDS = "SELECT count(*) FROM chat_sessions \
        WHERE ends_at <> min(idle_until, absolute_until)";
}
