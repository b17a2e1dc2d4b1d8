//! Passwords: what one may be, and how it is hashed without holding up anything else.
//!
//! Argon2id, on threads of its own behind a bounded queue. Where there is no account the work is done all the same,
//! against a hash that no password has; and where hashes of another kind are imported, every refusal costs both kinds.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash as Phc, Salt};
use argon2::{
    ARGON2ID_IDENT, Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version,
};
use precis_profiles::OpaqueString;
use precis_profiles::precis_core::profile::PrecisFastInvocation as _;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::imported::{Bcrypt, Imported};
use super::options::AccountOptions;
use super::secret::Secret;
use crate::error::{ChatError, Refusal};
use crate::id::IdSource;
use crate::limits::Limits;
use crate::store::PasswordHash;

const SALT_BYTES: usize = 16;

/// When to come back after the queue of hashes was full.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What a hash costs whoever computes it: us once a login, a thief once a guess.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordCost(Params);

impl PasswordCost {
    /// A cost in KiB of memory and passes over it, on one lane.
    ///
    /// Returns `None` for less than 8 KiB or no pass.
    pub fn new(memory_kib: u32, passes: u32) -> Option<Self> {
        Params::new(memory_kib, passes, 1, None).ok().map(Self)
    }
}

impl Default for PasswordCost {
    /// 19 MiB and two passes (OWASP's first choice for Argon2id with one lane).
    fn default() -> Self {
        Self::new(19 * 1_024, 2).expect("within the bounds of Argon2")
    }
}

impl fmt::Debug for PasswordCost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PasswordCost({} KiB, {} passes)", self.0.m_cost(), self.0.t_cost())
    }
}

/// A password as it is hashed: normalised (RFC 8265, `OpaqueString`), never cut.
#[derive(Clone)]
pub(super) struct Password(Zeroizing<String>);

impl Password {
    /// A password of allowed form; `field` is where it came from.
    pub(super) fn new(text: &Secret, field: &'static str, limits: &Limits) -> Result<Self, Refusal> {
        let normal = OpaqueString::enforce(text.expose())
            .map(|text| Zeroizing::new(text.into_owned()))
            .map_err(|_| Refusal::invalid(field, "a password may hold no control characters"))?;
        let allowed = limits.password_codepoints_min..=limits.password_codepoints_max;
        if allowed.contains(&(normal.chars().count() as u64)) {
            Ok(Self(normal))
        } else {
            Err(Refusal::invalid(field, "too short or too long"))
        }
    }
}

/// What somebody shows as his password: of any form, since the limits of today are not those it was chosen under.
#[derive(Clone)]
pub(super) struct Shown {
    /// The text as it came: what hashes from elsewhere were made of.
    sent: Zeroizing<String>,
    /// What our own hashes are made of, if it can be normalised.
    normal: Option<Password>,
}

impl Shown {
    pub(super) fn new(text: &Secret) -> Self {
        let normal = OpaqueString::enforce(text.expose()).ok();
        Self {
            sent: Zeroizing::new(text.expose().to_owned()),
            normal: normal.map(|text| Password(Zeroizing::new(text.into_owned()))),
        }
    }

    /// The password as we hash it; absent where only a hash from elsewhere can be of it.
    pub(super) fn into_password(self) -> Option<Password> {
        self.normal
    }
}

/// How a password compares to a stored hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is the one.
    Right,
    /// It is the one, but the hash was made at another cost, or elsewhere.
    Outdated,
    /// It is not, or there is no hash.
    Wrong,
}

/// Computes hashes, some at a time, some waiting, the rest refused.
#[derive(Clone)]
pub(super) struct Hasher {
    argon2: Argon2<'static>,
    /// Compared with where there is no hash: of the same cost, and of no password.
    decoy: Phc,
    imported: Imported,
    ids: Arc<dyn IdSource>,
    /// Those at work and those waiting.
    admitted: Arc<Semaphore>,
    /// Those at work.
    working: Arc<Semaphore>,
}

impl Hasher {
    pub(super) fn new(options: &AccountOptions, ids: Arc<dyn IdSource>) -> Self {
        let params = options.password_cost.0.clone();
        let at_once = options.hashes_at_once.clamp(1, Semaphore::MAX_PERMITS / 2);
        let waiting = options.hashes_waiting.min(Semaphore::MAX_PERMITS / 2);
        Self {
            decoy: decoy(&params, &*ids),
            imported: Imported::new(options.bcrypt_cost_max, &*ids),
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            ids,
            admitted: Arc::new(Semaphore::new(at_once + waiting)),
            working: Arc::new(Semaphore::new(at_once)),
        }
    }

