//! What a host decides about accounts.

use super::EmailClaim;
use super::new_ids::AccountIds;
use super::passwords::PasswordCost;

/// Settings of the accounts of one host. Times in seconds.
///
/// ```
/// let mut options = chat_core::accounts::AccountOptions::new("https://chat.example.org");
/// options.access_token_seconds = 900;
/// assert_eq!(options.audience, "chat");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccountOptions {
    /// Who issues the tokens (`iss`): the public URL of the host.
    pub issuer: String,
    /// Whom they are for (`aud`).
    pub audience: String,
    /// How long an access token lives.
    pub access_token_seconds: u64,
    /// When a login ends that is not refreshed.
    pub refresh_idle_seconds: u64,
    /// When a login ends in any case.
    pub refresh_absolute_seconds: u64,
    /// How long after a refresh the same request is answered again, because its answer may have been lost.
    pub refresh_grace_seconds: u64,
    /// What the ids of new accounts are.
    pub ids: AccountIds,
    /// When an e-mail address becomes the account's own.
    pub email_claim: EmailClaim,
    /// How long a mailed proof of an address is good.
    pub email_verification_seconds: u64,
    /// How long a mailed chance to choose a new password is good.
    pub password_reset_seconds: u64,
    /// Mails that may wait to be written; one more is answered `overloaded`.
    pub mails_waiting: usize,
    /// Usernames that nobody can take, nor anything that looks like them.
    pub reserved: Vec<String>,
    /// How expensive a password hash is.
    pub password_cost: PasswordCost,
    /// The highest cost of bcrypt hashes that come from elsewhere ([`Accounts::import`](super::Accounts::import)); absent
    /// where none do. Every refused login then takes as long as with a hash of this cost, whether there is one or not.
    pub bcrypt_cost_max: Option<u32>,
    /// Password hashes computed at the same time: each takes a thread and the memory of
    /// [`password_cost`](Self::password_cost).
    pub hashes_at_once: usize,
    /// Password hashes that may wait for those; one more is answered `overloaded`.
    pub hashes_waiting: usize,
}

impl AccountOptions {
    /// The defaults, for this issuer.
    pub fn new(issuer: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            audience: "chat".to_owned(),
            access_token_seconds: 600,
            refresh_idle_seconds: 7 * 24 * 3_600,
            refresh_absolute_seconds: 30 * 24 * 3_600,
            refresh_grace_seconds: 10,
            ids: AccountIds::default(),
            email_claim: EmailClaim::default(),
            email_verification_seconds: 24 * 3_600,
            password_reset_seconds: 3_600,
            mails_waiting: 1_024,
            reserved: RESERVED.iter().map(ToString::to_string).collect(),
            password_cost: PasswordCost::default(),
            bcrypt_cost_max: None,
            hashes_at_once: 2,
            hashes_waiting: 64,
        }
    }
}

/// Names under which one could pass for the service itself.
const RESERVED: [&str; 14] = [
    "admin",
    "administrator",
    "anonymous",
    "everyone",
    "moderator",
    "nobody",
    "null",
    "official",
    "root",
    "security",
    "staff",
    "support",
    "system",
    "undefined",
];
