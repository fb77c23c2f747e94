//! A CSV file row by row: never more of it in memory than its reader's buffer. Knows lines and columns, and no row's meaning.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use csv::{ByteRecord, Reader, ReaderBuilder};

use super::super::protocol::{ImportFile, RowProblem};
use crate::csv_lines::{Lines, Watched};

/// A file of rows that is being read.
pub struct RowFile<R> {
    file: ImportFile,
    reader: Reader<Watched<R>>,
    lines: Lines,
    record: ByteRecord,
    ended: bool,
}

/// One row's fields by their columns' names.
pub struct Fields<'r> {
    /// Its line.
    pub line: u64,
    file: ImportFile,
    record: &'r ByteRecord,
    problems: &'r mut Vec<RowProblem>,
}

impl RowFile<File> {
    /// Opens a file; notes why it cannot be read.
    pub fn open(file: ImportFile, path: &Path, problems: &mut Vec<RowProblem>) -> Option<Self> {
        match File::open(path) {
            Ok(opened) => Some(RowFile::new(file, opened, problems)),
            Err(error) => {
                problems.push(RowProblem { file, line: 1, column: String::new(), problem: format!("cannot be read: {error}") });
                None
            }
        }
    }
}

impl<R: Read> RowFile<R> {
    /// Reads the header. A wrong one ends the file: no field could be trusted to be what it seems.
    pub fn new(file: ImportFile, source: R, problems: &mut Vec<RowProblem>) -> Self {
        let (watched, lines) = Lines::of(source);
        let mut reader = ReaderBuilder::new().flexible(true).from_reader(watched);
        let columns = file.columns();
        let problem = match reader.byte_headers() {
            Ok(header) if header.iter().eq(columns.iter().map(|column| column.as_bytes())) => None,
            Ok(_) => Some(format!("the first line must be {}", columns.join(","))),
            Err(error) => Some(format!("cannot be read: {error}")),
        };
        let ended = problem.is_some();
        let whole_file = |problem| RowProblem { file, line: 1, column: String::new(), problem };
        problems.extend(problem.map(whole_file));
        RowFile { file, reader, lines, record: ByteRecord::new(), ended }
    }

    /// The next row that has the right number of fields; the others are noted. `None` at the end.
    pub fn next<'r>(&'r mut self, problems: &'r mut Vec<RowProblem>) -> Option<Fields<'r>> {
        let file = self.file;
        let whole_row = |line, problem: String| RowProblem { file, line, column: String::new(), problem };
        let columns = file.columns().len();
        while !self.ended {
            match self.reader.read_byte_record(&mut self.record) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    problems.push(whole_row(self.lines.now(), format!("cannot be read: {error}")));
                    break;
                }
            }
            let line = self.lines.of_record_at(self.record.position().map_or(0, csv::Position::byte));
            if self.record.len() == columns {
                return Some(Fields { line, file, record: &self.record, problems });
            }
            problems.push(whole_row(line, format!("has {} fields where there must be {columns}", self.record.len())));
        }
        self.ended = true;
        None
    }
}

impl Fields<'_> {
    /// Notes what is wrong with a column.
    pub fn wrong(&mut self, column: &str, problem: String) {
        self.problems.push(RowProblem { file: self.file, line: self.line, column: column.to_owned(), problem });
    }

    /// A column's value; `None` if it is wrong, which is noted.
    pub fn parse<T, E: std::fmt::Display>(&mut self, column: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        let index = self.file.columns().iter().position(|name| *name == column)?;
        let parsed = match std::str::from_utf8(self.record.get(index)?) {
            Ok(text) => parse(text).map_err(|error| error.to_string()),
            Err(_) => Err("is not UTF-8".to_owned()),
        };
        parsed.map_err(|problem| self.wrong(column, problem)).ok()
    }
}
