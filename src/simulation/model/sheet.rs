//! A payment's sheet, summed up from all of its entries whenever somebody asks.
//!
//! What is authorized is a pile: each approval lays its money on top, whatever takes some back takes it from the top.

use std::time::Duration;

use holdfast_core::hold::{Finality, HoldStatus};
use holdfast_core::{Posting, Timestamp};

use super::payment::{
    Approved, Ending, Entry, Line, Source, Word, added_until, adds, amount_of, approvals, beginning_struck, latest_word, opened,
    struck_below,
};

/// How long a hold lives at most that the platform told of.
const SAFETY_TIMER: Duration = Duration::from_secs(35 * 86_400);

/// What stands after all entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    pub status: HoldStatus,
    pub authorized: i64,
    pub held: i64,
    /// Debited at the decision, not yet captured.
    pub ahead: i64,
    pub captured: i64,
    pub refunded: i64,
    pub moved: i64,
    pub tolerance: i64,
    pub expires_at: Option<Timestamp>,
    /// Our approvals: which question, how much it amounts to, how much of that still lies on the pile, and its transactions.
    pub approvals: Vec<(u32, i64, i64, i32)>,
    /// What we approved, and nobody heard.
    unheard: Vec<u32>,
    /// What we approved, and what the platform wrote of increments that we approved nothing for: which question, how much of its money lies on
    /// the pile, and how much of that was taken.
    pub laid: Vec<(u32, i64, i64)>,
}

impl Sheet {
    /// Sums a payment up.
    pub fn of(entries: &[Entry]) -> Sheet {
        let mut desk = Desk { entries, opened: opened(entries), struck: beginning_struck(entries), ..Desk::default() };
        for (line, entry) in entries.iter().enumerate() {
            desk.line = line;
            desk.read(entry);
        }
        desk.sum_up()
    }

    /// What the payment did to the account's posted amount.
    pub fn posted(&self) -> i64 {
        self.moved - self.captured - self.ahead
    }

    /// Whether more may be captured as of right.
    pub fn is_under_way(&self) -> bool {
        self.status == HoldStatus::Open || self.ahead > 0
    }

    /// Whether so much of the money that was laid down for a question lies there yet, or was taken.
    pub fn has_of(&self, question: u32, amount: i64) -> bool {
        let of_it = self.laid.iter().find(|(of, ..)| *of == question);
        let (lies, taken) = of_it.map_or((0, 0), |(_, lies, taken)| (*lies, *taken));
        taken >= amount || (self.is_under_way() && lies >= amount)
    }

    /// What each approval spent, or may still spend: the oldest keeps its money longest. What the platform told above all of
    /// them is the oldest's that `counts` anywhere.
    pub fn spent(&self, counts: impl Fn(u32) -> bool) -> Vec<(u32, i64, i32)> {
        let approved: i64 = self.approvals.iter().map(|(_, amount, ..)| amount).sum();
        let bearer = self.approvals.iter().map(|(question, ..)| *question).find(|question| counts(*question));
        let spoken_for = if self.is_under_way() { self.authorized.max(self.captured) } else { self.captured };
        let over = matches!(self.status, HoldStatus::Released | HoldStatus::Expired | HoldStatus::Unplaced);
        let piled: i64 = self.approvals.iter().map(|(_, _, kept, _)| kept).sum();
        let (mut kept_left, mut more_left) = (spoken_for.min(piled), (spoken_for - piled).max(0));
        let spent = self.approvals.iter().map(|(question, amount, kept, transactions)| {
            let of_kept = kept_left.min(*kept);
            let of_more = more_left.min(amount - kept);
            kept_left -= of_kept;
            more_left -= of_more;
            let told_more = if bearer == Some(*question) { (spoken_for - approved).max(0) } else { 0 };
            (*question, of_kept + of_more + told_more, if over || *amount == 0 { 0 } else { *transactions })
        });
        spent.chain(self.unheard.iter().map(|question| (*question, 0, 0))).collect()
    }
}

/// What lies on the accountant's desk while entries are read.
#[derive(Default)]
struct Desk<'a> {
    entries: &'a [Entry],
    opened: bool,
    /// What is authorized, the latest on top, each with the question that it is of.
    pile: Vec<(Option<u32>, i64)>,
    approvals: Vec<(u32, i64, i32)>,
    unheard: Vec<u32>,
    written: Vec<u32>,
    /// The line that struck out what the payment began with.
    struck: Option<usize>,
    /// The line that is read.
    line: usize,
    /// Whether anything was approved in the lines above it.
    has_a_yes: bool,
    posting: Option<Posting>,
    extra: i64,
    /// The merchant wanted less since the last approval.
    wants_less: bool,
    tolerance: i64,
    original: Option<i64>,
    expires_at: Option<Timestamp>,
    captured: i64,
    refunded: i64,
    moved: i64,
    /// How it ended; the last capture counts as the strongest end.
    end: Option<(bool, Ending)>,
}

