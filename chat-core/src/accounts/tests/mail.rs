//! Mail, and what it is good for.

use std::pin::pin;

use super::*;
use crate::accounts::proof::ProofToken;
use crate::message::Patch;

/// Notes what it should bring, and brings it as long as it can.
#[derive(Default)]
pub(super) struct Post {
    brought: Mutex<Vec<Mail>>,
    tries: Mutex<usize>,
    /// What the next tries meet.
    fails: Mutex<Vec<MailError>>,
}

#[async_trait]
impl Mailer for Post {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        *self.tries.lock().unwrap() += 1;
        if let Some(error) = self.fails.lock().unwrap().pop() {
            return Err(error);
        }
        self.brought.lock().unwrap().push(mail.clone());
        Ok(())
    }
}

const ADDRESS: &str = "ada@example.org";

impl World {
    /// Sends what waits; answers what was sent.
    async fn mails(&self) -> Vec<Mail> {
        let mut sending = pin!(self.accounts.send_mails());
        for _ in 0..16 {
            assert!(futures_util::poll!(&mut sending).is_pending());
            tokio::task::yield_now().await;
        }
        std::mem::take(&mut *self.post.brought.lock().unwrap())
    }

    /// The only mail that was sent.
    async fn mail(&self) -> Mail {
        let mut mails = self.mails().await;
        assert_eq!(mails.len(), 1, "{mails:?}");
        mails.remove(0)
    }

    async fn sign_up(&self, username: &str, email: &str) -> Account {
        let mut registration = Registration::new(username, PASSWORD);
        registration.email = Some(email.to_owned());
        registration.locale = Some("de-at".to_owned());
        self.accounts.register(registration).await.unwrap()
    }

    /// Ada, who has shown that she reads her mail.
    async fn verified(&self) -> Account {
        self.sign_up("ada", ADDRESS).await;
        let token = token(&self.mail().await);
        self.accounts.verify_email(&token).await.unwrap()
    }

    async fn reset_token(&self) -> Secret {
        self.accounts.request_password_reset(ADDRESS).unwrap();
        token(&self.mail().await)
    }

    async fn proofs(&self) -> usize {
        let user = self.accounts.find("ada").await.unwrap().unwrap();
        user.particulars.proofs.len()
    }

    async fn reset(&self, token: &Secret, password: &str) -> (&'static str, Option<&'static str>) {
        refused(self.accounts.reset_password(token, &password.into()).await)
    }

    async fn verify(&self, token: &Secret) -> (&'static str, Option<&'static str>) {
        refused(self.accounts.verify_email(token).await)
    }
}

fn token(mail: &Mail) -> Secret {
    match &mail.letter {
        Letter::VerifyEmail { token, .. } | Letter::ResetPassword { token, .. } => token.clone(),
        other => panic!("{other:?}"),
    }
}

const OK: (&str, Option<&str>) = ("ok", None);
const SPENT: (&str, Option<&str>) = ("validation_failed", Some("/token"));

#[tokio::test]
async fn an_address_is_ones_own_once_its_mail_was_read() {
    let world = World::new();
    let user = world.sign_up("Ada", "Ada@Example.org").await.user;
    let mail = world.mail().await;
    assert_eq!((mail.to.as_str(), mail.username.as_str()), ("Ada@example.org", "Ada"));
    assert_eq!(mail.locale.as_deref(), Some("de-AT"));
    assert_eq!(mail.letter.name(), "verify_email");
    assert_eq!(refused(world.try_log_in(ADDRESS, PASSWORD).await).0, "unauthenticated");
    let token = token(&mail);
    assert!(!format!("{mail:?}").contains(token.expose()));
    let account = world.accounts.verify_email(&token).await.unwrap();
    assert_eq!((account.user, account.email_verified_at), (user, Some(world.clock.now())));
    assert_eq!(world.log_in(ADDRESS).await.user.id, user);
    assert_eq!(world.verify(&token).await, SPENT, "good once");
    world.accounts.request_verification(user, ADDRESS).await.unwrap();
    assert!(world.mails().await.is_empty(), "there is nothing to verify any more");
}

