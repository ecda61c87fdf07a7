//! One direction of one connection.

use super::{Direction, Line};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Most bytes of one piece: on a slow line the wait between two pieces stays short.
const PIECE: usize = 16 * 1024;
/// How long a second delivery waits for more of its answer before it takes it as complete.
const ANSWER_ENDS_AFTER: Duration = Duration::from_millis(250);

/// What a connection has sent up since the last answer came down.
type Tape = Arc<Mutex<Vec<u8>>>;

pub(super) struct Pump {
    line: Arc<Line>,
    id: u64,
    direction: Direction,
    from: TcpStream,
    to: TcpStream,
    tape: Tape,
}

impl Pump {
    /// Both directions of a connection: `[client, server]` twice.
    pub(super) fn pair(
        line: &Arc<Line>,
        id: u64,
        from: [TcpStream; 2],
        to: [TcpStream; 2],
    ) -> [Self; 2] {
        let tape = Tape::default();
        let [client_in, server_in] = from;
        let [client_out, server_out] = to;
        let pump = |direction, from, to| Self {
            line: Arc::clone(line),
            id,
            direction,
            from,
            to,
            tape: Arc::clone(&tape),
        };
        [
            pump(Direction::Up, client_in, server_out),
            pump(Direction::Down, server_in, client_out),
        ]
    }

    pub(super) fn run(mut self) {
        let mut buffer = vec![0_u8; PIECE];
        let mut silent = false;
        loop {
            let read = self.from.read(&mut buffer).unwrap_or(0);
            let Some(piece) = buffer.get(..read).filter(|piece| !piece.is_empty()) else {
                break;
            };
            let piece = piece.to_vec();
            let verdict = self.line.admit(self.direction, piece.len());
            silent |= verdict.swallow;
            if silent {
                continue;
            }
            self.note(&piece);
            let passes = self.line.rest_until(verdict.at);
            let sent = piece
                .get(..verdict.pass)
                .is_some_and(|part| self.to.write_all(part).is_ok());
            if verdict.cut {
                self.line.cut();
            }
            if !passes || !sent || verdict.cut {
                break;
            }
        }
        // The other direction may still have bytes: only this one has ended.
        let _ = self.to.shutdown(Shutdown::Write);
        if self.direction == Direction::Down {
            self.line.forget(self.id);
        }
    }

    /// Tapes what goes up; when its answer begins, the tape is played once more if the line duplicates.
    fn note(&self, piece: &[u8]) {
        let mut tape = self.tape.lock().unwrap_or_else(PoisonError::into_inner);
        match self.direction {
            Direction::Up => tape.extend_from_slice(piece),
            Direction::Down => {
                let request = std::mem::take(&mut *tape);
                if !request.is_empty() && self.line.hold().duplicates {
                    let line = Arc::clone(&self.line);
                    std::thread::spawn(move || deliver_again(&line, &request));
                }
            }
        }
    }
}

/// The same bytes on a connection of their own; the answer is read and thrown away.
fn deliver_again(line: &Line, request: &[u8]) {
    let Ok(mut again) = TcpStream::connect(line.server) else {
        return;
    };
    let ready = again
        .set_read_timeout(Some(Duration::from_secs(30)))
        .and_then(|()| again.write_all(request));
    let mut buffer = vec![0_u8; PIECE];
    let answered = ready.is_ok() && again.read(&mut buffer).is_ok_and(|read| read > 0);
    if !answered {
        return;
    }
    let _ = again.set_read_timeout(Some(ANSWER_ENDS_AFTER));
    while again.read(&mut buffer).is_ok_and(|read| read > 0) {}
    line.hold().counts.duplicated += 1;
    line.changed.notify_all();
}
