//! Refreshing: rotation, grace, reuse, races.

use proptest::collection::vec;
use proptest::prelude::{Strategy, prop_oneof, proptest};
use tokio::sync::Barrier;

use super::*;

#[tokio::test]
async fn each_token_is_followed_by_another_and_the_login_stays_the_same() {
    let world = World::new();
    world.register("ada").await;
    let first = world.log_in("ada").await;
    let second = world.refresh(&first).await.unwrap();
    let third = world.refresh(&second).await.unwrap();
    let texts: Vec<_> = [&first, &second, &third].map(|tokens| tokens.refresh_token.expose()).into();
    assert!(texts[0] != texts[1] && texts[1] != texts[2] && texts[0] != texts[2]);
    for tokens in [&first, &second, &third] {
        assert_eq!(tokens.session, first.session);
        assert_eq!(tokens.user, first.user);
        assert!(world.authenticate(tokens).await.is_ok());
    }
}

#[tokio::test]
async fn a_retry_within_the_grace_gets_the_same_successor_and_a_fresh_access_token() {
    let world = World::new();
    world.register("ada").await;
    let first = world.log_in("ada").await;
    let second = world.refresh(&first).await.unwrap();
    world.clock.advance(Duration::from_secs(10));
    let retried = world.refresh(&first).await.unwrap();
    assert_eq!(retried.refresh_token.expose(), second.refresh_token.expose());
    assert_ne!(retried.access_token.expose(), second.access_token.expose());
    assert!(world.refresh(&retried).await.is_ok());
    assert_eq!(world.host.take_ended(), []);
}

#[tokio::test]
async fn after_the_grace_the_family_ends() {
    let world = World::new();
    world.register("ada").await;
    let other = world.log_in("ada").await;
    let first = world.log_in("ada").await;
    let second = world.refresh(&first).await.unwrap();
    world.clock.advance(Duration::from_millis(10_001));
    assert_eq!(world.refresh(&first).await.unwrap_err(), "unauthenticated");
    assert_eq!(world.host.take_ended(), [first.session]);
    assert_eq!(world.refresh(&second).await.unwrap_err(), "unauthenticated");
    assert_eq!(world.authenticate(&second).await, Err("unauthenticated"));
    assert!(world.refresh(&other).await.is_ok());
}

#[tokio::test]
async fn once_the_successor_is_used_the_old_one_ends_the_family_even_in_grace() {
    let world = World::new();
    world.register("ada").await;
    let first = world.log_in("ada").await;
    let second = world.refresh(&first).await.unwrap();
    let third = world.refresh(&second).await.unwrap();
    assert_eq!(world.refresh(&first).await.unwrap_err(), "unauthenticated");
    assert_eq!(world.refresh(&third).await.unwrap_err(), "unauthenticated");
    assert_eq!(world.host.take_ended(), [first.session]);
}

#[tokio::test]
async fn a_token_of_long_ago_is_recognised_and_ends_the_family() {
    let world = World::new();
    world.register("ada").await;
    let first = world.log_in("ada").await;
    let mut latest = world.refresh(&first).await.unwrap();
    for _ in 0..20 {
        latest = world.refresh(&latest).await.unwrap();
    }
    assert_eq!(world.refresh(&first).await.unwrap_err(), "unauthenticated");
    assert_eq!(world.refresh(&latest).await.unwrap_err(), "unauthenticated");
}

#[tokio::test]
async fn garbage_around_a_known_login_ends_nothing() {
    let world = World::new();
    world.register("ada").await;
    let tokens = world.log_in("ada").await;
    let text = tokens.refresh_token.expose();
    let tampered = [
        String::new(),
        "A".repeat(text.len()),
        format!("{}{}", &text[..22], "A".repeat(text.len() - 22)),
        format!("{}{}", &text[..text.len() - 2], if text.ends_with("AA") { "BA" } else { "AA" }),
        format!("{text}A"),
        tokens.access_token.expose().to_owned(),
        tokens.session.to_string(),
        "\0".to_owned(),
    ];
    for text in tampered {
        assert_eq!(refused(world.accounts.refresh(&text).await).0, "unauthenticated", "{text:?}");
    }
    let stranger = World::over(
        world.store.clone(),
        world.clock.clone(),
        "one BAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
        |_| (),
        Limits::default(),
    );
    assert_eq!(stranger.refresh(&tokens).await.unwrap_err(), "unauthenticated");
    assert!(world.refresh(&tokens).await.is_ok());
    assert_eq!(world.host.take_ended(), []);
}

#[tokio::test]
async fn somebody_else_refreshing_in_between_gets_the_same_and_so_do_we() {
    let world = World::new();
    world.register("ada").await;
    let first = world.log_in("ada").await;
    let other = world.node(KEY);
    let (theirs, their_answer) = tokio::sync::oneshot::channel();
    let presented = first.clone();
    world.store.meanwhile(async move {
        theirs.send(other.refresh(&presented).await.unwrap()).unwrap();
    });
    let ours = world.refresh(&first).await.unwrap();
    let theirs = their_answer.await.unwrap();
    assert_eq!(ours.refresh_token.expose(), theirs.refresh_token.expose());
    assert!(world.refresh(&ours).await.is_ok());
}

