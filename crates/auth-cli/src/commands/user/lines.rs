//! The lines of a CSV file. Each is a record: a quotation mark that nobody closed spoils its line, and not all that follow.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use csv::{ReaderBuilder, StringRecord};

use crate::exit::Failure;
use crate::open::not_started;

/// The longest line, in bytes.
const LONGEST: u64 = 64 * 1024;

/// The lines of a file that are not blank, and their numbers, from 1.
pub(super) struct Lines {
    file: BufReader<File>,
    number: u64,
}

impl Lines {
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let unreadable = |error| not_started(format!("{} cannot be read", path.display())).because(error);
        let file = File::open(path).map_err(unreadable)?;
        if !file.metadata().map_err(unreadable)?.is_file() {
            return Err(not_started(format!(
                "{} cannot be read twice, first to see what is wrong with it: write it into a file",
                path.display()
            )));
        }
        Ok(Self { file: BufReader::new(file), number: 0 })
    }
}

impl Iterator for Lines {
    type Item = (u64, Result<String, String>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let mut bytes = Vec::new();
            let read = self.file.by_ref().take(LONGEST).read_until(b'\n', &mut bytes);
            self.number += 1;
            match read {
                Ok(0) => return None,
                Ok(_) if bytes.last() != Some(&b'\n') && bytes.len() as u64 == LONGEST => {
                    let problem = self.file.skip_until(b'\n').map(drop).map_err(|error| error.to_string()).err();
                    return Some((
                        self.number,
                        Err(problem.unwrap_or_else(|| format!("is longer than {LONGEST} bytes"))),
                    ));
                }
                Ok(_) => {}
                Err(error) => return Some((self.number, Err(format!("cannot be read: {error}")))),
            }
            let Ok(text) = String::from_utf8(bytes) else {
                return Some((self.number, Err("cannot be read: it is not in UTF-8".to_owned())));
            };
            let text = if self.number == 1 { text.trim_start_matches('\u{feff}') } else { &text };
            if !text.trim().is_empty() {
                return Some((self.number, Ok(text.trim_end_matches(['\r', '\n']).to_owned())));
            }
        }
    }
}

/// The fields of a line.
pub(super) fn record(line: &str) -> Result<StringRecord, String> {
    // Two of them are one inside of quotes.
    if line.bytes().filter(|byte| *byte == b'"').count() % 2 == 1 {
        return Err("cannot be read: a quotation mark in it is not closed".to_owned());
    }
    let mut reader = ReaderBuilder::new();
    reader.trim(csv::Trim::All).has_headers(false).buffer_capacity(line.len().max(1));
    let mut record = StringRecord::new();
    let read = reader.from_reader(line.as_bytes()).read_record(&mut record);
    read.map(|_| record).map_err(|error| reason(&error))
}

/// What is wrong with a line, without the place, which is said before it.
pub(super) fn reason(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => format!("cannot be read: {}", err.kind()),
        _ => format!("cannot be read: {error}"),
    }
}
