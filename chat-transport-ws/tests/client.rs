//! The client against a real server, over lines that are cut.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use chat_transport_ws::client::{
    AskError, Client, Event, Events, Last, NoToken, Options, Over, Position, To, Tokens,
};
use support::{Server, login, soon};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A line between clients and a server that can be cut.
struct Wire {
    address: SocketAddr,
    cuts: watch::Sender<u64>,
}

impl Wire {
    async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (cuts, cut) = watch::channel(0);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut cut = cut.clone();
                cut.mark_unchanged();
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(server).await.unwrap();
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        });
        Self { address, cuts }
    }

    /// Cuts every connection there is, wherever it is.
    fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

fn url(address: SocketAddr) -> String {
    format!("ws://{address}/v1/ws")
}

fn quick(address: SocketAddr, tokens: impl Tokens) -> Options {
    Options::new(url(address), tokens).waits(Duration::from_millis(1), Duration::from_millis(20))
}

fn start(address: SocketAddr, user: &str) -> (Client, Events) {
    Client::start(quick(address, user.to_owned()))
}

/// The next event that `wanted` picks. What must never happen fails.
async fn next<T>(events: &mut Events, wanted: impl Fn(Event) -> Option<T>) -> T {
    loop {
        let event = soon(events.next()).await.expect("the client goes on");
        assert!(!matches!(event, Event::Fault(_)), "{event:?}");
        if let Some(picked) = wanted(event) {
            return picked;
        }
    }
}

/// The text of the next message.
async fn next_text(events: &mut Events) -> String {
    next(events, |event| match event {
        Event::Entry(entry) => entry.message?.text,
        _ => None,
    })
    .await
}

async fn synced(events: &mut Events) {
    next(events, |event| matches!(event, Event::Synced { .. }).then_some(())).await;
}

#[tokio::test]
async fn two_people_talk() {
    let server = Server::start().await;
    let ((ana, _of_ana), (bo, mut of_bo)) = (start(server.address, "1"), start(server.address, "2"));
    synced(&mut of_bo).await;
    let sent = soon(ana.send(&To::user("2"), "hello")).await.unwrap();
    assert!(!sent.duplicate);
    assert_eq!(next_text(&mut of_bo).await, "hello");
    let conversation = sent.message.conversation;
    soon(bo.read(&conversation, sent.message.seq)).await.unwrap();
    let history = soon(bo.history(&conversation, None, 10)).await.unwrap();
    assert_eq!((history.items.len(), history.has_before), (1, false));
    assert_eq!(soon(bo.conversations(None)).await.unwrap().items[0].id, conversation);
    soon(ana.request_friend("2")).await.unwrap();
    let friendship = next(&mut of_bo, |event| match event {
        Event::Friendship { friendship, .. } => Some(friendship),
        _ => None,
    });
    assert_eq!(friendship.await.state, "incoming");
    soon(bo.accept_friend("1")).await.unwrap();
    assert_eq!(soon(bo.friends(None)).await.unwrap().items[0].state, "friends");
    let refused = soon(ana.send(&To::conversation(conversation), "\0")).await.unwrap_err();
    assert!(matches!(refused, AskError::Refused(refused) if refused.field.as_deref() == Some("/text")));
}

#[tokio::test]
async fn every_send_is_stored_once_and_in_order_over_lines_that_are_cut() {
    const MESSAGES: usize = 300;
    let server = Server::start().await;
    let wire = Wire::to(server.address).await;
    let ((ana, _of_ana), (_bo, mut of_bo)) = (start(wire.address, "1"), start(wire.address, "2"));
    let to = To::user("2");
    soon(ana.send(&to, "first")).await.unwrap();
    synced(&mut of_bo).await;
    let sends = async {
        let sends = (0..MESSAGES).map(|nth| {
            let (ana, to) = (&ana, &to);
            async move { soon(ana.send(to, &nth.to_string())).await.unwrap().message.seq }
        });
        futures_util::future::join_all(sends).await
    };
    let listen = async {
        let mut texts = Vec::new();
        while texts.len() < MESSAGES {
            texts.push(next_text(&mut of_bo).await);
            if texts.len() % 37 == 0 {
                wire.cut();
            }
        }
        texts
    };
    let cuts = async {
        // So that answers are lost, and not only entries.
        for _ in 0..20 {
            wire.cut();
            tokio::task::yield_now().await;
        }
    };
    let (seqs, mut texts, ()) = tokio::join!(sends, listen, cuts);
    texts.retain(|text| text != "first");
    assert!(seqs.is_sorted() && seqs.windows(2).all(|two| two[0] < two[1]), "{seqs:?}");
    let expected: Vec<String> = (0..MESSAGES).map(|nth| nth.to_string()).collect();
    assert_eq!(texts[..], expected[..texts.len()]);
}

