-- Files of messages. `due` is when somebody must look after one, absent while nobody need.
CREATE TABLE chat_attachments (
    id UUID NOT NULL,
    user_id UUID NOT NULL,
    due BIGINT,
    version BIGINT NOT NULL,
    tenant BIGINT NOT NULL,
    payload BYTEA NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE INDEX chat_attachments_by_due ON chat_attachments (tenant, due) WHERE due IS NOT NULL;
CREATE INDEX chat_attachments_by_user ON chat_attachments (tenant, user_id) WHERE due IS NOT NULL;