    /// The hash of a password, under a new salt.
    pub(super) async fn hash(&self, password: Password) -> Result<PasswordHash, ChatError> {
        let mut salt = [0; SALT_BYTES];
        self.ids.fill(&mut salt);
        let argon2 = self.argon2.clone();
        self.work(move || {
            argon2
                .hash_password_with_salt(password.0.as_bytes(), &salt)
                .map(|hash| PasswordHash(hash.to_string()))
                .map_err(|_| ChatError::Internal("the password could not be hashed"))
        })
        .await?
    }

    /// Compares a password with a hash; takes as long when there is none.
    pub(super) async fn verify(
        &self,
        shown: Shown,
        stored: Option<PasswordHash>,
    ) -> Result<Verdict, ChatError> {
        let hasher = self.clone();
        self.work(move || hasher.compare(&shown, stored.as_ref().map_or("", |stored| stored.0.as_str())))
            .await
    }

    /// Our own kind first, then the imported kind; whatever is not there is worked at all the same.
    fn compare(&self, shown: &Shown, stored: &str) -> Verdict {
        let own = Phc::new(stored).ok();
        let hash = own.as_ref().unwrap_or(&self.decoy);
        let password = shown.normal.as_ref().map_or(&shown.sent, |normal| &normal.0);
        let is_of = self.argon2.verify_password(password.as_bytes(), hash).is_ok();
        if is_of && shown.normal.is_some() {
            let is_current = Params::try_from(hash).is_ok_and(|cost| same_cost(&cost, self.argon2.params()));
            return if is_current { Verdict::Right } else { Verdict::Outdated };
        }
        if self.imported.is_of(Bcrypt::parse(stored).as_ref(), shown.sent.as_bytes()) {
            Verdict::Outdated
        } else {
            Verdict::Wrong
        }
    }

    /// Does work on a thread for blocking work. The places in the queue go with the work, not with its caller: who
    /// goes away frees nothing that is still being used.
    pub(super) async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ChatError> {
        let admitted = Arc::clone(&self.admitted)
            .try_acquire_owned()
            .map_err(|_| ChatError::Overloaded { retry_after: RETRY_AFTER })?;
        let working = Arc::clone(&self.working).acquire_owned().await.expect("never closed");
        tokio::task::spawn_blocking(move || {
            let done = work();
            drop((working, admitted));
            done
        })
        .await
        .map_err(|_| ChatError::Internal("the password could not be hashed"))
    }
}

fn same_cost(one: &Params, two: &Params) -> bool {
    (one.m_cost(), one.t_cost(), one.p_cost()) == (two.m_cost(), two.t_cost(), two.p_cost())
}

