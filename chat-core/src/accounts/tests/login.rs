//! Logging in.

use super::*;

#[tokio::test]
async fn by_username_in_any_case_and_by_an_address_that_is_ones_own() {
    let world = World::new();
    let mut registration = Registration::new("Ada", PASSWORD);
    registration.email = Some("ada@example.org".to_owned());
    registration.full_name = Some("Ada Lovelace".to_owned());
    let account = world.accounts.register(registration).await.unwrap();
    for name in ["Ada", "ada", "ADA", "ａｄａ"] {
        let tokens = world.log_in(name).await;
        assert_eq!(tokens.user, Profile::new(account.user).username("Ada").full_name("Ada Lovelace"));
        assert_eq!(tokens.expires_in, 600);
        let identity = world.authenticate(&tokens).await.unwrap();
        assert_eq!((identity.user, identity.session), (account.user, tokens.session));
    }
    assert_eq!(refused(world.try_log_in("ada@example.org", PASSWORD).await).0, "unauthenticated");
    world.accounts.confirm_email(account.user, "ada@example.org").await.unwrap();
    assert_eq!(world.log_in("Ada@Example.ORG").await.user.id, account.user);
}

#[tokio::test]
async fn whatever_is_wrong_gets_the_same_answer() {
    let world = World::new();
    for (name, then) in [("ada", 0), ("disabled", 1), ("deleting", 2), ("deleted", 3)] {
        let account = world.register(name).await;
        match then {
            1 => drop(world.accounts.disable(account.user).await.unwrap()),
            2 | 3 => world.accounts.delete(account.user, &PASSWORD.into()).await.unwrap(),
            _ => (),
        }
        if then == 3 {
            world.accounts.sweep().await.unwrap();
        }
    }
    let fresh = World::new();
    let deleting = fresh.register("deleting").await;
    fresh.accounts.delete(deleting.user, &PASSWORD.into()).await.unwrap();
    let mut answers = Vec::new();
    for (world, name, password) in [
        (&world, "ada", "wrong password"),
        (&world, "ada", "short"),
        (&world, "ada", "with \0 within"),
        (&world, "nobody-knows", PASSWORD),
        (&world, "nobody@example.org", PASSWORD),
        (&world, "not a name", PASSWORD),
        (&world, "", PASSWORD),
        (&world, "a\0", PASSWORD),
        (&world, "@", PASSWORD),
        (&world, "disabled", PASSWORD),
        (&world, "deleted", PASSWORD),
        (&fresh, "deleting", PASSWORD),
    ] {
        let error = world.try_log_in(name, password).await.unwrap_err();
        answers.push((error.code(), error.to_string(), error.refusal()));
    }
    assert_eq!((world.host.take_ended(), fresh.host.take_ended()), (Vec::new(), Vec::new()));
    answers.dedup();
    let one = Refusal::Unauthenticated;
    assert_eq!(answers, [("unauthenticated", one.to_string(), Some(one))]);
}

#[tokio::test]
async fn too_many_failures_are_limited_alike_for_names_that_exist_and_those_that_do_not() {
    let world = World::with(|_| (), |limits| limits.failed_logins_per_account_per_minute = 2);
    world.register("ada").await;
    for name in ["ada", "bob"] {
        for _ in 0..2 {
            assert_eq!(refused(world.try_log_in(name, "wrong password").await).0, "unauthenticated");
        }
        for name in [name, &name.to_uppercase()] {
            let error = world.try_log_in(name, PASSWORD).await.unwrap_err();
            let ChatError::RateLimited { retry_after } = error else { panic!("{error}") };
            assert_eq!(retry_after, Duration::from_secs(30));
        }
    }
    world.clock.advance(Duration::from_secs(30));
    world.log_in("ada").await;
    world.log_in("ada").await;
}

#[tokio::test]
async fn what_succeeds_or_fails_for_another_reason_is_not_counted() {
    let world = World::with(|_| (), |limits| limits.failed_logins_per_account_per_minute = 1);
    world.register("ada").await;
    for _ in 0..5 {
        world.log_in("ada").await;
    }
    world.store.cut();
    for _ in 0..5 {
        assert_eq!(refused(world.try_log_in("ada", PASSWORD).await).0, "unavailable");
    }
}

#[tokio::test]
async fn a_full_queue_is_said_and_not_held_against_anybody() {
    let world = World::with(
        |options| (options.hashes_at_once, options.hashes_waiting) = (1, 0),
        |limits| limits.failed_logins_per_account_per_minute = 2,
    );
    world.register("ada").await;
    let mut rounds = 0;
    let overloaded = loop {
        let outcomes =
            futures_util::future::join_all((0..2).map(|_| world.try_log_in("ada", PASSWORD))).await;
        rounds += 1;
        if let Some(error) = outcomes.into_iter().find_map(Result::err) {
            break error;
        }
        assert!(rounds < 1_000, "two at once never met");
    };
    assert!(matches!(overloaded, ChatError::Overloaded { .. }), "{overloaded}");
    world.log_in("ada").await;
}

