// Where you are: the words of wire protocol v1, as far as this page uses them. Types only; the server's
// Rust types are the source. Fields and kinds that the page does not know are ignored everywhere.

/** @typedef {{id: string, username?: string, full_name?: string, picture?: string}} Profile */

/** @typedef {{content_type: string, bytes: number, width?: number, height?: number}} Thumbnail */

/**
 * @typedef {object} Attachment
 * @property {string} id
 * @property {string} name
 * @property {string} content_type
 * @property {number} bytes
 * @property {number} [width] of a picture
 * @property {number} [height] of a picture
 * @property {Thumbnail} [thumbnail]
 */

/**
 * @typedef {object} Message
 * @property {string} id
 * @property {string} conversation
 * @property {number} seq
 * @property {number} rev seq of the last change applied to it; of two versions the higher `rev` is the present one
 * @property {string} [sender] absent: the system
 * @property {string} client_id
 * @property {string} [text]
 * @property {Attachment[]} [attachments]
 * @property {string} created_at
 * @property {string} [edited_at]
 * @property {string} [deleted_at]
 */

/**
 * @typedef {object} Entry
 * @property {"entry"} type
 * @property {string} conversation
 * @property {number} seq
 * @property {string} at
 * @property {string} [by]
 * @property {string} [client_id]
 * @property {number} [target]
 * @property {string} kind
 * @property {Message} [message] as it is now, not as it was at `seq`
 * @property {string[]} [users]
 * @property {Role} [role]
 * @property {string} [successor]
 * @property {{name?: string | null}} [changes]
 */

/** @typedef {"owner" | "admin" | "member"} Role */
/** @typedef {"direct" | "group" | "channel"} Kind */
/** @typedef {{read: number, delivered: number}} Marks */
/** @typedef {Marks & {user: string}} PeerMarks */

/**
 * @typedef {object} Summary
 * @property {string} id
 * @property {Kind} kind
 * @property {string} [name]
 * @property {Profile} [with] the other of a direct one
 * @property {Role} role
 * @property {number} head
 * @property {number} read
 * @property {number} delivered
 * @property {number} unread
 * @property {Message} [last_message]
 * @property {number} member_count
 * @property {string} created_at
 */

/** @typedef {"none" | "requested" | "incoming" | "friends"} FriendState */
/** @typedef {{user: Profile, state: FriendState, blocked: boolean, at: string}} Friendship */
/** @typedef {{user: Profile, role: Role} & Partial<Marks>} Member */

/** @typedef {{state: "complete" | "reset" | "gone", head: number, peer?: PeerMarks} & Marks & {unread: number}} Standing */

/**
 * @typedef {object} SyncReply
 * @property {{cursor: string, reset?: boolean, items: Friendship[]}} [friends]
 * @property {Record<string, Standing>} [conversations]
 * @property {{items: Summary[], next?: string}} [new]
 */

/** @typedef {{items: Message[], has_before?: boolean, has_after?: boolean}} HistoryReply */
/** @typedef {{type: "hello", user: Profile, epoch: string, heartbeat_ms: number, limits?: Record<string, number>}} Hello */
/** @typedef {{type: "receipt", conversation: string, user: string} & Marks} ReceiptEvent */
/** @typedef {{type: "typing", conversation: string, user: string, active: boolean}} TypingEvent */
/** @typedef {{user: string, online: boolean, last_seen?: string}} Presence */
/** @typedef {{type: "friendship", cursor: string, friendship: Friendship}} FriendshipEvent */
/** @typedef {{type: "reset", conversation: string, head: number}} ResetEvent */
/** @typedef {{type: "closing", code: string, retry_after_ms?: number}} ClosingEvent */

export {};
