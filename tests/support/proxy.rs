//! A wire that breaks: it passes bytes on to a server, and cuts a connection after so many of them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// No cut.
pub const WHOLE: u64 = u64::MAX;

#[derive(Default)]
struct Counts {
    /// After how many bytes of a connection, to the server and from it, it is cut.
    to_server: AtomicU64,
    from_server: AtomicU64,
    /// How many bytes the last connection had.
    sent: AtomicU64,
    heard: AtomicU64,
}

pub struct Proxy {
    pub port: u16,
    counts: Arc<Counts>,
}

impl Proxy {
    pub async fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let counts = Arc::new(Counts::default());
        let own = Self { port, counts: counts.clone() };
        own.cut_after(WHOLE, WHOLE);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, SocketAddr::from(([127, 0, 0, 1], server)), counts.clone()));
            }
        });
        own
    }

    /// Passes on, of every connection from now on, so many bytes to the server and so many from it; the first byte more cuts it.
    pub fn cut_after(&self, to_server: u64, from_server: u64) {
        self.counts.to_server.store(to_server, Ordering::SeqCst);
        self.counts.from_server.store(from_server, Ordering::SeqCst);
    }

    /// How many bytes the last connection sent and heard.
    pub fn counted(&self) -> (u64, u64) {
        (self.counts.sent.load(Ordering::SeqCst), self.counts.heard.load(Ordering::SeqCst))
    }
}

async fn pass(client: TcpStream, server: SocketAddr, counts: Arc<Counts>) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    counts.sent.store(0, Ordering::SeqCst);
    counts.heard.store(0, Ordering::SeqCst);
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    let limits = (counts.to_server.load(Ordering::SeqCst), counts.from_server.load(Ordering::SeqCst));
    // Whichever side ends first, the whole connection ends.
    tokio::select! {
        () = copy(&mut from_client, &mut to_server, limits.0, &counts.sent) => {}
        () = copy(&mut from_server, &mut to_client, limits.1, &counts.heard) => {}
    }
}

async fn copy(
    from: &mut tokio::net::tcp::OwnedReadHalf,
    to: &mut tokio::net::tcp::OwnedWriteHalf,
    limit: u64,
    count: &AtomicU64,
) {
    let mut buffer = [0; 4096];
    let mut left = limit;
    loop {
        let Ok(read) = from.read(&mut buffer).await else { return };
        let some = read.min(usize::try_from(left).unwrap_or(usize::MAX));
        if read == 0 || to.write_all(&buffer[..some]).await.is_err() || some < read {
            return;
        }
        count.fetch_add(some as u64, Ordering::SeqCst);
        left -= some as u64;
    }
}
