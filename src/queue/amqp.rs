//! Publishes to RabbitMQ, and notices when a message has not arrived.
//!
//! lapin's own recovery was measured to hang, so it stays off: every wait here has a time limit, and after an error the
//! connection is thrown away and built anew, and what was not confirmed is sent again.
//! Invariant: the outbox is told of a message only after the broker's confirm, and not when the message came back.
//! Reference: `CloudEvents` 1.0, AMQP binding, binary mode; RabbitMQ, "Consumer Acknowledgements and Publisher Confirms".

use std::collections::{BTreeSet, HashMap, HashSet};
use std::future::Future;
use std::mem::discriminant;
use std::net::Shutdown;
use std::ops::ControlFlow;
#[cfg(unix)]
use std::os::fd::AsFd as _;
#[cfg(windows)]
use std::os::windows::io::AsSocket as _;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use chrono::SecondsFormat;
use futures_util::FutureExt as _;
use lapin::options::{
    BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::tcp::{AsyncTcpStream, TLSConfig};
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, ExchangeKind, PublisherConfirm,
};
use secrecy::ExposeSecret as _;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

use super::error::{Peer, reply_code};
use super::{Drained, Error, Left, Outbox, OutboxMessage, Remedy, Settings};

/// How long the way to a usable channel may take, and each step of declaring what is published to.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the broker may take to accept one message from the socket.
pub const PUBLISH_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the broker may go without confirming the next message.
pub const CONFIRM_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a polite goodbye may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// How often the outbox is looked at when nobody announces anything, and how long an unroutable key is left alone.
const POLL: Duration = Duration::from_secs(30);

/// The longest pause before the next attempt to connect; jitter adds up to as much again.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// The longest AMQP short string: names, routing keys, message ids.
const SHORT_MAX: usize = 255;

/// The longest header value here, so that all headers fit in one frame of any size a broker may ask for.
const HEADER_MAX: usize = 900;

/// The largest message a broker takes unless told otherwise, since RabbitMQ 4.0. A larger one closes the channel.
const BODY_MAX: usize = 16 * 1024 * 1024;

/// A quorum queue of RabbitMQ 4 drops a message after 20 returns by its consumers; a delta is not to be dropped.
const DELIVERY_LIMIT: i32 = i32::MAX;

/// Sends the outbox to the exchange.
///
/// Holds at most one connection, made when there is something to send.
pub struct Publisher {
    settings: Settings,
    exchange: ShortString,
    queue: Option<ShortString>,
    uri: AMQPUri,
    peer: Peer,
    link: Option<Link>,
    /// Routing keys that came back, with the moment from which they are tried again.
    unroutable: HashMap<String, Instant>,
}

impl std::fmt::Debug for Publisher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Publisher")
            .field("broker", &self.peer.broker)
            .field("vhost", &self.peer.vhost)
            .field("exchange", &self.settings.exchange)
            .field("connected", &self.link.as_ref().is_some_and(Link::is_open))
            .finish_non_exhaustive()
    }
}

/// Where a pass is, and what it did so far.
struct Pass {
    after: i64,
    drained: Drained,
}

impl Default for Pass {
    fn default() -> Self {
        Self { after: i64::MIN, drained: Drained::default() }
    }
}