#[tokio::test]
async fn who_loses_an_address_is_told_at_the_old_one() {
    let world = World::new();
    let user = world.verified().await.user;
    let to =
        |address: &str| ProfilePatch { email: Patch::Set(address.to_owned()), ..ProfilePatch::default() };
    // Another way to write the same one is no other.
    world.accounts.update(user, to("ADA@example.org")).await.unwrap();
    assert!(world.mails().await.is_empty());
    world.accounts.update(user, to("thief@example.org")).await.unwrap();
    let mut told: Vec<_> =
        world.mails().await.into_iter().map(|mail| (mail.letter.name(), mail.to.to_lowercase())).collect();
    told.sort_unstable();
    assert_eq!(
        told,
        [("email_changed", ADDRESS.to_owned()), ("verify_email", "thief@example.org".to_owned())]
    );
    // That one was never his own: nobody is told that it goes.
    let clear = ProfilePatch { email: Patch::Clear, ..ProfilePatch::default() };
    world.accounts.update(user, clear).await.unwrap();
    assert!(world.mails().await.is_empty());
}

#[tokio::test]
async fn only_a_hash_of_what_was_mailed_is_kept() {
    let world = World::new();
    let user = world.sign_up("ada", ADDRESS).await.user;
    let token = token(&world.mail().await);
    let account = world.accounts.me(user).await.unwrap();
    assert_eq!(account.particulars.proofs.len(), 1);
    let column = account.particulars.to_column().unwrap();
    let decoded = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, token.expose());
    assert!(!column.windows(32).any(|bytes| bytes == &decoded.as_ref().unwrap()[16..]));
}

#[tokio::test]
async fn the_owner_of_an_address_is_told_and_nobody_else() {
    for email_claim in [EmailClaim::OnVerify, EmailClaim::OnRegister] {
        let world = World::with(|options| options.email_claim = email_claim, |_| ());
        world.verified().await;
        let second = world.sign_up("bob", "ADA@example.org").await;
        let mail = world.mail().await;
        assert_eq!((mail.username.as_str(), mail.letter.name()), ("ada", "email_taken"));
        assert_eq!(mail.to, ADDRESS);
        world.accounts.request_verification(second.user, ADDRESS).await.unwrap();
        assert_eq!(world.mail().await.letter.name(), "email_taken");
        assert_eq!(world.accounts.me(second.user).await.unwrap().particulars.proofs, []);
    }
}

#[tokio::test]
async fn of_two_who_read_the_same_mail_the_faster_has_the_address() {
    let world = World::new();
    world.sign_up("ada", ADDRESS).await;
    let first = token(&world.mail().await);
    world.sign_up("bob", ADDRESS).await;
    let second = token(&world.mail().await);
    assert_eq!(world.verify(&second).await, OK);
    assert_eq!(world.verify(&first).await, ("already_exists", Some("/email")));
    assert_eq!(world.log_in(ADDRESS).await.user.username.as_deref(), Some("bob"));
}

#[tokio::test]
async fn a_new_password_ends_every_login_and_the_token() {
    let world = World::new();
    let user = world.verified().await.user;
    let tokens = [world.log_in("ada").await, world.log_in("ada").await];
    let token = world.reset_token().await;
    assert_eq!(world.reset(&token, "short").await, ("validation_failed", Some("/new_password")));
    assert_eq!(world.reset(&token, "another password").await, OK);
    for tokens in &tokens {
        assert_eq!(world.authenticate(tokens).await, Err("unauthenticated"));
        assert_eq!(world.refresh(tokens).await.map(drop), Err("unauthenticated"));
    }
    assert_eq!(world.host.take_ended().len(), 2);
    assert_eq!(refused(world.try_log_in("ada", PASSWORD).await).0, "unauthenticated");
    world.try_log_in("ada", "another password").await.unwrap();
    assert_eq!(world.reset(&token, "third password").await, SPENT);
    let mail = world.mail().await;
    assert_eq!((mail.letter.name(), mail.to.as_str()), ("password_changed", ADDRESS));
    assert_eq!(world.accounts.me(user).await.unwrap().particulars.proofs, []);
}

#[tokio::test]
async fn a_reset_cut_short_leaves_no_login_open() {
    let world = World::new();
    world.verified().await;
    let tokens = world.log_in("ada").await;
    let token = world.reset_token().await;
    world.store.cut();
    assert_eq!(
        world.reset(&token, "another password").await.0,
        "unavailable",
        "the logins could not be ended"
    );
    world.store.mend();
    assert_eq!(
        world.refresh(&tokens).await.map(drop),
        Err("unauthenticated"),
        "they are older than the password"
    );
}