#[tokio::test]
async fn the_login_ending_in_between_is_said() {
    let world = World::new();
    world.register("ada").await;
    let first = world.log_in("ada").await;
    let accounts = world.accounts.clone();
    world.store.meanwhile(async move { accounts.log_out(first.session).await.unwrap() });
    assert_eq!(world.refresh(&first).await.unwrap_err(), "unauthenticated");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_at_once_all_get_the_same_successor() {
    let world = Arc::new(World::new());
    world.register("ada").await;
    let mut tokens = world.log_in("ada").await;
    for _ in 0..20 {
        let barrier = Arc::new(Barrier::new(8));
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let (world, barrier, tokens) = (Arc::clone(&world), Arc::clone(&barrier), tokens.clone());
                tokio::spawn(async move {
                    barrier.wait().await;
                    world.refresh(&tokens).await.unwrap()
                })
            })
            .collect();
        let mut answers: Vec<Tokens> = Vec::new();
        for task in tasks {
            answers.push(task.await.unwrap());
        }
        let first = answers[0].clone();
        assert!(answers.iter().all(|other| other.refresh_token.expose() == first.refresh_token.expose()));
        tokens = first;
    }
    assert_eq!(world.host.take_ended(), []);
}

#[tokio::test]
async fn keys_are_changed_without_anybody_noticing() {
    const NEW: &str = "two BAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    let before = World::new();
    before.register("ada").await;
    let old = before.log_in("ada").await;
    let both = before.node(&format!("{NEW}\n{KEY}"));
    assert!(both.authenticate(&old).await.is_ok());
    let new = both.refresh(&old).await.unwrap();
    let retried = both.refresh(&old).await.unwrap();
    assert_eq!(retried.refresh_token.expose(), new.refresh_token.expose());
    let first = before.log_in("ada").await;
    let second = before.refresh(&first).await.unwrap();
    let retried = both.refresh(&first).await.unwrap();
    assert_eq!(retried.refresh_token.expose(), second.refresh_token.expose());
    let after = before.node(NEW);
    assert_eq!(after.authenticate(&old).await, Err("unauthenticated"));
    assert_eq!(after.refresh(&old).await.unwrap_err(), "unauthenticated");
    assert!(after.authenticate(&new).await.is_ok());
    assert!(after.refresh(&new).await.is_ok());
}

#[tokio::test]
async fn a_login_older_than_its_accounts_credentials_ends_when_met() {
    let world = World::new();
    let user = world.register("ada").await.user;
    let tokens = world.log_in("ada").await;
    // As a crash leaves it between the two steps of `disable`, and an operator who then enabled the account again.
    let change = |state| {
        world.accounts.change(user, move |account| {
            account.state = state;
            account.credential_version += 1;
            Ok(Claims::default())
        })
    };
    change(AccountState::Disabled).await.unwrap();
    change(AccountState::Active).await.unwrap();
    assert_eq!(world.refresh(&tokens).await.unwrap_err(), "unauthenticated");
    assert_eq!(world.host.take_ended(), [tokens.session]);
}

#[tokio::test]
async fn a_store_that_is_away_ends_nothing() {
    let world = World::new();
    world.register("ada").await;
    let tokens = world.log_in("ada").await;
    world.store.cut();
    assert_eq!(world.refresh(&tokens).await.unwrap_err(), "unavailable");
    assert_eq!(world.authenticate(&tokens).await, Err("unavailable"));
    assert_eq!(world.host.take_ended(), []);
}

/// What can happen to a family.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// So many tokens before the current one is shown.
    Show(usize),
    /// So many milliseconds pass.
    Wait(u64),
}

/// A family as it should be: which token is the current one, since when, and whether it has ended.
struct Family {
    current: usize,
    since: Duration,
    has_ended: bool,
}

impl Family {
    /// Which token one gets for showing this one.
    fn show(&mut self, token: usize, now: Duration) -> Option<usize> {
        if self.has_ended {
            None
        } else if token == self.current {
            (self.current, self.since) = (token + 1, now);
            Some(self.current)
        } else if token + 1 == self.current && now <= self.since + Duration::from_secs(10) {
            Some(self.current)
        } else {
            self.has_ended = true;
            None
        }
    }
}

async fn follow(steps: Vec<Step>) {
    let world = World::new();
    world.register("ada").await;
    let mut tokens = vec![world.log_in("ada").await];
    let mut family = Family { current: 0, since: world.accounts.monotonic(), has_ended: false };
    for step in steps {
        match step {
            Step::Wait(millis) => world.clock.advance(Duration::from_millis(millis)),
            Step::Show(back) => {
                let shown = family.current.saturating_sub(back);
                let expected = family.show(shown, world.accounts.monotonic());
                let answer = world.refresh(&tokens[shown]).await.ok();
                assert_eq!(answer.is_some(), expected.is_some());
                let (Some(place), Some(answer)) = (expected, answer) else { continue };
                if place == tokens.len() {
                    tokens.push(answer);
                } else {
                    assert_eq!(tokens[place].refresh_token.expose(), answer.refresh_token.expose());
                }
            }
        }
    }
    let alive = world.authenticate(&tokens[family.current]).await != Err("unauthenticated");
    assert_eq!(alive, !family.has_ended);
}

proptest! {
    #[test]
    fn a_family_follows_its_rules(
        steps in vec(
            prop_oneof![
                4 => (0_usize..3).prop_map(Step::Show),
                2 => (0_u64..12_000).prop_map(Step::Wait),
            ],
            0..12,
        )
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(follow(steps));
    }
}
