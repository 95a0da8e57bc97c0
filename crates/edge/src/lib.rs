//! Knows: TLS, the local certificate authority, that of the installation's machines, ACME, listeners and their drain, the allow-listed client.
//! Never knows: routes, accounts, or what a request means.

#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "an adapter: it keeps its certificates in files and says when bytes left the machine"
)]

mod accept;
mod acme;
mod activity;
mod authority;
mod backoff;
mod client;
mod door;
mod faults;
mod files;
mod greeting;
mod introduction;
mod loopback;
mod mutual;
mod peers;
mod plain;
mod proxies;
mod refusing;
mod serve;
mod sheet;
mod tls;
mod upgrade;
mod websocket;

pub use acme::{
    Acme, AcmeTerms, Certificate, Challenge, Challenges, Coverage, Posted, Unissued, Words,
};
pub use authority::{Authority, Leaf};
pub use backoff::{Backoff, Pace};
pub use client::{
    Allowed, Client, Counts, Lost, Origin, Pin, Reach, Request, Response, Retry, Scheme, SendError,
    Step, Terms, Trust, Unsent,
};
pub use door::{Door, Exposure, LocalDoor, Peer, Protocol, TlsDoor};
pub use faults::{
    Fault, FaultPlan, FaultSwitch, Faults, Handled, MessageFault, Rate, Refusal, RequestFault,
};
pub use greeting::{Greeting, Offer, greet};
pub use loopback::{LoopbackDoor, LoopbackGuard, Page, Refused, serve_pages};
pub use mutual::{
    Admission, Badge, Issued, Kit, Machine, MachineAddress, MachineAuthority, MachineClient,
    MachineDoor, Membership, NoMachine, Pieces, Proof, Role, Roll, SignedRequest, Wish, join,
    renew, serve_machines,
};
pub use plain::{InPlain, PlainDoor, PlainRefusal, PlainTerms};
pub use proxies::{Misled, Network, Proxies, Telling};
pub use serve::{Drained, Limits, TooManyHeaders, serve, serve_behind};
pub use sheet::Sheet;
pub use tls::{Served, Tls};
pub use upgrade::{Call, Reply, SocketHandler, UpgradeTerms, serve_upgradable};
pub use websocket::{
    Closed, ConnectError, End, Event, Fate, Socket, SocketRequest, SocketTerms, Unsaid, Utf8Bytes,
};

use std::{io, net::SocketAddr, path::PathBuf};

/// Everything that can go wrong before the first request; each names the place and the fix.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else listens there.
    #[error(
        "port {port} on {ip} is taken: stop the program that listens there (`ss -ltnp 'sport = :{port}'` names it), or choose another port with --listen {ip}:PORT",
        port = address.port(),
        ip = address.ip()
    )]
    PortTaken {
        /// Where.
        address: SocketAddr,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// Others could reach this address, and nobody said that they may.
    #[error(
        "{address} can be reached from other machines: say so with --public (server.public = true), or listen on 127.0.0.1"
    )]
    NotLoopback {
        /// Where.
        address: SocketAddr,
    },
    /// The endpoint is for this machine only, whatever anybody says.
    #[error("{address} can be reached from other machines: choose a port on 127.0.0.1 or [::1]")]
    LoopbackOnly {
        /// Where.
        address: SocketAddr,
    },
    /// A live process answers on the socket.
    #[error("another server answers on {}: stop it first", path.display())]
    SocketTaken {
        /// Which socket.
        path: PathBuf,
    },
    /// The system keeps a socket's path in 108 bytes.
    #[error(
        "{} is too long for a socket, which may have {} bytes: choose a shorter data directory",
        path.display(),
        door::SOCKET_PATH_BYTES_MAX
    )]
    SocketPath {
        /// Where it should be.
        path: PathBuf,
    },
    /// A file of certificates or keys, or a socket, cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What failed.
        source: io::Error,
    },
    /// Others on this machine may read a key.
    #[error(
        "{} has mode {mode:03o}: others may read the key in it; run `chmod 600 {}`",
        path.display(),
        path.display()
    )]
    KeyExposed {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file holds no key and certificate of ours.
    #[error(
        "{} holds no usable key and certificate; move it away and a new authority is made at the next start",
        path.display()
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
    },
    /// The text names no origin.
    #[error("{text:?} is no host to connect to: {why}")]
    Origin {
        /// What was read.
        text: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A setting about certificates that cannot be.
    #[error("{setting}: {text:?} is refused: {why}")]
    AcmeTerm {
        /// Which setting.
        setting: &'static str,
        /// What was read.
        text: String,
        /// What to write instead.
        why: &'static str,
    },
    /// The text is no network of proxies.
    #[error(
        "{text:?} is no network of proxies: {why}; write them as 10.0.0.0/8, 192.0.2.7, fd00::/8"
    )]
    Proxy {
        /// What was read.
        text: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The text is no pin.
    #[error(
        "{text:?} is no pin: write sha256/ and the base64 of the SHA-256 of the public key (44 characters)"
    )]
    Pin {
        /// What was read.
        text: String,
    },
    /// A file of roots holds none.
    #[error("{} holds no certificate in PEM: it must begin with BEGIN CERTIFICATE", path.display())]
    NoRoots {
        /// Which file.
        path: PathBuf,
    },
    /// The text is no authority of machines.
    #[error("this is no key and certificate of an authority: restore a backup")]
    NoAuthority,
    /// The authority of the machines has run out.
    #[error(
        "the authority of the machines has run out after ten years: make another, and let every machine join again"
    )]
    Expired,
    /// A token that lets no machine in.
    #[error(
        "this is no token, or it was used, or it has run out: make another, and use it within the hour"
    )]
    Invitation,
    /// The machine does not belong any more.
    #[error("{machine} was put out: it comes in again by another token")]
    PutOut {
        /// Which machine.
        machine: String,
    },
    /// The machine's certificate has run out.
    #[error(
        "the certificate of {machine} has run out while it could not be renewed: it comes in again by another token"
    )]
    RanOut {
        /// Which machine.
        machine: String,
    },
    /// The other side is of another authority.
    #[error(
        "the server there is not the one that this machine joined, or does not know it: join again by a token of that server"
    )]
    Stranger,
    /// The server cannot be reached, or breaks off.
    #[error("{address} does not answer: {why}")]
    ServerAway {
        /// Where.
        address: String,
        /// Why.
        why: String,
    },
    /// The text is no place where machines come in.
    #[error("{text:?} is no address of a server: write HOST:PORT, as stockade.example.org:8444")]
    MachineAddress {
        /// What was read, cut to 80 characters.
        text: String,
    },
    /// The other side said no, or nothing that can be understood.
    #[error("the server gave no certificate: {why}")]
    NotEnrolled {
        /// What it said.
        why: String,
    },
    /// A certificate cannot be issued.
    #[error("cannot issue a certificate: {0}")]
    Issue(#[from] rcgen::Error),
    /// rustls refuses the key or the certificate.
    #[error("TLS refuses the server's certificate: {0}")]
    Tls(#[from] rustls::Error),
}
