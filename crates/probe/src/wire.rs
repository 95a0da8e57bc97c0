//! A socket whose every step is taken from the bounds of the visit, whoever asks it for more and how often.

use crate::{Error, budget::Budget};
use std::{
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
};

/// A socket and what may still be asked of it.
pub(crate) struct Wire<'a> {
    tcp: &'a TcpStream,
    budget: &'a Budget,
}

impl<'a> Wire<'a> {
    pub(crate) const fn new(tcp: &'a TcpStream, budget: &'a Budget) -> Self {
        Self { tcp, budget }
    }

    /// A patience that ran out has two names, by the system: it was that of one answer or of the whole visit.
    fn patient(&self, error: io::Error) -> io::Error {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                io::Error::other(self.budget.patience().err().unwrap_or(Error::Slow))
            }
            _ => error,
        }
    }
}

impl Read for Wire<'_> {
    fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        self.tcp.set_read_timeout(Some(self.budget.patience().map_err(io::Error::other)?))?;
        let count = self.tcp.read(piece).map_err(|error| self.patient(error))?;
        self.budget.bytes(count).map_err(io::Error::other)?;
        Ok(count)
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.tcp.set_write_timeout(Some(self.budget.patience().map_err(io::Error::other)?))?;
        self.tcp.write(piece).map_err(|error| self.patient(error))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.tcp.flush()
    }
}