impl Publisher {
    /// Reads the settings; connects to nothing yet.
    ///
    /// # Errors
    /// [`Error::Url`] and [`Error::Name`].
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let uri = parse_url(settings.url.expose_secret())?;
        let peer = Peer {
            broker: if uri.authority.host.contains(':') {
                format!("[{}]:{}", uri.authority.host, uri.authority.port)
            } else {
                format!("{}:{}", uri.authority.host, uri.authority.port)
            },
            user: uri.authority.userinfo.username.clone(),
            vhost: uri.vhost.clone(),
        };
        let exchange = name("exchange", &settings.exchange)?;
        let queue = settings.queue.as_deref().map(|queue| name("queue", queue)).transpose()?;
        Ok(Self { settings, exchange, queue, uri, peer, link: None, unroutable: HashMap::new() })
    }

    /// Connects and declares exchange and queue, if that has not been done; sends nothing.
    ///
    /// # Errors
    /// Everything but [`Error::Outbox`].
    pub async fn check(&mut self) -> Result<(), Error> {
        let link = self.take_link().await?;
        self.link = Some(link);
        Ok(())
    }

    /// Goes through the outbox once and publishes what waits there, whatever came back earlier.
    ///
    /// Messages that no queue takes stay in the outbox and are in the answer; they do not stop the others. Cancelling the
    /// future is safe: what was not confirmed is sent again.
    ///
    /// # Errors
    /// The first error ends the pass. What was confirmed before it has left the outbox, the rest is still there. Does not
    /// try again by itself; [`Publisher::run`] does.
    pub async fn drain<O: Outbox>(&mut self, outbox: &O) -> Result<Drained, Error> {
        self.unroutable.clear();
        let mut pass = Pass::default();
        while self.step(outbox, &mut pass).await?.is_continue() {}
        Ok(pass.drained)
    }

    /// Publishes until `shutdown`: on each `notify`, and every 30 s.
    ///
    /// After an error it waits, 0.1 s at first and 10 s later plus jitter, and connects anew. A routing key that came
    /// back is tried again after 30 s. `shutdown` is looked at between windows: the messages under way are still
    /// confirmed, which takes 20 s at the very most and usually no time at all.
    ///
    /// # Errors
    /// Only what a person has to mend: see [`Error::remedy`]. Anything else is logged and tried again.
    pub async fn run<O: Outbox>(
        &mut self,
        outbox: &O,
        notify: &Notify,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), Error> {
        let mut shutdown = pin!(shutdown);
        let mut delays = delays();
        let mut told = BTreeSet::new();
        let mut failures = 0_u32;
        let mut trouble = None;
        'run: loop {
            let mut pass = Pass::default();
            let outcome = loop {
                if shutdown.as_mut().now_or_never().is_some() {
                    break 'run;
                }
                match self.step(outbox, &mut pass).await {
                    Ok(ControlFlow::Continue(())) => {}
                    Ok(ControlFlow::Break(())) => break Ok(()),
                    Err(error) => break Err(error),
                }
            };
            if pass.drained.published > 0 {
                tracing::debug!(broker = %self.peer.broker, published = pass.drained.published, "deltas published");
            }
            tell(&pass.drained, &mut told, outcome.is_ok());
            match outcome {
                Ok(()) => {
                    if failures > 0 {
                        tracing::info!(broker = %self.peer.broker, failures, "deltas are published again");
                    }
                    failures = 0;
                    trouble = None;
                    delays = self::delays();
                    tokio::select! {
                        () = shutdown.as_mut() => break 'run,
                        () = notify.notified() => {}
                        () = sleep(POLL) => {}
                    }
                }
                Err(error) => {
                    if error.remedy() == Remedy::FixConfiguration {
                        return Err(error);
                    }
                    if pass.drained.published > 0 {
                        delays = self::delays();
                    }
                    failures = failures.saturating_add(1);
                    let pause = delays.next().unwrap_or(PAUSE_MAX);
                    // Each kind of trouble is told once, not at every attempt.
                    if trouble.replace(discriminant(&error)) == Some(discriminant(&error)) {
                        tracing::debug!(broker = %self.peer.broker, failures, ?pause, "deltas still wait: {error}");
                    } else {
                        tracing::warn!(broker = %self.peer.broker, "deltas wait: {error}");
                    }
                    tokio::select! {
                        () = shutdown.as_mut() => break 'run,
                        () = sleep(pause) => {}
                    }
                }
            }
        }
        self.close().await;
        Ok(())
    }

    /// Says goodbye to the broker. Without it the connection is cut, which the broker logs and which loses nothing.
    pub async fn close(&mut self) {
        if let Some(link) = self.link.take()
            && link.is_open()
        {
            let bye = link.connection.close(200, ShortString::from("OK"));
            let _ = timeout(CLOSE_TIMEOUT, bye).await; // the connection is cut anyway when `link` is dropped
        }
    }

    /// Publishes the next window of messages, waits for their confirms and tells the outbox.
    async fn step<O: Outbox>(&mut self, outbox: &O, pass: &mut Pass) -> Result<ControlFlow<()>, Error> {
        let messages = outbox
            .pending(pass.after, self.settings.window.max(1))
            .await
            .map_err(|source| Error::Outbox { step: "read", source: Box::new(source) })?;
        let Some(last) = messages.last().map(|message| message.seq).filter(|last| *last > pass.after) else {
            return Ok(ControlFlow::Break(()));
        };
        pass.after = last;

        let now = Instant::now();
        let mut ready = Vec::with_capacity(messages.len());
        for message in messages {
            if let Some(reason) = too_long(&message) {
                pass.drained.leave(reason);
            } else if self.unroutable.get(&message.routing_key).is_some_and(|until| now < *until) {
                pass.drained.leave(self.came_back(message.routing_key));
            } else {
                ready.push(message);
            }
        }
        if ready.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }

        // The link is ours until the window is settled: if this future is dropped meanwhile, so is the connection, and no
        // confirm of an abandoned window can be taken for one of the next.
        let link = self.take_link().await?;
        let mut window = Vec::with_capacity(ready.len());
        let outcome = self.publish(&link, ready, &mut window).await;
        let settled = settle(window);
        let failure = match outcome {
            Ok(()) => {
                self.link = Some(link);
                None
            }
            Err(Error::Timeout { .. }) if link.connection.status().blocked() => {
                Some(Error::Blocked { broker: self.peer.broker.clone() })
            }
            Err(error) => Some(error),
        };

        if !settled.arrived.is_empty() {
            outbox
                .confirmed(&settled.arrived)
                .await
                .map_err(|source| Error::Outbox { step: "updated", source: Box::new(source) })?;
            pass.drained.published += settled.arrived.len() as u64;
        }
        for routing_key in settled.returned {
            self.unroutable.insert(routing_key.clone(), now + POLL);
            pass.drained.leave(self.came_back(routing_key));
        }
        for routing_key in settled.refused {
            pass.drained.leave(Left::Refused { routing_key });
        }
        self.unroutable.retain(|_, until| now < *until);
        failure.map_or(Ok(ControlFlow::Continue(())), Err)
    }

    /// Sends the messages in their order and waits until each is confirmed, or until something breaks.
    ///
    /// Whatever was sent is in `window`, also after an error.
    async fn publish(
        &self,
        link: &Link,
        ready: Vec<OutboxMessage>,
        window: &mut Vec<Sent>,
    ) -> Result<(), Error> {
        for message in ready {
            let properties = properties(&message);
            let OutboxMessage { seq, id, routing_key, body, .. } = message;
            let options = BasicPublishOptions { mandatory: true, immediate: false };
            let key = ShortString::from(routing_key.as_str());
            let sent = link.channel.basic_publish(self.exchange.clone(), key, options, &body, properties);
            let confirm = self.within("publish", PUBLISH_TIMEOUT, sent).await?;
            window.push(Sent { seq, id, routing_key, confirm, outcome: None, carried: None });
        }
        for sent in window.iter_mut() {
            match timeout(CONFIRM_TIMEOUT, &mut sent.confirm).await {
                Ok(Ok(confirmation)) => sent.note(confirmation),
                Ok(Err(error)) => return Err(self.peer.failed("confirm", &error)),
                Err(_) => return Err(self.timed_out("confirm", CONFIRM_TIMEOUT)),
            }
        }
        Ok(())
    }

    async fn take_link(&mut self) -> Result<Link, Error> {
        match self.link.take() {
            Some(link) if link.is_open() => Ok(link),
            _ => self.connect().await,
        }
    }

    async fn connect(&self) -> Result<Link, Error> {
        let socket = Socket::default();
        let opened = timeout(CONNECT_TIMEOUT, open(self.uri.clone(), socket.clone()));
        let connection = match opened.await {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => {
                socket.cut();
                return Err(self.peer.refused(&error));
            }
            Err(_) => {
                socket.cut();
                return Err(self.timed_out("connect", CONNECT_TIMEOUT));
            }
        };
        let link = Link { channel: self.channel(&connection, &socket).await?, connection, socket };
        let link = self.declare(link).await?;
        let select = link.channel.confirm_select(ConfirmSelectOptions::default());
        self.within("switch on publisher confirms", CONNECT_TIMEOUT, select).await?;
        tracing::debug!(broker = %self.peer.broker, vhost = %self.peer.vhost, exchange = %self.exchange, "connected");
        Ok(link)
    }

    async fn channel(&self, connection: &Connection, socket: &Socket) -> Result<Channel, Error> {
        self.within("open a channel", CONNECT_TIMEOUT, connection.create_channel())
            .await
            .inspect_err(|_| socket.cut())
    }

    /// Makes sure of the exchange, and of the queue that keeps everything when one is configured.
    ///
    /// A user without the right to configure is content with what an operator has made before.
    async fn declare(&self, mut link: Link) -> Result<Link, Error> {
        for passive in [false, true] {
            let options =
                ExchangeDeclareOptions { passive, durable: true, ..ExchangeDeclareOptions::default() };
            let declared = link.channel.exchange_declare(
                self.exchange.clone(),
                ExchangeKind::Topic,
                options,
                FieldTable::default(),
            );
            match self.attempt("declare the exchange", passive, declared).await? {
                ControlFlow::Break(()) => break,
                ControlFlow::Continue(()) => {
                    link.channel = self.channel(&link.connection, &link.socket).await?
                }
            }
        }
        let Some(queue) = &self.queue else { return Ok(link) };
        for passive in [false, true] {
            let mut arguments = FieldTable::default();
            arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
            arguments.insert("x-delivery-limit".into(), AMQPValue::LongInt(DELIVERY_LIMIT));
            let options = QueueDeclareOptions { passive, durable: true, ..QueueDeclareOptions::default() };
            let declared = link
                .channel
                .queue_declare(queue.clone(), options, arguments)
                .map(|declared| declared.map(drop));
            match self.attempt("declare the queue", passive, declared).await? {
                // An operator's queue has an operator's bindings.
                ControlFlow::Break(()) if passive => return Ok(link),
                ControlFlow::Break(()) => break,
                ControlFlow::Continue(()) => {
                    link.channel = self.channel(&link.connection, &link.socket).await?
                }
            }
        }
        let bound = link.channel.queue_bind(
            queue.clone(),
            self.exchange.clone(),
            "#".into(),
            QueueBindOptions::default(),
            FieldTable::default(),
        );
        self.within("bind the queue to the exchange", CONNECT_TIMEOUT, bound).await?;
        Ok(link)
    }

    /// Waits for a declaration; goes on to the passive one when the active one was forbidden.
    async fn attempt(
        &self,
        step: &'static str,
        passive: bool,
        declared: impl Future<Output = lapin::Result<()>>,
    ) -> Result<ControlFlow<()>, Error> {
        match timeout(CONNECT_TIMEOUT, declared).await {
            Ok(Ok(())) => Ok(ControlFlow::Break(())),
            Ok(Err(error)) if !passive && reply_code(&error) == Some(403) => Ok(ControlFlow::Continue(())),
            // Not there, and we were not allowed to make it.
            Ok(Err(error)) if passive && reply_code(&error) == Some(404) => {
                Err(self.peer.not_allowed(step, &error))
            }
            Ok(Err(error)) => Err(self.peer.failed(step, &error)),
            Err(_) => Err(self.timed_out(step, CONNECT_TIMEOUT)),
        }
    }

    async fn within<T>(
        &self,
        step: &'static str,
        limit: Duration,
        work: impl Future<Output = lapin::Result<T>>,
    ) -> Result<T, Error> {
        match timeout(limit, work).await {
            Ok(done) => done.map_err(|error| self.peer.failed(step, &error)),
            Err(_) => Err(self.timed_out(step, limit)),
        }
    }

    fn timed_out(&self, step: &'static str, limit: Duration) -> Error {
        Error::Timeout { broker: self.peer.broker.clone(), step, seconds: limit.as_secs() }
    }

    fn came_back(&self, routing_key: String) -> Left {
        Left::Unroutable { exchange: self.settings.exchange.clone(), routing_key }
    }
}

