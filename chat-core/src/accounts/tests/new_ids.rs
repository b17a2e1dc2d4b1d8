//! Ids that count: what is given once is not given again, by whatever process.

use super::*;

/// A node over this store that gives integers.
fn node(store: &Arc<Watched>) -> World {
    let set = |options: &mut AccountOptions| options.ids = AccountIds::Integers;
    World::over(Arc::clone(store), ManualClock::default(), KEY, set, Limits::default())
}

async fn made(world: &World, username: &str) -> String {
    world.register(username).await.user.to_string()
}

#[tokio::test]
async fn integers_count_from_one_and_pass_over_what_is_there() {
    let store: Arc<Watched> = Arc::default();
    let world = node(&store);
    assert_eq!((made(&world, "ana").await, made(&world, "bogdan").await), ("1".to_owned(), "2".to_owned()));
    let hash = crate::store::PasswordHash("none".to_owned());
    let account = Account::new(UserId::from(3_u64), "cyn".to_owned(), hash, world.clock.now());
    store.people().accounts().create(&account, &Claims::default()).await.unwrap();
    assert_eq!(made(&world, "dora").await, "4");
    let taken = world.accounts.register(Registration::new("ana", PASSWORD)).await;
    assert_eq!(
        refused(taken),
        ("already_exists", Some("/username")),
        "a name that is taken is still said to be"
    );
}

#[tokio::test]
async fn nobody_is_given_the_id_of_somebody_who_is_gone() {
    let store: Arc<Watched> = Arc::default();
    let world = node(&store);
    for name in ["ana", "bogdan", "cyn"] {
        made(&world, name).await;
    }
    world.accounts.delete(UserId::from(3_u64), &PASSWORD.into()).await.unwrap();
    world.accounts.sweep().await.unwrap();
    let later = node(&store);
    assert_eq!(made(&later, "dora").await, "4");
}

#[tokio::test]
async fn a_process_goes_on_behind_the_greatest_and_fills_no_gap() {
    let store: Arc<Watched> = Arc::default();
    let clock = ManualClock::default();
    for number in (1..=40_u64).chain([5_000]) {
        let hash = crate::store::PasswordHash("none".to_owned());
        let account = Account::new(number.into(), format!("user{number}"), hash, clock.now());
        store.people().accounts().create(&account, &Claims::default()).await.unwrap();
    }
    // Ids that are no integers are none.
    let other = Account::new(
        UserId::from_external("somebody"),
        "somebody".to_owned(),
        crate::store::PasswordHash("none".to_owned()),
        clock.now(),
    );
    store.people().accounts().create(&other, &Claims::default()).await.unwrap();
    let world = node(&store);
    assert_eq!(
        (made(&world, "ana").await, made(&world, "bogdan").await),
        ("5001".to_owned(), "5002".to_owned())
    );
}

#[tokio::test]
async fn a_process_keeps_up_with_one_that_is_far_ahead() {
    let store: Arc<Watched> = Arc::default();
    let (one, two) = (node(&store), node(&store));
    assert_eq!(made(&one, "ana").await, "1");
    assert_eq!(made(&two, "bogdan").await, "2");
    for nth in 0..100 {
        made(&two, &format!("user{nth}")).await;
    }
    let id: u64 = made(&one, "cyn").await.parse().unwrap();
    assert!(id > 102, "{id}");
}

#[tokio::test]
async fn processes_that_make_accounts_at_once_give_each_its_own() {
    let store: Arc<Watched> = Arc::default();
    let worlds = [node(&store), node(&store), node(&store)];
    let one = |nth: usize| {
        let accounts = worlds[nth % 3].accounts.clone();
        tokio::spawn(async move {
            let registration = Registration::new(format!("user{nth}"), PASSWORD);
            accounts.register(registration).await.unwrap().user.as_integer().unwrap()
        })
    };
    let mut ids = Vec::new();
    for made in (0..30).map(one).collect::<Vec<_>>() {
        ids.push(made.await.unwrap());
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 30, "{ids:?}");
}
