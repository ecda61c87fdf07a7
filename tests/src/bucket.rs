//! An object store that speaks S3 on loopback, its objects in a temporary folder.

use crate::Failure;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

const NAME: &str = "unbind-papers";
const KEY_ID: &str = "AKFAKEFAKEFAKE";
const SECRET: &str = "not-a-real-secret-but-long";

/// Dropping it ends it.
pub struct Bucket {
    trouble: Arc<Trouble>,
    folder: TempDir,
    address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Bucket {
    pub fn start() -> Result<Self, Failure> {
        let folder = tempfile::tempdir().map_err(Failure::at("make a folder"))?;
        std::fs::create_dir(folder.path().join(NAME)).map_err(Failure::at("make a bucket"))?;
        let files = FileSystem::new(folder.path())
            .map_err(|error| Failure::new(format!("open the bucket: {error:?}")))?;
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single(KEY_ID, SECRET));
        let trouble = Arc::new(Trouble::default());
        let state = (builder.build(), Arc::clone(&trouble));
        let router = Router::new().fallback(answer).with_state(state);
        let runtime = Runtime::new().map_err(Failure::at("start a runtime"))?;
        let listener = runtime
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .map_err(Failure::at("listen as an object store"))?;
        let address = listener
            .local_addr()
            .map_err(Failure::at("listen as an object store"))?;
        runtime.spawn(async move { axum::serve(listener, router).await });
        Ok(Self {
            trouble,
            folder,
            address,
            runtime: Some(runtime),
        })
    }

    /// What the environment of a server says to use it.
    pub fn environment(&self) -> Vec<(String, OsString)> {
        let settings = [
            ("UNBIND_DESK_OBJECTS", format!("s3://{NAME}/papers")),
            ("AWS_ENDPOINT_URL", format!("http://{}", self.address)),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", KEY_ID.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
        ];
        settings
            .map(|(name, value)| (name.to_owned(), value.into()))
            .to_vec()
    }

    /// From now on it answers 503 to whatever it is asked, or as it should again.
    pub fn turn_away(&self, everybody: bool) {
        self.trouble.turns_away.store(everybody, Ordering::SeqCst);
    }

    /// How many it has turned away.
    pub fn turned_away(&self) -> u64 {
        self.trouble.turned_away.load(Ordering::SeqCst)
    }

    /// Whole documents that it holds.
    pub fn wholes(&self) -> Result<usize, Failure> {
        let below = self.folder.path().join(NAME).join("papers/objects");
        Ok(crate::programs::files_below(&below)?.len())
    }
}

#[derive(Default)]
struct Trouble {
    turns_away: AtomicBool,
    turned_away: AtomicU64,
}

impl Drop for Bucket {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn answer(
    State((service, trouble)): State<(S3Service, Arc<Trouble>)>,
    request: Request,
) -> Response {
    if trouble.turns_away.load(Ordering::SeqCst) {
        trouble.turned_away.fetch_add(1, Ordering::SeqCst);
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    match service.call(request.map(s3s::Body::http_body_unsync)).await {
        Ok(response) => response.map(Body::new),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
