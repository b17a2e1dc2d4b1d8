//! The proxy does what it says, before a server that answers every byte with the next one.

#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use testbed::proxy::{Piece, Proxy};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Long enough to see that nothing comes.
const A_WHILE: Duration = Duration::from_millis(200);

/// A server, and how many bytes it has got.
async fn server() -> (SocketAddr, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, got) = (listener.local_addr().unwrap(), Arc::new(AtomicU64::new(0)));
    let counter = Arc::clone(&got);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let got = Arc::clone(&counter);
            tokio::spawn(async move {
                while let Ok(byte) = stream.read_u8().await {
                    got.fetch_add(1, Ordering::SeqCst);
                    let _ = stream.write_u8(byte + 1).await;
                }
            });
        }
    });
    (address, got)
}

async fn ask(stream: &mut TcpStream, byte: u8) -> std::io::Result<u8> {
    stream.write_u8(byte).await?;
    stream.read_u8().await
}

async fn connected() -> (Proxy, TcpStream, Arc<AtomicU64>) {
    let (address, got) = server().await;
    let proxy = Proxy::to(address).await.unwrap();
    let mut line = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(ask(&mut line, 1).await.unwrap(), 2);
    (proxy, line, got)
}

#[tokio::test]
async fn it_passes_on_until_it_is_cut() {
    let (proxy, mut line, _) = connected().await;
    assert_eq!(proxy.pieces(), 1);
    proxy.cut();
    assert!(ask(&mut line, 1).await.is_err());
    let mut again = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(ask(&mut again, 7).await.unwrap(), 8);
}

#[tokio::test]
async fn who_is_refused_is_hung_up_on() {
    let (proxy, mut line, _) = connected().await;
    proxy.refuse();
    assert!(ask(&mut line, 1).await.is_err());
    let mut again = TcpStream::connect(proxy.address()).await.unwrap();
    assert!(ask(&mut again, 1).await.is_err());
    proxy.restore();
    let mut again = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(ask(&mut again, 1).await.unwrap(), 2);
}

#[tokio::test]
async fn a_black_hole_answers_nothing_and_ends_nothing() {
    let (proxy, mut line, got) = connected().await;
    proxy.black_hole();
    assert!(timeout(A_WHILE, ask(&mut line, 1)).await.is_err());
    let mut other = TcpStream::connect(proxy.address()).await.unwrap();
    assert!(timeout(A_WHILE, ask(&mut other, 1)).await.is_err());
    assert_eq!(got.load(Ordering::SeqCst), 1);
    proxy.restore();
    assert_eq!(line.read_u8().await.unwrap(), 2);
    assert_eq!(other.read_u8().await.unwrap(), 2);
}

#[tokio::test]
async fn what_is_forgotten_stays_silent() {
    let (proxy, mut line, _) = connected().await;
    proxy.forget();
    let mut again = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(ask(&mut again, 1).await.unwrap(), 2);
    assert!(timeout(A_WHILE, ask(&mut line, 1)).await.is_err());
}

#[tokio::test]
async fn a_slow_line_is_as_good_as_any() {
    let (proxy, mut line, _) = connected().await;
    proxy.slow(A_WHILE);
    assert_eq!(ask(&mut line, 1).await.unwrap(), 2);
}

#[tokio::test]
async fn a_reply_is_lost_after_the_request_was_done() {
    let (proxy, mut line, got) = connected().await;
    let lost = proxy.lose_reply(Piece::Nth(2));
    assert_eq!(ask(&mut line, 1).await.unwrap(), 2);
    assert!(ask(&mut line, 1).await.is_err());
    lost.await.unwrap();
    assert_eq!(got.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_request_is_delivered_when_its_client_has_given_up() {
    let (proxy, mut line, got) = connected().await;
    let held = proxy.hold(Piece::With("x"));
    assert_eq!(ask(&mut line, b'a').await.unwrap(), b'b');
    assert!(ask(&mut line, b'x').await.is_err());
    let late = held.await.unwrap();
    assert_eq!(got.load(Ordering::SeqCst), 2);
    late.deliver().await.unwrap();
    assert_eq!(got.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn what_is_disarmed_passes() {
    let (proxy, mut line, _) = connected().await;
    let lost = proxy.lose_reply(Piece::Nth(1));
    proxy.disarm();
    assert!(lost.await.is_err());
    assert_eq!(ask(&mut line, 1).await.unwrap(), 2);
}
