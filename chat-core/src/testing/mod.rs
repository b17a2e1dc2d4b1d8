//! A small world for a host's own tests: people by name, lines that can be cut, time that stands still.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use chat_core::testing::World;
//!
//! let world = World::new().with_friends("ana", "bo").await;
//! let mut bo = world.connect("bo").await;
//! world.say("ana", "bo", "one").await;
//! assert_eq!(bo.texts().await, ["one"]);
//!
//! let position = bo.disconnect();
//! world.say("ana", "bo", "two").await;
//! let mut bo = world.resume("bo", position).await;
//! assert_eq!(bo.texts().await, ["two"]);
//! # }
//! ```
//!
//! Nothing here needs a database, a socket or real time. It panics instead of returning errors: it is for tests.

mod clock;
mod people;

pub use clock::ManualClock;
pub use people::{Connected, Place, World};
