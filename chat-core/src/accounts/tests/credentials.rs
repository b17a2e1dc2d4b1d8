//! Changing the password and deleting the account.

use super::*;

const NEW: &str = "another one";

async fn change(
    world: &World,
    tokens: &Tokens,
    current: &str,
    new: &str,
) -> (&'static str, Option<&'static str>) {
    let changed =
        world.accounts.change_password(tokens.user.id, tokens.session, &current.into(), &new.into()).await;
    refused(changed)
}

#[tokio::test]
async fn a_change_ends_the_other_logins_and_keeps_this_one() {
    let world = World::new();
    world.register("ada").await;
    let (other, here) = (world.log_in("ada").await, world.log_in("ada").await);
    assert_eq!(change(&world, &here, PASSWORD, NEW).await, ("ok", None));
    assert_eq!(world.host.take_ended(), [other.session]);
    assert_eq!(world.authenticate(&other).await, Err("unauthenticated"));
    assert_eq!(world.refresh(&other).await.unwrap_err(), "unauthenticated");
    assert!(world.authenticate(&here).await.is_ok());
    let next = world.refresh(&here).await.unwrap();
    assert!(world.refresh(&next).await.is_ok());
    assert_eq!(refused(world.try_log_in("ada", PASSWORD).await).0, "unauthenticated");
    assert!(world.try_log_in("ada", NEW).await.is_ok());
}

#[tokio::test]
async fn a_refresh_just_before_a_change_can_still_be_repeated_after_it() {
    let world = World::new();
    world.register("ada").await;
    let first = world.log_in("ada").await;
    let second = world.refresh(&first).await.unwrap();
    assert_eq!(change(&world, &first, PASSWORD, NEW).await, ("ok", None));
    let retried = world.refresh(&first).await.unwrap();
    assert_eq!(retried.refresh_token.expose(), second.refresh_token.expose());
}

#[tokio::test]
async fn a_wrong_current_password_is_forbidden_and_a_bad_new_one_named() {
    let world = World::new();
    world.register("ada").await;
    let tokens = world.log_in("ada").await;
    for current in ["wrong password", "short", "", "with \0 within"] {
        assert_eq!(change(&world, &tokens, current, NEW).await, ("forbidden", None), "{current:?}");
    }
    for new in ["short", "", "with \0 within", &"a".repeat(257)] {
        let expected = ("validation_failed", Some("/new_password"));
        assert_eq!(change(&world, &tokens, PASSWORD, new).await, expected, "{new:?}");
    }
    assert!(world.try_log_in("ada", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn guesses_of_the_current_password_are_counted() {
    let world = World::with(|_| (), |limits| limits.failed_logins_per_account_per_minute = 2);
    world.register("ada").await;
    let tokens = world.log_in("ada").await;
    for _ in 0..2 {
        assert_eq!(change(&world, &tokens, "wrong password", NEW).await.0, "forbidden");
    }
    assert_eq!(change(&world, &tokens, PASSWORD, NEW).await.0, "rate_limited");
    assert_eq!(refused(world.accounts.delete(tokens.user.id, &PASSWORD.into()).await).0, "rate_limited");
}

#[tokio::test]
async fn of_two_changes_at_once_the_slower_is_told() {
    let world = World::new();
    world.register("ada").await;
    let (first, second) = (world.log_in("ada").await, world.log_in("ada").await);
    let outcomes = futures_util::future::join(
        change(&world, &first, PASSWORD, "new password 1"),
        change(&world, &second, PASSWORD, "new password 2"),
    )
    .await;
    let mut codes = [outcomes.0.0, outcomes.1.0];
    codes.sort_unstable();
    // The slower one has proven its password before or after the faster one was done.
    assert!(codes == ["conflict", "ok"] || codes == ["forbidden", "ok"], "{codes:?}");
    let (winner, password) =
        if outcomes.0.0 == "ok" { (first, "new password 1") } else { (second, "new password 2") };
    assert!(world.try_log_in("ada", password).await.is_ok());
    assert!(world.refresh(&winner).await.is_ok());
}

#[tokio::test]
async fn a_refresh_during_the_change_does_not_undo_it() {
    let world = World::new();
    world.register("ada").await;
    let tokens = world.log_in("ada").await;
    let accounts = world.accounts.clone();
    let (user, session) = (tokens.user.id, tokens.session);
    world.store.meanwhile(async move {
        accounts.change_password(user, session, &PASSWORD.into(), &NEW.into()).await.unwrap();
    });
    let next = world.refresh(&tokens).await.unwrap();
    assert!(world.refresh(&next).await.is_ok());
}

#[tokio::test]
async fn a_deleted_account_is_gone_at_once() {
    let world = World::new();
    let user = world.register("ada").await.user;
    let tokens = world.log_in("ada").await;
    for wrong in ["wrong password", "short"] {
        assert_eq!(refused(world.accounts.delete(user, &wrong.into()).await).0, "forbidden");
    }
    assert!(world.authenticate(&tokens).await.is_ok());
    world.accounts.delete(user, &PASSWORD.into()).await.unwrap();
    assert_eq!(world.host.take_ended(), [tokens.session]);
    assert_eq!(world.authenticate(&tokens).await, Err("unauthenticated"));
    assert_eq!(world.refresh(&tokens).await.unwrap_err(), "unauthenticated");
    assert_eq!(refused(world.try_log_in("ada", PASSWORD).await).0, "unauthenticated");
    assert_eq!(refused(world.accounts.me(user).await).0, "not_found");
    assert_eq!(refused(world.accounts.enable(user).await).0, "not_found");
    assert_eq!(refused(world.accounts.delete(user, &PASSWORD.into()).await).0, "forbidden");
    assert_eq!(change(&world, &tokens, PASSWORD, NEW).await.0, "forbidden");
}
