//! A line to a server that a test has in its hand: cut, refused, stalled, slow, or losing exactly one reply.
//!
//! It knows no protocol. What a client writes at once is a *piece*; databases answer one before they get the next, so
//! that the pieces of a client are its requests, or parts of very large ones. A test counts them, or knows one by the
//! bytes in it, and says what becomes of it. What is left out is the loss of single packets: to a program TCP hides it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;

/// How long a late request waits for its reply.
const REPLY_MAX: Duration = Duration::from_secs(10);

/// What is read at once.
const PIECE_BYTES_MAX: usize = 1 << 16;

/// A line to one server, for any number of connections. Dropped, it is cut for good.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: AbortHandle,
}

/// What the proxy and its connections know.
#[derive(Debug)]
struct Shared {
    server: SocketAddr,
    weather: watch::Sender<Weather>,
    plan: Mutex<Plan>,
}

/// What happens to everything.
#[derive(Clone, Copy, Debug, Default)]
struct Weather {
    mode: Mode,
    /// How often all connections were cut.
    cuts: u64,
    /// How many connections were there when they were last forgotten.
    forgotten: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Open,
    /// Each piece takes so long, either way.
    Slow(Duration),
    /// Who connects is hung up on.
    Refusing,
    /// Nothing moves, and nobody is told.
    Hole,
}

/// What happens to one piece.
#[derive(Debug, Default)]
struct Plan {
    /// Pieces that clients have written so far.
    pieces: u64,
    /// Connections that clients have made so far.
    connections: u64,
    due: Option<(Piece, Fate)>,
}

/// A piece that is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// The one after so many more; 1 is the next one.
    Nth(u64),
    /// The next one with these bytes in it.
    With(&'static str),
}

/// What becomes of it.
#[derive(Debug)]
enum Fate {
    /// It is done, and nobody learns of it.
    Unanswered(oneshot::Sender<()>),
    /// It waits, while whoever wrote it believes it lost.
    Held(oneshot::Sender<Late>),
}

/// How a connection came to its end.
enum End {
    Closed,
    Unanswered(oneshot::Sender<()>),
    Held(oneshot::Sender<Late>, Vec<u8>),
}

/// A request that is still on its way when its client has long given up.
#[derive(Debug)]
pub struct Late {
    server: TcpStream,
    piece: Vec<u8>,
}

impl Proxy {
    /// A line to this server, on a free port of this machine.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn to(server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared { server, weather: watch::Sender::default(), plan: Mutex::default() });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared))).abort_handle();
        Ok(Self { address, shared, accepting })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything passes, from now on and what was stalled.
    pub fn restore(&self) {
        self.enter(Mode::Open);
    }

    /// Everything takes so much longer, in each direction.
    pub fn slow(&self, by: Duration) {
        self.enter(Mode::Slow(by));
    }

    /// Nothing passes in either direction and no connection ends; new ones are taken, and get no answer.
    pub fn black_hole(&self) {
        self.enter(Mode::Hole);
    }

    /// Nothing passes ever again on the connections that are there, and none of them ends; new ones pass. So does a
    /// firewall that was started again.
    pub fn forget(&self) {
        let connections = self.shared.plan().connections;
        self.shared.weather.send_modify(|weather| weather.forgotten = connections);
    }

    /// Ends all connections; new ones pass.
    pub fn cut(&self) {
        self.shared.weather.send_modify(|weather| weather.cuts += 1);
    }

    /// Ends all connections, and every new one.
    pub fn refuse(&self) {
        self.enter(Mode::Refusing);
        self.cut();
    }

    /// How many pieces clients have written so far.
    pub fn pieces(&self) -> u64 {
        self.shared.plan().pieces
    }

    /// Lets a piece through to the server, and cuts its connection in place of the reply. Resolves when the server has
    /// replied; what it replied to is done then.
    pub fn lose_reply(&self, piece: Piece) -> oneshot::Receiver<()> {
        let (done, when_done) = oneshot::channel();
        self.shared.plan().arm(piece, Fate::Unanswered(done));
        when_done
    }

    /// Keeps a piece back and cuts its connection on the side of the client. Resolves when that has happened.
    pub fn hold(&self, piece: Piece) -> oneshot::Receiver<Late> {
        let (held, when_held) = oneshot::channel();
        self.shared.plan().arm(piece, Fate::Held(held));
        when_held
    }

    /// Lets pieces pass, also if the one that was to be lost or held has not come.
    pub fn disarm(&self) {
        self.shared.plan().due = None;
    }

    fn enter(&self, mode: Mode) {
        self.shared.weather.send_modify(|weather| weather.mode = mode);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // With the task that accepts go the connections.
        self.accepting.abort();
    }
}

impl Late {
    /// Gives it to the server, and waits for the reply that nobody gets.
    ///
    /// # Errors
    /// When the server closes the connection instead, or waits for more, because the piece was a part of a request.
    pub async fn deliver(mut self) -> io::Result<()> {
        self.server.write_all(&self.piece).await?;
        timeout(REPLY_MAX, self.server.read_u8()).await??;
        Ok(())
    }
}