#[tokio::test]
async fn whoever_reads_the_mail_of_a_reset_has_shown_that_he_does() {
    let world = World::with(|options| options.email_claim = EmailClaim::OnRegister, |_| ());
    let user = world.sign_up("ada", ADDRESS).await.user;
    world.mails().await;
    let token = world.reset_token().await;
    assert_eq!(world.reset(&token, "another password").await, OK);
    assert_eq!(world.accounts.me(user).await.unwrap().email_verified_at, Some(world.clock.now()));
}

#[tokio::test]
async fn an_address_of_nobody_and_of_who_is_gone_gets_the_same_answer_and_no_mail() {
    let world = World::new();
    let disabled = world.verified().await.user;
    let unverified = world.sign_up("bob", "bob@example.org").await.user;
    world.mails().await;
    world.accounts.disable(disabled).await.unwrap();
    for address in ["nobody@example.org", "bob@example.org", ADDRESS] {
        world.accounts.request_password_reset(address).unwrap();
    }
    assert!(world.mails().await.is_empty());
    assert_eq!(
        refused(world.accounts.request_password_reset("nowhere")),
        ("validation_failed", Some("/email"))
    );
    let other = world.accounts.request_verification(unverified, ADDRESS).await;
    assert_eq!(refused(other).0, "conflict");
    let gone = world.accounts.request_verification(disabled, ADDRESS).await;
    assert_eq!(refused(gone).0, "not_found");
}

#[tokio::test]
async fn a_token_is_good_for_its_time_its_purpose_and_its_address() {
    let world = World::new();
    let user = world.sign_up("ada", ADDRESS).await.user;
    let verification = token(&world.mail().await);
    assert_eq!(world.reset(&verification, "another password").await, SPENT, "another purpose");
    world.clock.advance(Duration::from_hours(24));
    assert_eq!(world.verify(&verification).await, SPENT, "too late");
    world.accounts.request_verification(user, ADDRESS).await.unwrap();
    let verification = token(&world.mail().await);
    assert_eq!(world.verify(&verification).await, OK);

    let reset = world.reset_token().await;
    assert_eq!(world.verify(&reset).await, SPENT, "another purpose");
    world.clock.advance(Duration::from_hours(1));
    assert_eq!(world.reset(&reset, "another password").await, SPENT, "too late");

    let reset = world.reset_token().await;
    for address in ["new@example.org", ADDRESS] {
        let patch = ProfilePatch { email: Patch::Set(address.to_owned()), ..ProfilePatch::default() };
        world.accounts.update(user, patch).await.unwrap();
        assert_eq!(world.reset(&reset, "another password").await, SPENT, "another address, or again");
    }
}

#[tokio::test]
async fn what_is_no_token_is_answered_like_one_that_is_good_no_more() {
    let world = World::new();
    world.verified().await;
    let good = world.reset_token().await;
    let mut changed = good.expose().to_owned();
    changed.replace_range(40..41, if changed.as_bytes()[40] == b'A' { "B" } else { "A" });
    let foreign = ProofToken::make(UserId::from(7_u64), &SystemIds::default()).encode();
    for text in ["", "A", "\0", &"ä".repeat(32), &"A".repeat(64), &changed, foreign.expose()] {
        assert_eq!(world.reset(&text.into(), "another password").await, SPENT, "{text:?}");
        assert_eq!(world.verify(&text.into()).await, SPENT, "{text:?}");
    }
    assert_eq!(world.reset(&good, "another password").await, OK);
}

#[tokio::test]
async fn a_few_mails_are_good_beside_each_other_and_all_end_with_the_first_used() {
    let world = World::new();
    world.verified().await;
    let mut tokens = Vec::new();
    for _ in 0..4 {
        tokens.push(world.reset_token().await);
    }
    assert_eq!(world.reset(&tokens[0], "another password").await, SPENT);
    assert_eq!(world.reset(&tokens[1], "another password").await, OK);
    assert_eq!(world.reset(&tokens[2], "another password").await, SPENT);
}

