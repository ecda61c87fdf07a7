//! What a [`super::Link`] speaks over: a client, the runtime that drives its talk, and what was said and not answered yet.

use super::SqlError;
use super::address::Address;
use super::link::Question;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinHandle, yield_now};
use tokio_postgres::{Client, Error, Row};

/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

pub(super) type Answer = Result<Told, Error>;

pub(super) enum Told {
    Changed(u64),
    Rows(Vec<Row>),
}

/// What was said, and what is to become of its answer.
pub(super) struct UnderWay {
    pub(super) answer: Pin<Box<dyn Future<Output = Answer> + Send>>,
    pub(super) ready: Option<Answer>,
    pub(super) fate: Fate,
}

pub(super) enum Fate {
    /// Somebody waits for it.
    Awaited,
    /// Only its failure is news.
    Unread,
    /// It is kept until somebody asks.
    Kept(Question),
}

/// A client and the runtime that drives its talk.
pub(super) struct Line {
    pub(super) client: Arc<Client>,
    talk: JoinHandle<()>,
    pub(super) runtime: Runtime,
}

/// A line says goodbye to its server when it is dropped, and blocks for it: on a thread of its own, since the last owner
/// may be a task of another runtime.
pub(super) struct Held(pub(super) Option<Line>);

impl Held {
    pub(super) fn get(&self) -> Result<&Line, SqlError> {
        self.0.as_ref().ok_or(SqlError::Gone)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(line) = self.0.take() else { return };
        let goodbye = move || {
            drop(line.client);
            // A goodbye that fails is as good: the server sees the connection end.
            let talk = line.talk;
            let _ = (line.runtime).block_on(async { tokio::time::timeout(GOODBYE, talk).await });
        };
        let _ = std::thread::spawn(goodbye).join();
    }
}

impl Line {
    pub(super) fn open(address: &Address) -> Result<Self, SqlError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(SqlError::Runtime)?;
        let (client, talk) = address.connect(&runtime)?;
        Ok(Self {
            client: Arc::new(client),
            talk,
            runtime,
        })
    }

    /// Lets the talk go on as far as it can without waiting: writes what was said, hears that the other end is gone.
    pub(super) fn drive(&self) {
        self.runtime.block_on(async {
            yield_now().await;
            yield_now().await;
        });
    }
}

impl UnderWay {
    /// A question is on its way once it was looked at for the first time.
    pub(super) fn new(answer: Pin<Box<dyn Future<Output = Answer> + Send>>, fate: Fate) -> Self {
        let ready = None;
        let mut one = Self {
            answer,
            ready,
            fate,
        };
        one.look();
        one
    }

    fn look(&mut self) {
        if self.ready.is_none() {
            let mut context = Context::from_waker(Waker::noop());
            if let Poll::Ready(answer) = self.answer.as_mut().poll(&mut context) {
                self.ready = Some(answer);
            }
        }
    }

    /// The answer, if it is there.
    pub(super) fn poll(&mut self) -> Option<&Answer> {
        self.look();
        self.ready.as_ref()
    }
}
