//! The way from the outbox to RabbitMQ, against a real broker.
//!
//! Each test has a vhost of its own, so that it can kill its connections without disturbing the others. "The broker is
//! away" is played by a small TCP proxy that the test cuts and restores: the broker itself is shared and stays up.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::future::pending;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use encours::queue::{
    DEFAULT_EXCHANGE, DEFAULT_QUEUE, Error, Left, Outbox, OutboxMessage, Publisher, Remedy, Settings,
};
use futures_util::StreamExt as _;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicQosOptions, ExchangeDeclareOptions, QueueBindOptions,
    QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ConnectionProperties, ExchangeKind};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

// ---------------------------------------------------------------------------------------------------- the broker

#[allow(clippy::disallowed_methods, reason = "the test services are announced in the environment")]
fn service(variable: &str) -> Result<String> {
    std::env::var(variable)
        .with_context(|| format!("{variable} is not set: these tests need RabbitMQ, run scripts/test"))
}

/// A vhost of the test's own.
struct Vhost {
    name: String,
    /// The URL of the test broker up to its vhost.
    base: String,
}

impl Vhost {
    async fn new(test: &str) -> Result<Self> {
        let url = service("ENCOURS_TEST_AMQP_URL")?;
        let (base, _) = url.rsplit_once('/').context("ENCOURS_TEST_AMQP_URL has no vhost")?;
        let name = format!("queue-{test}-{}", std::process::id());
        rabbitmqctl(&["add_vhost", &name]).await?;
        rabbitmqctl(&["set_permissions", "-p", &name, "guest", ".*", ".*", ".*"]).await?;
        Ok(Self { name, base: base.to_owned() })
    }

    fn url(&self) -> String {
        format!("{}/{}", self.base, self.name)
    }

    /// The URL by way of the proxy.
    fn url_through(&self, proxy: &Proxy) -> Result<String> {
        let (credentials, _) =
            self.base.rsplit_once('@').context("ENCOURS_TEST_AMQP_URL has no credentials")?;
        Ok(format!("{credentials}@{}/{}", proxy.address, self.name))
    }

    fn publisher(&self) -> Result<Publisher> {
        Ok(Publisher::new(Settings::new(self.url().into()))?)
    }

    async fn kill_connections(&self) -> Result<()> {
        rabbitmqctl(&["close_all_connections", "--vhost", &self.name, "test"]).await
    }

    async fn remove(self) -> Result<()> {
        rabbitmqctl(&["delete_vhost", &self.name]).await
    }
}

