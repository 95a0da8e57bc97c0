//! The control socket: one line of JSON in, one line out, for the bot's own user.

use super::{Answer, Ask};
use anyhow::{Context, bail};
use edge::{Door as _, LocalDoor};
use std::{io, path::Path, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::UnixStream,
    sync::{mpsc, oneshot},
    time::timeout,
};

/// The longest question.
const ASK_BYTES_MAX: u64 = 4 * 1024;
/// The longest answer.
const ANSWER_BYTES_MAX: u64 = 16 << 20;
/// How long either side waits for the other.
const PATIENCE: Duration = Duration::from_secs(10);

/// A question and where its answer goes.
#[derive(Debug)]
pub struct Asked {
    /// What is asked.
    pub ask: Ask,
    /// Where the answer goes.
    pub reply: oneshot::Sender<Answer>,
}

/// The bot's end.
pub struct Door {
    door: LocalDoor,
    owner: u32,
}

impl Door {
    /// Listens in the state directory.
    pub async fn open(path: &Path) -> anyhow::Result<Self> {
        let door = LocalDoor::bind(path).await.with_context(
            || "another bot may run in this state directory; see `stockade-bot status`",
        )?;
        Ok(Self { door, owner: rustix::process::geteuid().as_raw() })
    }

    /// Passes questions on until nobody takes them any more. One is answered at a time.
    pub async fn serve(self, asked: mpsc::Sender<Asked>) {
        while !asked.is_closed() {
            let Ok((stream, _)) = self.door.accept().await else {
                // Out of file handles, say: the next one may fare better.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let answered = timeout(PATIENCE, answer(stream, self.owner, &asked)).await;
            if let Ok(Err(error)) = answered {
                tracing::debug!(%error, "a caller at the control socket went away");
            }
        }
    }
}

/// Whoever connects must be the bot's own user, or root; the kernel says who it is.
fn is_owner(stream: &UnixStream, owner: u32) -> bool {
    stream.peer_cred().is_ok_and(|peer| peer.uid() == owner || peer.uid() == 0)
}

async fn answer(mut stream: UnixStream, owner: u32, asked: &mpsc::Sender<Asked>) -> io::Result<()> {
    let answer = if is_owner(&stream, owner) {
        let (read, _) = stream.split();
        let mut line = String::new();
        BufReader::new(read).take(ASK_BYTES_MAX).read_line(&mut line).await?;
        match serde_json::from_str::<Ask>(&line) {
            Ok(ask) => passed_on(ask, asked).await,
            Err(error) => refused(&format!("this is no question: {error}")),
        }
    } else {
        refused("this socket is for the bot's own user")
    };
    let mut text = serde_json::to_string(&answer).map_err(io::Error::other)?;
    text.push('\n');
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await
}

fn refused(text: &str) -> Answer {
    Answer::Refused { text: text.to_owned() }
}

async fn passed_on(ask: Ask, asked: &mpsc::Sender<Asked>) -> Answer {
    let (reply, answer) = oneshot::channel();
    if asked.send(Asked { ask, reply }).await.is_err() {
        return refused("the bot is ending");
    }
    answer.await.unwrap_or_else(|_| refused("the bot is ending"))
}

/// Whether a bot listens there.
pub async fn is_running(path: &Path) -> bool {
    UnixStream::connect(path).await.is_ok()
}

/// Asks a running bot.
pub async fn ask(path: &Path, ask: Ask) -> anyhow::Result<Answer> {
    let connected = UnixStream::connect(path).await;
    let mut stream = connected
        .with_context(|| format!("no bot runs on {}: nobody listens there", path.display()))?;
    if !is_owner(&stream, rustix::process::geteuid().as_raw()) {
        bail!("{} belongs to another user", path.display());
    }
    let mut line = serde_json::to_string(&ask)?;
    line.push('\n');
    let exchange = async {
        stream.write_all(line.as_bytes()).await?;
        let mut text = String::new();
        stream.take(ANSWER_BYTES_MAX).read_to_string(&mut text).await?;
        io::Result::Ok(text)
    };
    let text = timeout(PATIENCE, exchange).await.context("the bot does not answer")??;
    Ok(serde_json::from_str(&text)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[tokio::test]
    async fn a_question_is_passed_on_and_answered() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("control.sock");
        assert!(!is_running(&path).await);
        let door = Door::open(&path).await.expect("opens");
        let mode = std::fs::metadata(&path).expect("is there").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        let (send, mut asked) = mpsc::channel(4);
        let serving = tokio::spawn(door.serve(send));
        let answering = tokio::spawn(async move {
            while let Some(one) = asked.recv().await {
                let text = format!("{:?}", one.ask);
                let _ = one.reply.send(Answer::Done { text });
            }
        });
        let kill = Ask::Kill { level: super::super::Level::CancelAll };
        let done = Answer::Done { text: "Kill { level: CancelAll }".to_owned() };
        assert_eq!(ask(&path, kill).await.expect("answers"), done);
        for bad in [
            "
",
            "{}
",
            "{\"do\":\"open-everything\"}
",
            "{\"do\":\"kill\",\"level\":\"off\"}
",
        ] {
            let mut stream = UnixStream::connect(&path).await.expect("connects");
            stream.write_all(bad.as_bytes()).await.expect("writes");
            let mut text = String::new();
            stream.read_to_string(&mut text).await.expect("reads");
            assert!(text.contains("refused"), "{bad:?}: {text}");
        }
        assert!(Door::open(&path).await.is_err(), "one bot in one directory");
        serving.abort();
        answering.abort();
    }
}
