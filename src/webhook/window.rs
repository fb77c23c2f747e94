//! What of an endpoint's events is on its way: which may be sent now, which waits for its turn, and what has to be written down
//! before its record counts as told. Pure: it reads no disk and sends nothing.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use holdfast_core::Timestamp;

use super::circuit::{ATTEMPTS_MAX, wait_after};
use super::event::Event;
use super::letter::{Changes, Letter, NewLetter, Source, Spot};
use super::post::Refused;

/// An event on its way.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// Straight from the journal.
    Fresh {
        /// Its record.
        record: Spot,
        /// What it says.
        event: Event,
    },
    /// Once more.
    Letter {
        /// What the outbox has of it.
        letter: Letter,
        /// What it says.
        event: Event,
    },
}

impl Item {
    /// What is sent.
    #[must_use]
    pub const fn event(&self) -> &Event {
        match self {
            Item::Fresh { event, .. } | Item::Letter { event, .. } => event,
        }
    }
}

/// The events of one endpoint that are read and not settled.
#[derive(Debug, Default)]
pub struct Window {
    queue: VecDeque<Item>,
    /// Sequences of which one is being sent.
    out: HashSet<u64>,
    /// Letters that wait, in the outbox and in `changes`, by sequence.
    waiting: HashMap<u64, u32>,
    /// Letters that are here.
    letters: HashSet<i64>,
    /// Records that are neither told nor written down.
    unsettled: BTreeSet<Spot>,
    /// Records that are written down by `changes`.
    kept: Vec<Spot>,
    changes: Changes,
}

impl Window {
    /// With the letters that wait already, by sequence.
    #[must_use]
    pub fn new(waiting: HashMap<u64, u32>) -> Self {
        Window { waiting, ..Window::default() }
    }

    /// How many are to be sent.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Takes events that were read, in their order.
    pub fn take_read(&mut self, events: Vec<(Spot, Event)>) {
        for (record, event) in events {
            self.unsettled.insert(record);
            self.queue.push_back(Item::Fresh { record, event });
        }
    }

    /// Whether a letter is here already.
    #[must_use]
    pub fn has(&self, letter: &Letter) -> bool {
        self.letters.contains(&letter.id)
    }

    /// Takes a letter that is due; before what is fresh, as it is older.
    pub fn take_due(&mut self, letter: Letter, event: Event) {
        self.letters.insert(letter.id);
        self.queue.push_front(Item::Letter { letter, event });
    }

    /// Whether a letter that is here has yet to be sent. One that an operator wants sent meanwhile begins anew, and goes first.
    pub fn hurry(&mut self, asked_for: &Letter) -> bool {
        let is_it = |item: &Item| matches!(item, Item::Letter { letter, .. } if letter.id == asked_for.id);
        let Some(place) = self.queue.iter().position(is_it) else { return false };
        if let Some(Item::Letter { event, .. }) = self.queue.remove(place) {
            self.queue.push_front(Item::Letter { letter: asked_for.clone(), event });
        }
        true
    }

    /// A letter whose record is not there any more: it can never be told.
    pub fn give_up(&mut self, letter: &Letter) {
        self.leave(letter.sequence);
        self.changes.delivered.push(letter.id);
    }

    /// Writes a letter that is due at once, behind those of its sequence.
    pub fn write(&mut self, source: Source, event: &Event, now: Timestamp) {
        self.postpone(source, event, 0, now, String::new());
    }

    fn postpone(&mut self, source: Source, event: &Event, attempts: u32, next_at: Timestamp, problem: String) {
        let (id, kind, sequence) = (event.id.clone(), event.kind, event.sequence);
        self.changes.written.push(NewLetter { source, event: id, kind, sequence, attempts, next_at, problem });
        if attempts < ATTEMPTS_MAX {
            let waiting = self.waiting.entry(sequence).or_default();
            *waiting = waiting.saturating_add(1);
        }
    }

    fn leave(&mut self, sequence: u64) {
        if let Some(waiting) = self.waiting.get_mut(&sequence) {
            *waiting = waiting.saturating_sub(1);
            if *waiting == 0 {
                self.waiting.remove(&sequence);
            }
        }
    }

