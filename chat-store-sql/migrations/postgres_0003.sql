-- When everybody had read up to where, for who wants it kept.
CREATE TABLE chat_reads (
    conversation UUID NOT NULL,
    user_id UUID NOT NULL,
    up_to BIGINT NOT NULL,
    at BIGINT NOT NULL,
    tenant BIGINT NOT NULL,
    PRIMARY KEY (tenant, conversation, user_id, up_to)
);
