//! Notifications: each channel has a task of its own, and nobody ever waits for one.

use crate::{config::NotifyPlace, run::Told, vault};
use anyhow::{Context, bail};
use edge::{Allowed, Client, Reach};
use jiff::Timestamp;
use kms::SecretStore;
use notify::{
    Answer, Channel, Discord, Endpoint, Level, Mail, MailServer, Matrix, Next, Notice, Outbox,
    OutboxSettings, Outgoing, Slack, Telegram, Transport, Webhook, WebhookKey, deliver,
};
use seal::Secret;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{sync::mpsc, time::timeout};

/// Notices on their way to a channel's task.
const QUEUE_MAX: usize = 256;
/// How long one delivery may take.
const WITHIN: Duration = Duration::from_secs(20);

/// A channel and what matters enough for it.
#[derive(Debug, Clone)]
pub struct Ear {
    channel: Channel,
    floor: Level,
}

/// Makes the channels of a configuration; their secrets come from the key store.
pub fn ears(places: &[NotifyPlace], store: Option<&SecretStore>) -> anyhow::Result<Vec<Ear>> {
    let one = |(place, at): (&NotifyPlace, usize)| {
        let store = store.context("notifications need the key store")?;
        let made = ear(place, store);
        made.with_context(|| format!("`notify.{at}` ({})", place.kind))
    };
    places.iter().zip(0..).map(one).collect()
}

fn ear(place: &NotifyPlace, store: &SecretStore) -> anyhow::Result<Ear> {
    let secret = vault::text(store, &place.secret)?;
    let to = place.to.as_deref().unwrap_or("");
    let server = place.server.clone().unwrap_or_default();
    let channel = match place.kind.as_str() {
        "telegram" => Channel::Telegram(Telegram::new(&secret, to)?),
        "discord" => Channel::Discord(Discord::new(&secret)?),
        "slack" => Channel::Slack(Slack::new(&secret)?),
        "matrix" => Channel::Matrix(Matrix::new(&Secret::new(server), &secret, to)?),
        "webhook" => {
            let url = Secret::new(place.url.clone().unwrap_or_default());
            Channel::Webhook(Webhook::new(&url, WebhookKey::parse(&secret)?)?)
        }
        "mail" => {
            let (host, port) = match server.split_once(':') {
                Some((host, port)) => (host.to_owned(), Some(port.parse()?)),
                None => (server, None),
            };
            let transport =
                if port == Some(465) { Transport::Implicit } else { Transport::StartTls };
            let login = place.user.clone().map(|user| (user, secret));
            let server = MailServer { host, port, transport, login, authority: None };
            Channel::Mail(Mail::new(server, place.from.as_deref().unwrap_or(""), &[to.to_owned()])?)
        }
        other => bail!("{other:?} is no kind of channel"),
    };
    let floor = match place.level.as_str() {
        "critical" => Level::Critical,
        "warning" => Level::Warning,
        _ => Level::Info,
    };
    Ok(Ear { channel, floor })
}

/// The hosts that channels talk to; mail has a connection of its own.
pub fn allowed(ears: &[Ear]) -> anyhow::Result<Allowed> {
    let mut allowed = Allowed::default();
    for ear in ears.iter().filter(|ear| !matches!(ear.channel, Channel::Mail(_))) {
        let (host, port) = ear.channel.destination();
        let is_here = host == "localhost"
            || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
        let scheme = if is_here { "http" } else { "https" };
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        allowed.add(format!("{scheme}://{host}:{port}").parse()?, Reach::Public);
    }
    Ok(allowed)
}

/// The ports that channels talk to.
#[must_use]
pub fn ports(ears: &[Ear]) -> Vec<u16> {
    ears.iter().map(|ear| ear.channel.destination().1).collect()
}

/// Tells every channel.
#[derive(Debug, Clone)]
pub struct Herald {
    name: String,
    ears: Vec<mpsc::Sender<Notice>>,
    waiting: Arc<AtomicU64>,
    dropped: Arc<AtomicU64>,
}

