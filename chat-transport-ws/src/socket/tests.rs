//! What takes its time, over a line in memory and a clock that runs ahead.

use std::mem::size_of_val;

use async_trait::async_trait;
use chat_core::{MemoryStore, SystemClock};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::time::Instant;

use super::stream::PATIENCE;
use super::*;
use crate::auth::{AuthError, Credentials, Identity};

struct Nobody;

#[async_trait]
impl Authenticator for Nobody {
    async fn authenticate(&self, _: Credentials<'_>) -> Result<Identity, AuthError> {
        Err(AuthError::Missing)
    }
}

async fn door() -> Arc<Door> {
    let chat = Chat::builder(MemoryStore::new()).build().await.unwrap();
    let limiter = Arc::new(Limiter::new(chat.limits(), Arc::new(SystemClock::default())));
    Door::new(chat, &Options::new(Nobody), limiter, Arc::default())
}

/// A socket whose line holds `bytes`, and the peer's end of it.
async fn socket(bytes: usize, claim: Claim) -> DuplexStream {
    let (ours, theirs) = duplex(bytes);
    tokio::spawn(converse(door().await, ours, claim, Resume::Live, None));
    theirs
}

fn somebody() -> Claim {
    Claim::Known(Identity::new(1_u32))
}

/// Everything until the line ends, and how long that took.
async fn rest(peer: &mut DuplexStream) -> (Vec<u8>, Duration) {
    let (start, mut bytes) = (Instant::now(), Vec::new());
    peer.read_to_end(&mut bytes).await.unwrap();
    (bytes, start.elapsed())
}

/// What a close by the server looks like, at the end of everything.
fn ends_with(bytes: &[u8], code: u16) -> bool {
    bytes.ends_with(&[&[0x88, 2], &code.to_be_bytes()[..]].concat())
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test(start_paused = true)]
async fn who_takes_nothing_is_closed_and_may_still_learn_why() {
    // Less than the greeting.
    let mut peer = socket(64, somebody()).await;
    tokio::time::sleep(PATIENCE + Duration::from_secs(1)).await;
    let (bytes, _) = rest(&mut peer).await;
    assert!(contains(&bytes, r#""type":"hello""#) && contains(&bytes, r#""code":4409"#), "{bytes:?}");
    assert!(ends_with(&bytes, 4409));
}

#[tokio::test(start_paused = true)]
async fn who_never_ends_a_message_is_closed() {
    let mut peer = socket(64 * 1024, somebody()).await;
    peer.write_all(&[0x81, 0xfe, 0xff]).await.unwrap();
    let (bytes, took) = rest(&mut peer).await;
    assert!(contains(&bytes, r#""code":4409"#) && ends_with(&bytes, 4409));
    assert!(took >= PATIENCE && took < PATIENCE + HEARTBEAT, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn who_does_not_show_who_he_is_is_closed() {
    let mut peer = socket(1024, Claim::FirstFrame).await;
    // Bytes are not an answer.
    peer.write_all(&[0x89, 0x80, 0, 0, 0, 0, 0x81]).await.unwrap();
    let (bytes, _) = rest(&mut peer).await;
    assert!(bytes.starts_with(&[0x8a, 0]) && ends_with(&bytes, 4408), "{bytes:?}");
}

#[tokio::test(start_paused = true)]
async fn two_pings_may_stay_without_an_answer() {
    let mut peer = socket(64 * 1024, somebody()).await;
    let (bytes, took) = rest(&mut peer).await;
    assert!(bytes.ends_with(&[0x89, 0, 0x89, 0]) && !bytes.ends_with(&[0x89, 0, 0x89, 0, 0x89, 0]));
    assert!(took >= HEARTBEAT * 2 && took <= HEARTBEAT * 4, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn who_answers_stays() {
    let mut peer = socket(64 * 1024, somebody()).await;
    let mut pings = 0;
    let mut bytes = vec![0; 4096];
    while pings < 10 {
        let read = peer.read(&mut bytes).await.unwrap();
        assert!(read > 0, "closed after {pings} pings");
        if bytes[..read].ends_with(&[0x89, 0]) {
            pings += 1;
            peer.write_all(&[0x8a, 0x80, 0, 0, 0, 0]).await.unwrap();
        }
    }
}

/// Ten thousand of these are the memory of ten thousand idle sockets.
#[tokio::test]
async fn a_socket_s_task_is_small() {
    let (ours, _theirs) = duplex(64);
    let bytes = size_of_val(&converse(door().await, ours, somebody(), Resume::Live, None));
    assert!(bytes <= 1280, "{bytes} bytes");
}
