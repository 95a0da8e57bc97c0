//! How the server stands before the world: its name, the port without TLS, strict transport, its certificate.

use super::{
    StrictTransport, certificates::Certificates, headers::of_refusals, plain, router, state::App,
};
use crate::desk::{Result, now};
use edge::{
    Acme, AcmeTerms, Challenges, Leaf, Limits, LocalDoor, Origin, PlainDoor, PlainTerms, Proxies,
    Tls,
};
use kms::SystemEntropy;
use std::{net::SocketAddr, path::PathBuf, sync::Arc};
use tokio::task::JoinHandle;

/// What of it is configured. As a default: a server of this machine, with a certificate of its own.
#[derive(Debug, Clone)]
pub struct Front {
    /// Where browsers find it; where nothing is said, at localhost and its port.
    pub origin: Option<Origin>,
    /// The port without TLS, if there shall be one.
    pub plain: Option<SocketAddr>,
    /// How far strict transport goes, once the server is public.
    pub strict: StrictTransport,
    /// Who is asked for a certificate, if anyone is.
    pub acme: Option<AcmeTerms>,
    /// Whose word about who asks is believed.
    pub proxies: Proxies,
    /// A socket that a proxy on this machine comes in by, without TLS.
    pub socket: Option<PathBuf>,
}

impl Default for Front {
    fn default() -> Self {
        Self {
            origin: None,
            plain: None,
            strict: StrictTransport::Year,
            acme: None,
            proxies: Proxies::default(),
            socket: None,
        }
    }
}

impl Front {
    /// Where browsers find it, or else `here`.
    pub(super) fn found_at(&self, here: &str) -> String {
        self.origin.as_ref().map_or_else(|| here.to_owned(), ToString::to_string)
    }

    /// TLS with the machine's own certificate, where an ACME server finds its proof if one is asked.
    pub(super) fn tls(&self, leaf: Leaf, challenges: &Challenges) -> Result<Tls> {
        Ok(match self.acme {
            Some(_) => Tls::proving(leaf, challenges.clone())?,
            None => Tls::new(leaf)?,
        })
    }

    /// Opens the port without TLS and the socket of a proxy, and sees to the certificate, as far as each is wanted.
    pub(super) async fn open(
        self,
        app: &App,
        (tls, challenges): (&Tls, Challenges),
        here: &str,
        limits: Limits,
    ) -> Result<[JoinHandle<()>; 3]> {
        // The proofs are looked for as soon as the order is placed.
        let plain = self.lead_on(app, &challenges, here, limits).await?;
        let socket = self.behind_socket(app, limits).await?;
        Ok([plain, socket, self.certify(app, challenges, tls)?])
    }

    /// The same service for a proxy on this machine, which must say who asks.
    async fn behind_socket(&self, app: &App, limits: Limits) -> Result<JoinHandle<()>> {
        let Some(path) = &self.socket else { return Ok(tokio::spawn(async {})) };
        let door = LocalDoor::bind_for_group(path).await?;
        tracing::info!(path = %path.display(), "a proxy comes in here");
        let limits = Limits { refusal: of_refusals(app.strict_transport()), ..limits };
        let terms = (limits, self.proxies.behind_socket());
        let serving = edge::serve_behind(door, router(app), terms, app.stop().clone());
        Ok(tokio::spawn(async move {
            serving.await;
        }))
    }

    async fn lead_on(
        &self,
        app: &App,
        challenges: &Challenges,
        here: &str,
        limits: Limits,
    ) -> Result<JoinHandle<()>> {
        let Some(listen) = self.plain else { return Ok(tokio::spawn(async {})) };
        let door = PlainDoor::bind(listen, app.exposure()).await?;
        let secure: Origin = self.found_at(here).parse()?;
        app.open_in_plain(door.address());
        tracing::info!(address = %door.address(), %secure, "without TLS the way to TLS is told");
        let terms = PlainTerms { secure, data: plain::DATA, challenges: challenges.clone() };
        let serving = plain::serve(door, terms, limits, app.stop().clone());
        Ok(tokio::spawn(async move {
            serving.await;
        }))
    }

    fn certify(self, app: &App, challenges: Challenges, tls: &Tls) -> Result<JoinHandle<()>> {
        let Some(terms) = self.acme else { return Ok(tokio::spawn(async {})) };
        let acme = Acme::open(&app.desk().paths().acme(), terms)?;
        let certificates = Arc::new(Certificates::new(acme, challenges, tls.clone(), now())?);
        app.certify(Arc::clone(&certificates));
        let seed = u64::from_le_bytes(seal::random(&mut SystemEntropy::new()));
        let app = app.clone();
        Ok(tokio::spawn(async move { certificates.run(&app, seed, app.stop()).await }))
    }
}