impl Desk<'_> {
    fn read(&mut self, entry: &Entry) {
        match entry.line {
            Line::Approved(approved) => self.approve(entry.source, &approved),
            Line::Word { question, opening, .. } => {
                let placed = approvals(self.entries).any(|(known, _)| known == question);
                let adds_elsewhere = opening && adds(self.entries, question);
                if !placed
                    && !adds_elsewhere
                    && let Some(word) = self.word_here(entry.source, question, opening)
                {
                    self.believe(question, opening, word, entry.at);
                }
            }
            Line::Less { by, original } => self.take_back(by, original),
            Line::Total(total) => {
                // Where the beginning is struck out, so is what a total from above that line would lay down, and what one would lay on nothing.
                let lays = self.struck.is_none_or(|struck| struck < self.line && self.has_a_yes);
                // And what is struck out below lies in it no more; what else it takes from, it takes from as ever.
                let rest = total - struck_below(self.entries, self.line);
                self.lay_to(if lays { total.min(rest.max(self.authorized())) } else { total.min(self.authorized()) });
                (self.extra, self.original, self.end) = (0, None, None);
                self.watch(entry.at);
            }
            Line::Ended(ending) => self.finish(false, ending),
            Line::Taken { amount, finality } => {
                self.captured += amount;
                if self.captured > self.authorized() {
                    // The tip, or the rate, has come: nothing waits for it any more.
                    self.extra = 0;
                }
                if finality == Finality::Final {
                    self.finish(true, Ending::Reversed);
                }
            }
            Line::Moved { amount, refund } => {
                self.moved += amount;
                if refund {
                    self.refunded = (self.refunded + amount).max(0);
                }
            }
        }
    }

    fn approve(&mut self, source: Source, approved: &Approved) {
        let Source::Question(question) = source else { return };
        if approved.amount == 0 {
            // Told to nobody.
            self.unheard.push(question);
            return;
        }
        let amount = amount_of(self.entries, question, approved);
        self.approvals.push((question, amount, approved.transactions));
        self.posting = self.posting.or(Some(approved.posting));
        self.expires_at = self.expires_at.max(approved.expires_at);
        if amount == 0 {
            return;
        }
        if !approved.opening {
            self.settle_excess();
        }
        self.begin_anew();
        self.want_more();
        self.has_a_yes = true;
        self.pile.push((Some(question), amount));
        self.extra += approved.extra;
        self.tolerance += approved.tolerance;
        let original = if amount == approved.amount { approved.original } else { None };
        self.original = match (self.original, original) {
            (Some(before), Some(more)) => Some(before + more),
            (None, told) if self.authorized() == amount => told,
            (None | Some(_), _) => None,
        };
    }

    /// The merchant took more than was approved: that is over and done with, and no part of what is approved next.
    fn settle_excess(&mut self) {
        let beyond = self.captured - self.authorized();
        if beyond > 0 {
            self.pile.push((None, beyond));
        }
    }

    /// A payment that was over and is added to begins with what was captured of it.
    fn begin_anew(&mut self) {
        if self.end.take().is_some() {
            self.lay_to(self.authorized().min(self.captured));
            (self.extra, self.original) = (0, None);
        }
    }

    /// More is approved: what was let go of before stays so.
    fn want_more(&mut self) {
        if self.has_all_it_wants() {
            self.extra = 0;
        }
        self.wants_less = false;
    }

    /// The merchant said that it wants less, and has all that it may still take.
    fn has_all_it_wants(&self) -> bool {
        self.wants_less && self.captured >= self.authorized()
    }

    /// The word that counts in this place for a question that we did not approve: the last one; an increment's where it was
    /// first heard of.
    fn word_here(&self, source: Source, question: u32, opening: bool) -> Option<Word> {
        let (last, word) = latest_word(self.entries, question)?;
        let said_to_add =
            |entry: &&Entry| matches!(entry.line, Line::Word { question: of, opening: false, .. } if of == question);
        let place = if opening { last } else { self.entries.iter().find(said_to_add)?.source };
        (source == place).then_some(word)
    }

    fn believe(&mut self, question: u32, opening: bool, word: Word, at: Timestamp) {
        self.has_a_yes |= word.amount().is_some_and(|amount| amount > 0);
        match (opening, word) {
            (true, Word::No) => return self.finish(false, Ending::Reversed),
            (false, Word::No) => return,
            (true, Word::Yes(amount)) if self.opened => {
                // Of the payment as a whole by then: no more lies on the pile for it than it says.
                let total = amount - added_until(self.entries, at);
                return self.lay_to(self.authorized().max(total));
            }
            (true, Word::StoodIn(amount, _)) if self.opened => self.lay_to(self.authorized().max(amount)),
            (true, Word::Yes(amount) | Word::StoodIn(amount, _)) => self.lay_to(amount),
            (false, Word::Yes(amount) | Word::StoodIn(amount, _)) => {
                self.begin_anew();
                self.want_more();
                self.pile.push((Some(question), amount));
                self.written.push(question);
            }
        }
        let posting = if let Word::StoodIn(_, posting) = word { posting } else { Posting::Hold };
        self.posting = self.posting.or(Some(posting));
        self.watch(at);
    }

    /// What nobody asked about is given up as late after it was said as what was asked about, if anything was.
    fn watch(&mut self, from: Timestamp) {
        let patience = |entry: &Entry| match entry.line {
            Line::Approved(approved) => approved.expires_at.map(|at| at.saturating_since(entry.at)),
            Line::Word { .. } | Line::Less { .. } | Line::Total(_) | Line::Ended(_) | Line::Taken { .. } | Line::Moved { .. } => {
                None
            }
        };
        if self.posting == Some(Posting::Hold) {
            let longest =
                self.entries.iter().filter(|entry| !entry.is_unheard()).filter_map(patience).max().unwrap_or(SAFETY_TIMER);
            self.expires_at = self.expires_at.max(Some(from.saturating_add(longest)));
        }
    }

    fn authorized(&self) -> i64 {
        self.pile.iter().map(|(_, amount)| amount).sum()
    }

    /// Makes the pile this high, from its top.
    fn lay_to(&mut self, total: i64) {
        let mut too_much = self.authorized() - total;
        if too_much < 0 {
            self.pile.push((None, -too_much));
        }
        while too_much > 0
            && let Some((question, amount)) = self.pile.pop()
        {
            if amount > too_much {
                self.pile.push((question, amount - too_much));
            }
            too_much -= amount;
        }
    }

    fn take_back(&mut self, by: i64, original: Option<i64>) {
        let authorized = self.authorized();
        let by = match (self.original, original) {
            (Some(open), Some(told)) if open > 0 && told > 0 => {
                self.original = (told <= open).then(|| open - told);
                // The same part of it as in the merchant's currency, to the nearest unit.
                if told >= open { authorized } else { (2 * authorized * told + open) / (2 * open) }
            }
            (Some(_) | None, _) => by,
        };
        if by > 0 {
            self.wants_less = true;
            // What the merchant has is not given back; of the rest some is, and the same part of what is held on top, to the nearest unit.
            let open = (authorized - self.captured).max(0);
            let stays = (open - by).max(0);
            self.extra = if stays == 0 { 0 } else { (2 * self.extra * stays + open) / (2 * open) };
            self.lay_to(authorized - open + stays);
        }
    }

    /// What was taken is taken from the bottom of the pile.
    fn taken_of(&self, question: u32) -> i64 {
        let mut below = 0;
        let of_it = self.pile.iter().map(|(of, amount)| {
            let taken = (self.captured - below).clamp(0, *amount);
            below += amount;
            if *of == Some(question) { taken } else { 0 }
        });
        of_it.sum()
    }

    fn finish(&mut self, last_capture: bool, ending: Ending) {
        let was_given_back = matches!(self.end, Some((false, Ending::Reversed)));
        let stays = matches!(self.end, Some((true, _))) || (was_given_back && ending == Ending::TimedOut);
        if !stays {
            self.end = Some((last_capture, ending));
        }
    }

    fn sum_up(self) -> Sheet {
        let authorized = self.authorized();
        let extra = if self.has_all_it_wants() { 0 } else { self.extra };
        let wanted = match self.posting {
            None => 0,
            Some(Posting::Hold) if authorized > 0 => authorized + extra,
            Some(Posting::Hold | Posting::Immediate) => authorized,
        };
        let rest = if self.end.is_some() { 0 } else { (wanted - self.captured).max(0) };
        let (held, ahead) = if self.posting == Some(Posting::Immediate) { (0, rest) } else { (rest, 0) };
        let status = if held > 0 {
            HoldStatus::Open
        } else if self.captured > 0 || ahead > 0 {
            HoldStatus::Captured
        } else if matches!(self.end, Some((_, Ending::TimedOut))) {
            HoldStatus::Expired
        } else if self.end.is_some() || self.posting.is_some() {
            HoldStatus::Released
        } else {
            HoldStatus::Unplaced
        };
        let lies = |question: u32| self.pile.iter().filter(|(of, _)| *of == Some(question)).map(|(_, amount)| amount).sum();
        let (approved, written) = (self.approvals.iter().map(|(of, ..)| *of), self.written.iter().copied());
        Sheet {
            status,
            authorized,
            held,
            ahead,
            captured: self.captured,
            refunded: self.refunded,
            moved: self.moved,
            tolerance: self.tolerance,
            expires_at: self.expires_at,
            unheard: self.unheard.clone(),
            laid: approved.chain(written).map(|of| (of, lies(of), self.taken_of(of))).collect(),
            approvals: self.approvals.iter().map(|(of, amount, count)| (*of, *amount, lies(*of), *count)).collect(),
        }
    }
}
