//! Where the model keeps what is said of a payment: in a file for whoever named it by the same names. Two files that one paper names
//! are one from then on.
//!
//! Nothing here decides what a file comes to; that is its [`Sheet`].

use holdfast_core::hold::HoldStatus;

use super::payment::{self, Entry, Line, Source, approvals};
use super::sheet::Sheet;
use super::{Model, Payment, Tally};
use crate::simulation::naming::{Label, Named};

/// What was said of a payment under names that belong together: its entries and what they come to.
#[derive(Debug, Clone)]
pub struct File {
    /// The card that it counts for: the first one that a paper about it named.
    pub card: Option<usize>,
    pub entries: Vec<Entry>,
    pub sheet: Sheet,
    pub places: Vec<Tally>,
    /// What it is called.
    pub labels: Vec<Label>,
}

/// Which file of which payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub payment: usize,
    pub file: usize,
}

/// By which of the names of a paper its file is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finds {
    /// By those of the payment.
    ByPayment,
    /// Or else by the paper's own.
    ByOwnName,
}

impl File {
    /// One with nothing in it.
    pub(super) fn empty() -> Self {
        let (entries, places, labels) = (Vec::new(), Vec::new(), Vec::new());
        File { card: None, sheet: Sheet::of(&entries), entries, places, labels }
    }

    /// Whether we approved something of it.
    pub(super) fn is_approved(&self) -> bool {
        approvals(&self.entries).next().is_some()
    }
}

/// Whether two files were begun by questions of their own, by our yes or by what the platform wrote, and by another one than adds to both.
pub(super) fn are_two(one: &File, other: &File, added: u32) -> bool {
    let begun_by = |file: &File| -> Vec<u32> {
        let openings = file.entries.iter().filter_map(|entry| match (entry.source, entry.line) {
            (Source::Question(question), Line::Approved(approved)) if approved.opening && approved.amount > 0 => Some(question),
            (_, Line::Word { question, opening: true, .. }) if !payment::adds(&file.entries, question) => Some(question),
            (_, _) => None,
        });
        openings.filter(|question| *question != added).collect()
    };
    let (one, other) = (begun_by(one), begun_by(other));
    !one.is_empty() && !other.is_empty() && !one.iter().any(|question| other.contains(question))
}

impl Payment {
    /// A payment of which nobody has said anything.
    pub(super) fn new(program: usize, account: usize) -> Self {
        Payment { program, account, files: Vec::new(), blank: File::empty() }
    }

    /// Everything that was said of it.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.files.iter().flat_map(|file| &file.entries)
    }

    /// Every name of it that was used.
    pub fn labels(&self) -> impl Iterator<Item = Label> {
        self.files.iter().flat_map(|file| file.labels.iter().copied())
    }

    /// Under which number a name is filed, if it is.
    fn filed(&self, label: Label) -> Option<usize> {
        self.files.iter().position(|file| file.labels.contains(&label))
    }
}

impl Model {
    /// What is filed under a name; nothing, if nothing is.
    pub fn file(&self, of: &Named) -> &File {
        self.file_in(self.place(of), of)
    }

    /// What is in a place; nothing, if that is none.
    pub(super) fn file_in(&self, place: Option<Place>, of: &Named) -> &File {
        self.at(place).unwrap_or(&self.payments[of.payment].blank)
    }

    /// Where something is filed under a name.
    pub fn place(&self, of: &Named) -> Option<Place> {
        self.filed(of.payment, of.name.labels())
    }

    /// Where the first of these names is filed that is. A payment's own names are looked for with it; those of increments and messages
    /// with whichever payment of its program has them.
    pub fn filed(&self, payment: usize, mut labels: impl Iterator<Item = Label>) -> Option<Place> {
        let program = self.payments[payment].program;
        labels.find_map(|label| {
            let in_payment = |payment: usize| Some(Place { payment, file: self.payments[payment].filed(label)? });
            let elsewhere = || match label {
                Label::First | Label::Second => None,
                Label::Increment(_) | Label::Message(_) => {
                    (0..self.payments.len()).filter(|other| self.payments[*other].program == program).find_map(in_payment)
                }
            };
            in_payment(payment).or_else(elsewhere)
        })
    }

    /// Whether what a paper names is one payment, or several of which we approved something each: of others nobody here says that they
    /// are one.
    pub fn is_straight(&self, of: &Named, own: Option<Label>) -> bool {
        let labels = of.name.labels().chain(own);
        let places: Vec<Place> = labels.filter_map(|label| self.filed(of.payment, std::iter::once(label))).collect();
        let is_one = places.windows(2).all(|two| two[0].payment == two[1].payment);
        let is_its_own = places.iter().all(|place| place.payment == of.payment);
        let are_approved = || places.iter().all(|place| self.at(Some(*place)).is_some_and(File::is_approved));
        is_its_own || (self.place(of).is_some() && (is_one || are_approved()))
    }

