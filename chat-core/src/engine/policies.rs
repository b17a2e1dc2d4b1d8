//! What strangers may do: global settings of the builder.

/// Whose contact somebody accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// Friends only.
    Friends,
    /// Everybody, blocks apart.
    Anyone,
}

/// Who may do a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Every user.
    Anyone,
    /// Only the system.
    System,
}

/// From when on an e-mail address belongs to one account, and can be logged in with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmailClaim {
    /// From its verification on.
    #[default]
    OnVerify,
    /// At once. Whoever registers with an address that is taken gets an account that cannot log in with it; so he
    /// can find out that it is taken.
    OnRegister,
}

/// What strangers may do.
///
/// ```
/// let mut policies = chat_core::Policies::default();
/// policies.set("direct", "anyone")?;
/// # Ok::<(), chat_core::UnknownPolicy>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policies {
    /// Who may write to somebody directly.
    pub direct: From,
    /// Who may put somebody into a group.
    pub group: From,
    /// Who may look for people.
    pub search: By,
    /// Who may make channels.
    pub channel_create: By,
    /// From when on an e-mail address belongs to one account; for accounts of our own.
    pub email_claim: EmailClaim,
}

impl Default for Policies {
    fn default() -> Self {
        Self {
            direct: From::Friends,
            group: From::Friends,
            search: By::Anyone,
            channel_create: By::Anyone,
            email_claim: EmailClaim::OnVerify,
        }
    }
}

/// No policy of this name takes this value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no policy of this name takes this value")]
pub struct UnknownPolicy;

impl Policies {
    /// Every name with the values it takes.
    pub const NAMES: &'static [(&'static str, &'static str)] = &[
        ("direct", "friends|anyone"),
        ("group", "friends|anyone"),
        ("search", "anyone|system"),
        ("channel_create", "anyone|system"),
        ("email_claim", "on_verify|on_register"),
    ];

    /// Sets the policy of this name; `direct_policy` is the same as `direct`, and so on.
    ///
    /// # Errors
    /// [`UnknownPolicy`]; nothing is changed then.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), UnknownPolicy> {
        let from = || match value {
            "friends" => Ok(From::Friends),
            "anyone" => Ok(From::Anyone),
            _ => Err(UnknownPolicy),
        };
        let by = || match value {
            "anyone" => Ok(By::Anyone),
            "system" => Ok(By::System),
            _ => Err(UnknownPolicy),
        };
        let claim = || match value {
            "on_verify" => Ok(EmailClaim::OnVerify),
            "on_register" => Ok(EmailClaim::OnRegister),
            _ => Err(UnknownPolicy),
        };
        match name.strip_suffix("_policy").unwrap_or(name) {
            "direct" => self.direct = from()?,
            "group" => self.group = from()?,
            "search" => self.search = by()?,
            "channel_create" => self.channel_create = by()?,
            "email_claim" => self.email_claim = claim()?,
            _ => return Err(UnknownPolicy),
        }
        Ok(())
    }
}
