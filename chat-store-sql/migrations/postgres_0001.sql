-- What the database says about itself: one row.
CREATE TABLE chat_meta (
    id SMALLINT NOT NULL PRIMARY KEY CHECK (id = 1),
    epoch UUID NOT NULL,
    digest_key BYTEA NOT NULL
);

-- Rows made once, to be locked by who changes what has no row of its own: a user's feed, a user's logins.
CREATE TABLE chat_locks (
    tenant BIGINT NOT NULL,
    kind SMALLINT NOT NULL,
    id UUID NOT NULL,
    PRIMARY KEY (tenant, kind, id)
);

-- What moved, for whoever was not told. Ids are given out in order and committed in any.
CREATE TABLE chat_changes (
    id BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY,
    at BIGINT NOT NULL,
    subject UUID NOT NULL,
    tenant BIGINT NOT NULL,
    feed SMALLINT NOT NULL,
    kind SMALLINT NOT NULL,
    PRIMARY KEY (tenant, feed, id)
);

-- Up to where changes were thrown away.
CREATE TABLE chat_floors (
    tenant BIGINT NOT NULL,
    feed SMALLINT NOT NULL,
    id BIGINT NOT NULL,
    PRIMARY KEY (tenant, feed)
);

-- People.

CREATE TABLE chat_pairs (
    low UUID NOT NULL,
    high UUID NOT NULL,
    version BIGINT NOT NULL,
    fence_due BIGINT NOT NULL,
    fenced BIGINT NOT NULL,
    at BIGINT NOT NULL,
    tenant BIGINT NOT NULL,
    state SMALLINT NOT NULL,
    low_blocks SMALLINT NOT NULL,
    high_blocks SMALLINT NOT NULL,
    PRIMARY KEY (tenant, low, high)
);

-- Empty but for fences that were begun and not finished.
CREATE INDEX chat_pairs_unfenced ON chat_pairs (tenant, low, high) WHERE fenced < fence_due;

-- Each side's view of a pair, the latest step of that side's feed (absent before the first), and whether either has
-- blocked the other.
CREATE TABLE chat_friends (
    user_id UUID NOT NULL,
    other UUID NOT NULL,
    at BIGINT NOT NULL,
    version BIGINT,
    tenant BIGINT NOT NULL,
    relation SMALLINT NOT NULL,
    blocks SMALLINT NOT NULL,
    any_block SMALLINT NOT NULL,
    PRIMARY KEY (tenant, user_id, other)
);

CREATE UNIQUE INDEX chat_friends_feed ON chat_friends (tenant, user_id, version);

CREATE TABLE chat_accounts (
    user_id UUID NOT NULL,
    email_verified_at BIGINT,
    credential_version BIGINT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    tenant BIGINT NOT NULL,
    state SMALLINT NOT NULL,
    username TEXT NOT NULL,
    full_name TEXT,
    email TEXT,
    picture TEXT,
    bio TEXT,
    password TEXT NOT NULL,
    PRIMARY KEY (tenant, user_id)
);

CREATE INDEX chat_accounts_by_state ON chat_accounts (tenant, state, user_id);

CREATE TABLE chat_claims (
    tenant BIGINT NOT NULL,
    kind SMALLINT NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    user_id UUID NOT NULL,
    PRIMARY KEY (tenant, kind, value)
);

-- What an account claims, for who takes it elsewhere.
CREATE INDEX chat_claims_by_user ON chat_claims (tenant, user_id, kind, value);

CREATE TABLE chat_account_words (
    tenant BIGINT NOT NULL,
    word TEXT COLLATE "C" NOT NULL,
    user_id UUID NOT NULL,
    PRIMARY KEY (tenant, word, user_id)
);

CREATE INDEX chat_account_words_by_user ON chat_account_words (tenant, user_id, word);

-- Access.

CREATE TABLE chat_sessions (
    id UUID NOT NULL,
    user_id UUID NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    idle_until BIGINT NOT NULL,
    absolute_until BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    credential_version BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    rotated_at BIGINT NOT NULL,
    tenant BIGINT NOT NULL,
    device TEXT NOT NULL,
    current BYTEA NOT NULL,
    previous BYTEA,
    salt BYTEA NOT NULL,
    key_id TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
) WITH (fillfactor = 80);

CREATE INDEX chat_sessions_by_user ON chat_sessions (tenant, user_id, created_at, id);
CREATE INDEX chat_sessions_by_end ON chat_sessions (tenant, ends_at);

-- Talk.

-- What is said about a conversation: changes seldom, may be long.
CREATE TABLE chat_conversations (
    id UUID NOT NULL,
    low UUID,
    high UUID,
    creator UUID,
    created_at BIGINT NOT NULL,
    tenant BIGINT NOT NULL,
    kind SMALLINT NOT NULL,
    may_join SMALLINT NOT NULL,
    may_read SMALLINT NOT NULL,
    may_post SMALLINT NOT NULL,
    history SMALLINT NOT NULL,
    closed SMALLINT NOT NULL,
    name TEXT,
    picture TEXT,
    metadata TEXT,
    PRIMARY KEY (tenant, id)
);

-- What moves with every append. Nothing of it is indexed, and there is room for the next version beside each row.
CREATE TABLE chat_heads (
    id UUID NOT NULL,
    head BIGINT NOT NULL,
    start BIGINT NOT NULL,
    n BIGINT NOT NULL,
    last_message BIGINT NOT NULL,
    acl BIGINT NOT NULL,
    roster BIGINT NOT NULL,
    member_count BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    tenant BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

CREATE TABLE chat_members (
    conversation UUID NOT NULL,
    user_id UUID NOT NULL,
    visible_from BIGINT NOT NULL,
    read BIGINT NOT NULL,
    read_n BIGINT NOT NULL,
    delivered BIGINT NOT NULL,
    since BIGINT NOT NULL,
    tenant BIGINT NOT NULL,
    standing SMALLINT NOT NULL,
    PRIMARY KEY (tenant, conversation, user_id)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);

-- Holds nothing that receipts move.
CREATE INDEX chat_members_by_user ON chat_members (tenant, user_id, conversation);

-- The log. A row with a rev is a message too, and holds it as it is now.
CREATE TABLE chat_entries (
    conversation UUID NOT NULL,
    id UUID NOT NULL,
    by_user UUID NOT NULL,
    seq BIGINT NOT NULL,
    n BIGINT NOT NULL,
    at BIGINT NOT NULL,
    dedupe BIGINT NOT NULL,
    rev BIGINT,
    target BIGINT,
    edited_at BIGINT,
    deleted_at BIGINT,
    tenant BIGINT NOT NULL,
    kind INTEGER NOT NULL,
    client_id BYTEA NOT NULL,
    digest BYTEA,
    text TEXT,
    body BYTEA,
    payload BYTEA,
    PRIMARY KEY (tenant, conversation, seq)
);

-- Leads to the entries that may be a repeat's first; not unique, the row is compared.
CREATE INDEX chat_entries_dedupe ON chat_entries (dedupe);

CREATE TABLE chat_marks (
    conversation UUID NOT NULL,
    target BIGINT NOT NULL,
    by_user UUID NOT NULL,
    tenant BIGINT NOT NULL,
    mark TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, conversation, target, mark, by_user)
);

-- Which of each 1024 messages are deleted: a count and a map of 128 bytes.
CREATE TABLE chat_dead (
    conversation UUID NOT NULL,
    bucket BIGINT NOT NULL,
    dead BIGINT NOT NULL,
    tenant BIGINT NOT NULL,
    map BYTEA NOT NULL,
    PRIMARY KEY (tenant, conversation, bucket)
);