#[tokio::test]
async fn a_kept_position_goes_on_after_a_restart() {
    let server = Server::start().await;
    let (ana, _of_ana) = start(server.address, "1");
    let (bo, mut of_bo) = start(server.address, "2");
    synced(&mut of_bo).await;
    soon(ana.send(&To::user("2"), "one")).await.unwrap();
    assert_eq!(next_text(&mut of_bo).await, "one");
    let kept = serde_json::to_string(of_bo.position()).unwrap();
    drop((bo, of_bo));
    for text in ["two", "three"] {
        soon(ana.send(&To::user("2"), text)).await.unwrap();
    }
    let position: Position = serde_json::from_str(&kept).unwrap();
    let (_bo, mut of_bo) = Client::start(quick(server.address, "2".to_owned()).position(position));
    for text in ["two", "three"] {
        assert_eq!(next_text(&mut of_bo).await, text);
    }
}

#[tokio::test]
async fn what_cannot_be_gone_on_with_is_said() {
    let server = Server::start().await;
    let (ana, _of_ana) = start(server.address, "1");
    let conversation = soon(ana.send(&To::user("2"), "one")).await.unwrap().message.conversation;
    let nowhere = "00000000-0000-7000-8000-000000000000";
    let position = format!(
        r#"{{"epoch": "{nowhere}", "friends": null, "conversations": {{"{conversation}": 99, "{nowhere}": 1}}}}"#
    );
    let position: Position = serde_json::from_str(&position).unwrap();
    let (_bo, mut of_bo) = Client::start(quick(server.address, "2".to_owned()).position(position));
    let (mut reset, mut gone) = (None, None);
    while reset.is_none() || gone.is_none() {
        match soon(of_bo.next()).await.unwrap() {
            Event::Reset { conversation, head } => reset = Some((conversation, head)),
            Event::Gone(conversation) => gone = Some(conversation),
            Event::Synced { .. } => panic!("this comes after"),
            _ => {}
        }
    }
    assert_eq!(reset, Some((conversation, 1)));
    assert_eq!(gone.as_deref(), Some(nowhere));
    // Live entries go on after the head.
    soon(ana.send(&To::user("2"), "two")).await.unwrap();
    assert_eq!(next_text(&mut of_bo).await, "two");
}

/// Gives the first token until it is refused, then the second.
struct Refreshed(&'static str, &'static str);

#[async_trait::async_trait]
impl Tokens for Refreshed {
    async fn token(&self, last: Last) -> Result<String, NoToken> {
        Ok(if last == Last::Refused { self.1 } else { self.0 }.to_owned())
    }
}

#[tokio::test]
async fn an_expired_token_is_refreshed_and_a_refused_one_ends_it() {
    let server = Server::start().await;
    let (_client, mut events) = Client::start(quick(server.address, Refreshed("expired", "1")));
    synced(&mut events).await;
    let (client, mut events) = Client::start(quick(server.address, Refreshed("expired", "nobody")));
    let over = next(&mut events, |event| if let Event::Over(over) = event { Some(over) } else { None });
    assert_eq!(over.await, Over::Refused);
    assert_eq!(soon(events.next()).await, None);
    assert_eq!(soon(client.friends(None)).await.unwrap_err(), AskError::Over);
}

#[tokio::test]
async fn a_login_that_ends_ends_the_client() {
    let server = Server::start().await;
    let (_client, mut events) = Client::start(quick(server.address, "1/10".to_owned()));
    synced(&mut events).await;
    server.chat.end_session(login(10));
    let over = next(&mut events, |event| if let Event::Over(over) = event { Some(over) } else { None });
    assert_eq!(over.await, Over::Refused);
}

#[tokio::test]
async fn a_server_that_goes_says_when_to_come_back() {
    let server = Server::start().await;
    let (_client, mut events) = start(server.address, "1");
    synced(&mut events).await;
    let ended = server.stop();
    let (code, wait) = next(&mut events, |event| match event {
        Event::Disconnected { code, retry_after } => Some((code, retry_after)),
        _ => None,
    })
    .await;
    assert_eq!(code, Some(1001));
    assert!(wait >= Duration::from_millis(500), "{wait:?}");
    soon(ended).await.unwrap().unwrap();
}
