//! Where a webhook may go. An endpoint's address is typed by a person, and a name in it can be pointed anywhere by
//! somebody else: without a guard the server would knock at doors inside its own network on their behalf.

use reqwest::Url;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Longest address of an endpoint.
pub const MAX_URL_CHARS: usize = 2048;
/// Lowest port beside 443: below it live services of the machine.
const FREE_PORTS: u16 = 1024;
const HTTPS: u16 = 443;

/// How far webhooks go.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Reach {
    /// The public internet, over TLS.
    #[default]
    Public,
    /// Also private networks, and over plain HTTP this machine itself.
    Private,
    /// This machine alone.
    Loopback,
}

/// Why an address is none for a webhook. The address is not repeated: it may hold a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadAddress {
    #[error("it is not a URL of at most 2048 characters without blanks")]
    NotAUrl,
    #[error("it must begin with https://")]
    NotHttps,
    #[error("it holds a name, a password or a fragment")]
    Extras,
    #[error("its port is neither 443 nor above 1023")]
    Port,
    #[error("it leads into a network that is not public")]
    NotPublic,
}

/// The address of an endpoint. A literal address in it is judged here; a name is judged when it is resolved.
///
/// # Errors
/// Why it is refused.
pub fn parse(text: &str, reach: Reach) -> Result<Url, BadAddress> {
    let blank = |c: char| c.is_whitespace() || c.is_control();
    if text.chars().any(blank) || text.chars().count() > MAX_URL_CHARS {
        return Err(BadAddress::NotAUrl);
    }
    // Odd spellings of IPv4 (0x7f.1, 2130706433, 0177.0.0.1) come out of the parser as the address that they mean.
    let url = Url::parse(text).map_err(|_| BadAddress::NotAUrl)?;
    let host = url.host_str().ok_or(BadAddress::NotAUrl)?;
    let literal = literal(host);
    match url.scheme() {
        "https" => {}
        "http" if reach != Reach::Public && is_this_machine(host) => {}
        _ => return Err(BadAddress::NotHttps),
    }
    if url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err(BadAddress::Extras);
    }
    let port = url.port_or_known_default().unwrap_or_default();
    if port < FREE_PORTS && port != HTTPS {
        return Err(BadAddress::Port);
    }
    if literal.is_some_and(|ip| !may_reach(ip, reach)) {
        return Err(BadAddress::NotPublic);
    }
    Ok(url)
}

/// The addresses of a name, all of them fit to be connected to. One that is not spoils the others: whoever mixes them
/// plays for time.
///
/// # Errors
/// There is none, or one that must not be reached.
pub fn checked(
    found: impl Iterator<Item = SocketAddr>,
    reach: Reach,
) -> Result<Vec<SocketAddr>, BadAddress> {
    let found: Vec<SocketAddr> = found.collect();
    let fit = found.iter().all(|at| may_reach(at.ip(), reach));
    if found.is_empty() || !fit {
        return Err(BadAddress::NotPublic);
    }
    Ok(found)
}

/// True for an address that a webhook may be sent to.
pub fn may_reach(ip: IpAddr, reach: Reach) -> bool {
    match reach {
        Reach::Public => is_public(ip),
        Reach::Private => is_public(ip) || is_inside(ip),
        Reach::Loopback => ip.is_loopback(),
    }
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || literal(host).is_some_and(|ip| ip.is_loopback())
}

fn literal(host: &str) -> Option<IpAddr> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.parse().ok()
}

/// By the IANA registries of special-purpose addresses, as of 2026.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !CLOSED_V4.iter().any(|block| block.holds(ip)),
        // Global unicast is one eighth of the space; what embeds an IPv4 address lies outside it or is listed.
        IpAddr::V6(ip) => GLOBAL_V6.holds(ip) && !CLOSED_V6.iter().any(|block| block.holds(ip)),
    }
}

/// Networks of an organisation's own, without the places where clouds keep their secrets.
fn is_inside(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private(),
        IpAddr::V6(ip) => {
            ip.is_loopback()
                || (UNIQUE_LOCAL_V6.holds(ip) && !METADATA_V6.iter().any(|block| block.holds(ip)))
        }
    }
}

struct V4(Ipv4Addr, u32);

impl V4 {
    const fn new([a, b, c, d]: [u8; 4], bits: u32) -> Self {
        Self(Ipv4Addr::new(a, b, c, d), bits)
    }
    fn holds(&self, ip: Ipv4Addr) -> bool {
        let differ = ip.to_bits() ^ self.0.to_bits();
        differ.leading_zeros() >= self.1
    }
}

struct V6(Ipv6Addr, u32);