/// A message on its way.
struct Sent {
    seq: i64,
    id: String,
    routing_key: String,
    confirm: PublisherConfirm,
    outcome: Option<Outcome>,
    /// The id of a returned message that lapin handed over together with this one's confirm.
    carried: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Acked,
    Nacked,
}

impl Sent {
    fn note(&mut self, confirmation: Confirmation) {
        let (outcome, returned) = match confirmation {
            Confirmation::Ack(returned) => (Some(Outcome::Acked), returned),
            Confirmation::Nack(returned) => (Some(Outcome::Nacked), returned),
            Confirmation::NotRequested => (None, None), // confirms are always on, so this proves nothing
        };
        self.outcome = outcome;
        self.carried = returned.map(|returned| {
            let id = returned.delivery.properties.message_id().as_ref().map(ToString::to_string);
            id.unwrap_or_else(|| self.id.clone())
        });
    }

    fn look(&mut self) {
        if self.outcome.is_none()
            && let Some(Ok(confirmation)) = (&mut self.confirm).now_or_never()
        {
            self.note(confirmation);
        }
    }
}

/// A window after the last word on it: which messages arrived, and the routing keys of those that did not.
#[derive(Default)]
struct Settled {
    arrived: Vec<i64>,
    returned: Vec<String>,
    refused: Vec<String>,
}