impl Herald {
    /// Starts a task for each channel.
    #[must_use]
    pub fn start(name: &str, ears: Vec<Ear>, client: &Client, seed: u64) -> Self {
        let waiting = Arc::new(AtomicU64::new(0));
        let start = |(ear, place): (Ear, u64)| {
            let (sender, notices) = mpsc::channel(QUEUE_MAX);
            let mut settings = OutboxSettings::suited(&ear.channel, seed ^ place);
            settings.floor = ear.floor;
            let task = Task {
                channel: ear.channel,
                outbox: Outbox::new(settings),
                client: client.clone(),
                waiting: Arc::clone(&waiting),
            };
            tokio::spawn(task.run(notices));
            sender
        };
        let ears = ears.into_iter().zip(0..).map(start).collect();
        Self { name: name.to_owned(), ears, waiting, dropped: Arc::default() }
    }

    /// Tells everybody; never waits.
    pub fn tell(&self, told: &Told) {
        let title = format!("{}: {}", self.name, told.text);
        for ear in &self.ears {
            let notice = Notice::new(&told.key, told.level, &title, Timestamp::now());
            if ear.try_send(notice).is_err() {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Notices that wait.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }
}

struct Task {
    channel: Channel,
    outbox: Outbox,
    client: Client,
    waiting: Arc<AtomicU64>,
}

impl Task {
    async fn run(mut self, mut notices: mpsc::Receiver<Notice>) {
        loop {
            while let Ok(notice) = notices.try_recv() {
                self.outbox.push(notice, Timestamp::now());
            }
            self.waiting.store(self.outbox.waiting() as u64, Ordering::Relaxed);
            match self.outbox.next(Timestamp::now()) {
                Next::Send(parcel) => self.send(&parcel.notice).await,
                Next::Wait(until) => {
                    let pause = until.map_or(Duration::from_hours(1), |until| {
                        let left = until.duration_since(Timestamp::now());
                        Duration::try_from(left).unwrap_or(Duration::ZERO)
                    });
                    match timeout(pause, notices.recv()).await {
                        Ok(Some(notice)) => {
                            self.outbox.push(notice, Timestamp::now());
                        }
                        Ok(None) => return,
                        Err(_) => {}
                    }
                }
            }
        }
    }

    async fn send(&mut self, notice: &Notice) {
        let now = Timestamp::now();
        let verdict = match self.channel.delivery(notice, now) {
            Ok(delivery) => {
                let client = self.client.clone();
                deliver(delivery, now, |outgoing| posted(client, outgoing)).await
            }
            Err(error) => notify::Verdict::Refused { why: error.to_string() },
        };
        if let notify::Verdict::Denied { why } | notify::Verdict::Refused { why } = &verdict {
            tracing::warn!(channel = self.channel.kind(), why, "a notification is not taken");
        }
        self.outbox.settle(verdict, Timestamp::now());
    }
}

async fn posted(client: Client, outgoing: Outgoing) -> anyhow::Result<Answer> {
    let request = request(&outgoing.endpoint, &outgoing)?;
    let response = client.send(&request, WITHIN).await?;
    let retry_after = response.headers.get("retry-after").and_then(|value| value.to_str().ok());
    Ok(Answer {
        status: response.status,
        retry_after: retry_after.map(str::to_owned),
        body: response.body.to_vec(),
    })
}

fn request(endpoint: &Endpoint, outgoing: &Outgoing) -> anyhow::Result<edge::Request> {
    let (scheme, rest) = endpoint.expose().split_once("://").context("no scheme")?;
    let at = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at(at);
    let origin = format!("{scheme}://{authority}").parse()?;
    let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
    let mut request = edge::Request::new(outgoing.method.clone(), origin, target);
    for (name, value) in &outgoing.headers {
        request.headers.push((name.clone(), value.clone()));
    }
    request.body = outgoing.body.clone().into();
    Ok(request)
}