impl Plan {
    fn arm(&mut self, piece: Piece, fate: Fate) {
        let piece = match piece {
            Piece::Nth(nth) => Piece::Nth(self.pieces + nth),
            Piece::With(bytes) => Piece::With(bytes),
        };
        self.due = Some((piece, fate));
    }

    /// Counts a piece; what becomes of it, when it is not to pass.
    fn judge(&mut self, bytes: &[u8]) -> Option<Fate> {
        self.pieces += 1;
        let number = self.pieces;
        let is_due = |(piece, _): &mut (Piece, Fate)| match *piece {
            Piece::Nth(nth) => nth == number,
            Piece::With(text) => bytes.windows(text.len()).any(|window| window == text.as_bytes()),
        };
        self.due.take_if(is_due).map(|(_, fate)| fate)
    }
}

/// What one connection knows.
#[derive(Debug)]
struct Line {
    number: u64,
    shared: Arc<Shared>,
}

impl Line {
    /// The next connection.
    fn new(shared: &Arc<Shared>) -> Self {
        let mut plan = shared.plan();
        plan.connections += 1;
        Self { number: plan.connections, shared: Arc::clone(shared) }
    }

    /// Waits until a piece may go on. The end of the proxy ends the connection by other means.
    async fn pass(&self) {
        let mut weather = self.shared.weather.subscribe();
        let may_pass = |weather: &Weather| weather.mode != Mode::Hole && self.number > weather.forgotten;
        let mode = weather.wait_for(may_pass).await.map(|weather| weather.mode);
        if let Ok(Mode::Slow(by)) = mode {
            tokio::time::sleep(by).await;
        }
    }
}

impl Shared {
    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().expect("nothing panics while this lock is held")
    }

    /// Waits until all connections are cut that were there at this count.
    async fn cut_after(&self, cuts: u64) {
        let mut weather = self.weather.subscribe();
        // Without a sender there is no proxy and soon no connection.
        let _ = weather.wait_for(|weather| weather.cuts > cuts).await;
    }
}

/// Takes connections, and holds them so that they end with it.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Weather { mode, cuts, .. } = *shared.weather.borrow();
                // A refused connection is one that ends at once; an error is a client that was gone before.
                if let (Ok((client, _)), true) = (accepted, mode != Mode::Refusing) {
                    let line = Line::new(&shared);
                    connections.spawn(carry(client, cuts, line));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// One connection from its beginning to its end. An error on either side is the end of both.
async fn carry(client: TcpStream, cuts: u64, line: Line) -> io::Result<()> {
    tokio::select! {
        ended = converse(client, &line) => ended,
        () = line.shared.cut_after(cuts) => Ok(()),
    }
}

async fn converse(mut client: TcpStream, line: &Line) -> io::Result<()> {
    line.pass().await;
    let mut server = TcpStream::connect(line.shared.server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let end = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        tokio::select! {
            end = requests(from_client, to_server, line) => end?,
            end = replies(from_server, to_client, line) => end?,
        }
    };
    match end {
        End::Closed => Ok(()),
        End::Unanswered(done) => unanswered(client, server, done).await,
        End::Held(held, piece) => {
            // A test that no longer waits for it has lost it for good.
            let _ = held.send(Late { server, piece });
            Ok(())
        }
    }
}

/// Passes on what the client writes, up to the piece that has another fate.
async fn requests(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, line: &Line) -> io::Result<End> {
    let mut buffer = vec![0; PIECE_BYTES_MAX];
    loop {
        let bytes = from.read(&mut buffer).await?;
        if bytes == 0 {
            return Ok(End::Closed);
        }
        let piece = &buffer[..bytes];
        line.pass().await;
        let fate = line.shared.plan().judge(piece);
        if let Some(Fate::Held(held)) = fate {
            return Ok(End::Held(held, piece.to_vec()));
        }
        to.write_all(piece).await?;
        if let Some(Fate::Unanswered(done)) = fate {
            return Ok(End::Unanswered(done));
        }
    }
}

/// Passes on what the server writes.
async fn replies(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, line: &Line) -> io::Result<End> {
    let mut buffer = vec![0; PIECE_BYTES_MAX];
    loop {
        let bytes = from.read(&mut buffer).await?;
        if bytes == 0 {
            return Ok(End::Closed);
        }
        line.pass().await;
        to.write_all(&buffer[..bytes]).await?;
    }
}

/// Waits until the server replies, while the rest of a large request may still come.
async fn unanswered(
    mut client: TcpStream,
    mut server: TcpStream,
    done: oneshot::Sender<()>,
) -> io::Result<()> {
    let (mut from_client, _) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let rest = async {
        // A client that leaves meanwhile changes nothing.
        let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
        std::future::pending::<()>().await;
    };
    let mut reply = [0; 1];
    tokio::select! {
        replied = from_server.read(&mut reply) => replied.map(drop)?,
        () = rest => {}
    }
    // A test that no longer waits for it need not know.
    let _ = done.send(());
    Ok(())
}