/// Tells what became of each message of a window.
///
/// The broker returns a message before it acknowledges it, but lapin attaches the return to whichever confirm it resolves
/// next, which may be another message's. So a return counts for the message whose id it bears, and an acknowledgement
/// counts only once every confirm that was resolved before it has been looked at: hence the second look, whose returns
/// count and whose acknowledgements do not.
fn settle(mut window: Vec<Sent>) -> Settled {
    window.iter_mut().for_each(Sent::look);
    let outcomes = window.iter().map(|sent| sent.outcome).collect::<Vec<_>>();
    window.iter_mut().for_each(Sent::look);
    let returned = window.iter_mut().filter_map(|sent| sent.carried.take()).collect::<HashSet<_>>();

    let mut settled = Settled::default();
    for (sent, outcome) in window.into_iter().zip(outcomes) {
        if returned.contains(&sent.id) {
            settled.returned.push(sent.routing_key);
        } else if outcome == Some(Outcome::Acked) {
            settled.arrived.push(sent.seq);
        } else if outcome == Some(Outcome::Nacked) {
            settled.refused.push(sent.routing_key);
        }
    }
    settled
}

/// A connection with its confirming channel. Dropping it cuts the connection.
struct Link {
    channel: Channel,
    connection: Connection,
    socket: Socket,
}

