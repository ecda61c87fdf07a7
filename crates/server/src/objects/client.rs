//! The client of a bucket: what it is told before its first request.

use super::location::BucketAt;
use crate::door::install_provider;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::{BackoffConfig, ClientConfigKey, RetryConfig};
use std::io;
use std::time::Duration;

/// How long one request that carries bytes may take. A desk gives a reply half a minute.
pub const BYTES_WITHIN: Duration = Duration::from_secs(25);
/// How long one connection may take to stand.
const CONNECT_WITHIN: &str = "3 seconds";
/// No request is repeated any more after this time: the desk comes again by itself.
const REPEAT_WITHIN: Duration = Duration::from_secs(4);
const REPEAT_AT_MOST: usize = 4;
/// Pause before the first repetition and longest pause.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// What no proxy stands before, when the bucket is on this machine.
const LOOPBACK: &str = "localhost,127.0.0.0/8,::1";

/// Makes the client; no request leaves yet.
///
/// # Errors
/// `InvalidInput` when a setting is not understood.
pub fn build(at: &BucketAt) -> io::Result<AmazonS3> {
    install_provider();
    // The text of the crate's error may hold a setting, and a setting may be a secret.
    let unusable = |_| {
        let words = "a setting in an AWS_ variable is not understood";
        io::Error::new(io::ErrorKind::InvalidInput, words)
    };
    builder(at).build().map_err(unusable)
}

fn builder(at: &BucketAt) -> AmazonS3Builder {
    let client = AmazonS3ConfigKey::Client;
    let bytes_within = format!("{} seconds", BYTES_WITHIN.as_secs());
    let mut builder = AmazonS3Builder::new()
        .with_config(client(ClientConfigKey::ConnectTimeout), CONNECT_WITHIN)
        .with_config(client(ClientConfigKey::Timeout), bytes_within);
    for (key, value) in &at.settings {
        builder = builder.with_config(*key, value);
    }
    if at.is_plain {
        // No TLS will happen: do not ask the machine for authorities that it may not have.
        builder = builder
            .with_config(client(ClientConfigKey::AllowHttp), "true")
            .with_config(client(ClientConfigKey::NoSystemCertificates), "true");
    }
    if at.is_here {
        // A proxy cannot reach this machine's own loopback: name one, and exclude this machine from it.
        builder = builder
            .with_config(client(ClientConfigKey::ProxyUrl), "http://127.0.0.1:9")
            .with_config(client(ClientConfigKey::ProxyExcludes), LOOPBACK);
    }
    let (init_backoff, max_backoff) = PAUSES;
    builder
        .with_bucket_name(&at.bucket)
        .with_retry(RetryConfig {
            backoff: BackoffConfig {
                init_backoff,
                max_backoff,
                base: 2.0,
            },
            max_retries: REPEAT_AT_MOST,
            retry_timeout: REPEAT_WITHIN,
        })
}
