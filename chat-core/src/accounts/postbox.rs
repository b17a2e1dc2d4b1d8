//! The mail that waits to be written and sent, off everybody's way.
//!
//! What a request leaves here is only *what* to write about. Whether there is an account, and what is to be said to its
//! owner, is found out when its turn comes: so a request takes as long, and is answered the same, whoever it is about.
//!
//! The queue is bounded and kept in memory: what waits when the process ends is asked for again by who misses it. One
//! address gets only so many mails an hour, whoever asks for them.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::poll_fn;
use tokio::sync::{Mutex, mpsc};

use super::attempts::FailedAttempts;
use super::mail::{Letter, Mail, MailError, Mailer};
use super::names::Email;
use super::profile::claim_of;
use super::proof::ProofToken;
use super::{Accounts, EmailClaim};
use crate::error::{ChatError, Refusal};
use crate::id::{IdSource, UserId};
use crate::limits::Limits;
use crate::store::{Account, AccountState, Claim, Claims, ProofPurpose};

/// When to come back after the queue was full.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Mails on their way at the same time.
const AT_ONCE: usize = 4;

/// How long to wait before each further try.
const PAUSES: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(15)];

/// Something to write about.
#[derive(Clone, Debug)]
pub(super) enum Errand {
    /// To this account, to verify its address.
    Verify(UserId),
    /// To whoever's account has this address, to choose a new password.
    Reset(Email),
    /// To this account, of its new password.
    PasswordChanged(UserId),
    /// To the address that was this account's own, of its new one.
    EmailChanged(UserId, Email),
}

/// What waits, and who brings it.
pub(super) struct Postbox {
    mailer: Arc<dyn Mailer>,
    waiting: mpsc::Sender<Errand>,
    next: Mutex<mpsc::Receiver<Errand>>,
    /// Mails of one address, in an hour.
    written: FailedAttempts,
}

impl Postbox {
    pub(super) fn new(
        mailer: Arc<dyn Mailer>,
        mails_waiting: usize,
        limits: &Limits,
        ids: &dyn IdSource,
    ) -> Self {
        let (waiting, next) = mpsc::channel(mails_waiting.clamp(1, tokio::sync::Semaphore::MAX_PERMITS));
        let per_hour = limits.mails_per_recipient_per_hour;
        let written = FailedAttempts::new(per_hour, Duration::from_hours(1), ids);
        Self { mailer, waiting, next: Mutex::new(next), written }
    }
}

impl Postbox {
    /// Whether this address may get one more mail. Asked before anything is given out: what is not mailed must not take
    /// the place of what was.
    ///
    /// Each kind of letter is counted by itself: what others ask for does not silence what its owner must hear.
    fn admits(&self, kind: &str, address: &Claim, user: UserId, now: Duration) -> bool {
        let key = format!("{kind} {}", address.value);
        let admitted = self.written.begin(key.as_bytes(), now).is_ok();
        if !admitted {
            metrics::counter!("chat_mails_withheld_total").increment(1);
            tracing::info!(%user, "an address has had enough mail, one is withheld");
        }
        admitted
    }
}

/// A mail and whose it is, if there is anything to write.
type Written = Result<Option<(UserId, Mail)>, ChatError>;

impl Accounts {
    /// Writes and sends what waits to be sent, until it is dropped: for the host to run beside everything else, once.
    /// Without a [`Mailer`] nothing waits, ever.
    pub async fn send_mails(&self) {
        let Some(postbox) = &self.0.postbox else { return std::future::pending().await };
        let mut next = postbox.next.lock().await;
        poll_fn(|context| next.poll_recv(context))
            .for_each_concurrent(AT_ONCE, |errand| self.run_errand(postbox, errand))
            .await;
    }

    /// Whether mail is sent here at all.
    pub fn sends_mail(&self) -> bool {
        self.0.postbox.is_some()
    }

    pub(super) fn ensure_sends_mail(&self) -> Result<(), Refusal> {
        if self.sends_mail() { Ok(()) } else { Err(Refusal::NotFound) }
    }

    /// Leaves an errand.
    pub(super) fn post(&self, errand: Errand) -> Result<(), ChatError> {
        let Some(postbox) = &self.0.postbox else { return Ok(()) };
        let left = postbox.waiting.try_send(errand);
        left.map_err(|_| ChatError::Overloaded { retry_after: RETRY_AFTER })
    }

    /// Leaves an errand beside something that is done whether there is room for it or not.
    pub(super) fn post_quietly(&self, errand: Errand) {
        if self.post(errand).is_err() {
            tracing::warn!("too much mail waits, one is not written");
        }
    }

    async fn run_errand(&self, postbox: &Postbox, errand: Errand) {
        let written = match errand {
            Errand::Verify(user) => self.write_verification(postbox, user).await,
            Errand::Reset(email) => self.write_reset(postbox, &email).await,
            Errand::PasswordChanged(user) => self.write_notice(postbox, user).await,
            Errand::EmailChanged(user, from) => self.write_farewell(postbox, user, from).await,
        };
        match written {
            Ok(Some((user, mail))) => self.bring(postbox, user, &mail).await,
            Ok(None) => {}
            Err(error) => tracing::warn!(code = error.code(), "a mail was not written"),
        }
    }