impl Link {
    fn is_open(&self) -> bool {
        self.connection.status().connected() && self.channel.status().connected()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.socket.cut();
    }
}

/// A second handle on a connection's socket.
///
/// lapin's thread waits for its socket, for ever if the broker falls silent during the handshake or has blocked the
/// connection. Shutting the socket down is what ends the thread.
#[derive(Clone, Default)]
struct Socket(Arc<Mutex<SocketState>>);

#[derive(Default)]
enum SocketState {
    #[default]
    Connecting,
    Open(std::net::TcpStream),
    Cut,
}

impl Socket {
    /// Keeps the handle; an error when the connection was given up in the meantime.
    fn keep(&self, stream: std::net::TcpStream) -> std::io::Result<()> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, SocketState::Cut) {
            return Err(std::io::ErrorKind::ConnectionAborted.into());
        }
        *state = SocketState::Open(stream);
        Ok(())
    }

    fn cut(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let SocketState::Open(stream) = std::mem::replace(&mut *state, SocketState::Cut) {
            let _ = stream.shutdown(Shutdown::Both); // an error means that it is closed already
        }
    }
}

/// Opens the connection, with or without TLS, and keeps a handle on its socket.
async fn open(uri: AMQPUri, socket: Socket) -> lapin::Result<Connection> {
    // If this future is dropped, the connection must not live on in lapin's thread.
    let unfinished = CutUnlessFinished(Some(socket.clone()));
    let runtime = lapin::runtime::default_runtime()?;
    let properties = ConnectionProperties::default().with_connection_name(LongString::from("encours deltas"));
    // The closure stands in the call so that the compiler knows the type of its stream.
    let opening = Connection::connector(
        uri,
        runtime,
        async move |uri: AMQPUri, runtime| {
            let stream = timeout(CONNECT_TIMEOUT, async {
                let (host, port) = (uri.authority.host.as_str(), uri.authority.port);
                let addresses = tokio::net::lookup_host((host, port)).await?.collect::<Vec<_>>();
                let stream = AsyncTcpStream::connect(&runtime, addresses).await?;
                if let AsyncTcpStream::Plain(plain) = &stream {
                    #[cfg(unix)]
                    let handle = plain.get_ref().as_fd().try_clone_to_owned()?;
                    #[cfg(windows)]
                    let handle = plain.get_ref().as_socket().try_clone_to_owned()?;
                    socket.keep(handle.into())?;
                }
                match uri.scheme {
                    AMQPScheme::AMQP => Ok(stream),
                    AMQPScheme::AMQPS => stream.into_tls(host, TLSConfig::default()).await,
                }
            });
            let stream = stream.await.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()));
            stream.map_err(lapin::Error::from)
        },
        properties,
    );
    let connection = opening.await?;
    unfinished.finish();
    Ok(connection)
}

