//! Accounts that came from elsewhere.

use super::*;
use crate::accounts::passwords::Shown;
use crate::store::PasswordHash;

fn world() -> World {
    World::with(|options| options.bcrypt_cost_max = Some(5), |_| ())
}

fn bcrypt_of(password: &str) -> String {
    bcrypt::hash_with_salt(password, 4, [7; 16]).unwrap().to_string()
}

async fn import(world: &World, username: &str, password: &str) -> Account {
    world.accounts.import(Import::new(username, bcrypt_of(password))).await.unwrap()
}

#[tokio::test]
async fn everything_is_taken_over() {
    let world = world();
    let mut import = Import::new("Ada", bcrypt_of(PASSWORD));
    import.user = Some(UserId::from(42_u64));
    import.full_name = Some("Ada Lovelace".to_owned());
    import.email = Some("Ada@Example.org".to_owned());
    import.email_verified_at = Some(Timestamp::from_millis(7));
    import.picture = Some("/ada.png".to_owned());
    import.bio = Some("countess".to_owned());
    import.created_at = Some(Timestamp::from_millis(5));
    let account = world.accounts.import(import.clone()).await.unwrap();
    assert_eq!(world.accounts.me(UserId::from(42_u64)).await.unwrap(), account);
    assert_eq!(
        (account.created_at.millis(), account.email_verified_at),
        (5, Some(Timestamp::from_millis(7)))
    );
    assert_eq!(
        (account.email.as_deref(), account.picture.as_deref(), account.bio.as_deref()),
        (Some("Ada@example.org"), Some("/ada.png"), Some("countess"))
    );
    assert_eq!(world.log_in("ada@example.org").await.user.full_name.as_deref(), Some("Ada Lovelace"));
    assert!(!format!("{import:?}").contains("$2b$"));
}

#[tokio::test]
async fn the_first_login_replaces_the_hash_and_ends_nothing() {
    let world = world();
    for name in ["$2a$", "$2b$", "$2y$"] {
        let username = format!("ada{}", &name[2..3]);
        let hash = bcrypt_of(PASSWORD).replacen("$2b$", name, 1);
        let user = world.accounts.import(Import::new(&username, hash)).await.unwrap().user;
        assert_eq!(refused(world.try_log_in(&username, "wrong password").await).0, "unauthenticated");
        assert!(
            world.accounts.me(user).await.unwrap().password.0.starts_with(name),
            "a guess changes nothing"
        );
        let tokens = world.log_in(&username).await;
        let account = world.accounts.me(user).await.unwrap();
        assert!(account.password.0.starts_with("$argon2id$"), "{name}");
        assert_eq!(account.credential_version, 1);
        world.authenticate(&tokens).await.unwrap();
        world.log_in(&username).await;
    }
}

#[tokio::test]
async fn it_is_verified_as_sent_and_kept_as_normalised() {
    let world = world();
    let (sent, composed) = ("A\u{30a} pa\u{308}ssword", "Å pässword");
    import(&world, "ada", sent).await;
    assert_eq!(refused(world.try_log_in("ada", composed).await).0, "unauthenticated");
    world.try_log_in("ada", sent).await.unwrap();
    world.try_log_in("ada", composed).await.unwrap();
}

#[tokio::test]
async fn of_a_long_password_the_first_72_bytes_count_once_and_everything_from_then_on() {
    let world = world();
    let long = "ä".repeat(50);
    import(&world, "ada", &long).await;
    let similar = format!("{}x", "ä".repeat(40));
    import(&world, "bob", &long).await;
    world.try_log_in("bob", &similar).await.unwrap();
    world.try_log_in("ada", &long).await.unwrap();
    assert_eq!(refused(world.try_log_in("ada", &similar).await).0, "unauthenticated");
    assert_eq!(refused(world.try_log_in("bob", &long).await).0, "unauthenticated");
}

#[tokio::test]
async fn a_password_that_could_not_be_chosen_today_still_opens() {
    let world = world();
    import(&world, "short", "secret").await;
    import(&world, "control", "with \t within").await;
    for (name, password, becomes) in
        [("short", "secret", "$argon2id$"), ("control", "with \t within", "$2b$")]
    {
        for _ in 0..2 {
            let user = world.try_log_in(name, password).await.unwrap().user.id;
            let hash = world.accounts.me(user).await.unwrap().password.0;
            assert!(hash.starts_with(becomes), "{name}");
        }
    }
}