    /// The next event that may be sent: nothing of its sequence is being sent, or waits before it. What comes behind a letter
    /// becomes one.
    pub fn next(&mut self, now: Timestamp) -> Option<Item> {
        let mut place = 0;
        while let Some(item) = self.queue.get(place) {
            let sequence = item.event().sequence;
            let behind_letter = matches!(item, Item::Fresh { .. }) && self.waiting.contains_key(&sequence);
            if self.out.contains(&sequence) && !behind_letter {
                place = place.saturating_add(1);
                continue;
            }
            let item = self.queue.remove(place)?;
            match item {
                Item::Fresh { record, event } if behind_letter => {
                    self.write(Source::Record(record), &event, now);
                    self.kept.push(record);
                }
                Item::Fresh { .. } | Item::Letter { .. } => {
                    self.out.insert(sequence);
                    return Some(item);
                }
            }
        }
        None
    }

    /// The next letter that an operator wants sent, unless something of its sequence is being sent.
    pub fn next_asked_for(&mut self) -> Option<Item> {
        let may_go = |item: &Item| match item {
            Item::Letter { letter, .. } => letter.is_asked_for() && !self.out.contains(&letter.sequence),
            Item::Fresh { .. } => false,
        };
        let place = self.queue.iter().position(may_go)?;
        let item = self.queue.remove(place)?;
        self.out.insert(item.event().sequence);
        Some(item)
    }

    /// An event was sent, and this became of it.
    pub fn came_back(&mut self, item: Item, how: &Result<(), Refused>, now: Timestamp, luck: u8) {
        self.out.remove(&item.event().sequence);
        match (item, how) {
            (Item::Fresh { record, .. }, Ok(())) => {
                self.unsettled.remove(&record);
            }
            (Item::Fresh { record, event }, Err(refused)) => {
                let again = now.saturating_add(wait_after(1, luck));
                self.postpone(Source::Record(record), &event, 1, again, refused.to_string());
                self.kept.push(record);
            }
            (Item::Letter { letter, .. }, Ok(())) => {
                self.leave(letter.sequence);
                self.changes.delivered.push(letter.id);
            }
            (Item::Letter { letter, .. }, Err(refused)) => {
                let attempts = letter.attempts.saturating_add(1);
                if attempts >= ATTEMPTS_MAX {
                    self.leave(letter.sequence);
                }
                let again = now.saturating_add(wait_after(attempts, luck));
                self.changes.refused.push((letter.id, attempts, again, refused.to_string()));
            }
        }
    }

    /// The first record that is not settled, if there is one.
    #[must_use]
    pub fn unsettled(&self) -> Option<Spot> {
        self.unsettled.first().copied()
    }

    /// What has to be written, and the cursor that would be right once it is. `next` is where reading goes on.
    pub fn changes(&mut self) -> &mut Changes {
        &mut self.changes
    }

    /// Where the endpoint's place in the journal is once the changes are written; `next` is where reading goes on.
    #[must_use]
    pub fn place(&self, next: i64) -> i64 {
        let open = self.unsettled.iter().find(|record| !self.kept.contains(record));
        open.map_or(next, |spot| spot.place)
    }

