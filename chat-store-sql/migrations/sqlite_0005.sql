-- Files of messages. `due` is when somebody must look after one, absent while nobody need.
CREATE TABLE chat_attachments (
    tenant INTEGER NOT NULL,
    id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    version INTEGER NOT NULL,
    due INTEGER,
    payload BLOB NOT NULL,
    PRIMARY KEY (tenant, id)
) WITHOUT ROWID;

CREATE INDEX chat_attachments_by_due ON chat_attachments (tenant, due) WHERE due IS NOT NULL;
CREATE INDEX chat_attachments_by_user ON chat_attachments (tenant, user_id) WHERE due IS NOT NULL;
