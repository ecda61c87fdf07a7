//! Documents in a bucket that speaks S3, shared by every server of the house.
//!
//! A put is whole or absent, so what is listed is whole. Chunks on their way in lie in the bucket as well: one put
//! through one server is seen by the others. Requests run on a small runtime of their own; each call waits for its
//! answer for a bounded time.

use super::answer::said;
use super::client::{self, BYTES_WITHIN};
use super::location::BucketAt;
use super::{Completed, Whole, is_hash, no_hash, place};
use bytes::Bytes;
use desk_domain::case::DocumentManifest;
use desk_domain::ids::{DocumentId, OfficeCode};
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::aws::AmazonS3;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use sha2::{Digest, Sha256};
use std::fs;
use std::future::Future;
use std::io;
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a question without bytes may take, its repetitions included.
const ANSWER_WITHIN: Duration = Duration::from_secs(8);
/// Wholes joined at once: each is in memory, 20 MiB at most.
const JOINS: usize = 4;
/// Chunks fetched at once for one whole.
const FETCHES: usize = 4;
/// Threads that carry the requests.
const THREADS: usize = 2;
/// Fetched at a time when a whole is read: most documents come in one piece.
const BLOCK_BYTES: u64 = 4 * 1024 * 1024;

/// A bucket of documents.
#[derive(Clone)]
pub struct Bucket {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<AmazonS3>,
    prefix: Path,
    joins: Arc<Semaphore>,
    /// None only while it is dropped.
    runtime: Option<Runtime>,
}