impl V6 {
    const fn new([a, b, c]: [u16; 3], bits: u32) -> Self {
        Self(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), bits)
    }
    fn holds(&self, ip: Ipv6Addr) -> bool {
        let differ = ip.to_bits() ^ self.0.to_bits();
        differ.leading_zeros() >= self.1
    }
}

const CLOSED_V4: [V4; 16] = [
    V4::new([0, 0, 0, 0], 8),        // this network, unspecified
    V4::new([10, 0, 0, 0], 8),       // private
    V4::new([100, 64, 0, 0], 10),    // carriers' NAT; one cloud's metadata
    V4::new([127, 0, 0, 0], 8),      // loopback
    V4::new([168, 63, 129, 16], 32), // a public address that is one cloud's metadata
    V4::new([169, 254, 0, 0], 16),   // link-local; the other clouds' metadata
    V4::new([172, 16, 0, 0], 12),    // private
    V4::new([192, 0, 0, 0], 24),     // protocol assignments
    V4::new([192, 0, 2, 0], 24),     // documentation
    V4::new([192, 88, 99, 0], 24),   // 6to4 relays
    V4::new([192, 168, 0, 0], 16),   // private
    V4::new([198, 18, 0, 0], 15),    // benchmarks
    V4::new([198, 51, 100, 0], 24),  // documentation
    V4::new([203, 0, 113, 0], 24),   // documentation
    V4::new([224, 0, 0, 0], 4),      // multicast
    V4::new([240, 0, 0, 0], 4),      // reserved, broadcast
];

const GLOBAL_V6: V6 = V6::new([0x2000, 0, 0], 3);
const UNIQUE_LOCAL_V6: V6 = V6::new([0xfc00, 0, 0], 7);
const CLOSED_V6: [V6; 4] = [
    V6::new([0x2001, 0, 0], 23), // Teredo, benchmarks, ORCHID and other protocols
    V6::new([0x2001, 0xdb8, 0], 32), // documentation
    V6::new([0x2002, 0, 0], 16), // 6to4
    V6::new([0x3fff, 0, 0], 20), // documentation
];
const METADATA_V6: [V6; 2] = [
    V6::new([0xfd00, 0xec2, 0], 32),
    V6::new([0xfd20, 0xce, 0], 32),
];

#[cfg(test)]
mod tests {
    use super::*;

    const CLOSED: &[&str] = &[
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.100.100.200",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.1",
        "192.168.255.255",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::a00:1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::ffff:0:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::808:808",
        "64:ff9b:1::a00:1",
        "100::1",
        "2001::1",
        "2001:0:4136:e378::1",
        "2001:2::1",
        "2001:10::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:a00:1::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fd20:ce::254",
        "fd12:3456:789a::1",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
        "ff0e::1",
    ];
    const OPEN: &[&str] = &[
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.1",
        "168.63.129.15",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.1",
        "192.0.3.1",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "203.0.112.255",
        "203.0.114.0",
        "223.255.255.255",
        "2001:200::1",
        "2001:db7::1",
        "2001:db9::1",
        "2003::1",
        "240e::1",
        "2606:4700:4700::1111",
        "3ffe::1",
    ];

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn only_public_addresses_are_reached() {
        for closed in CLOSED {
            assert!(!may_reach(ip(closed), Reach::Public), "{closed}");
        }
        for open in OPEN {
            assert!(may_reach(ip(open), Reach::Public), "{open}");
            assert!(may_reach(ip(open), Reach::Private), "{open}");
            assert!(!may_reach(ip(open), Reach::Loopback), "{open}");
        }
    }