    /// What is in a place.
    pub(super) fn at(&self, place: Option<Place>) -> Option<&File> {
        place.map(|place| &self.payments[place.payment].files[place.file])
    }

    /// What was entered there; nothing, where nothing was.
    pub(super) fn entries_at(&self, place: Option<Place>) -> &[Entry] {
        self.at(place).map_or(&[], |file| &file.entries)
    }

    /// Where a paper with these names, and one of its own, belongs. What the names lead to is put together, unless we approved something of
    /// both: that was two payments to us.
    pub(super) fn put_together(&mut self, of: &Named, own: Option<Label>, finds: Finds) -> Option<Place> {
        let found_by = of.name.labels().chain(own.filter(|_| finds == Finds::ByOwnName));
        let mut meant = self.filed(of.payment, found_by)?;
        for label in of.name.labels().chain(own) {
            let other = self.filed(of.payment, std::iter::once(label));
            let Some(other) = other.filter(|other| *other != meant && other.payment == meant.payment) else { continue };
            let files = &self.payments[meant.payment].files;
            let (here, there) = (&files[meant.file], &files[other.file]);
            // What adds to a payment may be said of two.
            let is_of_two = matches!(label, Label::Increment(added) if Some(label) == own && are_two(here, there, added));
            if is_of_two || (here.is_approved() && there.is_approved()) {
                continue;
            }
            meant.file = self.join(meant.payment, meant.file, other.file);
        }
        Some(meant)
    }

    /// Puts the papers of one file into another; which one that is then.
    fn join(&mut self, payment: usize, into: usize, from: usize) -> usize {
        let known = self.payment_to_change(payment);
        let File { card, entries, sheet, places, labels } = known.files.remove(from);
        let into = into - usize::from(from < into);
        let file = &mut known.files[into];
        let before = (file.sheet.posted() + sheet.posted(), file.sheet.held + sheet.held);
        // Who said yes to one of the two knows for which card.
        let (first, second) = if approvals(&entries).next().is_some() { (card, file.card) } else { (file.card, card) };
        file.card = first.or(second);
        entries.into_iter().for_each(|entry| payment::write(&mut file.entries, entry));
        file.places.extend(places);
        file.labels.extend(labels);
        self.joined += 1;
        self.changed = true;
        self.add_up(Place { payment, file: into }, before);
        into
    }

    /// The file for a paper with these names, a new one if none was found. It bears them from now on: a name that another one has is given
    /// up by what is over only, and to a new one only.
    pub(super) fn file_to_change(&mut self, of: &Named, own: Option<Label>, found: Option<Place>) -> Place {
        let place = found.unwrap_or_else(|| {
            let files = &mut self.payment_to_change(of.payment).files;
            files.push(File::empty());
            Place { payment: of.payment, file: files.len() - 1 }
        });
        for label in of.name.labels().chain(own) {
            let holder = self.filed(of.payment, std::iter::once(label)).filter(|holder| *holder != place);
            let is_open = |holder: Place| self.payments[holder.payment].files[holder.file].sheet.status == HoldStatus::Open;
            if holder.is_some_and(|holder| found.is_some() || is_open(holder)) {
                continue;
            }
            if let Some(holder) = holder {
                let file = &mut self.payment_to_change(holder.payment).files[holder.file];
                file.labels.retain(|known| *known != label);
            }
            let labels = &mut self.payment_to_change(place.payment).files[place.file].labels;
            if !labels.contains(&label) {
                labels.push(label);
            }
        }
        place
    }

    /// A file gets an entry. `places` are those in which a new approval counts.
    pub(super) fn enter(&mut self, at: Place, entry: Entry, places: &[Tally]) {
        let file = &mut self.payment_to_change(at.payment).files[at.file];
        let before = (file.sheet.posted(), file.sheet.held);
        payment::write(&mut file.entries, entry);
        file.places.extend_from_slice(places);
        self.add_up(at, before);
    }

    /// Sums a file up anew: account and limits follow it. `before` is what was posted and held of it.
    pub(super) fn add_up(&mut self, at: Place, before: (i64, i64)) {
        let payment = &mut self.payments[at.payment];
        let (account, file) = (payment.account, &mut payment.files[at.file]);
        let after = Sheet::of(&file.entries);
        let mut changed = file.sheet != after;
        let spent = after.spent(|question| file.places.iter().any(|place| place.question == question));
        for (question, amount, count) in spent {
            for place in file.places.iter_mut().filter(|place| place.question == question) {
                changed |= (place.amount, place.count) != (amount, count);
                (place.amount, place.count) = (amount, count);
            }
        }
        let (posted, held) = (after.posted() - before.0, after.held - before.1);
        file.sheet = after;
        self.changed |= changed;
        if posted != 0 || held != 0 {
            let account = self.account_to_change(account);
            account.posted += posted;
            account.held += held;
        }
    }
}
