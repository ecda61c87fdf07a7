//! Where documents are kept, as the command line and the environment say it.

use object_store::ClientConfigKey;
use object_store::aws::AmazonS3ConfigKey;
use object_store::path::Path;
use std::fmt;
use std::net::IpAddr;

/// What the name of a bucket may be long.
const BUCKET_CHARS: std::ops::RangeInclusive<usize> = 3..=63;
/// Longest prefix: what comes after it fits into the 1024 bytes of a key.
const PREFIX_CHARS: usize = 512;

/// Where documents are kept.
#[derive(Clone, Default, Debug)]
pub enum Location {
    /// In the data directory.
    #[default]
    Folder,
    /// In a bucket that speaks S3.
    Bucket(BucketAt),
}

/// A bucket, and how to get into it.
#[derive(Clone)]
pub struct BucketAt {
    pub(super) bucket: String,
    /// Stands before every key.
    pub(super) prefix: Path,
    pub(super) settings: Vec<(AmazonS3ConfigKey, String)>,
    /// Plain http to this very machine, or because the settings allow it.
    pub(super) is_plain: bool,
    pub(super) is_here: bool,
}

/// The settings hold the secret key: a debug print names the place only.
impl fmt::Debug for BucketAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.prefix)
    }
}

/// Why a place for documents is none. The words never repeat what was given: a key may stand in it by mistake.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadLocation {
    #[error(
        "--objects wants s3://bucket or s3://bucket/prefix; without it documents are kept in the data directory"
    )]
    Scheme,
    #[error(
        "--objects: a bucket name has 3 to 63 characters of a-z, 0-9, dot and hyphen; keys belong into \
         AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    )]
    Bucket,
    #[error(
        "--objects: a prefix has parts of A-Z, a-z, 0-9, dot, hyphen and underscore, with single slashes between them"
    )]
    Prefix,
    #[error("--objects: set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or neither")]
    HalfAKey,
    #[error("--objects: AWS_ENDPOINT_URL is not an https:// address")]
    Endpoint,
    #[error(
        "--objects: AWS_ENDPOINT_URL is plain http to another machine; use https, or set AWS_ALLOW_HTTP=true when \
         nobody else can listen on that network"
    )]
    PlainHttp,
}

impl Location {
    /// The folder when no URL is given. Of `environment` the variables that begin with `AWS_` count, in the meaning
    /// that the object_store crate gives them.
    ///
    /// # Errors
    /// What is wrong with the URL or the settings.
    pub fn parse(
        url: Option<&str>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, BadLocation> {
        let Some(url) = url else {
            return Ok(Self::Folder);
        };
        let rest = url.strip_prefix("s3://").ok_or(BadLocation::Scheme)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if !is_bucket(bucket) {
            return Err(BadLocation::Bucket);
        }
        let prefix = prefix_of(prefix)?;
        let settings: Vec<_> = environment.into_iter().filter_map(setting).collect();
        let has = |key| value(&settings, key).is_some();
        if has(AmazonS3ConfigKey::AccessKeyId) != has(AmazonS3ConfigKey::SecretAccessKey) {
            return Err(BadLocation::HalfAKey);
        }
        let (is_plain, is_here) = reach(&settings)?;
        Ok(Self::Bucket(BucketAt {
            bucket: bucket.to_owned(),
            prefix,
            settings,
            is_plain,
            is_here,
        }))
    }
}

fn is_bucket(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let all = name
        .bytes()
        .all(|byte| inner(byte) || byte == b'.' || byte == b'-');
    let ends = [name.bytes().next(), name.bytes().last()];
    let ends_well = ends.iter().all(|end| end.is_some_and(inner));
    BUCKET_CHARS.contains(&name.len()) && all && ends_well && !name.contains("..")
}

fn prefix_of(text: &str) -> Result<Path, BadLocation> {
    if text.is_empty() {
        return Ok(Path::default());
    }
    let text = text.strip_suffix('/').unwrap_or(text);
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let is_part =
        |part: &str| !part.is_empty() && part.bytes().all(safe) && part != "." && part != "..";
    if text.len() > PREFIX_CHARS || !text.split('/').all(is_part) {
        return Err(BadLocation::Prefix);
    }
    Ok(text.split('/').collect())
}

/// A variable that means something to the bucket. The name of the bucket stands in the URL, and nothing makes a
/// certificate go unchecked.
fn setting((name, value): (String, String)) -> Option<(AmazonS3ConfigKey, String)> {
    if !name.starts_with("AWS_") || value.is_empty() {
        return None;
    }
    let key: AmazonS3ConfigKey = name.to_ascii_lowercase().parse().ok()?;
    let never = [
        AmazonS3ConfigKey::Bucket,
        AmazonS3ConfigKey::Client(ClientConfigKey::AllowInvalidCertificates),
    ];
    (!never.contains(&key)).then_some((key, value))
}

fn value(settings: &[(AmazonS3ConfigKey, String)], key: AmazonS3ConfigKey) -> Option<&str> {
    let found = settings.iter().rev().find(|(name, _)| *name == key);
    found.map(|(_, value)| value.as_str())
}

/// Whether the way there is plain http, and whether it ends on this machine.
fn reach(settings: &[(AmazonS3ConfigKey, String)]) -> Result<(bool, bool), BadLocation> {
    // The endpoint of S3 alone wins over the general one, as in the crate.
    let endpoint = value(settings, AmazonS3ConfigKey::S3Endpoint)
        .or_else(|| value(settings, AmazonS3ConfigKey::Endpoint));
    let Some(endpoint) = endpoint else {
        return Ok((false, false)); // AWS itself, over https
    };
    let url = reqwest::Url::parse(endpoint).map_err(|_| BadLocation::Endpoint)?;
    let host = url.host_str().ok_or(BadLocation::Endpoint)?;
    let is_here = is_this_machine(host);
    let allow = AmazonS3ConfigKey::Client(ClientConfigKey::AllowHttp);
    let is_allowed = value(settings, allow).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    match url.scheme() {
        "https" => Ok((false, is_here)),
        "http" if is_here || is_allowed => Ok((true, is_here)),
        "http" => Err(BadLocation::PlainHttp),
        _ => Err(BadLocation::Endpoint),
    }
}

fn is_this_machine(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = |address: IpAddr| address.is_loopback();
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(is_loopback)
}

#[cfg(test)]
mod tests {
    use super::{BadLocation, Location};

