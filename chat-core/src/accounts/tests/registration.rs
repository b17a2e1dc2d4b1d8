//! Signing up.

use proptest::prelude::{any, proptest};

use super::*;

async fn sign_up(world: &World, username: &str, email: Option<&str>) -> Result<Account, ChatError> {
    let mut registration = Registration::new(username, PASSWORD);
    registration.email = email.map(str::to_owned);
    world.accounts.register(registration).await
}

#[tokio::test]
async fn an_account_is_kept_as_it_was_given() {
    let world = World::new();
    let mut registration = Registration::new("Ada", PASSWORD);
    registration.email = Some("Ada@Example.org".to_owned());
    registration.full_name = Some("Ada Lovelace".to_owned());
    let account = world.accounts.register(registration).await.unwrap();
    assert_eq!(account.username, "Ada");
    assert_eq!(account.full_name.as_deref(), Some("Ada Lovelace"));
    assert_eq!(account.email.as_deref(), Some("Ada@example.org"));
    assert_eq!(account.email_verified_at, None);
    assert_eq!((account.state, account.created_at), (AccountState::Active, world.clock.now()));
    assert_eq!(world.accounts.me(account.user).await.unwrap(), account);
}

#[tokio::test]
async fn a_name_is_taken_in_every_case_and_shape() {
    let world = World::new();
    world.register("paypal").await;
    for name in ["paypal", "PayPal", "PAYPAL", "ｐａｙｐａｌ", "paypa1", "PayPaI", "раураӏ"] {
        let outcome = sign_up(&world, name, None).await;
        assert_eq!(refused(outcome), ("already_exists", Some("/username")), "{name}");
    }
    world.register("paypals").await;
}

#[tokio::test]
async fn of_many_at_once_one_gets_the_name() {
    let world = World::with(|options| options.hashes_waiting = 32, |_| ());
    let all = (0..16).map(|_| sign_up(&world, "ada", None));
    let outcomes = futures_util::future::join_all(all).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for outcome in outcomes.into_iter().filter(Result::is_err) {
        assert_eq!(refused(outcome), ("already_exists", Some("/username")));
    }
}

#[tokio::test]
async fn reserved_names_and_their_look_alikes_cannot_be_had() {
    let world = World::with(|options| options.reserved.push("Ärzte".to_owned()), |_| ());
    for name in ["admin", "Admin", "SYSTEM", "r00t", "ROOT", "ärzte"] {
        let outcome = sign_up(&world, name, None).await;
        assert_eq!(refused(outcome), ("already_exists", Some("/username")), "{name}");
    }
    world.register("adminton").await;
}

#[tokio::test]
async fn what_has_the_wrong_form_is_refused_by_field_and_nothing_is_stored() {
    let world = World::new();
    let fields: [(&str, &str, &str, &str, &str); 8] = [
        ("a", PASSWORD, "ada@example.org", "Ada", "/username"),
        ("ad\0a", PASSWORD, "ada@example.org", "Ada", "/username"),
        ("ad\u{202e}a", PASSWORD, "ada@example.org", "Ada", "/username"),
        ("ada", "short", "ada@example.org", "Ada", "/password"),
        ("ada", "with \0 within", "ada@example.org", "Ada", "/password"),
        ("ada", PASSWORD, "ada", "Ada", "/email"),
        ("ada", PASSWORD, "ada@example.org", "", "/full_name"),
        ("ada", PASSWORD, "ada@example.org", "A\u{202e}da", "/full_name"),
    ];
    for (username, password, email, full_name, field) in fields {
        let mut registration = Registration::new(username, password);
        registration.email = Some(email.to_owned());
        registration.full_name = Some(full_name.to_owned());
        let outcome = world.accounts.register(registration).await;
        assert_eq!(refused(outcome), ("validation_failed", Some(field)), "{username:?} {email:?}");
    }
    assert_eq!(world.accounts.find("ada").await.unwrap(), None);
}

#[tokio::test]
async fn an_address_taken_by_another_looks_like_a_free_one() {
    for email_claim in [EmailClaim::OnVerify, EmailClaim::OnRegister] {
        let world = World::with(|options| options.email_claim = email_claim, |_| ());
        let first = sign_up(&world, "ada", Some("ada@example.org")).await.unwrap();
        if email_claim == EmailClaim::OnVerify {
            world.accounts.confirm_email(first.user, "ada@example.org").await.unwrap();
        }
        let second = sign_up(&world, "bob", Some("Ada@Example.org")).await.unwrap();
        assert_eq!(second.email.as_deref(), Some("Ada@example.org"));
        assert_eq!(world.log_in("ADA@example.org").await.user.id, first.user);
        let stolen = world.accounts.confirm_email(second.user, "ada@example.org").await;
        assert_eq!(refused(stolen), ("already_exists", Some("/email")));
    }
}

#[tokio::test]
async fn a_username_taken_is_said_even_if_the_address_is_taken_too() {
    let world = World::with(|options| options.email_claim = EmailClaim::OnRegister, |_| ());
    sign_up(&world, "ada", Some("ada@example.org")).await.unwrap();
    let outcome = sign_up(&world, "ada", Some("ada@example.org")).await;
    assert_eq!(refused(outcome), ("already_exists", Some("/username")));
}

#[tokio::test]
async fn no_secret_is_shown() {
    let world = World::new();
    let registration = Registration::new("ada", PASSWORD);
    let login = Login { name: "ada".to_owned(), password: PASSWORD.into() };
    let account = world.register("ada").await;
    let tokens = world.log_in("ada").await;
    let ticket = world.accounts.ticket(world.authenticate(&tokens).await.unwrap()).unwrap();
    let shown = format!("{registration:?} {login:?} {account:?} {tokens:?} {ticket:?} {:?}", world.accounts);
    for secret in [
        PASSWORD,
        &account.password.0,
        tokens.access_token.expose(),
        tokens.refresh_token.expose(),
        ticket.ticket.expose(),
        &KEY[4..],
    ] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_anything_panic(text in any::<String>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let world = World::new();
            let mut registration = Registration::new(text.clone(), PASSWORD);
            registration.email = Some(text.clone());
            registration.full_name = Some(text.clone());
            let _any_answer = world.accounts.register(registration).await;
            let _any_answer = world.accounts.register(Registration::new("password", text.as_str())).await;
            for outcome in [
                world.try_log_in(&text, &text).await.map(drop),
                world.accounts.authenticate(&text).await.map(drop),
                world.accounts.refresh(&text).await.map(drop),
                world.accounts.redeem(&text).await.map(drop),
            ] {
                assert_eq!(refused(outcome).0, "unauthenticated");
            }
            let _any_answer = Keys::parse(&text);
        });
    }
}
