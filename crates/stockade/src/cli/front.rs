//! How the server stands before the world, read from the settings.

use super::usage;
use crate::server::{Front, StrictTransport};
use edge::{AcmeTerms, Challenge, Exposure, Origin, Proxies, Scheme, Telling};
use settings::Settings;

/// The server's name, the port without TLS, strict transport, and whom it asks for a certificate.
pub(super) fn front(settings: &Settings, exposure: Exposure) -> anyhow::Result<Front> {
    let origin = origin(settings)?;
    let plain = match settings.text("server.plain_listen") {
        "" => None,
        text => Some(text.parse().map_err(|_| {
            usage(format!(
                "server.plain_listen: {text:?} is no address: write ADDRESS:PORT, as 0.0.0.0:80"
            ))
        })?),
    };
    if plain.is_some() && origin.is_none() && exposure == Exposure::Public {
        return Err(usage(
            "server.plain_listen leads browsers to server.origin: set that to https://HOST"
                .to_owned(),
        ));
    }
    let strict = settings.text("server.hsts");
    let strict = strict.parse().unwrap_or(StrictTransport::Year);
    let acme = acme(settings, origin.as_ref())?;
    let by_http = acme.as_ref().is_some_and(|acme| acme.challenge == Challenge::Http);
    if by_http && plain.is_none() {
        return Err(usage(
            "acme.challenge = \"http-01\" is answered on port 80: set server.plain_listen, or take \"tls-alpn-01\"".to_owned(),
        ));
    }
    let telling = match settings.text("server.forwarded") {
        "forwarded" => Telling::Forwarded,
        _ => Telling::ForwardedFor,
    };
    let proxies = Proxies::parse(settings.text("server.trusted_proxies"), telling);
    let proxies = proxies.map_err(|error| usage(format!("server.trusted_proxies: {error}")))?;
    let proxies = match (settings.is_on("server.proxy_protocol"), proxies.is_empty()) {
        (false, _) => proxies,
        (true, false) => proxies.introducing(),
        (true, true) => {
            return Err(usage(
                "server.proxy_protocol is believed of nobody: name the proxies in server.trusted_proxies, or set it to off".to_owned(),
            ));
        }
    };
    let socket = settings.path("server.socket");
    Ok(Front { origin, plain, strict, acme, proxies, socket })
}

/// Where browsers find the server, if it is said.
fn origin(settings: &Settings) -> anyhow::Result<Option<Origin>> {
    let text = settings.text("server.origin");
    if text.is_empty() {
        return Ok(None);
    }
    let origin: Option<Origin> = text.parse().ok();
    let origin = origin.filter(|origin| origin.scheme() == Scheme::Tls && text.contains("://"));
    let origin = origin.ok_or_else(|| {
        usage(format!("server.origin: {text:?} is refused: write it as https://trade.example.org"))
    })?;
    Ok(Some(origin))
}

fn acme(settings: &Settings, origin: Option<&Origin>) -> anyhow::Result<Option<AcmeTerms>> {
    let directory = settings.text("acme.directory");
    if directory.is_empty() {
        return Ok(None);
    }
    if !settings.is_on("acme.terms_agreed") {
        return Err(usage(format!(
            "acme.terms_agreed: read the terms that {directory} links to, and set it to on if you agree"
        )));
    }
    let names = match (settings.text("acme.names"), origin) {
        ("", Some(origin)) => origin.host(),
        (names, _) => names,
    };
    let terms = AcmeTerms::parse(directory, names, settings.text("acme.contact"));
    let mut terms = terms.map_err(|error| usage(error.to_string()))?;
    terms.authority = settings.path("acme.authority");
    terms.challenge = match settings.text("acme.challenge") {
        "tls-alpn-01" => Challenge::Tls,
        _ => Challenge::Http,
    };
    Ok(Some(terms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::configuration::KEYS;
    use settings::{FileText, Sources};

    fn read(text: &str, exposure: Exposure) -> anyhow::Result<Front> {
        let (path, text) = ("stockade.toml".into(), text.to_owned());
        let sources = Sources { file: Some(FileText { path, text }), ..Sources::default() };
        front(&Settings::layered(KEYS, &sources)?, exposure)
    }

    const WHOLE: &str = "[server]\norigin = 'https://trade.example.org'\nplain_listen = '0.0.0.0:80'\n\
        hsts = 'preload'\n[acme]\ndirectory = 'https://acme.example/dir'\nterms_agreed = true\n";

    #[test]
    fn a_server_of_this_machine_needs_no_setting() {
        let front = read("", Exposure::Loopback).expect("good");
        assert!(front.origin.is_none() && front.plain.is_none() && front.acme.is_none());
        assert!(front.proxies.is_empty() && front.socket.is_none());
        assert_eq!(front.strict, StrictTransport::Year);
    }

    #[test]
    fn a_public_server_is_named_in_a_few_lines() {
        let front = read(WHOLE, Exposure::Public).expect("good");
        assert_eq!(front.origin.expect("one").to_string(), "https://trade.example.org");
        assert_eq!(front.plain.expect("one").port(), 80);
        assert_eq!(front.strict, StrictTransport::Preload);
        let acme = front.acme.expect("terms");
        assert_eq!(
            (acme.names, acme.challenge),
            (vec!["trade.example.org".to_owned()], Challenge::Http)
        );
    }

    #[test]
    fn proxies_say_who_asks_in_a_header_unless_they_shall_say_it_first() {
        let list = "[server]\ntrusted_proxies = '10.0.0.0/8'\n";
        let proxy = edge::Peer::Network(std::net::SocketAddr::from(([10, 0, 0, 1], 4711)));
        let of =
            |more: &str| read(&format!("{list}{more}"), Exposure::Public).expect("good").proxies;
        assert!(of("").trusts(proxy) && !of("").introduces(proxy));
        assert!(of("proxy_protocol = true").introduces(proxy));
    }

    #[test]
    fn what_does_not_fit_together_is_told_with_the_setting_to_change() {
        let check = |from: &str, to: &str, want: &str| {
            assert!(WHOLE.contains(from), "{from}");
            let refused = read(&WHOLE.replace(from, to), Exposure::Public).expect_err(want);
            assert!(refused.to_string().contains(want), "{want}: {refused}");
        };
        check("origin = 'https://trade.example.org'\n", "", "server.origin");
        check("https://trade.example.org", "trade.example.org", "server.origin");
        check("https://trade.example.org", "http://localhost", "server.origin");
        check("https://trade.example.org", "https://192.0.2.1", "acme.names");
        check("plain_listen = '0.0.0.0:80'\n", "", "server.plain_listen");
        check("0.0.0.0:80", "80", "server.plain_listen");
        check("hsts = 'preload'", "hsts = 'for ever'", "server.hsts");
        let proxies = "hsts = 'year'\ntrusted_proxies = '10.0.0.1/8'";
        check("hsts = 'preload'", proxies, "server.trusted_proxies");
        let nobody = "hsts = 'year'\nproxy_protocol = true";
        check("hsts = 'preload'", nobody, "server.trusted_proxies");
        check("terms_agreed = true", "terms_agreed = false", "acme.terms_agreed");
        check("https://acme.example/dir", "http://acme.example/dir", "acme.directory");
        let by_tls = WHOLE.replace("plain_listen = '0.0.0.0:80'\n", "");
        read(&format!("{by_tls}challenge = 'tls-alpn-01'\n"), Exposure::Public).expect("good");
    }
}
