//! The database ends, or stands still.

use std::time::Duration;

use tokio::task::block_in_place;
use tokio::time::sleep;

use super::world::{BACK_MAX, World, is_long, rounds};

/// Killed while people write and readers push: what anybody was told is there when it is back.
pub(crate) async fn it_is_killed_while_everybody_talks(world: &mut World) {
    for _ in 0..rounds(3, 20) {
        world.crowd.more_acked(world.random.below(100)).await;
        block_in_place(|| world.storage.service().kill()).unwrap();
        world.is_noticed().await;
        block_in_place(|| world.storage.service().start_again()).unwrap();
        world.serves_again_within(BACK_MAX).await;
    }
}

/// Ended and started by its administrator.
pub(crate) async fn it_is_started_again(world: &mut World) {
    for _ in 0..rounds(2, 10) {
        block_in_place(|| world.storage.service().stop()).unwrap();
        block_in_place(|| world.storage.service().start_again()).unwrap();
        world.serves_again_within(BACK_MAX).await;
    }
}

/// Its machine stands still for a while, and every connection is open as before.
pub(crate) async fn it_is_paused(world: &mut World) {
    let pause = Duration::from_secs(if is_long() { 30 } else { 4 });
    for _ in 0..rounds(1, 3) {
        world.storage.service().pause().unwrap();
        sleep(pause).await;
        world.storage.service().resume().unwrap();
        world.serves_again_within(BACK_MAX).await;
    }
}
