//! What is finished later.

use super::*;

#[tokio::test]
async fn a_deletion_is_finished_and_leaves_only_the_name() {
    let world = World::with(|options| options.email_claim = EmailClaim::OnRegister, |_| ());
    let mut registration = Registration::new("Ada", PASSWORD);
    registration.email = Some("ada@example.org".to_owned());
    registration.full_name = Some("Ada Lovelace".to_owned());
    let user = world.accounts.register(registration.clone()).await.unwrap().user;
    world.accounts.delete(user, &PASSWORD.into()).await.unwrap();
    assert_eq!(world.host.take_left(), []);
    let swept = world.accounts.sweep().await.unwrap();
    assert_eq!(swept, Swept { accounts_deleted: 1, ..Swept::default() });
    assert_eq!(world.host.take_left(), [user]);

    let tombstone = world.accounts.find("ada").await.unwrap().unwrap();
    assert_eq!((tombstone.user, tombstone.state), (user, AccountState::Deleted));
    assert_eq!(
        (tombstone.full_name, tombstone.email, tombstone.picture, tombstone.bio, tombstone.password.0),
        (None, None, None, None, String::new())
    );
    let again = world.accounts.register(registration.clone()).await;
    assert_eq!(refused(again), ("already_exists", Some("/username")));
    registration.username = "bob".to_owned();
    let other = world.accounts.register(registration).await.unwrap();
    assert_eq!(world.log_in("ada@example.org").await.user.id, other.user);
    assert_eq!(world.accounts.sweep().await.unwrap(), Swept::default());
}

#[tokio::test]
async fn what_the_host_cannot_do_now_is_tried_again_and_holds_up_nobody() {
    let world = World::new();
    let [ada, bob] = [world.register("ada").await.user, world.register("bob").await.user];
    world.host.refuses_to_leave.store(true, Ordering::Relaxed);
    for user in [ada, bob] {
        world.accounts.delete(user, &PASSWORD.into()).await.unwrap();
    }
    let swept = world.accounts.sweep().await.unwrap();
    assert_eq!(swept, Swept { accounts_failed: 2, ..Swept::default() });
    assert_eq!(world.accounts.find("ada").await.unwrap().unwrap().state, AccountState::Deleting);
    assert_eq!(world.host.take_left(), [ada, bob]);
    world.host.refuses_to_leave.store(false, Ordering::Relaxed);
    let swept = world.accounts.sweep().await.unwrap();
    assert_eq!(swept, Swept { accounts_deleted: 2, ..Swept::default() });
}

#[tokio::test]
async fn a_deletion_that_a_crash_cut_short_is_finished_with_its_logins() {
    let world = World::new();
    let user = world.register("ada").await.user;
    let tokens = world.log_in("ada").await;
    let crashed = world.accounts.change(user, |account| {
        account.state = AccountState::Deleting;
        account.credential_version += 1;
        Ok(Claims::default())
    });
    crashed.await.unwrap();
    let swept = world.accounts.sweep().await.unwrap();
    assert_eq!(swept, Swept { accounts_deleted: 1, ..Swept::default() });
    assert_eq!(world.host.take_ended(), [tokens.session]);
    assert_eq!(world.authenticate(&tokens).await, Err("unauthenticated"));
}

#[tokio::test]
async fn logins_that_are_over_end() {
    let world = World::with(|_| (), |limits| limits.sessions_per_user_max = 1_000);
    let user = world.register("ada").await.user;
    let mut expected = Vec::new();
    for _ in 0..=BATCH {
        expected.push(world.log_in("ada").await.session);
    }
    world.clock.advance(Duration::from_hours(24));
    let later = world.log_in("ada").await;
    world.clock.advance(Duration::from_hours(6 * 24));
    let swept = world.accounts.sweep().await.unwrap();
    assert_eq!(swept, Swept { sessions_ended: BATCH + 1, ..Swept::default() });
    let mut ended = world.host.take_ended();
    ended.sort_unstable();
    expected.sort_unstable();
    assert_eq!(ended, expected);
    assert_eq!(world.accounts.login_ids(user).await.unwrap(), [later.session]);
}

#[tokio::test]
async fn last_use_is_noted() {
    let world = World::new();
    let user = world.register("ada").await.user;
    let tokens = world.log_in("ada").await;
    let last_seen = async || world.accounts.sessions(user).await.unwrap()[0].last_seen_at;
    let began = world.clock.now();
    for by_refresh in [false, true] {
        world.clock.advance(Duration::from_mins(1));
        if by_refresh {
            world.refresh(&tokens).await.unwrap();
        } else {
            world.authenticate(&tokens).await.unwrap();
        }
        world.accounts.sweep().await.unwrap();
        assert_eq!(last_seen().await, world.clock.now());
    }
    world.clock.advance(Duration::from_mins(1));
    world.accounts.sweep().await.unwrap();
    assert_eq!(last_seen().await, began.plus(Duration::from_mins(2)));
}
