//! A process killed between any two of its commands leaves nothing half done that anybody could see.
//!
//! Everything a store can do is done again and again, each time by a store that stops after one command more, until it
//! comes through. What another store sees afterwards is what a store in memory shows without it, or with it; a check
//! finds nothing, before the sweep and after it; and doing it again leads to the same as if nothing had happened.

#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

#[path = "../common/mod.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod common;
mod scene;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chat_core::memory::MemoryStore;
use chat_core::{Store, Tenant};
use chat_store_mongo::MongoStore;
use common::{Own, SECOND, Server};
use scene::{Deed, Scene};

/// Kills, over all deeds of one server.
async fn killed_everywhere(server: Server) -> u64 {
    let Some(options) = server.options() else { return 0 };
    let own = Own::new(options).await;
    let mut kills = 0;
    // Every round has a tenant of its own: the same names, and nothing in common.
    let mut tenant = 0;
    for deed in Deed::ALL {
        for commands in 0.. {
            tenant += 1;
            if !killed_after(&own, deed, commands, Tenant(tenant)).await {
                break;
            }
            kills += 1;
        }
    }
    assert_eq!(own.store().check().await.unwrap(), []);
    kills
}

/// Whether the store was killed before it was done.
async fn killed_after(own: &Own, deed: Deed, commands: i64, tenant: Tenant) -> bool {
    let scene = Scene::new(tenant);
    let healthy = own.store().for_tenant(tenant);
    let (without, with) = (in_memory(tenant), in_memory(tenant));
    for store in [&without, &with, &(Arc::new(healthy.clone()) as Arc<dyn Store>)] {
        scene.set(&**store).await;
    }
    deed.attempt(&scene, &*with).await.unwrap();

    let left = Arc::new(AtomicI64::new(i64::MAX));
    let dying = MongoStore::open(own.options.clone().stop_after(Arc::clone(&left))).await.unwrap();
    left.store(commands, Ordering::SeqCst);
    let answer = deed.attempt(&scene, &dying.for_tenant(tenant)).await;
    dying.close().await;
    let is_killed = left.load(Ordering::SeqCst) < 0;

    let context = format!("{deed:?} killed after {commands} commands");
    assert_eq!(healthy.check_tenant().await.unwrap(), [], "{context}");
    let expected = [scene.everything(&*without).await, scene.everything(&*with).await];
    let found = scene.everything(&healthy).await;
    let place = expected.iter().position(|expected| *expected == found);
    let place =
        place.unwrap_or_else(|| panic!("{context}: neither done nor undone\n{found:#?}\n{expected:#?}"));
    assert!(answer.is_err() || place == 1, "{context}: answered, and not done");
    healthy.sweep().await.unwrap();
    assert_eq!(scene.everything(&healthy).await, expected[place], "{context}: the sweep changed something");
    // Who was not answered does it again.
    if answer.is_err() {
        deed.attempt(&scene, &healthy).await.ok();
        assert_eq!(scene.everything(&healthy).await, expected[1], "{context}, and done again");
    }
    assert_eq!(healthy.check_tenant().await.unwrap(), [], "{context}, and swept");
    is_killed
}

fn in_memory(tenant: Tenant) -> Arc<dyn Store> {
    Arc::new(MemoryStore::new().for_tenant(tenant))
}

/// On the quicker of the servers that stand in: what is cut off is this side of the line, whatever is at the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn between_any_two_commands() {
    let kills = killed_everywhere(SECOND).await;
    println!("counted: store=mongo-java-server kills={kills}");
}
