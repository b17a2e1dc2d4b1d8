//! A load balancer for trying a cluster out: each connection goes to the next server, and to the one after it where
//! nobody answers. No session is bound to a server, as none has to be.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

/// Passes connections on until it fails to accept one.
///
/// # Errors
/// When no connection can be accepted any more.
///
/// # Panics
/// Without a server.
pub async fn balance(listener: TcpListener, servers: Vec<SocketAddr>) -> io::Result<()> {
    assert!(!servers.is_empty(), "there is a server to pass connections on to");
    let (servers, next): (&'static [SocketAddr], _) = (servers.leak(), AtomicUsize::new(0));
    loop {
        let (mut client, _) = listener.accept().await?;
        let first = next.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            for nth in 0..servers.len() {
                if let Ok(mut server) = TcpStream::connect(servers[(first + nth) % servers.len()]).await {
                    // Either side may hang up at any moment.
                    let _ = copy_bidirectional(&mut client, &mut server).await;
                    return;
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// A server that answers every connection with its one letter.
    async fn says(letter: u8) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                client.write_all(&[letter]).await.unwrap();
            }
        });
        address
    }

    #[tokio::test]
    async fn connections_take_turns_and_pass_over_who_is_not_there() {
        let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let servers = vec![says(b'a').await, nobody, says(b'b').await];
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(balance(listener, servers));
        let mut heard = String::new();
        for _ in 0..6 {
            TcpStream::connect(address).await.unwrap().read_to_string(&mut heard).await.unwrap();
        }
        assert_eq!(heard, "abbabb");
    }
}