    /// The changes are written.
    pub fn written(&mut self) {
        for record in self.kept.drain(..) {
            self.unsettled.remove(&record);
        }
        let changes = std::mem::take(&mut self.changes);
        for id in changes.delivered.into_iter().chain(changes.refused.into_iter().map(|(id, ..)| id)) {
            self.letters.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use holdfast_core::ProgramId;
    use serde_json::Value;

    use super::super::event::EventKind;
    use super::super::letter::Standing;
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_000);

    fn event(id: &str, sequence: u64) -> Event {
        let (kind, program) = (EventKind::AuthorizationApproved, ProgramId::new("demo").unwrap());
        Event { id: id.to_owned(), kind, program, sequence, at: NOW, data: Value::Null, answered: None }
    }

    fn names(window: &mut Window) -> Vec<String> {
        std::iter::from_fn(|| window.next(NOW)).map(|item| item.event().id.clone()).collect()
    }

    fn refused() -> Result<(), Refused> {
        Err(Refused::Status(503))
    }

    #[test]
    fn sends_one_of_a_payment_at_a_time_and_many_payments_at_once() {
        let mut window = Window::default();
        window.take_read(vec![(Spot::of(1), event("a1", 1)), (Spot::of(2), event("a2", 1)), (Spot::of(3), event("b1", 2))]);
        let first = window.next(NOW).unwrap();
        assert_eq!(first.event().id, "a1");
        assert_eq!(names(&mut window), ["b1"]);
        assert_eq!(window.place(4), 1);
        window.came_back(first, &Ok(()), NOW, 0);
        assert_eq!(window.place(4), 2, "a2 is not told yet");
        assert_eq!(names(&mut window), ["a2"]);
    }

    #[test]
    fn what_was_refused_is_written_down_and_so_is_what_comes_behind_it() {
        let mut window = Window::default();
        window.take_read(vec![(Spot::of(1), event("a1", 1)), (Spot::of(2), event("a2", 1)), (Spot::of(3), event("b1", 2))]);
        let first = window.next(NOW).unwrap();
        window.came_back(first, &refused(), NOW, 0);
        assert_eq!(names(&mut window), ["b1"]);
        let written: Vec<_> = window.changes().written.iter().map(|letter| (letter.event.as_str(), letter.attempts)).collect();
        assert_eq!(written, [("a1", 1), ("a2", 0)], "in the order in which they happened");
        assert_eq!(window.unsettled(), Some(Spot::of(1)), "until it is written");
        assert_eq!(window.place(4), 3, "b1 is out");
        window.written();
        assert_eq!(window.unsettled(), Some(Spot::of(3)));
        window.take_read(vec![(Spot::of(4), event("a3", 1))]);
        assert!(names(&mut window).is_empty(), "behind the letters");
        assert_eq!(window.changes().written.len(), 1);
    }

    fn letter(attempts: u32) -> Letter {
        Letter {
            id: 7,
            endpoint: "e".to_owned(),
            source: Source::Record(Spot::of(1)),
            event: "a1".to_owned(),
            kind: EventKind::AuthorizationApproved,
            sequence: 1,
            attempts,
            next_at: NOW,
            since: NOW,
            problem: String::new(),
            standing: Standing::Waiting,
        }
    }

    #[test]
    fn a_letter_that_is_here_and_wanted_goes_first_and_alone_where_nothing_else_may() {
        let mut window = Window::new(HashMap::from([(1, 1)]));
        window.take_due(letter(3), event("a1", 1));
        window.take_read(vec![(Spot::of(2), event("b1", 2))]);
        assert_eq!(window.next_asked_for(), None, "nobody asked for any");
        let wanted = Letter { next_at: Letter::ASKED_FOR, attempts: 0, ..letter(3) };
        assert!(window.hurry(&wanted));
        assert_eq!(window.next_asked_for(), Some(Item::Letter { letter: wanted.clone(), event: event("a1", 1) }));
        assert!(window.has(&wanted) && !window.hurry(&wanted), "it is being sent");
        assert_eq!(window.next_asked_for(), None);
        assert_eq!(names(&mut window), ["b1"]);
    }

    #[test]
    fn a_letter_that_is_taken_or_dead_lets_what_comes_behind_it_pass() {
        for (attempts, how) in [(3, Ok(())), (ATTEMPTS_MAX - 1, refused())] {
            let mut window = Window::new(HashMap::from([(1, 1)]));
            let letter = letter(attempts);
            window.take_due(letter.clone(), event("a1", 1));
            assert!(window.has(&letter));
            let item = window.next(NOW).unwrap();
            window.came_back(item, &how, NOW, 0);
            window.written();
            assert!(!window.has(&letter));
            window.take_read(vec![(Spot::of(2), event("a2", 1))]);
            assert_eq!(names(&mut window), ["a2"], "{how:?}");
        }
    }
}
