-- Files of messages. `due` is when somebody must look after one, absent while nobody need.
CREATE TABLE IF NOT EXISTS chat_attachments (
    tenant INT UNSIGNED NOT NULL,
    id BINARY(16) NOT NULL,
    user_id BINARY(16) NOT NULL,
    version BIGINT NOT NULL,
    due BIGINT,
    payload LONGBLOB NOT NULL,
    PRIMARY KEY (tenant, id),
    KEY chat_attachments_by_due (tenant, due),
    KEY chat_attachments_by_user (tenant, user_id, due)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
