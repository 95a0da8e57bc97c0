//! What lies where in a data directory.

use identity::AccountId;
use std::path::{Path, PathBuf};

/// A data directory.
#[derive(Debug, Clone)]
pub struct Paths(PathBuf);

impl Paths {
    /// Of this directory, made absolute: a server tells these paths to commands that run elsewhere.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self(std::path::absolute(root).unwrap_or_else(|_| root.to_owned()))
    }

    /// The directory itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.0
    }

    /// Who holds the directory.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.0.join("stockade.lock")
    }

    /// Where a running server answers the command line.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.0.join("stockade.sock")
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.0.join("stockade.db")
    }

    /// The key file.
    #[must_use]
    pub fn key_file(&self) -> PathBuf {
        self.0.join("stockade.key")
    }

    /// The keys, wrapped, where a root key is elsewhere or was ever replaced.
    #[must_use]
    pub fn key_ring(&self) -> PathBuf {
        self.0.join("stockade.ring")
    }

    /// The server's secrets, sealed.
    #[must_use]
    pub fn secrets(&self) -> PathBuf {
        self.0.join("stockade.secrets")
    }

    /// Where earlier versions kept those of the mail.
    #[must_use]
    pub fn old_secrets(&self) -> PathBuf {
        self.0.join("mail.secrets")
    }

    /// By which restore this installation came back from a backup; no file for one that never did.
    #[must_use]
    pub fn era(&self) -> PathBuf {
        self.0.join("stockade.era")
    }

    /// What backups need on this machine: their password, and room to work in.
    #[must_use]
    pub fn backup(&self) -> PathBuf {
        self.0.join("backup")
    }

    /// What makes this directory a machine of another server's: one that pulls its backups.
    #[must_use]
    pub fn machine(&self) -> PathBuf {
        self.0.join("machine")
    }

    /// The ledger of backups as the machine that pulls them told it last.
    #[must_use]
    pub fn pulled(&self) -> PathBuf {
        self.backup().join("pulled")
    }

    /// Logs from before a restore, as JSON lines that verify by themselves.
    #[must_use]
    pub fn old_logs(&self) -> PathBuf {
        self.0.join("logs")
    }

    /// The catalogue of prices.
    #[must_use]
    pub fn catalog(&self) -> PathBuf {
        self.0.join("catalog")
    }

    /// Proofs that logs of others told two stories.
    #[must_use]
    pub fn forks(&self) -> PathBuf {
        self.0.join("forks")
    }

    /// Documents that people sign for, each under its digest.
    #[must_use]
    pub fn evidence(&self) -> PathBuf {
        self.0.join("evidence")
    }

    /// What was seen of logs of others.
    #[must_use]
    pub fn seen(&self) -> PathBuf {
        self.0.join("seen")
    }

    /// The local certificate authority and the server's certificate.
    #[must_use]
    pub fn tls(&self) -> PathBuf {
        self.0.join("tls")
    }

    /// The account at an ACME server and the certificate that it issued.
    #[must_use]
    pub fn acme(&self) -> PathBuf {
        self.tls().join("acme")
    }

    /// Everything that belongs to accounts.
    #[must_use]
    pub fn tenants(&self) -> PathBuf {
        self.0.join("tenants")
    }

    /// The results of the command line's backtests while there is no account.
    #[must_use]
    pub fn host_results(&self) -> PathBuf {
        self.0.join("results")
    }

    /// Everything in files that belongs to one account.
    #[must_use]
    pub fn tenant(&self, account: AccountId) -> PathBuf {
        self.tenants().join(account.to_string())
    }

    /// The results of one account's backtests.
    #[must_use]
    pub fn results(&self, account: AccountId) -> PathBuf {
        self.tenant(account).join("results")
    }

    /// The sweeps of one account.
    #[must_use]
    pub fn sweeps(&self, account: AccountId) -> PathBuf {
        self.tenant(account).join("sweeps")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_hold_for_whoever_reads_them_in_another_directory() {
        let paths = Paths::new(Path::new("somewhere/data"));
        assert!(paths.root().is_absolute() && paths.database().ends_with("data/stockade.db"));
    }
}
