//! The line against a server that sends back what it hears.

use super::{Cut, Direction, Proxy, Slow, Stall, Weather, now};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let (mut from, mut to) = (stream.try_clone().unwrap(), stream);
                let _ = std::io::copy(&mut from, &mut to);
            });
        }
    });
    address
}

fn call(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.url().trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Everything that comes before the line ends.
fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut heard = Vec::new();
    // A reset is an end as well.
    let _ = stream.read_to_end(&mut heard);
    heard
}

#[test]
fn a_cut_lets_exactly_so_many_bytes_pass_in_either_direction() {
    let server = echo();
    for direction in [Direction::Up, Direction::Down] {
        for after in [0, 1, 2, 7, 10] {
            let proxy = Proxy::before(server).unwrap();
            proxy.plan([Cut { direction, after }]);
            let mut stream = call(&proxy);
            let _ = stream.write_all(b"0123456789");
            let heard = rest(&mut stream);
            let counts = proxy.counts();
            let counted = match direction {
                Direction::Up => counts.up,
                Direction::Down => counts.down,
            };
            assert_eq!((counts.cuts, counted), (1, after), "{direction:?}");
            if direction == Direction::Down {
                assert_eq!(heard.len() as u64, after);
            }
        }
    }
}

#[test]
fn a_cut_ends_every_connection_and_the_next_ones_work() {
    let proxy = Proxy::before(echo()).unwrap();
    let mut idle = call(&proxy);
    idle.write_all(b"x").unwrap();
    idle.read_exact(&mut [0]).unwrap();
    proxy.cut_now();
    assert!(rest(&mut idle).is_empty());
    let mut next = call(&proxy);
    next.write_all(b"y").unwrap();
    let mut heard = [0];
    next.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"y");
}

#[test]
fn a_black_hole_swallows_and_its_connections_stay_silent() {
    let proxy = Proxy::before(echo()).unwrap();
    proxy.set(Weather::BlackHole);
    let mut lost = call(&proxy);
    lost.write_all(b"lost").unwrap();
    lost.set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    assert!(lost.read(&mut [0; 4]).is_err());
    proxy.set(Weather::Fair);
    lost.write_all(b"late").unwrap();
    assert!(lost.read(&mut [0; 4]).is_err());
    assert_eq!(proxy.counts().down, 0);
}

#[test]
fn a_slow_line_takes_its_time_and_stalls() {
    let proxy = Proxy::before(echo()).unwrap();
    proxy.set(Weather::Slow(Slow {
        bytes_per_s: 100_000,
        stall: Some(Stall {
            every_bytes: 5_000,
            lasts: Duration::from_millis(100),
        }),
    }));
    let started = now();
    let mut stream = call(&proxy);
    let sent = vec![7_u8; 10_000];
    stream.write_all(&sent).unwrap();
    let mut heard = vec![0_u8; sent.len()];
    stream.read_exact(&mut heard).unwrap();
    // 100 ms up at the least, and one stall at the least.
    assert!(started.elapsed() >= Duration::from_millis(200));
    assert_eq!(heard, sent);
}

#[test]
fn a_duplicated_request_reaches_the_server_twice_and_the_desk_hears_one_answer() {
    let proxy = Proxy::before(echo()).unwrap();
    proxy.duplicate(true);
    let mut stream = call(&proxy);
    stream.write_all(b"once").unwrap();
    let mut heard = [0; 4];
    stream.read_exact(&mut heard).unwrap();
    assert!(proxy.wait_until(PATIENCE, |counts| counts.duplicated == 1));
    assert_eq!(proxy.counts().down, 4);
}
