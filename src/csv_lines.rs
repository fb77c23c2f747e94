//! In which line of a CSV file a record begins, as an editor counts them. Knows nothing of fields.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Read};
use std::rc::Rc;

/// Passes on what it reads, and remembers it until its lines are counted.
#[derive(Debug)]
pub struct Watched<R> {
    source: R,
    passed: Rc<RefCell<VecDeque<u8>>>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.passed.borrow_mut().extend(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}

/// Counts lines up to each record. The reader's own count stops before a record's empty lines, and before the second half
/// of a CRLF.
#[derive(Debug)]
pub struct Lines {
    /// What was read and not counted yet.
    passed: Rc<RefCell<VecDeque<u8>>>,
    offset: u64,
    line: u64,
}

impl Lines {
    /// The lines of what is read from the source by way of what is returned with them.
    pub fn of<R>(source: R) -> (Watched<R>, Self) {
        let passed = Rc::new(RefCell::new(VecDeque::new()));
        (Watched { source, passed: Rc::clone(&passed) }, Lines { passed, offset: 0, line: 1 })
    }

    /// The last one that was asked for.
    #[must_use]
    pub const fn now(&self) -> u64 {
        self.line
    }

    /// The line of the first field of the record that the reader says begins at `position`; positions only grow.
    pub fn of_record_at(&mut self, position: u64) -> u64 {
        let mut passed = self.passed.borrow_mut();
        while let Some(byte) = passed.front() {
            match byte {
                b'\n' => self.line = self.line.saturating_add(1),
                b'\r' => {}
                _ if self.offset < position => {}
                _ => break,
            }
            passed.pop_front();
            self.offset = self.offset.saturating_add(1);
        }
        self.line
    }
}