    /// Every way to wrap an IPv4 address in an IPv6 one is shut, whatever is inside.
    #[test]
    fn an_ipv4_address_is_not_smuggled_in_an_ipv6_one() {
        for inner in CLOSED.iter().chain(OPEN) {
            let IpAddr::V4(inner) = ip(inner) else {
                continue;
            };
            let [a, b, c, d] = inner.octets();
            let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            let wrapped = [
                inner.to_ipv6_mapped(),
                Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, high, low),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
                Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, !high, !low),
            ];
            for one in wrapped {
                assert!(!may_reach(one.into(), Reach::Public), "{one}");
                let own = one.is_loopback();
                assert!(own || !may_reach(one.into(), Reach::Private), "{one}");
            }
        }
    }

    #[test]
    fn private_networks_open_with_the_flag_and_metadata_never() {
        for inside in [
            "127.0.0.1",
            "::1",
            "10.1.2.3",
            "172.20.0.1",
            "192.168.1.1",
            "fd12:3456:789a::1",
        ] {
            assert!(may_reach(ip(inside), Reach::Private), "{inside}");
        }
        for never in [
            "0.0.0.0",
            "169.254.169.254",
            "168.63.129.16",
            "100.100.100.200",
            "fd00:ec2::254",
            "fd20:ce::254",
            "fe80::1",
            "224.0.0.1",
            "255.255.255.255",
            "::ffff:10.0.0.1",
        ] {
            assert!(!may_reach(ip(never), Reach::Private), "{never}");
        }
    }

    #[test]
    fn an_address_is_refused_for_what_it_is() {
        let long = format!("https://example.test/{}", "a".repeat(2048));
        for (text, why) in [
            ("", BadAddress::NotAUrl),
            ("example.test", BadAddress::NotAUrl),
            ("https://", BadAddress::NotAUrl),
            (" https://example.test/", BadAddress::NotAUrl),
            ("https://example.test/a\nb", BadAddress::NotAUrl),
            ("https://exam\tple.test/", BadAddress::NotAUrl),
            (long.as_str(), BadAddress::NotAUrl),
            ("http://example.test/", BadAddress::NotHttps),
            ("http://127.0.0.1:9000/", BadAddress::NotHttps),
            ("http://localhost:9000/", BadAddress::NotHttps),
            ("ftp://example.test/", BadAddress::NotHttps),
            ("gopher://example.test/", BadAddress::NotHttps),
            ("https://user@example.test/", BadAddress::Extras),
            ("https://user:pass@example.test/", BadAddress::Extras),
            ("https://example.test/#x", BadAddress::Extras),
            ("https://example.test:22/", BadAddress::Port),
            ("https://example.test:80/", BadAddress::Port),
            ("https://example.test:0/", BadAddress::Port),
            ("https://example.test:1023/", BadAddress::Port),
            ("https://127.0.0.1/", BadAddress::NotPublic),
            ("https://127.1/", BadAddress::NotPublic),
            ("https://0x7f.1/", BadAddress::NotPublic),
            ("https://2130706433/", BadAddress::NotPublic),
            ("https://0177.0.0.1/", BadAddress::NotPublic),
            ("https://0/", BadAddress::NotPublic),
            ("https://0xa9fea9fe/", BadAddress::NotPublic),
            ("https://%31%32%37.0.0.1/", BadAddress::NotPublic),
            ("https://１２７.0.0.1/", BadAddress::NotPublic),
            ("https://127。0。0。1/", BadAddress::NotPublic),
            ("https://169.254.169.254/latest/", BadAddress::NotPublic),
            ("https://[::1]/", BadAddress::NotPublic),
            ("https://[::ffff:169.254.169.254]/", BadAddress::NotPublic),
            ("https://[fd00:ec2::254]/", BadAddress::NotPublic),
            ("https://[64:ff9b::a9fe:a9fe]/", BadAddress::NotPublic),
        ] {
            assert_eq!(parse(text, Reach::Public).err(), Some(why), "{text}");
        }
        for good in [
            "https://example.test/hooks?key=1",
            "https://example.test:8443/",
            "https://example.test:443/",
            "https://8.8.8.8/",
            "https://[2606:4700:4700::1111]/",
        ] {
            assert!(parse(good, Reach::Public).is_ok(), "{good}");
        }
    }

    #[test]
    fn plain_http_goes_to_this_machine_under_the_flag_only() {
        for good in [
            "http://127.0.0.1:9000/",
            "http://localhost:9000/",
            "http://[::1]:9000/",
            "https://10.0.0.7/",
        ] {
            assert!(parse(good, Reach::Private).is_ok(), "{good}");
        }
        for bad in [
            "http://10.0.0.7:9000/",
            "http://example.test:9000/",
            "http://localhost.example.test:9000/",
            "http://127.0.0.1:22/",
            "https://169.254.169.254/",
            "https://[fe80::1]/",
        ] {
            assert!(parse(bad, Reach::Private).is_err(), "{bad}");
        }
    }

    #[test]
    fn one_closed_address_of_a_name_spoils_the_others() {
        let at = |text: &str| SocketAddr::new(ip(text), 0);
        let good = [at("8.8.8.8"), at("2606:4700:4700::1111")];
        assert_eq!(
            checked(good.into_iter(), Reach::Public).as_deref(),
            Ok(good.as_slice())
        );
        for mixed in [vec![at("8.8.8.8"), at("10.0.0.1")], vec![]] {
            let judged = checked(mixed.into_iter(), Reach::Public);
            assert_eq!(judged, Err(BadAddress::NotPublic));
        }
        let loopback = checked([at("127.0.0.1")].into_iter(), Reach::Loopback);
        assert!(loopback.is_ok());
    }
}
