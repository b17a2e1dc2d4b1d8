//! Profiles, the directory and the operator.

use super::*;
use crate::message::Patch;
use crate::page::Limit;
use crate::user::{Directory, Query};

fn set(text: &str) -> Patch<String> {
    Patch::Set(text.to_owned())
}

async fn search(world: &World, text: &str) -> Vec<String> {
    let found = world.accounts.search(&Query::new(text).unwrap(), None, Limit::default()).await.unwrap();
    found.into_iter().filter_map(|profile| profile.username).collect()
}

#[tokio::test]
async fn a_patch_sets_clears_and_leaves_alone() {
    let world = World::new();
    let user = world.register("ada").await.user;
    let patch = ProfilePatch {
        full_name: set("Ada Lovelace"),
        bio: set("First\nof all"),
        picture: set("/pictures/ada"),
        email: Patch::Keep,
        locale: set("de-ch"),
    };
    let account = world.accounts.update(user, patch).await.unwrap();
    assert_eq!(account.particulars.locale.as_deref(), Some("de-CH"));
    assert_eq!(account.full_name.as_deref(), Some("Ada Lovelace"));
    assert_eq!(account.bio.as_deref(), Some("First\nof all"));
    assert_eq!(account.picture.as_deref(), Some("/pictures/ada"));
    let patch = ProfilePatch { bio: Patch::Clear, ..ProfilePatch::default() };
    let account = world.accounts.update(user, patch.clone()).await.unwrap();
    assert_eq!((account.bio.as_ref(), account.full_name.as_deref()), (None, Some("Ada Lovelace")));
    let unchanged = world.accounts.update(user, patch).await.unwrap();
    assert_eq!(unchanged.version, account.version);
    assert_eq!(world.accounts.me(user).await.unwrap(), account);
    assert_eq!(search(&world, "love").await, ["ada"]);
}

#[tokio::test]
async fn a_bad_patch_changes_nothing() {
    let world = World::new();
    let before = world.register("ada").await;
    let good = ProfilePatch { full_name: set("Ada Lovelace"), bio: set("Hello"), ..ProfilePatch::default() };
    for (field, patch) in [
        ("/full_name", ProfilePatch { full_name: set("a\0"), ..good.clone() }),
        ("/bio", ProfilePatch { bio: set("\u{202e}"), ..good.clone() }),
        ("/picture", ProfilePatch { picture: set("javascript:alert(1)"), ..good.clone() }),
        ("/email", ProfilePatch { email: set("nowhere"), ..good.clone() }),
        ("/locale", ProfilePatch { locale: set("?"), ..good.clone() }),
    ] {
        let outcome = world.accounts.update(before.user, patch).await;
        assert_eq!(refused(outcome), ("validation_failed", Some(field)));
    }
    assert_eq!(world.accounts.me(before.user).await.unwrap(), before);
    let nobody = world.accounts.update(UserId::from(7_u64), ProfilePatch::default()).await;
    assert_eq!(refused(nobody).0, "not_found");
}

#[tokio::test]
async fn a_new_address_is_unverified_and_the_old_one_is_free_again() {
    let world = World::new();
    let [ada, bob] = [world.register("ada").await.user, world.register("bob").await.user];
    let email = async |user, email: Patch<String>| {
        let patch = ProfilePatch { email, ..ProfilePatch::default() };
        world.accounts.update(user, patch).await.unwrap()
    };
    email(ada, set("ada@example.org")).await;
    let confirmed = world.accounts.confirm_email(ada, "ada@example.org").await.unwrap();
    assert_eq!(confirmed.email_verified_at, Some(world.clock.now()));
    let same = email(ada, set("Ada@Example.org")).await;
    assert_eq!(
        (same.email.as_deref(), same.email_verified_at),
        (Some("Ada@example.org"), confirmed.email_verified_at)
    );
    assert_eq!(world.log_in("ada@example.org").await.user.id, ada);

    email(bob, set("ada@example.org")).await;
    let moved = email(ada, set("new@example.org")).await;
    assert_eq!(moved.email_verified_at, None);
    assert_eq!(refused(world.try_log_in("ada@example.org", PASSWORD).await).0, "unauthenticated");
    assert_eq!(refused(world.accounts.confirm_email(ada, "ada@example.org").await).0, "conflict");
    world.accounts.confirm_email(bob, "ada@example.org").await.unwrap();
    assert_eq!(world.log_in("ada@example.org").await.user.id, bob);
    assert_eq!(email(bob, Patch::Clear).await.email, None);
    assert_eq!(refused(world.try_log_in("ada@example.org", PASSWORD).await).0, "unauthenticated");
}

#[tokio::test]
async fn with_claims_on_registration_a_free_address_is_ones_own_at_once_and_a_taken_one_never() {
    let world = World::with(|options| options.email_claim = EmailClaim::OnRegister, |_| ());
    let [ada, bob] = [world.register("ada").await.user, world.register("bob").await.user];
    let mut patch = ProfilePatch { email: set("ada@example.org"), ..ProfilePatch::default() };
    for user in [ada, bob] {
        let account = world.accounts.update(user, patch.clone()).await.unwrap();
        assert_eq!(account.email.as_deref(), Some("ada@example.org"));
    }
    assert_eq!(world.log_in("ada@example.org").await.user.id, ada);
    patch.email = Patch::Clear;
    world.accounts.update(bob, patch.clone()).await.unwrap();
    assert_eq!(world.log_in("ada@example.org").await.user.id, ada);
}