#[tokio::test]
async fn a_hash_is_computed_whether_there_is_an_account_or_not() {
    let world = World::with(
        |options| {
            options.bcrypt_cost_max = Some(4);
            (options.hashes_at_once, options.hashes_waiting) = (1, 0);
        },
        |_| (),
    );
    world.register("ada").await;
    let hash = bcrypt::hash_with_salt(PASSWORD, 4, [7; 16]).unwrap().to_string();
    world.accounts.import(Import::new("imported", hash)).await.unwrap();
    let shut = world.register("shut").await.user;
    world.accounts.disable(shut).await.unwrap();
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    let (started, has_started) = tokio::sync::oneshot::channel();
    let hasher = world.accounts.0.hasher.clone();
    let busy = tokio::spawn(async move {
        let work = move || {
            started.send(()).unwrap();
            blocked.recv().unwrap();
        };
        hasher.work(work).await.unwrap();
    });
    has_started.await.unwrap();
    // Whoever wanted a hash meets the full queue.
    for name in ["ada", "imported", "shut", "nobody-knows", "nobody@example.org"] {
        assert_eq!(refused(world.try_log_in(name, "wrong password").await).0, "overloaded", "{name}");
    }
    let nobody = world.accounts.delete(UserId::from(7_u64), &PASSWORD.into()).await;
    assert_eq!(refused(nobody).0, "overloaded");
    release.send(()).unwrap();
    busy.await.unwrap();
}

#[tokio::test]
async fn a_login_too_many_ends_the_oldest() {
    let world = World::with(|_| (), |limits| limits.sessions_per_user_max = 2);
    world.register("ada").await;
    let mut logins = Vec::new();
    for _ in 0..3 {
        logins.push(world.log_in("ada").await);
        world.clock.advance(Duration::from_millis(1));
    }
    assert_eq!(world.host.take_ended(), [logins[0].session]);
    assert_eq!(world.authenticate(&logins[0]).await, Err("unauthenticated"));
    assert!(world.authenticate(&logins[1]).await.is_ok());
    assert!(world.authenticate(&logins[2]).await.is_ok());
}

#[tokio::test]
async fn a_login_during_which_the_account_is_shut_is_none() {
    let world = World::new();
    let user = world.register("ada").await.user;
    let accounts = world.accounts.clone();
    world.store.meanwhile(async move { drop(accounts.disable(user).await.unwrap()) });
    assert_eq!(refused(world.try_log_in("ada", PASSWORD).await).0, "unauthenticated");
    assert_eq!(world.accounts.sessions(user).await.unwrap(), []);
}

#[tokio::test]
async fn a_login_during_which_the_account_is_shut_and_opened_again_is_none() {
    let world = World::new();
    let user = world.register("ada").await.user;
    let accounts = world.accounts.clone();
    world.store.meanwhile(async move {
        accounts.disable(user).await.unwrap();
        accounts.enable(user).await.unwrap();
    });
    assert_eq!(refused(world.try_log_in("ada", PASSWORD).await).0, "unauthenticated");
    assert_eq!(world.accounts.sessions(user).await.unwrap(), []);
}

#[tokio::test]
async fn a_login_during_which_the_password_changes_is_none() {
    let world = World::new();
    let user = world.register("ada").await.user;
    let session = world.log_in("ada").await.session;
    let accounts = world.accounts.clone();
    world.store.meanwhile(async move {
        accounts.change_password(user, session, &PASSWORD.into(), &"another one".into()).await.unwrap();
    });
    assert_eq!(refused(world.try_log_in("ada", PASSWORD).await).0, "unauthenticated");
    let left: Vec<_> = world.accounts.sessions(user).await.unwrap().into_iter().map(|one| one.id).collect();
    assert_eq!(left, [session]);
}

#[tokio::test]
async fn a_hash_of_another_cost_is_replaced_at_login_and_nobody_is_logged_out() {
    let world = World::new();
    let before = world.register("ada").await;
    let old = world.log_in("ada").await;
    let costly = World::over(
        world.store.clone(),
        world.clock.clone(),
        KEY,
        |options| options.password_cost = PasswordCost::new(16, 1).unwrap(),
        Limits::default(),
    );
    costly.log_in("ada").await;
    let after = costly.accounts.me(before.user).await.unwrap();
    assert!(after.password.0.contains("m=16,"), "{}", after.password.0);
    assert_eq!(after.credential_version, before.credential_version);
    assert!(costly.refresh(&old).await.is_ok());
    costly.log_in("ada").await;
    assert_eq!(costly.accounts.me(before.user).await.unwrap(), after);
}

#[tokio::test]
async fn times_are_written_into_the_row() {
    let world = World::with(
        |options| (options.refresh_idle_seconds, options.refresh_absolute_seconds) = (100, 250),
        |_| (),
    );
    world.register("ada").await;
    let mut tokens = world.log_in("ada").await;
    for _ in 0..2 {
        world.clock.advance(Duration::from_secs(99));
        tokens = world.refresh(&tokens).await.unwrap();
    }
    world.clock.advance(Duration::from_secs(52));
    assert_eq!(world.refresh(&tokens).await.unwrap_err(), "unauthenticated");
    let tokens = world.log_in("ada").await;
    world.clock.advance(Duration::from_secs(100));
    assert_eq!(world.authenticate(&tokens).await, Err("unauthenticated"));
    assert_eq!(world.refresh(&tokens).await.unwrap_err(), "unauthenticated");
}
