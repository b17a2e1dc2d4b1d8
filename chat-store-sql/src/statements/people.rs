//! Pairs, and accounts of our own.

macro_rules! pair {
    ($rest:literal) => {
        concat!(
            "SELECT low, high, state, low_blocks, high_blocks, version, at, fence_due, fenced FROM chat_pairs ",
            $rest
        )
    };
}

macro_rules! account {
    ($rest:literal) => {
        concat!(
            "SELECT a.user_id, a.username, a.full_name, a.email, a.email_verified_at, a.picture, a.bio, ",
            "a.password, a.credential_version, a.state, a.version, a.created_at, a.particulars ",
            $rest
        )
    };
}

/// Pairs and what each side sees of them.
pub(crate) mod friendships {
    statements! {
        /// Key.
        PAIR = pair!("WHERE tenant = ? AND low = ? AND high = ?");

        INSERT = "INSERT INTO chat_pairs \
            (state, low_blocks, high_blocks, version, at, fence_due, fenced, tenant, low, high) \
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

        /// Key.
        UPDATE = "UPDATE chat_pairs SET \
            state = ?, low_blocks = ?, high_blocks = ?, version = ?, at = ?, fence_due = ?, fenced = ? \
            WHERE tenant = ? AND low = ? AND high = ?";

        /// Key.
        FENCED = "UPDATE chat_pairs SET fenced = ? \
            WHERE tenant = ? AND low = ? AND high = ? AND fenced < ?";

        /// `chat_pairs_unfenced`.
        UNFENCED = pair!(
                "INDEXED BY chat_pairs_unfenced WHERE tenant = ? AND fenced < fence_due ORDER BY low, high LIMIT ?"
            );

        /// `chat_friends_feed`, from its end.
        FEED_END = "SELECT max(version) FROM chat_friends INDEXED BY chat_friends_feed WHERE tenant = ? AND user_id = ?";

        /// A side that sees something new.
        SHOW = "INSERT INTO chat_friends \
            (tenant, user_id, other, relation, blocks, any_block, at, version) VALUES (?, ?, ?, ?, ?, ?, ?, ?) \
            ON CONFLICT (tenant, user_id, other) DO UPDATE SET relation = excluded.relation, \
            blocks = excluded.blocks, any_block = excluded.any_block, at = excluded.at, version = excluded.version";

        /// A side that sees what it saw: its feed does not move, but a block may concern it.
        NOTE = "INSERT INTO chat_friends \
            (tenant, user_id, other, relation, blocks, any_block, at, version) VALUES (?, ?, ?, 0, 0, ?, 0, NULL) \
            ON CONFLICT (tenant, user_id, other) DO UPDATE SET any_block = excluded.any_block";

        /// Key, one user's rows in order. Filtered while read: a user has hundreds of rows, not millions.
        LIST = "SELECT other, relation, blocks, at FROM chat_friends \
            WHERE tenant = ? AND user_id = ? AND other > ? AND version IS NOT NULL ORDER BY other";

        /// Key, one user's rows.
        BLOCKS = "SELECT other FROM chat_friends \
            WHERE tenant = ? AND user_id = ? AND any_block = 1 ORDER BY other";

        /// `chat_friends_feed`.
        SINCE = "SELECT other, relation, blocks, at, version FROM chat_friends \
            INDEXED BY chat_friends_feed WHERE tenant = ? AND user_id = ? AND version > ? ORDER BY version LIMIT ?";
    }
}

