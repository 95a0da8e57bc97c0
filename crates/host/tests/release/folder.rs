//! A folder with a release in it, signed by a key of the test's own.

use audit::release::{BUILD_TYPE, PROVENANCE_TYPE, Release};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use host::release::{Ask, KEY, STATEMENT};
use seal::{Blake2b, MinisignKey, Secret, SigningKey, sha256};
use serde_json::json;
use std::path::Path;

/// The commit of every release here.
pub const COMMIT: &str = "cccccccccccccccccccccccccccccccccccccccc";

/// A key, as the file that `minisign -G -W` makes of it.
pub fn key(seed: u8) -> MinisignKey {
    let signing = SigningKey::from_seed(&Secret::new([seed; 32]));
    let public = signing.verifying_key().as_bytes();
    let body = [b"Ed\0\0B2", &[0; 48][..], &[seed; 8], &[seed; 32], public, &[0; 32]].concat();
    let file = format!("untrusted comment: a test's\n{}\n", STANDARD.encode(body));
    MinisignKey::open(&file, || None).expect("a plain key")
}

/// The bytes in the frame of zlib, not compressed.
pub fn zlib(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).expect("short");
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in bytes {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    let sum = ((b << 16) | a).to_be_bytes();
    [&[0x78, 0x01, 0x01][..], &length.to_le_bytes(), &(!length).to_le_bytes(), bytes, &sum].concat()
}

/// The folder.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path().join(name), bytes).expect("writes");
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path().join(name)).expect("reads")
    }

    /// What is looked at: `stockade` of version 1.2.3.
    pub fn ask(&self) -> Ask {
        Ask {
            program: "stockade",
            version: "1.2.3",
            executable: self.path().join("stockade"),
            statement: None,
            key: None,
            memory: self.path().join("seen/release"),
            advisories: None,
            now: "2026-11-30T00:00:00Z".parse().expect("a time"),
        }
    }

    /// Puts a signed release into the folder, with the list of parts that lies there.
    pub fn release(&self, program: &[u8], committed: &str, key: &MinisignKey) {
        self.release_read(program, committed, key, &[]);
    }

    /// The same, with what is said of who has read it.
    pub fn release_read(
        &self,
        program: &[u8],
        committed: &str,
        key: &MinisignKey,
        read: &[serde_json::Value],
    ) {
        let digest = |bytes: &[u8]| json!({ "sha256": hex::encode(sha256(bytes)) });
        let parts = std::fs::read(self.path().join("sbom.cdx.json")).unwrap_or_default();
        let mut byproducts = vec![
            json!({ "name": "sbom.cdx.json", "digest": digest(&parts) }),
            json!({ "name": "tests.txt", "digest": digest(b""), "annotations":
                { "commit": COMMIT, "passed": 9, "failed": 0, "skipped": 1 } }),
        ];
        byproducts.extend_from_slice(read);
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{ "name": "stockade", "digest": digest(program) }],
            "predicateType": PROVENANCE_TYPE,
            "predicate": {
                "buildDefinition": {
                    "buildType": BUILD_TYPE,
                    "externalParameters": { "version": "1.2.3", "committedAt": committed, "target": "t" },
                    "resolvedDependencies": [{ "name": "source", "digest": { "gitCommit": COMMIT } }],
                },
                "runDetails": { "byproducts": byproducts },
            },
        });
        let mut hash = Blake2b::default();
        hash.add(program);
        let signature = key.sign(&hash.end(), "file:stockade");
        let (_, envelope) =
            Release::seal(&statement.to_string(), key.signing_key()).expect("may go out");
        self.write("stockade", program);
        self.write("stockade.minisig", signature.as_bytes());
        self.write(KEY, format!("untrusted comment: a key\n{}\n", key.public()).as_bytes());
        self.write(STATEMENT, envelope.as_bytes());
    }
}
