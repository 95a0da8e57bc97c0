//! A repository in a bucket, laid out as restic lays it out there: `restic -r s3:…` reads the same.

use crate::{Bucket, Error, Upkeep};
use bytes::{Bytes, BytesMut};
use rustic_core::{
    BytesList, ErrorKind, FileType, Id, ReadBackend, RusticError, RusticResult, WriteBackend,
};

/// A repository below a bucket's prefix, and who lets go there.
#[derive(Debug, Clone)]
pub(crate) struct BucketBackend(pub(crate) Bucket, pub(crate) Upkeep);

impl BucketBackend {
    fn fault(error: Error) -> Box<RusticError> {
        let words = error.to_string();
        RusticError::with_source(ErrorKind::Backend, words, error)
    }
}

fn name(kind: FileType, id: &Id) -> String {
    let digits = id.to_hex();
    match kind {
        FileType::Config => "config".to_owned(),
        FileType::Pack => {
            let first: String = digits.as_str().chars().take(2).collect();
            format!("{}/{first}/{}", kind.dirname(), digits.as_str())
        }
        _ => format!("{}/{}", kind.dirname(), digits.as_str()),
    }
}

impl ReadBackend for BucketBackend {
    fn location(&self) -> String {
        self.0.address()
    }

    fn list_with_size(&self, kind: FileType) -> RusticResult<Vec<(Id, u32)>> {
        let begin = match kind {
            FileType::Config => "config".to_owned(),
            _ => format!("{}/", kind.dirname()),
        };
        let found = self.0.list(&begin).map_err(Self::fault)?;
        let length = |size: u64| u32::try_from(size).unwrap_or(u32::MAX);
        Ok(found
            .into_iter()
            .filter_map(|(name, size)| match kind {
                FileType::Config => (name == begin).then(|| (Id::default(), length(size))),
                _ => name.rsplit('/').next()?.parse().ok().map(|id| (id, length(size))),
            })
            .collect())
    }

    fn read_full(&self, kind: FileType, id: &Id) -> RusticResult<Bytes> {
        let name = name(kind, id);
        let read = self.0.get(&name).map_err(Self::fault)?;
        read.ok_or_else(|| Self::fault(Error::Differs { what: format!("{name} is gone") }))
    }

    fn read_partial(
        &self,
        kind: FileType,
        id: &Id,
        _cacheable: bool,
        offset: u32,
        length: u32,
    ) -> RusticResult<Bytes> {
        self.0.part(&name(kind, id), offset, length).map_err(Self::fault)
    }

    fn warmup_path(&self, kind: FileType, id: &Id) -> String {
        name(kind, id)
    }
}

impl WriteBackend for BucketBackend {
    fn create(&self) -> RusticResult<()> {
        Ok(())
    }

    fn write_bytes(
        &self,
        kind: FileType,
        id: &Id,
        _cacheable: bool,
        content: BytesList,
    ) -> RusticResult<()> {
        let mut whole = BytesMut::new();
        for part in content.slice() {
            whole.extend_from_slice(part);
        }
        let name = name(kind, id);
        if self.1 == Upkeep::Here {
            return self.0.put(&name, whole.freeze()).map_err(Self::fault);
        }
        // The store can demand of this identity that whatever it writes is new.
        if self.0.add(&name, &whole.freeze()).map_err(Self::fault)? {
            return Ok(());
        }
        Err(Self::fault(Error::Differs { what: format!("{name} stands there") }))
    }

    fn remove(&self, kind: FileType, id: &Id, _cacheable: bool) -> RusticResult<()> {
        self.0.remove(&name(kind, id)).map_err(Self::fault)
    }
}
