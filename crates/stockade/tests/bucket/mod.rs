//! A real object store on loopback, another program's: its signatures and its policies count.

use backup::{Bucket, Credentials, Place, Shelf, Upkeep};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// The store, until it is dropped.
pub struct Store {
    process: Child,
    told: Value,
}

impl Drop for Store {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts one, or says what is left out.
pub fn store() -> Option<Store> {
    let python = std::env::var_os("S3_PYTHON").unwrap_or_else(|| "python3".into());
    let mut ran = Command::new(&python);
    ran.args(["-c", "import boto3, moto.server"]).stdout(Stdio::null()).stderr(Stdio::null());
    if !ran.status().is_ok_and(|status| status.success()) {
        println!("skipped: no Python with moto[server,s3] (name one in S3_PYTHON)");
        return None;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bucket/server.py");
    let mut command = Command::new(python);
    command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut process = command.spawn().expect("starts");
    let mut line = String::new();
    let out = process.stdout.as_mut().expect("a pipe");
    BufReader::new(out).read_line(&mut line).expect("says where it is");
    let told = serde_json::from_str(&line).expect("a line of JSON");
    Some(Store { process, told })
}

impl Store {
    fn text(&self, path: &str) -> &str {
        self.told.pointer(path).and_then(Value::as_str).expect("is told")
    }

    pub fn endpoint(&self) -> &str {
        self.text("/endpoint")
    }

    pub fn secret(&self, who: &str) -> &str {
        self.text(&format!("/{who}/secret"))
    }

    pub fn key(&self, who: &str) -> &str {
        self.text(&format!("/{who}/key"))
    }

    /// A file of credentials, as Amazon's tools write it.
    pub fn credentials(&self, below: &Path, who: &str) -> PathBuf {
        use std::io::Write;
        let path = below.join(format!("{who}.credentials"));
        let mut open = std::fs::OpenOptions::new();
        let mut file =
            open.write(true).create(true).truncate(true).mode(0o600).open(&path).expect("opens");
        let (key, secret) = (self.key(who), self.secret(who));
        writeln!(file, "[default]\naws_access_key_id = {key}\naws_secret_access_key = {secret}")
            .expect("writes");
        path
    }

    /// The place as somebody reaches it.
    pub fn place(&self, below: &Path, (who, upkeep): (&str, Upkeep)) -> Place {
        let credentials = Credentials::read(&self.credentials(below, who)).expect("reads");
        let store = (self.endpoint(), "us-east-1");
        let bucket = Bucket::new("s3://backups/one/server", store, credentials).expect("good");
        Place::new(Shelf::Bucket(bucket), upkeep)
    }

    /// The lines of a configuration.
    pub fn lines(&self, below: &Path, who: &str) -> String {
        let credentials = self.credentials(below, who);
        format!(
            "place = \"s3://backups/one/server\"\nendpoint = \"{}\"\ncredentials = \"{}\"\n",
            self.endpoint(),
            credentials.display()
        )
    }

    /// How a place is named on the command line.
    pub fn from(&self, below: &Path, who: &str) -> Vec<String> {
        let credentials = self.credentials(below, who).display().to_string();
        let words = ["--from", "s3://backups/one/server", "--endpoint", self.endpoint()];
        let words = words.into_iter().map(str::to_owned);
        words.chain(["--credentials".to_owned(), credentials]).collect()
    }
}