/// Accounts, their claims and words.
pub(crate) mod accounts {
    statements! {
        /// Key.
        ONE = account!("FROM chat_accounts a WHERE a.tenant = ? AND a.user_id = ?");

        INSERT = "INSERT INTO chat_accounts \
            (username, full_name, email, email_verified_at, picture, bio, password, credential_version, state, \
            version, created_at, particulars, tenant, user_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

        /// Key.
        UPDATE = "UPDATE chat_accounts SET \
            username = ?, full_name = ?, email = ?, email_verified_at = ?, picture = ?, bio = ?, password = ?, \
            credential_version = ?, state = ?, version = ?, created_at = ?, particulars = ? \
            WHERE tenant = ? AND user_id = ?";

        /// `chat_accounts_by_state`.
        IN_STATE = account!(
            "FROM chat_accounts a INDEXED BY chat_accounts_by_state WHERE a.tenant = ? AND a.state = ? AND a.user_id > ? ORDER BY a.user_id LIMIT ?"
        );

        /// Key.
        CLAIMED = "SELECT user_id FROM chat_claims WHERE tenant = ? AND kind = ? AND value = ?";

        CLAIM = "INSERT INTO chat_claims (tenant, kind, value, user_id) \
            VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING";

        /// Key.
        RELEASE = "DELETE FROM chat_claims \
            WHERE tenant = ? AND kind = ? AND value = ? AND user_id = ?";

        /// `chat_account_words_by_user`.
        FORGET_WORDS = "DELETE FROM chat_account_words INDEXED BY chat_account_words_by_user WHERE tenant = ? AND user_id = ?";

        ADD_WORD = "INSERT INTO chat_account_words (tenant, word, user_id) VALUES (?, ?, ?) \
            ON CONFLICT DO NOTHING";

        /// The key of `chat_account_words`, all words of one beginning.
        WITH_WORD = "SELECT user_id FROM chat_account_words \
            WHERE tenant = ? AND word >= ? AND word < ?";

        /// `chat_account_words_by_user`.
        HAS_WORD = "SELECT 1 FROM chat_account_words \
            INDEXED BY chat_account_words_by_user WHERE tenant = ? AND user_id = ? AND word >= ? AND word < ? LIMIT 1";
    }
}

/// Many keys at once.
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(crate) mod batched {
    /// Pairs.
    pub(crate) mod friendships {
        statements! {
            /// Key.
            PAIRS = pair!("JOIN {k key_low:id key_high:id} ON low = k.key_low AND high = k.key_high WHERE tenant = ?");

            /// Key, locked until the commit.
            LOCK = pair!("WHERE tenant = ? AND low = ? AND high = ? FOR UPDATE");
        }
    }

    /// Accounts.
    pub(crate) mod accounts {
        statements! {
            /// Key.
            THESE = account!("FROM chat_accounts a JOIN {k wanted:id} ON a.user_id = k.wanted WHERE a.tenant = ?");

            /// Key, locked until the commit.
            LOCK = account!("FROM chat_accounts a WHERE a.tenant = ? AND a.user_id = ? FOR UPDATE");

            /// Key.
            CLAIMED = "SELECT c.kind, c.value, c.user_id FROM chat_claims c \
                JOIN {k kind:int value:text} ON c.kind = k.kind AND c.value = k.value WHERE c.tenant = ?";

            CLAIM = "INSERT INTO chat_claims (tenant, kind, value, user_id) \
                SELECT ?, k.kind, k.value, k.who FROM {k kind:int value:text who:id} ON CONFLICT DO NOTHING";

            ADD_WORDS = "INSERT INTO chat_account_words (tenant, word, user_id) \
                SELECT ?, k.word, k.who FROM {k word:text who:id} ON CONFLICT DO NOTHING";

            /// The key of `chat_account_words`, all words of one beginning, by who has them.
            WITH_WORD = "SELECT DISTINCT user_id FROM chat_account_words \
                WHERE tenant = ? AND word >= ? AND word < ? AND user_id > ? ORDER BY user_id LIMIT ?";

            /// `chat_account_words_by_user`: who has a word of which beginning, by its number.
            HAS_WORDS = "SELECT DISTINCT w.user_id, k.nth FROM chat_account_words w \
                JOIN {k who:id nth:int word:text beyond:text} ON w.user_id = k.who AND w.word >= k.word \
                AND w.word < k.beyond WHERE w.tenant = ?";
        }
    }
}
