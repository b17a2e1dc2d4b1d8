//! The line between the server and its database fails, and the database does not.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use testbed::proxy::Piece;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::client::call;
use super::world::{BACK_MAX, HOLE_MAX, World, is_long, rounds};

/// Among so many of the next requests is the one that something happens to.
const NEAR: u64 = 20;

/// How long others are given to go on while a request is held; they may have to wait for its locks.
const HELD: Duration = Duration::from_secs(2);

/// Every connection ends, again and again, in the middle of whatever is on it.
pub(crate) async fn it_is_cut(world: &mut World) {
    for _ in 0..rounds(15, 200) {
        world.crowd.more_acked(world.random.below(30)).await;
        world.line().cut();
        world.serves_again_within(BACK_MAX).await;
    }
}

/// Nobody answers at the address of the database.
pub(crate) async fn it_is_refused(world: &mut World) {
    world.line().refuse();
    world.is_noticed().await;
    world.line().restore();
    world.serves_again_within(BACK_MAX).await;
}

/// Nothing comes through and nothing ends; then everything that was under way arrives.
pub(crate) async fn it_is_a_black_hole(world: &mut World) {
    for _ in 0..rounds(1, 3) {
        world.line().black_hole();
        world.is_noticed().await;
        if is_long() {
            sleep(HOLE_MAX).await;
        }
        world.line().restore();
        world.serves_again_within(HOLE_MAX).await;
    }
}

/// Connections that were there are dead for good, and nothing says so; new ones are fine.
pub(crate) async fn it_is_forgotten(world: &mut World) {
    for _ in 0..rounds(1, 5) {
        world.line().forget();
        world.serves_again_within(HOLE_MAX).await;
    }
}

/// More people ask than the pool has connections, each of which is busy for long: each gets an answer, if only that it is
/// too much.
pub(crate) async fn it_is_slow_and_everybody_asks(world: &mut World) {
    let server = world.server.as_ref().expect("it runs").address();
    world.line().slow(Duration::from_millis(100));
    let mut asking = JoinSet::new();
    for _ in 0..200 {
        let login = world.crowd.anybody().clone();
        asking.spawn(async move {
            call(server, Some(&login), Method::GET, "/v1/conversations", &Value::Null).await
        });
    }
    for (status, body) in timeout(HOLE_MAX, asking.join_all()).await.expect("everybody gets an answer") {
        assert!(matches!(status, 200 | 429 | 503), "{status} {body}");
    }
    world.line().restore();
    world.serves_again_within(BACK_MAX).await;
}

/// A request is done and its reply lost, as often as not that of a commit.
pub(crate) async fn replies_are_lost(world: &mut World) {
    for _ in 0..rounds(40, 1_000) {
        let piece = Piece::Nth(1 + world.random.below(NEAR));
        let lost = world.line().lose_reply(piece);
        lost.await.unwrap();
        world.serves_again_within(BACK_MAX).await;
    }
}

/// A request is believed lost, and done when everybody has gone on.
pub(crate) async fn requests_come_late(world: &mut World) {
    for _ in 0..rounds(10, 200) {
        let piece = Piece::Nth(1 + world.random.below(NEAR));
        let held = world.line().hold(piece);
        let late = held.await.unwrap();
        // Where its locks keep everybody waiting it comes all the same.
        let _ = timeout(HELD, world.crowd.more_acked(40)).await;
        // A database that has given up on it does not take it any more.
        let _ = late.deliver().await;
        world.serves_again_within(BACK_MAX).await;
    }
}
