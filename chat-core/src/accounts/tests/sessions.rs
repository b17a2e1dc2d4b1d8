//! The list of logins, their end, the second for which they are remembered, and tickets.

use super::*;

#[tokio::test]
async fn logins_are_listed_oldest_first_with_their_devices() {
    let world = World::new();
    let user = world.register("ada").await.user;
    let mut expected = Vec::new();
    for device in ["phone", "laptop"] {
        let login = Login { name: "ada".to_owned(), password: PASSWORD.into() };
        let tokens = world.accounts.log_in(login, Device::new(device)).await.unwrap();
        expected.push((tokens.session, device.to_owned(), world.clock.now()));
        world.clock.advance(Duration::from_secs(1));
    }
    let listed = world.accounts.sessions(user).await.unwrap();
    let listed: Vec<_> = listed.into_iter().map(|one| (one.id, one.device, one.created_at)).collect();
    assert_eq!(listed, expected);
    world.clock.advance(Duration::from_hours(7 * 24));
    assert_eq!(world.accounts.sessions(user).await.unwrap(), []);
}

#[tokio::test]
async fn one_can_end_ones_own_logins_and_nobody_elses() {
    let world = World::new();
    let [ada, bob] = [world.register("ada").await.user, world.register("bob").await.user];
    let (first, second) = (world.log_in("ada").await, world.log_in("ada").await);
    for (user, session) in
        [(bob, first.session), (ada, SessionId::from_bytes([7; 16])), (UserId::SYSTEM, first.session)]
    {
        assert_eq!(refused(world.accounts.end_session(user, session).await).0, "not_found");
    }
    assert!(world.authenticate(&first).await.is_ok());
    world.accounts.end_session(ada, first.session).await.unwrap();
    assert_eq!(world.host.take_ended(), [first.session]);
    assert_eq!(world.authenticate(&first).await, Err("unauthenticated"));
    assert_eq!(world.refresh(&first).await.unwrap_err(), "unauthenticated");
    assert_eq!(refused(world.accounts.end_session(ada, first.session).await).0, "not_found");
    assert!(world.authenticate(&second).await.is_ok());
}

#[tokio::test]
async fn all_end_at_once() {
    let world = World::new();
    let user = world.register("ada").await.user;
    world.register("bob").await;
    let other = world.log_in("bob").await;
    let mut logins = vec![world.log_in("ada").await.session, world.log_in("ada").await.session];
    world.accounts.end_all(user).await.unwrap();
    let mut ended = world.host.take_ended();
    ended.sort_unstable();
    logins.sort_unstable();
    assert_eq!(ended, logins);
    world.accounts.end_all(user).await.unwrap();
    assert_eq!(world.host.take_ended(), []);
    assert!(world.authenticate(&other).await.is_ok());
}

#[tokio::test]
async fn the_store_is_asked_once_a_second_and_another_node_hears_within_that() {
    let world = World::new();
    world.register("ada").await;
    let tokens = world.log_in("ada").await;
    let other = world.node(KEY);
    for _ in 0..10 {
        assert!(other.authenticate(&tokens).await.is_ok());
    }
    assert_eq!(world.store.questions(), 1);
    world.accounts.log_out(tokens.session).await.unwrap();
    assert_eq!(world.authenticate(&tokens).await, Err("unauthenticated"));
    assert_eq!(world.store.questions(), 1);
    other.clock.advance(Duration::from_secs(1));
    assert_eq!(other.authenticate(&tokens).await, Err("unauthenticated"));
    assert_eq!(world.store.questions(), 2);
}

#[tokio::test]
async fn many_are_asked_for_in_one_question() {
    let world = World::new();
    world.register("ada").await;
    let (first, second) = (world.log_in("ada").await, world.log_in("ada").await);
    world.accounts.log_out(first.session).await.unwrap();
    let nobody = SessionId::from_bytes([7; 16]);
    let alive = world.accounts.alive(&[first.session, second.session, nobody]).await.unwrap();
    assert_eq!(alive, [false, true, false]);
    assert!(world.authenticate(&second).await.is_ok());
    assert_eq!(world.store.questions(), 1);
}

#[tokio::test]
async fn a_ticket_opens_one_socket_while_its_login_lives() {
    let world = World::new();
    world.register("ada").await;
    let tokens = world.log_in("ada").await;
    let identity = world.authenticate(&tokens).await.unwrap();
    let [one, two, three] = [0; 3].map(|_| world.accounts.ticket(identity).unwrap());
    assert_eq!(one.expires_in, 30);
    assert_eq!(world.accounts.redeem(one.ticket.expose()).await.unwrap(), identity);
    assert_eq!(refused(world.accounts.redeem(one.ticket.expose()).await).0, "unauthenticated");
    world.accounts.log_out(tokens.session).await.unwrap();
    assert_eq!(refused(world.accounts.redeem(two.ticket.expose()).await).0, "unauthenticated");
    world.clock.advance(Duration::from_secs(30));
    assert_eq!(refused(world.accounts.redeem(three.ticket.expose()).await).0, "unauthenticated");
}
