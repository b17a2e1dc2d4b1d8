-- When everybody had read up to where, for who wants it kept.
CREATE TABLE IF NOT EXISTS chat_reads (
    tenant INT UNSIGNED NOT NULL,
    conversation BINARY(16) NOT NULL,
    user_id BINARY(16) NOT NULL,
    up_to BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant, conversation, user_id, up_to)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
