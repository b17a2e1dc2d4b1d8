//! Every bound of the engine, by name.
//!
//! One struct, set by the embedder; the names are those of the wire protocol and of `--limit NAME=VALUE`.

/// A name that no limit has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no limit of this name")]
pub struct UnknownLimit;

macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident = $default:literal,)*) => {
        /// Every bound, with its unit in its name.
        ///
        /// ```
        /// let mut limits = chat_core::Limits::default();
        /// limits.set("group_members_max", 50)?;
        /// assert_eq!(limits.group_members_max, 50);
        /// # Ok::<(), chat_core::UnknownLimit>(())
        /// ```
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Limits {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        impl Limits {
            /// All names, in order of definition.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),*];

            /// Sets the limit of this name.
            ///
            /// # Errors
            /// [`UnknownLimit`] when there is none of this name; nothing is changed then.
            pub fn set(&mut self, name: &str, value: u64) -> Result<(), UnknownLimit> {
                match name {
                    $(stringify!($name) => self.$name = value,)*
                    _ => return Err(UnknownLimit),
                }
                Ok(())
            }

            /// Every limit with its name and value.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
                [$((stringify!($name), self.$name)),*].into_iter()
            }
        }
    };
}

limits! {
    /// Largest frame a client may send, in bytes.
    frame_bytes_max = 65_536,
    /// Largest frame the server sends, in bytes.
    server_frame_bytes_max = 262_144,
    /// Longest text of a message, in bytes of UTF-8.
    text_bytes_max = 16_384,
    /// Largest metadata object, in bytes of its JSON.
    metadata_bytes_max = 8_192,
    /// Most mentions in one message.
    mentions_max = 50,
    /// Most attachments of one message.
    attachments_max = 10,
    /// Largest attachment, in bytes.
    attachment_bytes_max = 26_214_400,
    /// Most pixels of a picture: how large it becomes in memory, whatever its file says.
    attachment_pixels_max = 40_000_000,
    /// Most attachments of one user that are not part of a message yet.
    attachments_unsent_per_user_max = 100,
    /// How long an attachment that is part of no message is kept, in seconds.
    attachment_unsent_seconds_max = 86_400,
    /// Longest name of a conversation, in code points.
    name_codepoints_max = 128,
    /// Most members of a group.
    group_members_max = 1_000,
    /// Fewest people a group is made with, its creator included.
    group_members_min = 3,
    /// Most members added by one command.
    members_per_add_max = 100,
    /// Most conversations of one user.
    conversations_per_user_max = 5_000,
    /// Most conversations named in one part of a `sync`.
    sync_conversations_max = 500,
    /// Most items of one page.
    page_items_max = 200,
    /// Most users one session watches the presence of.
    watched_users_max = 500,
    /// Largest conversation in which the receipts of others are pushed.
    receipt_members_max = 100,
    /// Most sessions (logins) of one user; one more ends the oldest.
    sessions_per_user_max = 50,
    /// Most sockets of one user at a time.
    sockets_per_user_max = 20,
    /// Most sockets from one address at a time.
    sockets_per_address_max = 1_000,
    /// Most sockets of this node; one more is refused with 1013.
    sockets_per_node_max = 100_000,
    /// Shortest password, in code points.
    password_codepoints_min = 8,
    /// Longest password, in code points.
    password_codepoints_max = 256,
    /// Shortest username, in code points.
    username_codepoints_min = 3,
    /// Longest username, in code points.
    username_codepoints_max = 32,
    /// Shortest full name, in code points.
    full_name_codepoints_min = 1,
    /// Frames one socket may send a second, after a burst of five times as many.
    frames_per_socket_per_second = 50,
    /// Messages one user may send a second, after a burst of five times as many.
    messages_per_user_per_second = 10,
    /// Friend requests one user may make an hour.
    friend_requests_per_user_per_hour = 60,
    /// Failed logins of one account a minute.
    failed_logins_per_account_per_minute = 10,
    /// Logins from one address a minute.
    logins_per_address_per_minute = 60,
    /// Accounts made from one address an hour.
    registrations_per_address_per_hour = 60,
    /// Mails asked for from one address an hour.
    mail_requests_per_address_per_hour = 60,
    /// Mails to one e-mail address an hour, whoever asks for them.
    mails_per_recipient_per_hour = 10,
    /// Drafts that may wait to be committed, all users together.
    queued_drafts_max = 65_536,
    /// Bytes of drafts that may wait to be committed, all users together.
    queued_bytes_max = 67_108_864,
    /// Drafts of one user that may wait to be committed.
    queued_drafts_per_user_max = 1_024,
    /// Drafts that go into one commit.
    batch_drafts_max = 512,
    /// Bytes of drafts that go into one commit; a larger draft goes alone.
    batch_bytes_max = 4_194_304,
    /// Events that wait for one session before it catches up from the log instead.
    session_events_max = 256,
    /// Entries a session may lack and still be caught up; one more is a `reset`.
    catch_up_entries_max = 10_000,
    /// Sessions that may be opened or caught up at the same moment; more wait their turn.
    concurrent_reads_max = 64,
}
