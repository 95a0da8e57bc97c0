//! A resolver of the tests' own: the texts at a few names, over UDP.

use std::{
    collections::BTreeMap,
    net::{SocketAddr, UdpSocket},
    thread,
};

/// The records of a mail domain that is set up well.
pub fn good() -> BTreeMap<String, Vec<String>> {
    let one = |name: &str, text: &str| (name.to_owned(), vec![text.to_owned()]);
    BTreeMap::from([
        one("twin.example", "v=spf1 ip4:192.0.2.1 -all"),
        one("_dmarc.twin.example", "v=DMARC1; p=reject; rua=mailto:d@twin.example"),
        one("key1._domainkey.twin.example", "v=DKIM1; k=ed25519; p=AAAA"),
    ])
}

/// Where it answers, until the test's process ends.
pub fn start(records: BTreeMap<String, Vec<String>>) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("binds");
    let address = socket.local_addr().expect("an address");
    thread::spawn(move || {
        let mut asked = [0; 512];
        while let Ok((count, from)) = socket.recv_from(&mut asked) {
            if let Some(reply) = reply(&asked[..count], &records) {
                let _ = socket.send_to(&reply, from);
            }
        }
    });
    address
}

fn reply(asked: &[u8], records: &BTreeMap<String, Vec<String>>) -> Option<Vec<u8>> {
    let (mut at, mut labels) = (12, Vec::new());
    loop {
        let length = usize::from(*asked.get(at)?);
        if length == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(asked.get(at + 1..=at + length)?).into_owned());
        at += length + 1;
    }
    let texts = records.get(&labels.join(".")).cloned().unwrap_or_default();
    let mut reply = asked.get(..at + 5)?.to_vec();
    // No such name, where there is no text.
    let code = if texts.is_empty() { 0x83 } else { 0x80 };
    reply[2..8].copy_from_slice(&[0x81, code, 0, 1, 0, u8::try_from(texts.len()).ok()?]);
    for text in texts {
        reply.extend([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60]);
        let length = u8::try_from(text.len()).ok()?;
        reply.extend(u16::from(length + 1).to_be_bytes());
        reply.push(length);
        reply.extend(text.as_bytes());
    }
    Some(reply)
}
