//! CSV in the encodings and with the separators that spreadsheets in China write.

use super::cells::{Cell, Row};
use super::error::RegistryError;
use super::header::{HEADER_WITHIN, best_header};
use super::source::Visit;
use csv::{Reader, ReaderBuilder};
use encoding_rs::{CoderResult, Decoder, DecoderResult, Encoding, GB18030, UTF_8};
use std::fs::File;
use std::io::{self, Read, Seek};

const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];
const CHUNK: usize = 64 * 1024;

/// What the bytes are.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    encoding: &'static Encoding,
    separator: u8,
}

impl Shape {
    /// Finds encoding and separator.
    ///
    /// # Errors
    /// [`RegistryError::BadEncoding`] when the bytes are no text in any encoding that is read.
    pub fn of(mut file: &File) -> Result<Self, RegistryError> {
        let io = |error| RegistryError::Io("register file", error);
        let mut head = Vec::new();
        file.take(4).read_to_end(&mut head).map_err(io)?;
        let marked = Encoding::for_bom(&head).map(|(encoding, _)| encoding);
        let candidates = marked.map_or_else(|| vec![UTF_8, GB18030], |encoding| vec![encoding]);
        let mut fitting = None;
        for encoding in candidates {
            file.rewind().map_err(io)?;
            if fitting.is_none() && is_text_in(file, encoding).map_err(io)? {
                fitting = Some(encoding);
            }
        }
        let encoding = fitting.ok_or(RegistryError::BadEncoding)?;
        let mut best = (
            0,
            Self {
                encoding,
                separator: b',',
            },
        );
        for separator in SEPARATORS {
            let shape = Self {
                encoding,
                separator,
            };
            file.rewind().map_err(io)?;
            let known = shape.known_columns(file)?;
            if known > best.0 {
                best = (known, shape);
            }
        }
        Ok(best.1)
    }

    /// The right separator is the one with which most headings are understood.
    fn known_columns(&self, file: &File) -> Result<usize, RegistryError> {
        let mut rows = Vec::new();
        each_row(file, self, &mut |row| {
            rows.push(row);
            Ok(if rows.len() > HEADER_WITHIN {
                std::ops::ControlFlow::Break(())
            } else {
                std::ops::ControlFlow::Continue(())
            })
        })?;
        Ok(best_header(&rows).map_or(0, |header| header.known()))
    }

    fn reader<'a>(&self, file: &'a File) -> Reader<Text<'a>> {
        ReaderBuilder::new()
            .delimiter(self.separator)
            .has_headers(false)
            .flexible(true)
            .from_reader(Text::of(file, self.encoding))
    }
}

/// Walks over the records; `line` of a row is where the record begins.
pub fn each_row(
    file: &File,
    shape: &Shape,
    visit: &mut dyn FnMut(Row) -> Visit,
) -> Result<(), RegistryError> {
    let mut reader = shape.reader(file);
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record)? {
        let line = record.position().map_or(0, csv::Position::line);
        let mut cells: Vec<Cell> = record.iter().map(Cell::of_text).collect();
        while cells.last().is_some_and(Cell::is_empty) {
            cells.pop();
        }
        let line = u32::try_from(line).unwrap_or(u32::MAX);
        if visit(Row { line, cells })?.is_break() {
            break;
        }
    }
    Ok(())
}

fn is_text_in(mut file: &File, encoding: &'static Encoding) -> io::Result<bool> {
    let mut decoder = encoding.new_decoder();
    let mut bytes = vec![0; CHUNK];
    let mut text = vec![0; CHUNK * 4];
    loop {
        let read = file.read(&mut bytes)?;
        let piece = bytes.get(..read).unwrap_or_default();
        let (result, _, _) =
            decoder.decode_to_utf8_without_replacement(piece, &mut text, read == 0);
        // A NUL is no text; it is what other binary files are full of.
        let is_binary = encoding == UTF_8 && piece.contains(&0);
        match result {
            DecoderResult::Malformed(..) => return Ok(false),
            _ if is_binary => return Ok(false),
            DecoderResult::InputEmpty if read == 0 => return Ok(true),
            DecoderResult::InputEmpty | DecoderResult::OutputFull => {}
        }
    }
}

/// The file as UTF-8, a piece at a time.
struct Text<'a> {
    file: &'a File,
    decoder: Decoder,
    bytes: Vec<u8>,
    /// What is read and not decoded yet stands in `bytes[from..to]`.
    from: usize,
    to: usize,
    is_over: bool,
    /// Decoded and not taken yet.
    ready: Vec<u8>,
    taken: usize,
    after_return: bool,
}

impl<'a> Text<'a> {
    fn of(file: &'a File, encoding: &'static Encoding) -> Self {
        Self {
            file,
            decoder: encoding.new_decoder_with_bom_removal(),
            bytes: vec![0; CHUNK],
            from: 0,
            to: 0,
            is_over: false,
            ready: Vec::new(),
            taken: 0,
            after_return: false,
        }
    }

    fn refill(&mut self) -> io::Result<()> {
        if self.from == self.to && !self.is_over {
            self.to = self.file.read(&mut self.bytes)?;
            self.from = 0;
            self.is_over = self.to == 0;
        }
        let piece = self.bytes.get(self.from..self.to).unwrap_or_default();
        self.ready.resize(CHUNK * 3, 0);
        let (result, read, written, _) =
            self.decoder
                .decode_to_utf8(piece, &mut self.ready, self.is_over);
        self.from += read;
        self.ready.truncate(written);
        self.end_lines_alike();
        self.taken = 0;
        match result {
            CoderResult::InputEmpty | CoderResult::OutputFull => Ok(()),
        }
    }
}

impl Text<'_> {
    /// Lines end in one way only: the reader of records counts them by it, and must not be late by one.
    fn end_lines_alike(&mut self) {
        let after_return = &mut self.after_return;
        self.ready.retain_mut(|byte| {
            let is_second_half = *byte == b'\n' && *after_return;
            *after_return = *byte == b'\r';
            if *after_return {
                *byte = b'\n';
            }
            !is_second_half
        });
    }
}

impl Read for Text<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.ready.len() {
            if self.is_over {
                return Ok(0);
            }
            self.refill()?;
        }
        let left = self.ready.get(self.taken..).unwrap_or_default();
        let count = left.len().min(out.len());
        for (to, from) in out.iter_mut().zip(left) {
            *to = *from;
        }
        self.taken += count;
        Ok(count)
    }
}