#[tokio::test]
async fn many_first_logins_at_once_all_succeed_and_one_hash_stays() {
    let world =
        World::with(|options| (options.bcrypt_cost_max, options.hashes_waiting) = (Some(4), 64), |_| ());
    let user = import(&world, "ada", PASSWORD).await.user;
    let logins = futures_util::future::join_all((0..8).map(|_| world.try_log_in("ada", PASSWORD))).await;
    for login in logins {
        world.authenticate(&login.unwrap()).await.unwrap();
    }
    let account = world.accounts.me(user).await.unwrap();
    assert!(account.password.0.starts_with("$argon2id$"));
    assert_eq!((account.version, account.credential_version), (2, 1), "replaced once");
}

#[tokio::test]
async fn a_password_changed_meanwhile_is_not_undone_by_the_new_hash() {
    let world = world();
    let user = import(&world, "ada", PASSWORD).await.user;
    let old = world.accounts.me(user).await.unwrap();
    let tokens = world.log_in("ada").await;
    let (current, new) = (PASSWORD.into(), "another password".into());
    world.accounts.change_password(user, tokens.session, &current, &new).await.unwrap();
    let now = world.accounts.me(user).await.unwrap().password;
    let late = world.accounts.hash_anew(old, Shown::new(&PASSWORD.into()).into_password().unwrap()).await;
    assert_eq!(world.accounts.me(user).await.unwrap().password, now);
    assert!(late.password.0.starts_with("$2b$"), "whoever was late goes on with what he had");
}

#[tokio::test]
async fn what_cannot_be_taken_over_is_told_by_field_and_leaves_nothing() {
    let world = world();
    world.register("ada").await;
    let mut proven = Import::new("first", bcrypt_of(PASSWORD));
    (proven.user, proven.email) = (Some(UserId::from(1_u64)), Some("first@example.org".to_owned()));
    proven.email_verified_at = Some(Timestamp::from_millis(1));
    world.accounts.import(proven.clone()).await.unwrap();

    let changed = |change: fn(&mut Import)| {
        let mut import = Import { username: "other".to_owned(), user: None, ..proven.clone() };
        import.email = Some("other@example.org".to_owned());
        change(&mut import);
        import
    };
    for (import, expected) in [
        (changed(|it| it.username = "ADA".to_owned()), ("already_exists", Some("/username"))),
        (changed(|it| it.username = "admin".to_owned()), ("already_exists", Some("/username"))),
        (changed(|it| it.username = "a b".to_owned()), ("validation_failed", Some("/username"))),
        (changed(|it| it.user = Some(UserId::from(1_u64))), ("already_exists", Some("/user"))),
        (changed(|it| it.email = Some("First@example.org".to_owned())), ("already_exists", Some("/email"))),
        (changed(|it| it.email = Some("nowhere".to_owned())), ("validation_failed", Some("/email"))),
        (changed(|it| it.picture = Some("javascript:".to_owned())), ("validation_failed", Some("/picture"))),
        (changed(|it| it.bio = Some("\0".to_owned())), ("validation_failed", Some("/bio"))),
        (changed(|it| it.full_name = Some(String::new())), ("validation_failed", Some("/full_name"))),
        (
            changed(|it| it.password = PasswordHash("plain".to_owned())),
            ("validation_failed", Some("/password")),
        ),
        (
            changed(|it| it.password.0 = it.password.0.replacen("$04$", "$06$", 1)),
            ("validation_failed", Some("/password")),
        ),
        (
            changed(|it| it.password.0 = it.password.0.replacen("$2b$", "$2x$", 1)),
            ("validation_failed", Some("/password")),
        ),
    ] {
        assert_eq!(refused(world.accounts.import(import).await), expected);
    }
    assert_eq!(world.accounts.find("other").await.unwrap(), None);
    let outcome = World::new().accounts.import(Import::new("ada", bcrypt_of(PASSWORD))).await;
    assert_eq!(
        refused(outcome),
        ("validation_failed", Some("/password")),
        "nothing is, unless it is asked for"
    );
}