struct CutUnlessFinished(Option<Socket>);

impl CutUnlessFinished {
    fn finish(mut self) {
        self.0 = None;
    }
}

impl Drop for CutUnlessFinished {
    fn drop(&mut self) {
        if let Some(socket) = &self.0 {
            socket.cut();
        }
    }
}

fn delays() -> backon::ExponentialBackoff {
    ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(100))
        .with_max_delay(PAUSE_MAX)
        .without_max_times()
        .with_jitter()
        .build()
}

/// Logs each reason once, and again only after it was gone for a whole pass.
fn tell(drained: &Drained, told: &mut BTreeSet<Left>, whole: bool) {
    for (reason, count) in &drained.left {
        if told.insert(reason.clone()) {
            tracing::warn!(messages = count, "{reason}");
        }
    }
    if whole {
        told.retain(|reason| drained.left.contains_key(reason));
    }
}

fn too_long(message: &OutboxMessage) -> Option<Left> {
    [
        ("id", message.id.len(), SHORT_MAX),
        ("routing key", message.routing_key.len(), SHORT_MAX),
        ("event", message.event.len(), HEADER_MAX),
        ("subject", message.subject.len(), HEADER_MAX),
        ("source", message.source.len(), HEADER_MAX),
        ("body", message.body.len(), BODY_MAX),
    ]
    .into_iter()
    .find(|(_, bytes, bytes_max)| bytes > bytes_max)
    .map(|(field, bytes, bytes_max)| Left::TooLong { seq: message.seq, field, bytes, bytes_max })
}

/// The message's attributes, as `CloudEvents` 1.0 puts them in AMQP, and as AMQP itself has them.
fn properties(message: &OutboxMessage) -> BasicProperties {
    let time = message.time.to_rfc3339_opts(SecondsFormat::Millis, true);
    let kind = format!("encours.{}.v1", message.event);
    let mut headers = FieldTable::default();
    for (attribute, value) in [
        ("cloudEvents:specversion", "1.0"),
        ("cloudEvents:id", &message.id),
        ("cloudEvents:type", &kind),
        ("cloudEvents:source", &message.source),
        ("cloudEvents:subject", &message.subject),
        ("cloudEvents:time", &time),
    ] {
        headers.insert(attribute.into(), AMQPValue::LongString(value.into()));
    }
    BasicProperties::default()
        .with_content_type("application/json".into())
        .with_delivery_mode(2)
        .with_message_id(message.id.as_str().into())
        .with_timestamp(u64::try_from(message.time.timestamp()).unwrap_or_default())
        .with_headers(headers)
}

fn name(setting: &'static str, value: &str) -> Result<ShortString, Error> {
    match ShortString::try_new(value) {
        Ok(name) if !value.is_empty() => Ok(name),
        _ => Err(Error::Name { setting, bytes: value.len() }),
    }
}