    /// To whoever gave the address how to verify it, or to its owner that somebody gave it.
    async fn write_verification(&self, postbox: &Postbox, user: UserId) -> Written {
        let Some(account) = self.active(user).await? else { return Ok(None) };
        let Some(claim) = claim_of(&account).filter(|_| account.email_verified_at.is_none()) else {
            return Ok(None);
        };
        if !postbox.admits("verify", &claim, user, self.monotonic()) {
            return Ok(None);
        }
        match self.records().claimed(&[claim]).await?.into_iter().next().flatten() {
            Some(owner) if owner != user => {
                let owner = self.active(owner).await?;
                Ok(owner.and_then(|owner| addressed(&owner, Letter::EmailTaken)))
            }
            _ => {
                let expires_in = self.0.options.email_verification_seconds;
                let letter = |token| Letter::VerifyEmail { token, expires_in };
                self.write_proof(user, ProofPurpose::VerifyEmail, expires_in, letter).await
            }
        }
    }

    async fn write_reset(&self, postbox: &Postbox, email: &Email) -> Written {
        let claim = email.claim();
        let Some(user) =
            self.records().claimed(std::slice::from_ref(&claim)).await?.into_iter().next().flatten()
        else {
            return Ok(None);
        };
        if !postbox.admits("reset", &claim, user, self.monotonic()) {
            return Ok(None);
        }
        let expires_in = self.0.options.password_reset_seconds;
        let letter = |token| Letter::ResetPassword { token, expires_in };
        self.write_proof(user, ProofPurpose::ResetPassword, expires_in, letter).await
    }

    /// Of an address that is nobody's own, nobody is told.
    async fn write_notice(&self, postbox: &Postbox, user: UserId) -> Written {
        let account = self.active(user).await?.filter(|account| self.owns_address(account));
        let Some((account, claim)) =
            account.and_then(|account| claim_of(&account).map(|claim| (account, claim)))
        else {
            return Ok(None);
        };
        if !postbox.admits("changed", &claim, user, self.monotonic()) {
            return Ok(None);
        }
        Ok(addressed(&account, Letter::PasswordChanged))
    }

    /// Whoever took an account over would else be the only one to hear of it.
    async fn write_farewell(&self, postbox: &Postbox, user: UserId, from: Email) -> Written {
        let Some(account) = self.active(user).await? else { return Ok(None) };
        if !postbox.admits("moved", &from.claim(), user, self.monotonic()) {
            return Ok(None);
        }
        let before = Account { email: Some(from.into_string()), ..account };
        Ok(addressed(&before, Letter::EmailChanged))
    }

    /// Gives out a proof, kept before it is mailed.
    async fn write_proof(
        &self,
        user: UserId,
        purpose: ProofPurpose,
        expires_in: u64,
        letter: impl FnOnce(super::Secret) -> Letter,
    ) -> Written {
        let token = ProofToken::make(user, &*self.0.ids);
        let expires_at = self.now().plus(Duration::from_secs(expires_in));
        let given_out = self
            .change(user, |account| {
                let email = account.email.as_deref().ok_or(Refusal::NotFound)?;
                if account.state != AccountState::Active {
                    return Err(Refusal::NotFound);
                }
                account.particulars.add_proof(token.proof(purpose, &Email::new(email)?, expires_at));
                Ok(Claims::default())
            })
            .await;
        match given_out {
            Ok(account) => Ok(addressed(&account, letter(token.encode()))),
            Err(ChatError::Refused(Refusal::NotFound)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn active(&self, user: UserId) -> Result<Option<Account>, ChatError> {
        Ok(self.load(user).await?.filter(|account| account.state == AccountState::Active))
    }

    pub(super) fn owns_address(&self, account: &Account) -> bool {
        account.email_verified_at.is_some() || self.0.options.email_claim == EmailClaim::OnRegister
    }

    /// Sends a mail, some times if need be.
    async fn bring(&self, postbox: &Postbox, user: UserId, mail: &Mail) {
        let letter = mail.letter.name();
        let outcome = self.try_to_bring(postbox, mail).await;
        let named = if outcome.is_ok() { "sent" } else { "failed" };
        metrics::counter!("chat_mails_total", "letter" => letter, "outcome" => named).increment(1);
        if let Err(error) = outcome {
            tracing::warn!(%user, letter, error = &error as &dyn std::error::Error, "a mail is given up");
        }
    }

    async fn try_to_bring(&self, postbox: &Postbox, mail: &Mail) -> Result<(), MailError> {
        for pause in PAUSES {
            match postbox.mailer.send(mail).await {
                Err(MailError::Later(_)) => self.0.clock.sleep(pause).await,
                done => return done,
            }
        }
        postbox.mailer.send(mail).await
    }
}

/// A mail to the address of an account, in its owner's language.
fn addressed(account: &Account, letter: Letter) -> Option<(UserId, Mail)> {
    let mut mail = Mail::new(account.email.clone()?, &account.username, letter);
    mail.locale.clone_from(&account.particulars.locale);
    Some((account.user, mail))
}