/// A hash that no password has: its output is random.
fn decoy(params: &Params, ids: &dyn IdSource) -> Phc {
    let mut random = [0; SALT_BYTES + Params::DEFAULT_OUTPUT_LEN];
    ids.fill(&mut random);
    let (salt, output) = random.split_at(SALT_BYTES);
    Phc {
        algorithm: ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).expect("parameters can be written"),
        salt: Some(Salt::new(salt).expect("16 bytes are a salt")),
        hash: Some(Output::new(output).expect("32 bytes are an output")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::id::SystemIds;

    fn password(text: &str) -> Result<Password, Refusal> {
        Password::new(&Secret::from(text), "/password", &Limits::default())
    }

    fn shown(text: &str) -> Shown {
        Shown::new(&Secret::from(text))
    }

    fn hasher(cost: PasswordCost, hashes_waiting: usize) -> Hasher {
        let mut options = AccountOptions::new("test");
        options.password_cost = cost;
        options.hashes_at_once = 1;
        options.hashes_waiting = hashes_waiting;
        Hasher::new(&options, Arc::new(SystemIds::default()))
    }

    fn cheap() -> PasswordCost {
        PasswordCost::new(8, 1).unwrap()
    }

    #[test]
    fn forms() {
        for text in ["12345678", "correct horse", "пароль-пароль", "😀😀😀😀😀😀😀😀", &"ä".repeat(256)]
        {
            assert!(password(text).is_ok(), "{text}");
        }
        for text in ["", "1234567", "1234567\0", "12345678\n", "12345678\u{202e}\u{7}", &"a".repeat(257)] {
            assert_eq!(password(text).err().unwrap().field(), Some("/password"), "{text:?}");
        }
    }

    #[tokio::test]
    async fn equal_after_normalisation_is_equal_and_nothing_else_is() {
        let hasher = hasher(cheap(), 0);
        let stored = hasher.hash(password("Å pässword").unwrap()).await.unwrap();
        for (text, verdict) in [
            ("Å pässword", Verdict::Right),
            ("A\u{30a}\u{a0}pa\u{308}ssword", Verdict::Right),
            ("å pässword", Verdict::Wrong),
            ("Å pässword ", Verdict::Wrong),
            ("Å passwor", Verdict::Wrong),
        ] {
            let got = hasher.verify(shown(text), Some(stored.clone())).await.unwrap();
            assert_eq!(got, verdict, "{text:?}");
        }
    }

    #[tokio::test]
    async fn every_character_of_a_long_password_counts() {
        let hasher = hasher(cheap(), 0);
        let stored = hasher.hash(password(&"a".repeat(256)).unwrap()).await.unwrap();
        let almost = shown(&("a".repeat(255) + "b"));
        assert_eq!(hasher.verify(almost, Some(stored)).await.unwrap(), Verdict::Wrong);
    }

    #[tokio::test]
    async fn a_hash_is_salted_argon2id_and_an_older_cost_is_noticed() {
        let old = hasher(cheap(), 0);
        let [one, two] =
            [old.hash(password("12345678").unwrap()).await, old.hash(password("12345678").unwrap()).await]
                .map(Result::unwrap);
        assert!(one.0.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{}", one.0);
        assert_ne!(one.0, two.0);
        let new = hasher(PasswordCost::new(16, 1).unwrap(), 0);
        let verdict = new.verify(shown("12345678"), Some(one)).await.unwrap();
        assert_eq!(verdict, Verdict::Outdated);
    }

    #[tokio::test]
    async fn a_hash_from_elsewhere_is_of_the_bytes_that_came_and_outdated() {
        let hasher = hasher(cheap(), 0);
        let sent = "A\u{30a} pa\u{308}ssword";
        let stored = PasswordHash(bcrypt::hash_with_salt(sent, 4, [7; 16]).unwrap().to_string());
        for (text, verdict) in [
            (sent, Verdict::Outdated),
            ("Å pässword", Verdict::Wrong),
            ("", Verdict::Wrong),
            ("A\u{30a} pa\u{308}ssword\0", Verdict::Wrong),
        ] {
            let got = hasher.verify(shown(text), Some(stored.clone())).await.unwrap();
            assert_eq!(got, verdict, "{text:?}");
        }
    }

    #[tokio::test]
    async fn no_hash_and_no_readable_hash_are_wrong() {
        let hasher = hasher(cheap(), 0);
        for stored in
            [None, Some(""), Some("plain"), Some("$argon2id$v=19$m=8,t=1,p=1$YWJj"), Some("$2b$12$x")]
        {
            let stored = stored.map(|text| PasswordHash(text.to_owned()));
            let verdict = hasher.verify(shown("12345678"), stored).await.unwrap();
            assert_eq!(verdict, Verdict::Wrong);
        }
    }

    #[tokio::test]
    async fn beyond_the_queue_it_is_overloaded_and_the_place_of_who_left_is_free_only_when_his_work_is_done()
    {
        let hasher = hasher(cheap(), 1);
        let (release, blocked) = std::sync::mpsc::channel::<()>();
        let (started, has_started) = tokio::sync::oneshot::channel();
        let first = tokio::spawn({
            let hasher = hasher.clone();
            async move {
                hasher
                    .work(move || {
                        started.send(()).unwrap();
                        blocked.recv().unwrap();
                    })
                    .await
            }
        });
        has_started.await.unwrap();
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        let mut second = Box::pin(hasher.work(|| ()));
        assert!(futures_util::poll!(&mut second).is_pending());
        let third = hasher.work(|| ()).await.unwrap_err();
        assert_eq!(third.code(), "overloaded");
        release.send(()).unwrap();
        second.await.unwrap();
        hasher.work(|| ()).await.unwrap();
    }

    #[tokio::test]
    async fn so_many_work_at_the_same_time_and_no_more() {
        let hasher = hasher(cheap(), 31);
        let inside = Arc::new(AtomicUsize::new(0));
        let works = (0..32).map(|_| {
            let inside = Arc::clone(&inside);
            hasher.work(move || {
                let others = inside.fetch_add(1, Ordering::SeqCst);
                std::thread::yield_now();
                inside.fetch_sub(1, Ordering::SeqCst);
                others
            })
        });
        for others in futures_util::future::join_all(works).await {
            assert_eq!(others.unwrap(), 0);
        }
    }

    #[test]
    fn the_cost_has_bounds_and_is_shown() {
        assert_eq!(PasswordCost::new(7, 1), None);
        assert_eq!(PasswordCost::new(8, 0), None);
        assert_eq!(format!("{:?}", PasswordCost::default()), "PasswordCost(19456 KiB, 2 passes)");
    }
}
