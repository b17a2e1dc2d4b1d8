//! People as others see them, and the host's own users through a [`Directory`].

use std::fmt;

use async_trait::async_trait;

use crate::id::UserId;
use crate::page::Limit;

/// What others may see of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Who it is.
    pub id: UserId,
    /// The unique name, if the host has one.
    pub username: Option<String>,
    /// The name for people.
    pub full_name: Option<String>,
    /// A URL or path of a picture.
    pub picture: Option<String>,
    /// The host's own string key, where [`UserId`] holds only its hash.
    pub external_id: Option<String>,
}

impl Profile {
    /// A profile with nothing but the id.
    pub const fn new(id: UserId) -> Self {
        Self { id, username: None, full_name: None, picture: None, external_id: None }
    }

    /// The same with a username.
    #[must_use]
    pub fn username(mut self, username: impl Into<String>) -> Self {
        self.username = Some(username.into());
        self
    }

    /// The same with a full name.
    #[must_use]
    pub fn full_name(mut self, full_name: impl Into<String>) -> Self {
        self.full_name = Some(full_name.into());
        self
    }
}

/// What was typed into a search field: at least one code point, at most 128, without NUL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query(String);

impl Query {
    /// A query.
    ///
    /// Returns `None` when nothing is left after trimming, or when it is too long.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let fits = !text.is_empty() && text.chars().count() <= 128 && !text.contains('\0');
        fits.then(|| Self(text.to_owned()))
    }

    /// The trimmed text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its words, lower-cased: each must begin a word of the username or full name.
    pub fn words(&self) -> Vec<String> {
        search_words(&self.0)
    }
}

/// The words of a text as they are searched for: lower-cased, split at everything that is not alphanumeric.
pub fn search_words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// The host's directory failed; the source is for the log.
#[derive(Debug, thiserror::Error)]
#[error("the directory failed")]
pub struct DirectoryError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// The host's own users: names and search. Without one every id exists and has no profile.
///
/// # Contract
/// - `profiles` answers only for users that exist; who is missing from the answer does not exist.
/// - Order of the answers does not matter. No method decides anything about rights.
#[async_trait]
pub trait Directory: Send + Sync + 'static {
    /// The profiles of those of `ids` that exist.
    ///
    /// # Errors
    /// [`DirectoryError`] when the host's database fails.
    async fn profiles(&self, ids: &[UserId]) -> Result<Vec<Profile>, DirectoryError>;

    /// The profiles of those of `usernames` that exist, compared as the host compares them.
    ///
    /// # Errors
    /// As [`Directory::profiles`].
    async fn find(&self, usernames: &[&str]) -> Result<Vec<Profile>, DirectoryError>;

    /// People whose names match, after `after`, in order of id, at most `limit + 1`: one more tells that there is more.
    ///
    /// # Errors
    /// As [`Directory::profiles`].
    async fn search(
        &self,
        query: &Query,
        after: Option<UserId>,
        limit: Limit,
    ) -> Result<Vec<Profile>, DirectoryError>;
}

/// The directory of a host that has given none: everybody exists, nobody has a name.
#[derive(Clone, Copy, Debug, Default)]
pub struct Everybody;

#[async_trait]
impl Directory for Everybody {
    async fn profiles(&self, ids: &[UserId]) -> Result<Vec<Profile>, DirectoryError> {
        Ok(ids.iter().copied().map(Profile::new).collect())
    }

    async fn find(&self, _usernames: &[&str]) -> Result<Vec<Profile>, DirectoryError> {
        Ok(Vec::new())
    }

    async fn search(
        &self,
        _query: &Query,
        _after: Option<UserId>,
        _limit: Limit,
    ) -> Result<Vec<Profile>, DirectoryError> {
        Ok(Vec::new())
    }
}

/// What a device calls itself: at most 128 code points, no control characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device(String);

impl Device {
    /// The name of a device; what does not fit is left out, since it only serves people who look at a list.
    pub fn new(name: &str) -> Self {
        Self(name.chars().filter(|c| !c.is_control()).take(128).collect())
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