async fn rabbitmqctl(arguments: &[&str]) -> Result<()> {
    let mut command = std::process::Command::new(service("ENCOURS_TEST_RABBITMQCTL")?);
    command.args(arguments).stdin(std::process::Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    ensure!(
        output.status.success(),
        "rabbitmqctl {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// The tests' own client: it shares nothing with the publisher but the library.
struct Client {
    channel: Channel,
    _connection: Connection,
}

impl Client {
    async fn new(url: &str) -> Result<Self> {
        let connection = Connection::connect(url, ConnectionProperties::default()).await?;
        Ok(Self { channel: connection.create_channel().await?, _connection: connection })
    }

    async fn declare_exchange(&self) -> Result<()> {
        let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        let declared = self.channel.exchange_declare(
            DEFAULT_EXCHANGE.into(),
            ExchangeKind::Topic,
            options,
            FieldTable::default(),
        );
        Ok(declared.await?)
    }

    async fn bind(&self, queue: &str, pattern: &str) -> Result<()> {
        let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        self.channel.queue_declare(queue.into(), options, FieldTable::default()).await?;
        self.bind_only(queue, pattern).await
    }

    async fn bind_only(&self, queue: &str, pattern: &str) -> Result<()> {
        let (none, no_arguments) = (QueueBindOptions::default(), FieldTable::default());
        Ok(self
            .channel
            .queue_bind(queue.into(), DEFAULT_EXCHANGE.into(), pattern.into(), none, no_arguments)
            .await?)
    }

    /// Takes everything out of a queue until nothing comes for a second.
    async fn read(&self, queue: &str) -> Result<Vec<Delivery>> {
        self.channel.basic_qos(1000, BasicQosOptions::default()).await?;
        let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
        let mut consumer =
            self.channel.basic_consume(queue.into(), "test".into(), options, arguments).await?;
        let mut all = Vec::new();
        while let Ok(Some(delivery)) = timeout(Duration::from_secs(1), consumer.next()).await {
            let delivery = delivery?;
            delivery.ack(BasicAckOptions::default()).await?;
            all.push(delivery);
        }
        self.channel.basic_cancel("test".into(), lapin::options::BasicCancelOptions::default()).await?;
        Ok(all)
    }
}

fn id_of(delivery: &Delivery) -> Result<String> {
    delivery.properties.message_id().as_ref().map(ToString::to_string).context("a message without message_id")
}

fn ids_of(deliveries: &[Delivery]) -> Result<HashSet<String>> {
    deliveries.iter().map(id_of).collect()
}

// ------------------------------------------------------------------------------------------------- the broker away

#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    /// Bytes go both ways.
    Open,
    /// Every connection is closed, new ones at once.
    Cut,
    /// Connections are accepted, and no byte passes: a broker that hangs.
    Silent,
}

/// A line to the broker that can be cut.
struct Proxy {
    address: SocketAddr,
    line: watch::Sender<Line>,
    open: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Proxy {
    async fn new(vhost: &Vhost, line: Line) -> Result<Self> {
        let (_, broker) = vhost.base.rsplit_once('@').context("ENCOURS_TEST_AMQP_URL has no host")?;
        let broker = broker.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (line, watched) = watch::channel(line);
        let mut tasks = JoinSet::new();
        let open = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&open);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let (broker, line, count) = (broker.clone(), watched.clone(), Arc::clone(&count));
                connections.spawn(async move {
                    count.fetch_add(1, Ordering::SeqCst);
                    carry(client, broker, line).await;
                    count.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Ok(Self { address, line, open, _tasks: tasks })
    }

    /// Waits until the client has given up all its connections.
    async fn abandoned(&self) -> Result<()> {
        let abandoned = async {
            while self.open.load(Ordering::SeqCst) > 0 {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(Duration::from_secs(2), abandoned).await.context("a connection is left open")
    }

    fn set(&self, line: Line) {
        self.line.send_replace(line);
    }
}

async fn carry(mut client: TcpStream, broker: String, mut line: watch::Receiver<Line>) {
    let now = *line.borrow_and_update();
    if now == Line::Cut {
        return;
    }
    if now == Line::Silent {
        return swallow(&mut client, &mut line).await;
    }
    let Ok(mut server) = TcpStream::connect(broker).await else { return };
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => return,
        _ = line.changed() => {}
    }
    // From silence there is no way back to an open line: the bytes in between are lost.
    if *line.borrow_and_update() == Line::Silent {
        swallow(&mut client, &mut line).await;
    }
}

/// Takes what the client sends and answers nothing, until the client gives up or the line changes.
async fn swallow(client: &mut TcpStream, line: &mut watch::Receiver<Line>) {
    let mut nowhere = tokio::io::sink();
    tokio::select! {
        _ = tokio::io::copy(client, &mut nowhere) => {}
        _ = line.changed() => {}
    }
}

// ---------------------------------------------------------------------------------------------------- the outbox

/// An outbox in memory, which keeps count of what it is asked.
#[derive(Default)]
struct Memory {
    rows: Mutex<BTreeMap<i64, OutboxMessage>>,
    /// How long a read takes, to give a test the time to disturb.
    delay: Duration,
    handed_out_max: AtomicUsize,
    reads: AtomicUsize,
    fail_updates: AtomicUsize,
}

#[derive(Debug, thiserror::Error)]
#[error("the ledger is away")]
struct Away;

impl Memory {
    fn new(messages: impl IntoIterator<Item = OutboxMessage>) -> Self {
        let rows = messages.into_iter().map(|message| (message.seq, message)).collect();
        Self { rows: Mutex::new(rows), ..Self::default() }
    }

    fn slow(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    fn rows(&self) -> std::sync::MutexGuard<'_, BTreeMap<i64, OutboxMessage>> {
        self.rows.lock().expect("no test panics while it holds the rows")
    }

    fn left(&self) -> Vec<i64> {
        self.rows().keys().copied().collect()
    }

    fn add(&self, message: OutboxMessage) {
        self.rows().insert(message.seq, message);
    }
}

impl Outbox for Memory {
    type Error = Away;

    async fn pending(&self, after: i64, limit: usize) -> Result<Vec<OutboxMessage>, Away> {
        sleep(self.delay).await;
        self.reads.fetch_add(1, Ordering::SeqCst);
        let rows = self.rows();
        let messages = rows.values().filter(|row| row.seq > after).take(limit).cloned().collect::<Vec<_>>();
        self.handed_out_max.fetch_max(messages.len(), Ordering::SeqCst);
        Ok(messages)
    }

    async fn confirmed(&self, seqs: &[i64]) -> Result<(), Away> {
        assert!(seqs.is_sorted(), "not in order: {seqs:?}");
        if self.fail_updates.load(Ordering::SeqCst) > 0 {
            self.fail_updates.fetch_sub(1, Ordering::SeqCst);
            return Err(Away);
        }
        let mut rows = self.rows();
        seqs.iter().for_each(|seq| drop(rows.remove(seq)));
        Ok(())
    }
}

fn message(seq: i64, event: &str, country: &str) -> OutboxMessage {
    OutboxMessage {
        seq,
        id: encours::ids::fingerprint_hex(&[event.as_bytes(), &seq.to_le_bytes()]),
        event: event.to_owned(),
        subject: format!("buyer-{seq}"),
        routing_key: format!("{event}.coface.{country}"),
        time: chrono::DateTime::from_timestamp(1_790_000_000, 250_000_000).unwrap_or_default(),
        source: "urn:encours:acme:coface".to_owned(),
        body: format!(r#"{{"buyer":"buyer-{seq}","limit":"{seq}.00"}}"#).into_bytes(),
    }
}

fn messages(count: i64) -> Vec<OutboxMessage> {
    (1..=count).map(|seq| message(seq, "limit.reduced", "fr")).collect()
}

fn ids(messages: &[OutboxMessage]) -> HashSet<String> {
    messages.iter().map(|message| message.id.clone()).collect()
}

// ------------------------------------------------------------------------------------------------------- the tests

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_delta_arrives_once_as_a_cloud_event() -> Result<()> {
    let vhost = Vhost::new("headers").await?;
    let mut publisher = vhost.publisher()?;
    let sent = messages(25);
    let outbox = Memory::new(sent.clone());

    let drained = publisher.drain(&outbox).await?;
    assert_eq!((drained.published, drained.left_count()), (25, 0));
    assert!(outbox.left().is_empty());
    assert_eq!(publisher.drain(&outbox).await?.published, 0, "a second pass has nothing to do");

    let client = Client::new(&vhost.url()).await?;
    let arrived = client.read(DEFAULT_QUEUE).await?;
    assert_eq!(arrived.len(), 25);
    for (delivery, sent) in arrived.iter().zip(&sent) {
        let properties = &delivery.properties;
        let headers = properties.headers().as_ref().context("no headers")?;
        let header = |attribute: &str| match headers.inner().get(format!("cloudEvents:{attribute}").as_str())
        {
            Some(AMQPValue::LongString(text)) => text.to_string(),
            other => panic!("{attribute}: {other:?}"),
        };
        assert_eq!(header("specversion"), "1.0");
        assert_eq!(header("id"), sent.id);
        assert_eq!(header("type"), "encours.limit.reduced.v1");
        assert_eq!(header("source"), "urn:encours:acme:coface");
        assert_eq!(header("subject"), sent.subject);
        assert_eq!(header("time"), "2026-09-21T14:13:20.250Z");
        assert_eq!(headers.inner().len(), 6, "nothing but the attributes");
        assert_eq!(id_of(delivery)?, sent.id);
        assert_eq!(
            properties.content_type().as_ref().map(ToString::to_string).as_deref(),
            Some("application/json")
        );
        assert_eq!(*properties.delivery_mode(), Some(2), "persistent");
        assert_eq!(*properties.timestamp(), Some(1_790_000_000));
        assert_eq!(delivery.routing_key.as_str(), sent.routing_key);
        assert_eq!(delivery.exchange.as_str(), DEFAULT_EXCHANGE);
        assert_eq!(delivery.data, sent.body, "in order, byte for byte");
    }
    publisher.close().await;
    vhost.remove().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consumers_choose_by_topic() -> Result<()> {
    let vhost = Vhost::new("topics").await?;
    let mut publisher = vhost.publisher()?;
    publisher.check().await?;
    let client = Client::new(&vhost.url()).await?;
    client.bind("limits", "limit.#").await?;
    client.bind("over-limit-in-germany", "exposure.over_limit.*.de").await?;

    let outbox = Memory::new([
        message(1, "limit.reduced", "fr"),
        message(2, "exposure.over_limit", "de"),
        message(3, "exposure.over_limit", "fr"),
        message(4, "limit.withdrawn", "de"),
        message(5, "break.opened", "de"),
    ]);
    assert_eq!(publisher.drain(&outbox).await?.published, 5);

    for (queue, subjects) in [
        ("limits", vec!["limit.reduced.coface.fr", "limit.withdrawn.coface.de"]),
        ("over-limit-in-germany", vec!["exposure.over_limit.coface.de"]),
    ] {
        let arrived = client.read(queue).await?;
        assert_eq!(
            arrived.iter().map(|delivery| delivery.routing_key.as_str()).collect::<Vec<_>>(),
            subjects,
            "{queue}"
        );
    }
    assert_eq!(client.read(DEFAULT_QUEUE).await?.len(), 5);
    publisher.close().await;
    vhost.remove().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delta_that_no_queue_takes_stays_and_does_not_stop_the_others() -> Result<()> {
    let vhost = Vhost::new("unroutable").await?;
    let settings = Settings { queue: None, window: 50, ..Settings::new(vhost.url().into()) };
    let mut publisher = Publisher::new(settings)?;
    publisher.check().await?;
    let client = Client::new(&vhost.url()).await?;
    client.bind("french", "#.fr").await?;

    // Every third has nowhere to go; the pairs of return and confirm come back mixed with plain confirms.
    let sent = (1..=600).map(|seq| message(seq, "limit.reduced", if seq % 3 == 0 { "de" } else { "fr" }));
    let sent = sent.chain((601..=700).map(|seq| {
        // Keys that differ, so that none is known to be unroutable before its window.
        message(
            seq,
            "exposure.changed",
            match seq % 6 {
                1 => "d1",
                3 => "d2",
                5 => "d3",
                _ => "fr",
            },
        )
    }));
    let sent = sent.collect::<Vec<_>>();
    let outbox = Memory::new(sent.clone());

    let drained = publisher.drain(&outbox).await?;
    assert_eq!((drained.published, drained.returned), (450, 250));
    let stuck =
        sent.iter().filter(|message| !message.routing_key.ends_with("fr")).map(|m| m.seq).collect::<Vec<_>>();
    assert_eq!(outbox.left(), stuck);
    assert_eq!(drained.left.len(), 4);
    let reason = Left::Unroutable {
        exchange: DEFAULT_EXCHANGE.to_owned(),
        routing_key: "limit.reduced.coface.de".to_owned(),
    };
    assert_eq!(drained.left.get(&reason), Some(&200));
    let text = reason.to_string();
    assert!(
        ["encours.deltas", "limit.reduced.coface.de", "bind a queue"].iter().all(|part| text.contains(part)),
        "{text}"
    );

    let arrived = client.read("french").await?;
    assert_eq!(arrived.len(), 450, "those with a queue arrived once");

    client.bind("rest", "#").await?;
    let drained = publisher.drain(&outbox).await?;
    assert_eq!((drained.published, drained.left_count()), (250, 0), "a queue was bound, so they go");
    assert_eq!(client.read("rest").await?.len(), 250);
    publisher.close().await;
    vhost.remove().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_that_rejects_keeps_the_delta_in_the_outbox() -> Result<()> {
    let vhost = Vhost::new("nack").await?;
    let mut publisher = Publisher::new(Settings { queue: None, ..Settings::new(vhost.url().into()) })?;
    publisher.check().await?;
    let client = Client::new(&vhost.url()).await?;
    let mut arguments = FieldTable::default();
    arguments.insert("x-max-length".into(), AMQPValue::LongInt(3));
    arguments.insert("x-overflow".into(), AMQPValue::LongString("reject-publish".into()));
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    client.channel.queue_declare("small".into(), options, arguments).await?;
    client.bind_only("small", "#").await?;

    let outbox = Memory::new(messages(10));
    let drained = publisher.drain(&outbox).await?;
    assert_eq!(drained.published + drained.refused, 10);
    assert!(drained.refused >= 5, "{drained:?}");
    assert_eq!(outbox.left().len() as u64, drained.refused);

    let mut arrived = ids_of(&client.read("small").await?)?;
    while !outbox.left().is_empty() {
        publisher.drain(&outbox).await?;
        arrived.extend(ids_of(&client.read("small").await?)?);
    }
    assert_eq!(arrived, ids(&messages(10)));
    publisher.close().await;
    vhost.remove().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_amqp_cannot_carry_stays_and_does_not_stop_the_others() -> Result<()> {
    let vhost = Vhost::new("long").await?;
    let mut publisher = vhost.publisher()?;
    let long = OutboxMessage { routing_key: "k".repeat(256), ..message(2, "limit.reduced", "fr") };
    let outbox = Memory::new([message(1, "limit.reduced", "fr"), long, message(3, "limit.reduced", "fr")]);
    let drained = publisher.drain(&outbox).await?;
    assert_eq!((drained.published, drained.too_long, outbox.left()), (2, 1, vec![2]));
    publisher.close().await;
    vhost.remove().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_killed_midway_lose_nothing() -> Result<()> {
    let vhost = Vhost::new("killed").await?;
    let settings = Settings { window: 1000, ..Settings::new(vhost.url().into()) };
    let mut publisher = Publisher::new(settings)?;
    let mut sent = messages(30_000);
    let outbox = Memory::new(sent.clone()).slow(Duration::from_millis(30));
    let notify = Notify::new();
    let (stop, stopped) = oneshot::channel::<()>();

    let killing = async {
        // A slow machine may publish much between two kills: there is more until two have hit.
        let (mut hits, mut added) = (0, Vec::new());
        while hits < 2 || !outbox.left().is_empty() {
            let most = i64::try_from(30_000 + added.len())?;
            if hits < 2 && outbox.left().len() < 10_000 {
                for seq in most + 1..=most + 20_000 {
                    let more = message(seq, "limit.reduced", "fr");
                    outbox.add(more.clone());
                    added.push(more);
                }
                notify.notify_one();
            }
            vhost.kill_connections().await?;
            hits += usize::from(!outbox.left().is_empty());
        }
        let _ = stop.send(());
        anyhow::Ok(added)
    };
    let publishing = publisher.run(&outbox, &notify, async {
        let _ = stopped.await;
    });
    let (added, ran) = timeout(Duration::from_secs(180), async { tokio::join!(killing, publishing) }).await?;
    ran?;
    sent.extend(added?);
    assert!(outbox.left().is_empty());

    let arrived = Client::new(&vhost.url()).await?.read(DEFAULT_QUEUE).await?;
    assert_eq!(ids_of(&arrived)?, ids(&sent), "every delta is there");
    eprintln!("killed midway: {} deltas, {} repeats", sent.len(), arrived.len() - sent.len());
    vhost.remove().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_away_is_reported_and_comes_back() -> Result<()> {
    let vhost = Vhost::new("away").await?;
    let proxy = Proxy::new(&vhost, Line::Open).await?;
    let mut publisher =
        Publisher::new(Settings { window: 20, ..Settings::new(vhost.url_through(&proxy)?.into()) })?;
    publisher.check().await?;
    let sent = messages(100);
    let outbox = Memory::new(sent.clone());

    // Cut: the connection is closed, and new ones too.
    proxy.set(Line::Cut);
    sleep(Duration::from_millis(100)).await;
    for _ in 0..3 {
        let began = Instant::now();
        let error = publisher.drain(&outbox).await.expect_err("the line is cut");
        assert!(matches!(error, Error::Unreachable { .. } | Error::Lost { .. }), "{error:?}");
        assert_eq!(error.remedy(), Remedy::RetryLater);
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        assert_eq!(outbox.left().len(), 100, "nothing left the outbox");
    }

    // Back: the same publisher goes on.
    proxy.set(Line::Open);
    assert_eq!(publisher.drain(&outbox).await?.published, 100);
    assert_eq!(ids_of(&Client::new(&vhost.url()).await?.read(DEFAULT_QUEUE).await?)?, ids(&sent));
    publisher.close().await;
    vhost.remove().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_falls_silent_is_given_up_in_time() -> Result<()> {
    let vhost = Vhost::new("silent").await?;
    let proxy = Proxy::new(&vhost, Line::Open).await?;
    let mut publisher = Publisher::new(Settings::new(vhost.url_through(&proxy)?.into()))?;
    publisher.check().await?;
    let sent = messages(100);
    let outbox = Memory::new(sent.clone());

    // On an open connection: the messages go out, no confirm comes.
    proxy.set(Line::Silent);
    let began = Instant::now();
    let error = publisher.drain(&outbox).await.expect_err("the broker says nothing");
    assert!(matches!(error, Error::Timeout { step: "confirm" | "publish", .. }), "{error:?}");
    assert!(began.elapsed() < Duration::from_secs(16), "{:?}", began.elapsed());

    // From the beginning: no handshake.
    proxy.abandoned().await?;
    let began = Instant::now();
    let error = publisher.drain(&outbox).await.expect_err("the broker says nothing");
    assert!(matches!(error, Error::Timeout { step: "connect", seconds: 5, .. }), "{error:?}");
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    assert_eq!(outbox.left().len(), 100);
    proxy.abandoned().await?;

    proxy.set(Line::Open);
    assert_eq!(publisher.drain(&outbox).await?.published, 100);
    assert_eq!(ids_of(&Client::new(&vhost.url()).await?.read(DEFAULT_QUEUE).await?)?, ids(&sent));
    publisher.close().await;
    vhost.remove().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_daemon_rides_out_an_absence_and_stops_when_told() -> Result<()> {
    let vhost = Vhost::new("daemon").await?;
    let proxy = Proxy::new(&vhost, Line::Cut).await?;
    let mut publisher =
        Publisher::new(Settings { window: 20, ..Settings::new(vhost.url_through(&proxy)?.into()) })?;
    let sent = messages(500);
    let outbox = Memory::new(sent.iter().take(400).cloned()).slow(Duration::from_millis(20));
    let notify = Notify::new();
    let (stop, stopped) = oneshot::channel::<()>();

    let disturbing = async {
        sleep(Duration::from_millis(500)).await; // away when the daemon starts
        assert_eq!(outbox.left().len(), 400);
        proxy.set(Line::Open);
        let half = async {
            while outbox.left().len() > 200 {
                sleep(Duration::from_millis(5)).await;
            }
        };
        half.await;
        proxy.set(Line::Cut); // away midway
        sleep(Duration::from_millis(500)).await;
        proxy.set(Line::Open);
        while !outbox.left().is_empty() {
            sleep(Duration::from_millis(5)).await;
        }
        // New ones go when they are announced, long before the next look.
        sent.iter().skip(400).cloned().for_each(|message| outbox.add(message));
        notify.notify_one();
        let began = Instant::now();
        while !outbox.left().is_empty() {
            sleep(Duration::from_millis(5)).await;
        }
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        let _ = stop.send(());
    };
    let publishing = publisher.run(&outbox, &notify, async {
        let _ = stopped.await;
    });
    let ((), ran) = timeout(Duration::from_secs(60), async { tokio::join!(disturbing, publishing) }).await?;
    ran?;
    assert_eq!(ids_of(&Client::new(&vhost.url()).await?.read(DEFAULT_QUEUE).await?)?, ids(&sent));
    vhost.remove().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outbox_that_cannot_be_updated_gets_its_deltas_sent_again() -> Result<()> {
    let vhost = Vhost::new("ledger").await?;
    let mut publisher = vhost.publisher()?;
    let sent = messages(30);
    let outbox = Memory::new(sent.clone());
    outbox.fail_updates.store(1, Ordering::SeqCst);
    let error = publisher.drain(&outbox).await.expect_err("the ledger is away");
    assert!(matches!(error, Error::Outbox { step: "updated", .. }), "{error:?}");
    assert_eq!((error.remedy(), outbox.left().len()), (Remedy::RetryLater, 30));

    assert_eq!(publisher.drain(&outbox).await?.published, 30);
    let arrived = Client::new(&vhost.url()).await?.read(DEFAULT_QUEUE).await?;
    let mut times = HashMap::new();
    for delivery in &arrived {
        *times.entry(id_of(delivery)?).or_insert(0) += 1;
    }
    assert!(times.len() == 30 && times.values().all(|times| *times == 2), "twice, under the same id");
    publisher.close().await;
    vhost.remove().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_person_has_to_mend_ends_the_daemon_at_once() -> Result<()> {
    let vhost = Vhost::new("refused").await?;
    let (_, broker) = vhost.base.rsplit_once('@').context("no host")?;
    let user = format!("limited-{}", std::process::id());
    rabbitmqctl(&["add_user", &user, "r1ght"]).await?;
    rabbitmqctl(&["set_permissions", "-p", &vhost.name, &user, "", "", ""]).await?;

    let wrong_password = format!("amqp://guest:wr0ng@{broker}/{}", vhost.name);
    let no_vhost = format!("{}/no-such-vhost", vhost.base);
    let no_entry = format!("amqp://{user}:r1ght@{broker}/%2f");
    let no_rights = format!("amqp://{user}:r1ght@{broker}/{}", vhost.name);
    let no_tls = format!("amqps://guest:guest@{broker}/{}", vhost.name);
    for (url, variant, texts) in [
        (wrong_password, "CredentialsRefused", ["guest", "password in setting `url`"]),
        (no_vhost, "VhostRefused", ["no-such-vhost", "create the vhost"]),
        (no_entry, "VhostRefused", [user.as_str(), "give the user rights"]),
        (no_rights, "NotAllowed", ["declare the exchange", "configure and write"]),
        (no_tls, "Tls", ["TLS", "SSL_CERT_FILE"]),
    ] {
        let mut publisher = Publisher::new(Settings::new(url.clone().into()))?;
        let outbox = Memory::new(messages(3));
        let ran = timeout(Duration::from_secs(8), publisher.run(&outbox, &Notify::new(), pending())).await;
        let Ok(Err(error)) = ran else { bail!("{url}: {ran:?}") };
        let text = error.to_string();
        eprintln!("{text}");
        assert!(format!("{error:?}").starts_with(variant), "{url}: {error:?}");
        assert!(texts.iter().all(|part| text.contains(part)), "{text}");
        assert!(!text.contains("wr0ng") && !text.contains("r1ght"), "a password is shown: {text}");
        assert_eq!(error.remedy(), Remedy::FixConfiguration);
        assert_eq!(
            (outbox.left().len(), outbox.reads.load(Ordering::SeqCst)),
            (3, 1),
            "tried once, nothing lost"
        );
    }
    rabbitmqctl(&["delete_user", &user]).await?;
    vhost.remove().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_operator_has_made_is_used_by_a_user_who_may_only_write() -> Result<()> {
    let vhost = Vhost::new("operator").await?;
    let (_, broker) = vhost.base.rsplit_once('@').context("no host")?;
    let user = format!("writer-{}", std::process::id());
    rabbitmqctl(&["add_user", &user, "r1ght"]).await?;
    rabbitmqctl(&["set_permissions", "-p", &vhost.name, &user, "", "^encours\\.deltas$", ""]).await?;
    let client = Client::new(&vhost.url()).await?;
    client.declare_exchange().await?;
    client.bind(DEFAULT_QUEUE, "limit.#").await?;

    let url = format!("amqp://{user}:r1ght@{broker}/{}", vhost.name);
    let mut publisher = Publisher::new(Settings::new(url.into()))?;
    let outbox = Memory::new([message(1, "limit.reduced", "fr"), message(2, "break.opened", "fr")]);
    let drained = publisher.drain(&outbox).await?;
    assert_eq!((drained.published, drained.returned), (1, 1), "the operator's bindings are left as they are");
    publisher.close().await;

    // With the right to configure, a queue of another kind under the same name is a misunderstanding.
    let error = vhost.publisher()?.check().await.expect_err("the queue is a classic one");
    assert!(matches!(error, Error::Mismatch { step: "declare the queue", .. }), "{error:?}");
    rabbitmqctl(&["delete_user", &user]).await?;
    vhost.remove().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_thousand_deltas_go_through_a_bounded_window() -> Result<()> {
    let vhost = Vhost::new("many").await?;
    let mut publisher = vhost.publisher()?;
    publisher.check().await?;
    let sent = (1..=20_000)
        .map(|seq| OutboxMessage { body: vec![b' '; 500], ..message(seq, "limit.reduced", "fr") });
    let sent = sent.collect::<Vec<_>>();
    let outbox = Memory::new(sent.clone());

    let began = Instant::now();
    assert_eq!(publisher.drain(&outbox).await?.published, 20_000);
    let rate = 20_000.0 / began.elapsed().as_secs_f64();
    eprintln!("20 000 deltas of 500 bytes, window 500: {rate:.0} a second");
    assert!(outbox.left().is_empty());
    assert_eq!(outbox.handed_out_max.load(Ordering::SeqCst), 500, "never more than a window in memory");

    let arrived = Client::new(&vhost.url()).await?.read(DEFAULT_QUEUE).await?;
    assert_eq!((arrived.len(), ids_of(&arrived)?), (20_000, ids(&sent)));
    publisher.close().await;
    vhost.remove().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_that_is_cancelled_loses_nothing() -> Result<()> {
    let vhost = Vhost::new("cancelled").await?;
    let settings = Settings { queue: None, window: 200, ..Settings::new(vhost.url().into()) };
    let mut publisher = Publisher::new(settings)?;
    publisher.check().await?;
    let client = Client::new(&vhost.url()).await?;
    client.bind("all", "#").await?;
    let sent = messages(3000);
    let outbox = Arc::new(Memory::new(sent.clone()));
    let mut cancelled = 0;
    for milliseconds in (1..40).cycle().take(400) {
        match timeout(Duration::from_millis(milliseconds), publisher.drain(&*outbox)).await {
            Ok(drained) => {
                drained?;
                break;
            }
            Err(_) => cancelled += 1,
        }
    }
    publisher.drain(&*outbox).await?;
    ensure!(cancelled > 0, "nothing was cancelled");
    assert!(outbox.left().is_empty());
    assert_eq!(ids_of(&client.read("all").await?)?, ids(&sent));
    publisher.close().await;
    vhost.remove().await
}
