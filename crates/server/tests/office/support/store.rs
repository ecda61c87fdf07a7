//! A bucket that speaks S3 on loopback, and that can be told to misbehave.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use desk_server::door::SystemChance;
use desk_server::objects::{Location, Objects};
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

const BUCKET: &str = "unbind-papers";
pub const URL: &str = "s3://unbind-papers/north/papers";
pub const KEY_ID: &str = "AKFAKEFAKEFAKE";
pub const SECRET: &str = "not-a-real-secret-but-long";

/// What the store does to requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mood {
    Well,
    /// 503 to everything.
    Down,
    /// Does as it is told and says 503, to puts of wholes, once.
    LosesOneReply,
}

#[derive(Clone)]
struct Front {
    service: S3Service,
    mood: Arc<Mutex<Mood>>,
}

pub struct TestStore {
    folder: TempDir,
    addr: SocketAddr,
    mood: Arc<Mutex<Mood>>,
    runtime: Option<Runtime>,
}

impl TestStore {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let mut builder = S3ServiceBuilder::new(FileSystem::new(folder.path()).unwrap());
        builder.set_auth(SimpleAuth::from_single(KEY_ID, SECRET));
        let mood = Arc::new(Mutex::new(Mood::Well));
        let front = Front {
            service: builder.build(),
            mood: Arc::clone(&mood),
        };
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let addr = listener.local_addr().unwrap();
        let router = Router::new().fallback(answer).with_state(front);
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self {
            folder,
            addr,
            mood,
            runtime: Some(runtime),
        }
    }

    pub fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// What the environment of a server says.
    pub fn settings(&self) -> Vec<(String, String)> {
        let settings = [
            ("AWS_ENDPOINT_URL", format!("http://{}", self.addr)),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", KEY_ID.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
        ];
        settings
            .map(|(name, value)| (name.to_owned(), value))
            .to_vec()
    }

    pub fn location(&self) -> Location {
        Location::parse(Some(URL), self.settings()).unwrap()
    }

    /// What one server of many holds.
    pub fn objects(&self) -> Objects {
        let nowhere = Path::new("/nowhere");
        Objects::open(nowhere, &self.location(), Arc::new(SystemChance)).unwrap()
    }

    /// Every object below a part of the bucket.
    pub fn files(&self, below: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![
            self.folder
                .path()
                .join(BUCKET)
                .join("north/papers")
                .join(below),
        ];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.push(path);
                }
            }
        }
        found
    }
}

impl Drop for TestStore {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn answer(State(front): State<Front>, request: Request) -> Response {
    let is_whole = request.method() == Method::PUT && request.uri().path().contains("/objects/");
    let mood = {
        let mut mood = front.mood.lock().unwrap();
        let now = *mood;
        if now == Mood::LosesOneReply && is_whole {
            *mood = Mood::Well;
        }
        now
    };
    if mood == Mood::Down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let request = request.map(s3s::Body::http_body_unsync);
    let answered = front.service.call(request).await;
    if mood == Mood::LosesOneReply && is_whole {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    match answered {
        Ok(response) => response.map(Body::new),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