impl Drop for Inner {
    /// The last owner may be async code, in which a runtime must not wait for its end.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Bucket {
    /// Makes the client; no request leaves yet.
    pub fn open(at: &BucketAt) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("bucket")
            .enable_all()
            .build()?;
        let store = client::build(at)?;
        Ok(Self {
            inner: Arc::new(Inner {
                store: Arc::new(store),
                prefix: at.prefix.clone(),
                joins: Arc::new(Semaphore::new(JOINS)),
                runtime: Some(runtime),
            }),
        })
    }

    /// One question about an object that need not exist.
    pub fn is_there(&self) -> io::Result<()> {
        let key = self.inner.prefix.clone().join("incoming").join("is-there");
        self.size_of(key).map(|_| ())
    }

    /// Puts, gets and deletes an object; what was got.
    pub fn try_out(&self, name: &str, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let (store, key) = (self.store(), self.inner.prefix.clone());
        let key = key.join("incoming").join(name);
        let payload = PutPayload::from(Bytes::copy_from_slice(bytes));
        let got = self.wait(BYTES_WITHIN, async move {
            store.put(&key, payload).await?;
            let got = store.get(&key).await?.bytes().await?;
            store.delete(&key).await?;
            Ok(got)
        })?;
        Ok(got.to_vec())
    }

    pub fn has(&self, office: &OfficeCode, manifest: &DocumentManifest) -> io::Result<bool> {
        let Some(key) = self.whole_key(office, &manifest.sha256) else {
            return Ok(false);
        };
        Ok(self.size_of(key)? == Some(manifest.size_bytes))
    }

    pub fn chunks_of(
        &self,
        office: &OfficeCode,
        id: DocumentId,
        manifest: &DocumentManifest,
    ) -> io::Result<Vec<bool>> {
        let count = manifest.chunks.len();
        if self.has(office, manifest)? {
            return Ok(vec![true; count]);
        }
        self.chunks_in(office, id, count)
    }

    pub fn put_chunk(
        &self,
        office: &OfficeCode,
        id: DocumentId,
        index: usize,
        bytes: &[u8],
    ) -> io::Result<()> {
        let (store, key) = (self.store(), self.chunk_key(office, id, index));
        let payload = PutPayload::from(Bytes::copy_from_slice(bytes));
        self.wait(BYTES_WITHIN, async move {
            store.put(&key, payload).await.map(|_| ())
        })
    }

    pub fn complete(
        &self,
        office: &OfficeCode,
        id: DocumentId,
        manifest: &DocumentManifest,
    ) -> io::Result<Completed> {
        let done = self.make_whole(office, id, manifest);
        // Another server that makes the same whole takes the chunks away under our hands: what is whole is whole.
        let is_there = || matches!(self.has(office, manifest), Ok(true));
        if done.is_err() && is_there() {
            return Ok(Completed::Stored);
        }
        done
    }

    fn make_whole(
        &self,
        office: &OfficeCode,
        id: DocumentId,
        manifest: &DocumentManifest,
    ) -> io::Result<Completed> {
        if self.has(office, manifest)? {
            self.forget(office, id);
            return Ok(Completed::Stored);
        }
        let count = manifest.chunks.len();
        if self.chunks_in(office, id, count)?.contains(&false) {
            return self.done_elsewhere(office, manifest);
        }
        let Some(key) = self.whole_key(office, &manifest.sha256) else {
            return Ok(Completed::Mismatch);
        };
        let _seat = self.seat()?;
        let chunks = match self.fetch(office, id, count) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return self.done_elsewhere(office, manifest);
            }
            fetched => fetched?,
        };
        let fits = is_announced(&chunks, manifest);
        if fits {
            self.put_once(key, chunks, manifest.size_bytes)?;
        }
        self.forget(office, id);
        Ok(if fits {
            Completed::Stored
        } else {
            Completed::Mismatch
        })
    }

    /// The bytes of all chunks in order; `NotFound` when one is missing.
    pub fn joined(&self, office: &OfficeCode, id: DocumentId, count: usize) -> io::Result<Vec<u8>> {
        let _seat = self.seat()?;
        Ok(self.fetch(office, id, count)?.concat())
    }

    /// Puts a whole whose hash was taken of these bytes.
    pub fn put_whole(
        &self,
        office: &OfficeCode,
        manifest: &DocumentManifest,
        bytes: Vec<u8>,
    ) -> io::Result<()> {
        let key = self
            .whole_key(office, &manifest.sha256)
            .ok_or_else(no_hash)?;
        let _seat = self.seat()?;
        self.put_once(key, vec![Bytes::from(bytes)], manifest.size_bytes)
    }

    pub fn read(&self, office: &OfficeCode, sha256: &str) -> io::Result<Whole> {
        let key = self.whole_key(office, sha256).ok_or_else(no_hash)?;
        let size = self.size_of(key.clone())?;
        let size = size.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        let bucket = self.clone();
        Ok(Whole::of_bucket(RemoteWhole { bucket, key }, size))
    }

    pub fn take_over(
        &self,
        folder: &std::path::Path,
        office: &OfficeCode,
        sha256: &str,
    ) -> io::Result<()> {
        let key = self.whole_key(office, sha256).ok_or_else(no_hash)?;
        let path = place(folder, office, sha256).ok_or_else(no_hash)?;
        let bytes = Bytes::from(fs::read(path)?);
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let _seat = self.seat()?;
        self.put_once(key, vec![bytes], size)
    }

    fn store(&self) -> Arc<AmazonS3> {
        Arc::clone(&self.inner.store)
    }

    /// `objects/<office>/<hh>/<sha256>`, as in the folder; none when the hash is not one.
    fn whole_key(&self, office: &OfficeCode, sha256: &str) -> Option<Path> {
        let shelf = sha256.get(..2)?;
        let key = self.inner.prefix.clone().join("objects");
        is_hash(sha256).then(|| key.join(office.as_str()).join(shelf).join(sha256))
    }

    fn incoming_key(&self, office: &OfficeCode, id: DocumentId) -> Path {
        let key = self.inner.prefix.clone().join("incoming");
        key.join(format!("{office}-{id}"))
    }

    fn chunk_key(&self, office: &OfficeCode, id: DocumentId, index: usize) -> Path {
        self.incoming_key(office, id).join(index.to_string())
    }

    fn size_of(&self, key: Path) -> io::Result<Option<u64>> {
        let store = self.store();
        self.wait(ANSWER_WITHIN, async move {
            match store.head(&key).await {
                Ok(found) => Ok(Some(found.size)),
                Err(Error::NotFound { .. }) => Ok(None),
                Err(error) => Err(error),
            }
        })
    }

    fn chunks_in(
        &self,
        office: &OfficeCode,
        id: DocumentId,
        count: usize,
    ) -> io::Result<Vec<bool>> {
        let (store, folder) = (self.store(), self.incoming_key(office, id));
        let found: Vec<Path> = self.wait(ANSWER_WITHIN, async move {
            let listed = store.list(Some(&folder)).map_ok(|found| found.location);
            listed.try_collect().await
        })?;
        let is_there = |index| found.contains(&self.chunk_key(office, id, index));
        Ok((0..count).map(is_there).collect())
    }

    /// Chunks are missing: they were never sent, or another server has just made the whole of them.
    fn done_elsewhere(
        &self,
        office: &OfficeCode,
        manifest: &DocumentManifest,
    ) -> io::Result<Completed> {
        Ok(if self.has(office, manifest)? {
            Completed::Stored
        } else {
            Completed::Incomplete
        })
    }

    /// One of the few places in which a whole may be in memory; busy places are an error that passes.
    fn seat(&self) -> io::Result<OwnedSemaphorePermit> {
        let joins = Arc::clone(&self.inner.joins);
        let seat = self.wait(
            ANSWER_WITHIN,
            async move { Ok(joins.acquire_owned().await) },
        )?;
        seat.map_err(io::Error::other)
    }

    fn fetch(&self, office: &OfficeCode, id: DocumentId, count: usize) -> io::Result<Vec<Bytes>> {
        let store = self.store();
        let keys: Vec<_> = (0..count)
            .map(|index| self.chunk_key(office, id, index))
            .collect();
        self.wait(BYTES_WITHIN, async move {
            let one = |key: Path| {
                let store = Arc::clone(&store);
                async move { store.get(&key).await?.bytes().await }
            };
            let chunks = stream::iter(keys).map(one).buffered(FETCHES);
            chunks.try_collect().await
        })
    }

    /// Puts a whole whose bytes have been checked, if it is not there.
    fn put_once(&self, key: Path, chunks: Vec<Bytes>, size_bytes: u64) -> io::Result<()> {
        let (store, there) = (self.store(), key.clone());
        let payload: PutPayload = chunks.into_iter().collect();
        let is_new = self.wait(BYTES_WITHIN, async move {
            match store.put_opts(&key, payload, PutMode::Create.into()).await {
                Ok(_) => Ok(true),
                Err(Error::AlreadyExists { .. }) => Ok(false),
                Err(error) => Err(error),
            }
        })?;
        // The same answer comes when another put is on its way and may yet fail: look.
        if is_new || self.size_of(there)? == Some(size_bytes) {
            return Ok(());
        }
        let words = "object store: something else stands where the document belongs";
        Err(io::Error::new(io::ErrorKind::ResourceBusy, words))
    }

    /// The chunks have done their work; what cannot be removed now is looked at as chunks again, which is harmless.
    pub fn forget(&self, office: &OfficeCode, id: DocumentId) {
        let (store, folder) = (self.store(), self.incoming_key(office, id));
        let removed = self.wait(ANSWER_WITHIN, async move {
            let listed = store.list(Some(&folder)).map_ok(|found| found.location);
            let gone = store.delete_stream(listed.boxed());
            gone.try_for_each(|_| async { Ok(()) }).await
        });
        if let Err(error) = removed {
            tracing::warn!(%error, "chunks stay");
        }
    }

    /// Runs `work` on the bucket's own threads and waits for it in the caller's.
    fn wait<T: Send + 'static>(
        &self,
        within: Duration,
        work: impl Future<Output = object_store::Result<T>> + Send + 'static,
    ) -> io::Result<T> {
        let ended = || io::Error::other("object store: the request ended without an answer");
        let runtime = self.inner.runtime.as_ref().ok_or_else(ended)?;
        let (tell, told) = mpsc::sync_channel(1);
        runtime.spawn(async move {
            // A lost receiver means that nobody waits any more.
            let _ = tell.send(tokio::time::timeout(within, work).await);
        });
        match told.recv().map_err(|_| ended())? {
            Ok(answer) => answer.map_err(|error| said(&error)),
            Err(_) => Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "object store: no answer in time",
            )),
        }
    }
}

/// A whole in the bucket, fetched block by block.
pub struct RemoteWhole {
    bucket: Bucket,
    key: Path,
}

impl RemoteWhole {
    /// The bytes from `from` on, as many as one request brings but none from `end` on.
    pub fn block(&self, from: u64, end: u64) -> io::Result<Bytes> {
        let (store, key) = (self.bucket.store(), self.key.clone());
        let to = end.min(from.saturating_add(BLOCK_BYTES));
        self.bucket.wait(BYTES_WITHIN, async move {
            store.get_range(&key, from..to).await
        })
    }
}

fn is_announced(chunks: &[Bytes], manifest: &DocumentManifest) -> bool {
    let mut hasher = Sha256::new();
    let mut length = 0_u64;
    for chunk in chunks {
        hasher.update(chunk);
        length = length.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
    }
    length == manifest.size_bytes && hex::encode(hasher.finalize()) == manifest.sha256
}
