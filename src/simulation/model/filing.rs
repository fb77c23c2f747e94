//! Where the model keeps what is said of a payment: in a file for whoever named it by the same names. Two files that one paper names
//! are one from then on.
//!
//! Nothing here decides what a file comes to; that is its [`Sheet`].

use holdfast_core::hold::HoldStatus;

use super::payment::{self, Entry, approvals};
use super::sheet::Sheet;
use super::{Model, Payment, Tally};
use crate::simulation::naming::{Label, Named};

/// What was said of a payment under names that belong together: its entries and what they come to.
#[derive(Debug, Clone)]
pub struct File {
    /// The card that it counts for, once we approved something.
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
    fn is_approved(&self) -> bool {
        approvals(&self.entries).next().is_some()
    }
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

    /// Under which number the first of these names is filed that is.
    fn filed(&self, mut labels: impl Iterator<Item = Label>) -> Option<usize> {
        labels.find_map(|label| self.files.iter().position(|file| file.labels.contains(&label)))
    }
}

impl Model {
    /// What is filed under a name; nothing, if nothing is.
    pub fn file(&self, of: &Named) -> &File {
        let payment = &self.payments[of.payment];
        payment.filed(of.name.labels()).map_or(&payment.blank, |file| &payment.files[file])
    }

    /// Where something is filed under a name.
    pub(super) fn place(&self, of: &Named) -> Option<Place> {
        self.payments[of.payment].filed(of.name.labels()).map(|file| Place { payment: of.payment, file })
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
        let payment = &self.payments[of.payment];
        let mut meant = payment.filed(of.name.labels().chain(own.filter(|_| finds == Finds::ByOwnName)))?;
        for label in of.name.labels().chain(own) {
            let payment = &self.payments[of.payment];
            let Some(other) = payment.filed(std::iter::once(label)).filter(|other| *other != meant) else { continue };
            if payment.files[meant].is_approved() && payment.files[other].is_approved() {
                continue;
            }
            meant = self.join(of.payment, meant, other);
        }
        Some(Place { payment: of.payment, file: meant })
    }

    /// Puts the papers of one file into another; which one that is then.
    fn join(&mut self, payment: usize, into: usize, from: usize) -> usize {
        let known = self.payment_to_change(payment);
        let File { card, entries, sheet, places, labels } = known.files.remove(from);
        let into = into - usize::from(from < into);
        let file = &mut known.files[into];
        let before = (file.sheet.posted() + sheet.posted(), file.sheet.held + sheet.held);
        entries.into_iter().for_each(|entry| payment::write(&mut file.entries, entry));
        file.card = file.card.or(card);
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
        let payment = self.payment_to_change(of.payment);
        let file = found.map_or(payment.files.len(), |place| place.file);
        if found.is_none() {
            payment.files.push(File::empty());
        }
        for label in of.name.labels().chain(own) {
            let holder = payment.filed(std::iter::once(label)).filter(|holder| *holder != file);
            let stays = |holder: usize| found.is_some() || payment.files[holder].sheet.status == HoldStatus::Open;
            if holder.is_some_and(stays) {
                continue;
            }
            if let Some(holder) = holder {
                payment.files[holder].labels.retain(|known| *known != label);
            }
            let labels = &mut payment.files[file].labels;
            if !labels.contains(&label) {
                labels.push(label);
            }
        }
        Place { payment: of.payment, file }
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
    fn add_up(&mut self, at: Place, before: (i64, i64)) {
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
