-- When everybody had read up to where, for who wants it kept.
CREATE TABLE chat_reads (
    tenant INTEGER NOT NULL,
    conversation BLOB NOT NULL,
    user_id BLOB NOT NULL,
    up_to INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (tenant, conversation, user_id, up_to)
) WITHOUT ROWID;
