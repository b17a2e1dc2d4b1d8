-- What the file says about itself: one row.
CREATE TABLE chat_meta (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    epoch BLOB NOT NULL,
    digest_key BLOB NOT NULL
);

-- People.

CREATE TABLE chat_pairs (
    tenant INTEGER NOT NULL,
    low BLOB NOT NULL,
    high BLOB NOT NULL,
    state INTEGER NOT NULL,
    low_blocks INTEGER NOT NULL,
    high_blocks INTEGER NOT NULL,
    version INTEGER NOT NULL,
    fence_due INTEGER NOT NULL,
    fenced INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (tenant, low, high)
) WITHOUT ROWID;

-- Empty but for fences that were begun and not finished.
CREATE INDEX chat_pairs_unfenced ON chat_pairs (tenant, low, high) WHERE fenced < fence_due;

-- Each side's view of a pair, the latest step of that side's feed (absent before the first), and whether either has
-- blocked the other.
CREATE TABLE chat_friends (
    tenant INTEGER NOT NULL,
    user_id BLOB NOT NULL,
    other BLOB NOT NULL,
    relation INTEGER NOT NULL,
    blocks INTEGER NOT NULL,
    any_block INTEGER NOT NULL,
    at INTEGER NOT NULL,
    version INTEGER,
    PRIMARY KEY (tenant, user_id, other)
) WITHOUT ROWID;

CREATE UNIQUE INDEX chat_friends_feed ON chat_friends (tenant, user_id, version);

CREATE TABLE chat_accounts (
    tenant INTEGER NOT NULL,
    user_id BLOB NOT NULL,
    username TEXT NOT NULL,
    full_name TEXT,
    email TEXT,
    email_verified_at INTEGER,
    picture TEXT,
    bio TEXT,
    password TEXT NOT NULL,
    credential_version INTEGER NOT NULL,
    state INTEGER NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, user_id)
) WITHOUT ROWID;

CREATE INDEX chat_accounts_by_state ON chat_accounts (tenant, state, user_id);

CREATE TABLE chat_claims (
    tenant INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    value TEXT NOT NULL,
    user_id BLOB NOT NULL,
    PRIMARY KEY (tenant, kind, value)
) WITHOUT ROWID;

CREATE TABLE chat_account_words (
    tenant INTEGER NOT NULL,
    word TEXT NOT NULL,
    user_id BLOB NOT NULL,
    PRIMARY KEY (tenant, word, user_id)
) WITHOUT ROWID;

CREATE INDEX chat_account_words_by_user ON chat_account_words (tenant, user_id, word);

-- Access.

CREATE TABLE chat_sessions (
    tenant INTEGER NOT NULL,
    id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    device TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    idle_until INTEGER NOT NULL,
    absolute_until INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    credential_version INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    current BLOB NOT NULL,
    previous BLOB,
    salt BLOB NOT NULL,
    key_id TEXT NOT NULL,
    rotated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) WITHOUT ROWID;

CREATE INDEX chat_sessions_by_user ON chat_sessions (tenant, user_id, created_at, id);
CREATE INDEX chat_sessions_by_end ON chat_sessions (tenant, ends_at);

-- Talk.

-- What is said about a conversation: changes seldom, may be long.
CREATE TABLE chat_conversations (
    tenant INTEGER NOT NULL,
    id BLOB NOT NULL,
    kind INTEGER NOT NULL,
    low BLOB,
    high BLOB,
    creator BLOB,
    may_join INTEGER NOT NULL,
    may_read INTEGER NOT NULL,
    may_post INTEGER NOT NULL,
    history INTEGER NOT NULL,
    name TEXT,
    picture TEXT,
    metadata TEXT,
    created_at INTEGER NOT NULL,
    closed INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) WITHOUT ROWID;

-- What moves with every append: some fifty bytes, so that a batch touches few pages.
CREATE TABLE chat_heads (
    tenant INTEGER NOT NULL,
    id BLOB NOT NULL,
    head INTEGER NOT NULL,
    start INTEGER NOT NULL,
    n INTEGER NOT NULL,
    last_message INTEGER NOT NULL,
    acl INTEGER NOT NULL,
    roster INTEGER NOT NULL,
    member_count INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) WITHOUT ROWID;

CREATE TABLE chat_members (
    tenant INTEGER NOT NULL,
    conversation BLOB NOT NULL,
    user_id BLOB NOT NULL,
    standing INTEGER NOT NULL,
    visible_from INTEGER NOT NULL,
    read INTEGER NOT NULL,
    read_n INTEGER NOT NULL,
    delivered INTEGER NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (tenant, conversation, user_id)
) WITHOUT ROWID;

-- Holds nothing that receipts move.
CREATE INDEX chat_members_by_user ON chat_members (tenant, user_id, conversation);

-- The log. A row with a rev is a message too, and holds it as it is now.
CREATE TABLE chat_entries (
    tenant INTEGER NOT NULL,
    conversation BLOB NOT NULL,
    seq INTEGER NOT NULL,
    n INTEGER NOT NULL,
    id BLOB NOT NULL,
    at INTEGER NOT NULL,
    by_user BLOB NOT NULL,
    client_id BLOB NOT NULL,
    kind INTEGER NOT NULL,
    rev INTEGER,
    text TEXT,
    body BLOB,
    edited_at INTEGER,
    deleted_at INTEGER,
    target INTEGER,
    payload BLOB,
    digest BLOB,
    dedupe INTEGER NOT NULL,
    PRIMARY KEY (tenant, conversation, seq)
) WITHOUT ROWID;

-- Leads to the entries that may be a repeat's first; not unique, the row is compared.
CREATE INDEX chat_entries_dedupe ON chat_entries (tenant, conversation, dedupe);

CREATE TABLE chat_marks (
    tenant INTEGER NOT NULL,
    conversation BLOB NOT NULL,
    target INTEGER NOT NULL,
    mark TEXT NOT NULL,
    by_user BLOB NOT NULL,
    PRIMARY KEY (tenant, conversation, target, mark, by_user)
) WITHOUT ROWID;

-- Which of each 1024 messages are deleted: a count and a map of 128 bytes.
CREATE TABLE chat_dead (
    tenant INTEGER NOT NULL,
    conversation BLOB NOT NULL,
    bucket INTEGER NOT NULL,
    dead INTEGER NOT NULL,
    map BLOB NOT NULL,
    PRIMARY KEY (tenant, conversation, bucket)
) WITHOUT ROWID;