#[tokio::test]
async fn a_changed_password_ends_the_chance_to_reset_it_and_is_told() {
    let world = World::new();
    let user = world.verified().await.user;
    let token = world.reset_token().await;
    let session = world.log_in("ada").await.session;
    let (current, new) = (PASSWORD.into(), "another password".into());
    world.accounts.change_password(user, session, &current, &new).await.unwrap();
    assert_eq!(world.reset(&token, "third password").await, SPENT);
    assert_eq!(world.mail().await.letter.name(), "password_changed");
}

#[tokio::test]
async fn of_many_at_once_with_one_token_one_is_heard() {
    let world = World::new();
    world.verified().await;
    let token = world.reset_token().await;
    let passwords: Vec<String> = (0..8).map(|number| format!("password number {number}")).collect();
    let resets = passwords.iter().map(|password| world.reset(&token, password));
    let outcomes = futures_util::future::join_all(resets).await;
    let winner = outcomes.iter().position(|outcome| *outcome == OK).unwrap();
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == SPENT).count(), 7);
    world.try_log_in("ada", &passwords[winner]).await.unwrap();
}

#[tokio::test]
async fn too_much_that_waits_is_told_whoever_it_is_about() {
    let world = World::with(|options| options.mails_waiting = 2, |_| ());
    world.verified().await;
    for (username, address) in [("bob", ADDRESS), ("cleo", "nobody@example.org")] {
        for _ in 0..2 {
            world.accounts.request_password_reset(address).unwrap();
        }
        assert_eq!(refused(world.accounts.request_password_reset(address)).0, "overloaded");
        world.sign_up(username, "full@example.org").await;
        world.mails().await;
    }
}

#[tokio::test]
async fn an_address_gets_only_so_many_mails_an_hour() {
    let world = World::with(|_| (), |limits| limits.mails_per_recipient_per_hour = 3);
    world.verified().await;
    for _ in 0..5 {
        world.accounts.request_password_reset(ADDRESS).unwrap();
    }
    let mails = world.mails().await;
    assert_eq!(mails.len(), 3, "the one that verified it is counted by itself");
    assert_eq!(world.proofs().await, 3, "what is not mailed takes no place");
    world.clock.advance(Duration::from_mins(20));
    world.accounts.request_password_reset(ADDRESS).unwrap();
    assert_eq!(world.mails().await.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_brought_now_is_tried_again_and_holds_up_nobody() {
    let world = World::new();
    world.verified().await;
    let later = || MailError::Later("down".into());
    *world.post.fails.lock().unwrap() = vec![later(), later()];
    let before = *world.post.tries.lock().unwrap();
    world.accounts.request_password_reset(ADDRESS).unwrap();
    let mut sending = pin!(world.accounts.send_mails());
    let mut tries = Vec::new();
    for pause in [0, 2, 15] {
        world.clock.advance(Duration::from_secs(pause));
        assert!(futures_util::poll!(&mut sending).is_pending());
        tries.push(*world.post.tries.lock().unwrap() - before);
    }
    assert_eq!(tries, [1, 2, 3]);
    assert_eq!(world.post.brought.lock().unwrap().len(), 1);

    *world.post.fails.lock().unwrap() = vec![MailError::Never("no such mailbox".into())];
    for _ in 0..2 {
        world.accounts.request_password_reset(ADDRESS).unwrap();
    }
    assert!(futures_util::poll!(&mut sending).is_pending());
    assert_eq!(world.post.brought.lock().unwrap().len(), 2, "one was refused and given up");
}

#[tokio::test]
async fn without_a_mailer_nothing_can_be_asked_for() {
    let world = World::new();
    let silent =
        Accounts::builder(world.store.clone(), Keys::parse(KEY).unwrap(), world.accounts.0.options.clone());
    let silent = silent.build();
    let user = world.sign_up("ada", ADDRESS).await.user;
    assert_eq!(refused(silent.request_password_reset(ADDRESS)).0, "not_found");
    assert_eq!(refused(silent.request_verification(user, ADDRESS).await).0, "not_found");
    let mut registration = Registration::new("bob", PASSWORD);
    registration.email = Some("bob@example.org".to_owned());
    silent.register(registration).await.unwrap();
    assert!(futures_util::poll!(pin!(silent.send_mails())).is_pending());
}
