-- Every step can be taken twice: what was made before a crash is there already. Words of MySQL are quoted on the way.

-- What the database says about itself: one row.
CREATE TABLE IF NOT EXISTS chat_meta (
    id TINYINT NOT NULL PRIMARY KEY,
    epoch BINARY(16) NOT NULL,
    digest_key VARBINARY(32) NOT NULL
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Rows made once, to be locked by who changes what has no row of its own: a user's feed, a user's logins.
CREATE TABLE IF NOT EXISTS chat_locks (
    tenant INT UNSIGNED NOT NULL,
    kind TINYINT NOT NULL,
    id BINARY(16) NOT NULL,
    PRIMARY KEY (tenant, kind, id)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What moved, for whoever was not told. Ids are given out in order and committed in any.
CREATE TABLE IF NOT EXISTS chat_changes (
    tenant INT UNSIGNED NOT NULL,
    feed TINYINT NOT NULL,
    id BIGINT NOT NULL AUTO_INCREMENT,
    at BIGINT NOT NULL,
    kind TINYINT NOT NULL,
    subject BINARY(16) NOT NULL,
    PRIMARY KEY (tenant, feed, id),
    KEY chat_changes_ids (id)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Up to where changes were thrown away.
CREATE TABLE IF NOT EXISTS chat_floors (
    tenant INT UNSIGNED NOT NULL,
    feed TINYINT NOT NULL,
    id BIGINT NOT NULL,
    PRIMARY KEY (tenant, feed)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- People.

-- `due` is absent but for fences that were begun and not finished, so that their index finds nothing else.
CREATE TABLE IF NOT EXISTS chat_pairs (
    tenant INT UNSIGNED NOT NULL,
    low BINARY(16) NOT NULL,
    high BINARY(16) NOT NULL,
    state TINYINT NOT NULL,
    low_blocks TINYINT NOT NULL,
    high_blocks TINYINT NOT NULL,
    version BIGINT NOT NULL,
    fence_due BIGINT NOT NULL,
    fenced BIGINT NOT NULL,
    at BIGINT NOT NULL,
    due TINYINT GENERATED ALWAYS AS (IF(fenced < fence_due, 1, NULL)) STORED,
    PRIMARY KEY (tenant, low, high),
    KEY chat_pairs_unfenced (tenant, due, low, high)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Each side's view of a pair, the latest step of that side's feed (absent before the first), and whether either has
-- blocked the other.
CREATE TABLE IF NOT EXISTS chat_friends (
    tenant INT UNSIGNED NOT NULL,
    user_id BINARY(16) NOT NULL,
    other BINARY(16) NOT NULL,
    relation TINYINT NOT NULL,
    blocks TINYINT NOT NULL,
    any_block TINYINT NOT NULL,
    at BIGINT NOT NULL,
    version BIGINT,
    PRIMARY KEY (tenant, user_id, other),
    UNIQUE KEY chat_friends_feed (tenant, user_id, version)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS chat_accounts (
    tenant INT UNSIGNED NOT NULL,
    user_id BINARY(16) NOT NULL,
    username LONGTEXT NOT NULL,
    full_name LONGTEXT,
    email LONGTEXT,
    email_verified_at BIGINT,
    picture LONGTEXT,
    bio LONGTEXT,
    password LONGTEXT NOT NULL,
    credential_version BIGINT NOT NULL,
    state TINYINT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, user_id),
    KEY chat_accounts_by_state (tenant, state, user_id)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What is compared is binary: collations fold letters and pass over trailing blanks.
CREATE TABLE IF NOT EXISTS chat_claims (
    tenant INT UNSIGNED NOT NULL,
    kind TINYINT NOT NULL,
    value VARBINARY(2048) NOT NULL,
    user_id BINARY(16) NOT NULL,
    PRIMARY KEY (tenant, kind, value),
    KEY chat_claims_by_user (tenant, user_id, kind, value)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS chat_account_words (
    tenant INT UNSIGNED NOT NULL,
    word VARBINARY(2048) NOT NULL,
    user_id BINARY(16) NOT NULL,
    PRIMARY KEY (tenant, word, user_id),
    KEY chat_account_words_by_user (tenant, user_id, word)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Access.

CREATE TABLE IF NOT EXISTS chat_sessions (
    tenant INT UNSIGNED NOT NULL,
    id BINARY(16) NOT NULL,
    user_id BINARY(16) NOT NULL,
    device LONGTEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    idle_until BIGINT NOT NULL,
    absolute_until BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    credential_version BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    current VARBINARY(32) NOT NULL,
    previous VARBINARY(32),
    salt VARBINARY(16) NOT NULL,
    key_id LONGTEXT NOT NULL,
    rotated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id),
    KEY chat_sessions_by_user (tenant, user_id, created_at, id),
    KEY chat_sessions_by_end (tenant, ends_at)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Talk.

-- What is said about a conversation: changes seldom, may be long.
CREATE TABLE IF NOT EXISTS chat_conversations (
    tenant INT UNSIGNED NOT NULL,
    id BINARY(16) NOT NULL,
    kind TINYINT NOT NULL,
    low BINARY(16),
    high BINARY(16),
    creator BINARY(16),
    may_join TINYINT NOT NULL,
    may_read TINYINT NOT NULL,
    may_post TINYINT NOT NULL,
    history TINYINT NOT NULL,
    name LONGTEXT,
    picture LONGTEXT,
    metadata LONGTEXT,
    created_at BIGINT NOT NULL,
    closed TINYINT NOT NULL,
    PRIMARY KEY (tenant, id)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What moves with every append: some hundred bytes, so that a batch touches few pages.
CREATE TABLE IF NOT EXISTS chat_heads (
    tenant INT UNSIGNED NOT NULL,
    id BINARY(16) NOT NULL,
    head BIGINT NOT NULL,
    start BIGINT NOT NULL,
    n BIGINT NOT NULL,
    last_message BIGINT NOT NULL,
    acl BIGINT NOT NULL,
    roster BIGINT NOT NULL,
    member_count BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- The second key holds nothing that receipts move.
CREATE TABLE IF NOT EXISTS chat_members (
    tenant INT UNSIGNED NOT NULL,
    conversation BINARY(16) NOT NULL,
    user_id BINARY(16) NOT NULL,
    standing TINYINT NOT NULL,
    visible_from BIGINT NOT NULL,
    read BIGINT NOT NULL,
    read_n BIGINT NOT NULL,
    delivered BIGINT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (tenant, conversation, user_id),
    KEY chat_members_by_user (tenant, user_id, conversation)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- The log. A row with a rev is a message too, and holds it as it is now. The second key leads to the entries that may
-- be a repeat's first; it is not unique, the row is compared.
CREATE TABLE IF NOT EXISTS chat_entries (
    tenant INT UNSIGNED NOT NULL,
    conversation BINARY(16) NOT NULL,
    seq BIGINT NOT NULL,
    n BIGINT NOT NULL,
    id BINARY(16) NOT NULL,
    at BIGINT NOT NULL,
    by_user BINARY(16) NOT NULL,
    client_id VARBINARY(64) NOT NULL,
    kind INT NOT NULL,
    rev BIGINT,
    text LONGTEXT,
    body LONGBLOB,
    edited_at BIGINT,
    deleted_at BIGINT,
    target BIGINT,
    payload LONGBLOB,
    digest VARBINARY(16),
    dedupe BIGINT NOT NULL,
    PRIMARY KEY (tenant, conversation, seq),
    KEY chat_entries_dedupe (dedupe)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS chat_marks (
    tenant INT UNSIGNED NOT NULL,
    conversation BINARY(16) NOT NULL,
    target BIGINT NOT NULL,
    mark VARBINARY(2048) NOT NULL,
    by_user BINARY(16) NOT NULL,
    PRIMARY KEY (tenant, conversation, target, mark, by_user)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Which of each 1024 messages are deleted: a count and a map of 128 bytes.
CREATE TABLE IF NOT EXISTS chat_dead (
    tenant INT UNSIGNED NOT NULL,
    conversation BINARY(16) NOT NULL,
    bucket BIGINT NOT NULL,
    dead BIGINT NOT NULL,
    map VARBINARY(128) NOT NULL,
    PRIMARY KEY (tenant, conversation, bucket)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