#[tokio::test]
async fn the_directory_finds_by_id_name_and_words() {
    let world = World::new();
    let ada = world.register("Ada_L").await.user;
    let bob = world.register("bob").await.user;
    let patch = ProfilePatch { full_name: set("Bob Ängström"), ..ProfilePatch::default() };
    world.accounts.update(bob, patch).await.unwrap();

    let profiles = world.accounts.profiles(&[bob, UserId::from(7_u64), ada]).await.unwrap();
    assert_eq!(profiles.iter().map(|profile| profile.id).collect::<Vec<_>>(), [bob, ada]);
    let found = Directory::find(&world.accounts, &["ADA_L", "nobody", "not a name", "\0"]).await.unwrap();
    assert_eq!(found, [Profile::new(ada).username("Ada_L")]);
    for (text, names) in [
        ("ad", &["Ada_L"][..]),
        ("ADA l", &["Ada_L"]),
        ("b", &["bob"]),
        ("äng bob", &["bob"]),
        ("ngström", &[]),
        ("...", &[]),
    ] {
        assert_eq!(search(&world, text).await, names, "{text}");
    }
}

#[tokio::test]
async fn search_goes_on_after_a_user() {
    let world = World::new();
    for name in ["walter1a", "walter2b", "walter3c"] {
        world.register(name).await;
    }
    let (query, one) = (Query::new("walter").unwrap(), Limit::new(1).unwrap());
    let mut names = Vec::new();
    let mut after = None;
    loop {
        let page = world.accounts.search(&query, after, one).await.unwrap();
        assert!(page.len() <= 2, "one more tells that there is more");
        let Some(profile) = page.into_iter().next() else { break };
        after = Some(profile.id);
        names.extend(profile.username);
    }
    assert_eq!(names, ["walter1a", "walter2b", "walter3c"]);
}

#[tokio::test]
async fn who_is_disabled_or_deleted_is_not_in_the_directory() {
    let world = World::new();
    let [ada, bob] = [world.register("ada").await.user, world.register("bob").await.user];
    world.accounts.disable(ada).await.unwrap();
    world.accounts.delete(bob, &PASSWORD.into()).await.unwrap();
    for _ in 0..2 {
        assert_eq!(world.accounts.profiles(&[ada, bob]).await.unwrap(), []);
        assert_eq!(Directory::find(&world.accounts, &["ada", "bob"]).await.unwrap(), []);
        assert_eq!(search(&world, "ada").await.len() + search(&world, "bob").await.len(), 0);
        world.accounts.sweep().await.unwrap();
    }
    world.accounts.enable(ada).await.unwrap();
    assert_eq!(search(&world, "ada").await, ["ada"]);
}

#[tokio::test]
async fn a_disabled_account_is_shut_until_enabled_and_old_logins_stay_ended() {
    let world = World::new();
    let user = world.register("ada").await.user;
    let tokens = world.log_in("ada").await;
    let disabled = world.accounts.disable(user).await.unwrap();
    assert_eq!(disabled.state, AccountState::Disabled);
    assert_eq!(world.accounts.disable(user).await.unwrap(), disabled);
    assert_eq!(world.host.take_ended(), [tokens.session]);
    assert_eq!(world.authenticate(&tokens).await, Err("unauthenticated"));
    assert_eq!(refused(world.accounts.me(user).await).0, "not_found");
    let enabled = world.accounts.enable(user).await.unwrap();
    assert_eq!(world.accounts.enable(user).await.unwrap(), enabled);
    assert_eq!(world.refresh(&tokens).await.unwrap_err(), "unauthenticated");
    assert!(world.try_log_in("ada", PASSWORD).await.is_ok());
    assert_eq!(refused(world.accounts.disable(UserId::from(7_u64)).await).0, "not_found");
}

#[tokio::test]
async fn the_operator_finds_accounts_by_name_in_any_case() {
    let world = World::new();
    let account = world.register("Ada").await;
    for name in ["Ada", "ADA", "ada"] {
        assert_eq!(world.accounts.find(name).await.unwrap(), Some(account.clone()));
    }
    for name in ["bob", "", "a b", "ada@example.org", "\0"] {
        assert_eq!(world.accounts.find(name).await.unwrap(), None, "{name:?}");
    }
}

#[tokio::test]
async fn claims_are_renewed_and_old_look_alikes_counted() {
    let world = World::new();
    let mut older = world.register("older-name").await;
    world.register("paypal").await;
    assert_eq!(world.accounts.renew_claims().await.unwrap(), 0);
    // As with tables that did not know yet that the two look alike.
    let skeletons = names::claims_of_username("older-name");
    older = world.accounts.load(older.user).await.unwrap().unwrap();
    older.version += 1;
    older.username = "paypa1".to_owned();
    let claims = Claims { release: skeletons, ..Claims::default() };
    world.accounts.records().update(&older, &claims).await.unwrap();
    assert_eq!(world.accounts.renew_claims().await.unwrap(), 1);
}