    fn parse(url: &str, settings: &[(&str, &str)]) -> Result<Location, BadLocation> {
        let owned = settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Location::parse(Some(url), owned.collect::<Vec<_>>())
    }

    #[test]
    fn a_place_that_is_none_is_refused_by_what_is_wrong_with_it() {
        for url in [
            "",
            "bucket",
            "/data",
            "http://bucket",
            "S3://bucket",
            "gs://bucket/x",
        ] {
            assert_eq!(parse(url, &[]).unwrap_err(), BadLocation::Scheme, "{url}");
        }
        for url in [
            "s3://",
            "s3:///x",
            "s3://ab",
            "s3://AB.C",
            "s3://a..b",
            "s3://-ab",
            "s3://k:s@bucket/x",
        ] {
            assert_eq!(parse(url, &[]).unwrap_err(), BadLocation::Bucket, "{url}");
        }
        for url in [
            "s3://bucket//",
            "s3://bucket/a//b",
            "s3://bucket/../b",
            "s3://bucket/a b",
            "s3://bucket/a?b",
        ] {
            assert_eq!(parse(url, &[]).unwrap_err(), BadLocation::Prefix, "{url}");
        }
        let half = [("AWS_ACCESS_KEY_ID", "AK")];
        assert_eq!(
            parse("s3://bucket", &half).unwrap_err(),
            BadLocation::HalfAKey
        );
        for endpoint in ["store", "ftp://store", "file:///tmp"] {
            let bad = parse("s3://bucket", &[("AWS_ENDPOINT_URL", endpoint)]);
            assert_eq!(bad.unwrap_err(), BadLocation::Endpoint, "{endpoint}");
        }
    }

    #[test]
    fn plain_http_goes_to_this_machine_only_unless_it_is_allowed_by_name() {
        let to = |endpoint| ("AWS_ENDPOINT_URL", endpoint);
        for here in [
            "http://127.0.0.1:9000",
            "http://[::1]:9000",
            "http://localhost",
        ] {
            assert!(parse("s3://bucket", &[to(here)]).is_ok(), "{here}");
        }
        let there = to("http://store.example:9000");
        assert_eq!(
            parse("s3://bucket", &[there]).unwrap_err(),
            BadLocation::PlainHttp
        );
        let no = [there, ("AWS_ALLOW_HTTP", "false")];
        assert_eq!(
            parse("s3://bucket", &no).unwrap_err(),
            BadLocation::PlainHttp
        );
        // The endpoint of S3 alone is the one that is used.
        let hidden = [
            to("https://store.example"),
            ("AWS_ENDPOINT_URL_S3", "http://store.example"),
        ];
        assert_eq!(
            parse("s3://bucket", &hidden).unwrap_err(),
            BadLocation::PlainHttp
        );
        assert!(parse("s3://bucket", &[there, ("AWS_ALLOW_HTTP", "true")]).is_ok());
        assert!(parse("s3://bucket", &[to("https://store.example")]).is_ok());
    }

    #[test]
    fn a_debug_print_and_an_error_hold_no_secret() {
        let settings = [
            ("AWS_ACCESS_KEY_ID", "AKEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "verysecret"),
        ];
        let location = parse("s3://bucket/a/b/", &settings).unwrap();
        assert_eq!(format!("{location:?}"), "Bucket(s3://bucket/a/b)");
        let mistaken = parse("s3://AKEXAMPLE:verysecret@bucket", &[]).unwrap_err();
        assert!(!mistaken.to_string().contains("verysecret"));
    }
}