/// Reads the URL, and refuses what the client library would quietly take for something else.
fn parse_url(text: &str) -> Result<AMQPUri, Error> {
    let refuse = |reason: &str| Error::Url { reason: reason.to_owned() };
    let rest = ["amqp://", "amqps://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme))
        .ok_or_else(|| refuse("it does not begin with amqp:// or amqps://"))?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if rest.contains('@') && !authority.contains('@') {
        return Err(refuse("there is a \"/\", \"?\" or \"#\" before the \"@\""));
    }
    let mut uri = text.parse::<AMQPUri>().map_err(|reason| Error::Url { reason })?;
    let host = authority.rsplit('@').next().unwrap_or_default();
    if let Some((address, _)) = host.strip_prefix('[').and_then(|host| host.split_once(']')) {
        address.clone_into(&mut uri.authority.host); // the library would have put localhost
    } else if host.is_empty() || host.starts_with(':') {
        return Err(refuse("it names no host"));
    }
    if uri.vhost.is_empty() {
        return Err(refuse(
            "the vhost after the last \"/\" is empty; the broker's default vhost is written %2f",
        ));
    }
    if uri.vhost.len() > SHORT_MAX {
        return Err(refuse("the vhost is longer than 255 bytes"));
    }
    Ok(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> OutboxMessage {
        OutboxMessage {
            seq: 7,
            id: "0f".repeat(16),
            event: "limit.reduced".to_owned(),
            subject: "b1".to_owned(),
            routing_key: "limit.reduced.coface.fr".to_owned(),
            time: chrono::DateTime::from_timestamp(1_790_000_000, 250_000_000).unwrap(),
            source: "urn:encours:coface".to_owned(),
            body: b"{}".to_vec(),
        }
    }

    #[test]
    fn urls_that_would_be_misread_are_refused_without_showing_them() {
        for (url, reason) in [
            ("http://hub:s3cret@mq/v", "does not begin"),
            ("hub:s3cret@mq", "does not begin"),
            ("amqp://hub:12/s3cret@mq/v", "before the \"@\""),
            ("amqp://hub:s3cret@mq/", "vhost"),
            ("amqp://hub:s3cret@mq:port/v", "port"),
            ("amqp://hub:s3cret@/v", "host"),
            ("amqp://hub:s3cret@:5672/v", "host"),
            ("amqp:///v", "host"),
        ] {
            let error = parse_url(url).unwrap_err().to_string();
            assert!(error.contains(reason), "{url}: {error}");
            assert!(!error.contains("s3cret"), "{url}: {error}");
        }
        let long = format!("amqp://mq/{}", "v".repeat(256));
        assert!(parse_url(&long).is_err());
    }

    #[test]
    fn urls_are_read() {
        let uri = parse_url("amqps://hub:p%40ss@mq.example/%2fv").unwrap();
        assert_eq!(
            (uri.authority.host.as_str(), uri.authority.port, uri.vhost.as_str()),
            ("mq.example", 5671, "/v")
        );
        assert_eq!(uri.authority.userinfo.password, "p@ss");
        assert_eq!(parse_url("amqp://[::1]:5000").unwrap().authority.host, "::1");
        assert_eq!(parse_url("amqp://mq.example").unwrap().vhost, "/");
    }

    #[test]
    fn names_have_1_to_255_bytes() {
        for name in [String::new(), "q".repeat(256)] {
            let mut settings = Settings::new("amqp://mq.example".into());
            settings.queue = Some(name.clone());
            assert!(matches!(Publisher::new(settings), Err(Error::Name { setting: "queue", .. })));
            let mut settings = Settings::new("amqp://mq.example".into());
            settings.exchange = name;
            assert!(matches!(Publisher::new(settings), Err(Error::Name { setting: "exchange", .. })));
        }
    }

    #[test]
    fn what_amqp_cannot_carry_is_named() {
        assert_eq!(too_long(&message()), None);
        let long = OutboxMessage { routing_key: "k".repeat(256), ..message() };
        let reason = Left::TooLong { seq: 7, field: "routing key", bytes: 256, bytes_max: 255 };
        assert_eq!(too_long(&long), Some(reason));
        let long = OutboxMessage { body: vec![b' '; BODY_MAX + 1], ..message() };
        assert!(matches!(too_long(&long), Some(Left::TooLong { field: "body", .. })));
    }

    #[test]
    fn attributes_are_those_of_cloud_events() {
        let properties = properties(&message());
        let headers = properties.headers().as_ref().unwrap().inner();
        let header = |name: &str| match headers.get(name) {
            Some(AMQPValue::LongString(text)) => text.to_string(),
            other => panic!("{name}: {other:?}"),
        };
        assert_eq!(header("cloudEvents:type"), "encours.limit.reduced.v1");
        assert_eq!(header("cloudEvents:time"), "2026-09-21T14:13:20.250Z");
        assert_eq!(*properties.timestamp(), Some(1_790_000_000));
        assert_eq!(headers.len(), 6);
    }
}
