//! The server ends between any two of its requests to the database, and in the middle of one.

use testbed::proxy::Piece;

use super::world::{BACK_MAX, World, rounds};

/// Among so many of the next requests is the last one of a server.
const NEAR: u64 = 40;

/// Killed before a request reaches the database, after it was done, or before it is done all the same.
pub(crate) async fn it_is_killed_at_any_request(world: &mut World) {
    for round in 0..rounds(12, 300) {
        let piece = Piece::Nth(1 + world.random.below(NEAR));
        match round % 3 {
            0 => {
                world.line().lose_reply(piece).await.unwrap();
                world.kill_server().await;
                world.start_server().await;
            }
            1 => {
                let never = world.line().hold(piece).await.unwrap();
                world.kill_server().await;
                drop(never);
                world.start_server().await;
            }
            _ => {
                let late = world.line().hold(piece).await.unwrap();
                world.kill_server().await;
                world.start_server().await;
                // A database that has noticed the end of its client does not take it any more.
                let _ = late.deliver().await;
            }
        }
        world.serves_again_within(BACK_MAX).await;
    }
}
