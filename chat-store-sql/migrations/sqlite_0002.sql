-- What an account claims, for who takes it elsewhere.
CREATE INDEX chat_claims_by_user ON chat_claims (tenant, user_id, kind, value);
