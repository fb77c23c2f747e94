//! Holdfast answers card-issuing platforms' real-time authorization callbacks.
//!
//! # Bird's eye
//!
//! In: a callback's bytes, from a platform that waits. Out: its answer, in time. Ground state: the ledger's journal and the
//! configuration; everything else is derived. A callback is answered on the thread that read it: [`server`] hands it to
//! [`responder`], which verifies and decodes it through the platform's adapter (package `holdfast-adapters`), asks the
//! program's rules (package `holdfast-core`), submits one act to the [`ledger`], and waits for it until `decide_by` and no
//! longer. The embedded ledger applies acts in one thread, makes each group of them durable in the [`journal`], and wakes each worker
//! once for all of its acts that are done; the shared one has them applied, and recorded, by its database. When the ledger does not answer in time, or is known not to, the program's stand-in
//! table does, on what can be seen of the ledger's memory; what it says is durable in the [`spool`] before it leaves, and the
//! reconciler brings it to the ledger when that hears again. A projection follows the embedded journal: what memory lets go of, what pages
//! list, what a restart begins with.
//!
//! # Code map
//!
//! | place | what it is |
//! |---|---|
//! | `core/` | the words, the rules, the hold engine, stand-in: pure functions |
//! | `adapters/` | bytes ⇄ core values, one folder a platform, one suite of laws for all |
//! | [`app`] | the composition root: the only module that knows everyone |
//! | [`start_error`], [`first_start`] | why a server does not start; what the ledger needs before it does |
//! | [`reporter`] | what the ledger does, told to metrics and operators |
//! | [`background`] | the thread beside the workers: commands, the management API, and what the ledger has yet to hear |
//! | [`config`] | what the operator wrote, typed, with every error at once |
//! | [`clock`] | the only file that reads a clock |
//! | [`switchboard`] | stand-in switched by hand, kept in the spool's file |
//! | [`outages`] | what stand-in did, outage by outage, from the journal and the spool |
//! | [`stop_list`] | the cards on which nothing may be approved |
//! | [`server`] | sockets, TLS, limits, routes, drain; the operators' listener |
//! | [`responder`] | the path of a callback |
//! | [`agent`] | software agents that spend: the path's view of authorities, bindings and intents; their store and `/v1`; what was decided, listed |
//! | [`ledger`] | the seam to what keeps the money, the laws of every engine behind it, the embedded one, the shared one |
//! | [`spool`] | what the ledger has not heard, durable; the reconciler that brings it there |
//! | [`journal`] | the ledger's log: records, their groups, SQLite |
//! | [`kept_rules`] | the rulesets that a journal keeps, compiled as they were |
//! | [`retention`] | which of the journal's oldest records may go |
//! | [`balances`] | accounts by the journal, compared with the projection's |
//! | [`books`] | accounts' money and standing as records go by |
//! | [`explain`] | one authorization's story, from the journal |
//! | [`replay`] | the journal decided again, and what comes out differently |
//! | [`preview`] | what a stand-in table would have answered to the journal |
//! | [`settlement_day`] | on which day, and over which network, money is settled |
//! | [`settlement`] | what is due to networks for a day, summed from the journal; the platform's file compared |
//! | [`api`] | the management API: one file a resource, on a listener of its own |
//! | [`metrics`] | one file a family |
//! | [`telemetry`] | one line a callback, for whoever wants to look at single answers |
//! | [`descriptors`] | how many files and sockets there may be, and how many of them are each listener's |
//! | [`second_place`] | how a thread that nobody waits for leaves the processor to those who answer |
//! | [`begun`] | whether a store that a data directory has had is lost |
//! | [`private_file`] | files that are their owner's alone |
//! | [`csv_lines`] | in which line of a file of rows something is, as an editor counts them |
//! | [`webhook`] | what happened, told to endpoints from the journal, at least once and in order |
//! | [`profiles`] | merchants and instruments of payment doors |
//! | [`remnant`] | what is shown of a payment whose texts were erased |
//! | [`card_numbers`] | what becomes of a card's number: a keyed token; and of the memory that it was in |
//! | [`seal`] | texts of people, sealed with the operator's key |
//! | [`operations`] | what operators ask, done on a ledger |
//! | [`control`] | the Unix socket that carries it to a running server |
//! | [`simulation`] | the ledger against an independent model, from one seed: `holdfast selftest` |
//! | [`command`] | the command line, one file a subcommand |
//! | `loadtest/` | open-loop load for any adapter; never links the responder |
//! | `tests/e2e/` | the real server over real sockets |
//!
//! # Invariants
//!
//! * Dependencies point one way: `core` ← `adapters` ← this crate. Here `responder` answers behind `server`'s seam and knows
//!   `ledger`, `spool`, `metrics` and `telemetry`; `spool` knows `ledger` by its acts, `ledger` knows `journal`; only [`app`] knows everyone.
//! * No I/O, no clock, no log in `core` and `adapters`. No floating point in money.
//! * Nothing is decoded without the value that verification yields.
//! * From the moment an authorization is understood an answer is owed; stand-in is entered in one place.
//! * An approval is acknowledged only when the group that holds its record, or its entry in the spool, is durable.
//! * An entry of the spool leaves it only when the ledger has heard it, or into the list of those that somebody has to look at.
//! * An error of the ledger means that nothing was applied.
//! * State is rebuilt by writing recorded outcomes, never by deciding afresh.
//! * A hold is the fold of its steps ([`holdfast_core::hold::life`]); nothing changes one in any other way.
//! * The projection holds nothing that the journal does not say, and can be thrown away.
//! * A journal that lost its beginning begins with a checkpoint, whose state is on the disk before anything relies on it, and
//!   which a record behind it names. Without that state nothing starts.
//!
//! # Where this differs from the plan, and why
//!
//! * [`AuthorizationRequest`](holdfast_core::AuthorizationRequest) owns what it says and is fixed-size: the same value is
//!   evaluated, submitted and journaled, so there is no second, borrowed form. What an answer repeats stays borrowed.
//! * Stand-in's table gives a proposal, not an answer: only the counters of its caps make one of it, so that nothing approves past
//!   them. What is not known never helps an approval there, while a rule passes it: behind rules the ledger still has a word.
//! * An account with money that stand-in approved, or a card of which something was told meanwhile, is not decided on before the
//!   ledger has heard of it: the question waits a moment for the reconciler, if there is little to bring, or is stood in for. Applying the entries in the same act would
//!   have every engine know the spool.
//! * An approval whose disk is still writing when its time is over is told as a decline and taken back from the spool by the next
//!   transaction; a crash just between the two leaves an approval that nobody heard, which holds money until it expires.
//! * A decline is recorded right behind its answer, but for payment doors': these hand out a name of ours with it, under which it is found
//!   again, and wait for the record.
//! * What mode `drop` left to the platform is remembered as a decline with a reason of its own, which is never on the wire: engines,
//!   journal and replay need no third kind of answer, and a retry hears nothing again.
//! * Operators' bars and stand-in tables do not wait for a ledger that is away: they hold here, and are in the spool before anybody hears so.
//!   The reconciler has the ledger take down who and why first, so that a key means one request. What loosens something needs the ledger.
//! * An operator's word that comes late is weighed by the engine against what was reported since ([`ledger::embedded`]): the API looked before.
//! * The embedded ledger's memory is looked at where its writer leaves it whenever it waits ([`ledger::sight`]): no second copy of
//!   cards and balances has to be kept right for stand-in.
//! * Before the ledger is ready, stand-in looks at memory that is read once more, beside the one that the ledger reads: it needs no disk
//!   that takes writes and no proof of the whole journal, and is let go of when the ledger shows its own.
//! * Merchants' names are digested by the adapter: they can be compared and cannot be read, here or in the journal.
//! * The in-flight permit travels with the act's ticket ([`ledger::permit`]), so that an act which nobody waits for any
//!   more still counts until the ledger is done with it.
//! * A worker is woken once for all that a commit completed ([`ledger::Mailbox`]): a wake a request was the dearest part of
//!   a durable hold.
//! * The journal has one row a commit group, not one a record. A record names the rows that it is about by numbers that last,
//!   so that a follower needs no decision, and no name, of its own.
//! * A question that opens a payment sorts before everything told about it, whatever the clocks say: the platform's may be
//!   behind ours, and its reversal must not come to lie before what it reverses.
//! * What is asked of a payment that is there, adopted to add to it, ordered, or ended by our timers lies after everything that is
//!   known then, whatever the platform's clock says: it was, and what an approval adds must be held. Only what the platform told before
//!   that it adds lies where it told it, as what it says of the payment later has it in it, unless it said since that the payment is over. What is asked or told keeps the
//!   platform's time, unless that is minutes ahead of ours: then it happened when it came. A platform that tells no time of its
//!   questions (Apto) and whose clock is more than a second behind ours can end a payment before what was added to it.
//! * What a platform tells to add to one payment, and asks or tells of another of the account or as one of its own, is held once, whatever
//!   comes first: where we approved it, else where its last word says, by its own time. The words on it go over there, by two records
//!   of their own before or behind that of the event (format 12): both payments stand then as if those words had been said so from the
//!   beginning; what was cleared or given back stays where it was. Two payments that questions opened stay two, whatever is said of both.
//! * Policies that are combined by `any_of`, of which one counts or waits for a person, are a list of ways ([`holdfast_core::rules::Ways`]): the
//!   evaluator says which are open, the ledger takes the first that has room in the act that decides, and its record has both (format 11).
//! * The ledger hears what waits in the spool in its order for each cardholder, but for plain payments, which go side by side: a platform calls
//!   one payment by several names, and which are one is the ledger's to know.
//! * No question is decided past a message that waits of its account's money; of which it was not seen whose it is may be any account's of
//!   the program. Whose it is, is looked up as it is kept: after a start nobody can look before the ledger is there.
//! * The spool keeps of an approval that the ledger has confirmed only how caps count it: a start reads a month of them before it approves.
//! * A limit's window never goes back: a question that names an earlier one than is open (it came before midnight; the calendar's
//!   zone was changed) counts in the open one.
//! * What memory has let go of (holds that ended, keys after 48 hours) is found by its name, however old it is. A filter in memory
//!   says of a new name that it was certainly never there, so that a new payment reads no disk; of a thousand new names
//!   fewer than three are looked for in vain. It costs at most four bytes for each name that was ever let go of: a payment has its
//!   one or two names and a key for each question. A start reads the first of the names itself, and the rest beside the serving of
//!   questions; until it has, whatever memory does not know is looked for, and stand-in approves none of it.
//! * What a limit has counted is forgotten when no question can name its window any more, by memory and by whoever keeps it, each at a
//!   time of its own: who finds nothing finds the same, as long as no clock is put back by days. How long a window is, only its limit
//!   knows: a calendar's goes by the longest month, a rolling one's by the number of its bucket. A lifetime is kept for good.
//! * What expired gives its amount back, and neither an intent nor what an authority's policy counts: it may still be captured.
//! * What one responder of a shared ledger does for all (releases, drops) goes by the database's clock, and what it did itself it sees at
//!   once, not only at its next look at the database.
//! * How less than was asked would be held is a line of the journal of its own, format 8: written where less may be approved.
//! * A start reads memory once: what stand-in looks at until the ledger is ready is what the ledger goes on with, if it was read from
//!   just the projection and journal that the ledger opened.
//! * A start takes connections before it has read what was told without the ledger. Who asks waits for that inside, to its own deadline: in the
//!   operating system's queue it would wait past it.
//! * What is told of one payment under two names, before a message tells that they are one, is joined by that message: steps, names and records of
//!   the one that was only told of go over to the other, by a record of its own before that of the message (journal format 10). A hold of which
//!   nothing is left stays as a row, for whoever has its number. What we approved by two questions stays two payments.
//! * A payment that has ended keeps its names, for whatever is told of it later; only a payment that begins takes one of them. What
//!   follows on another payment takes none, whatever it calls that.
//! * The platform's word on a question says whether it was approved, and how much is held for it; how much was said to be approved is
//!   what we told, and never more than is asked: an answer above its question is odd at a till. A decline of ours is kept as one: what the
//!   platform approved over it is looked at anew at each retry, says what it recorded last, and is over with what it holds. Else a retry
//!   would hear yes of what was taken back, though nobody ever told it so. (What a retry heard by the word alone is not remembered: where
//!   the platform then records another amount, the next one hears that.)
//! * Two questions that open one payment are one question where the payment is named by its question (a Marqeta transaction under two
//!   tokens): what stand-in told yes to twice is held once, if no more than before is told and the method is the same. Where payments have
//!   names of their own (Apto), an attempt may be another charge of the transaction: nothing in the contract says that it is not, and both
//!   are held until the platform's word says what there is.
//! * A retry looks at its payment before it hears its answer: messages of some platforms name only the payment, so that what they
//!   say of it cannot be kept under the question's key.
//! * The projection keeps the answer to every question for ever, and the key of every message that became no payment's step: some
//!   fifty bytes each. One that did is known by that step.
//! * Nothing that an approval adds to the projection goes to a place of its own in a tree: names and answers lie in sorted runs
//!   that are merged now and then, lists are chained from the newest back, and what changes all the time (money, counters) is a
//!   page a batch, written to its rows when many have gathered. A record says whether the names that it gave were free, so that
//!   nobody looks for them.
//! * The shared ledger ([`ledger::postgres`]) has no engine of its own: the rows that an act locks are made the memory of the
//!   embedded one for one transaction. Its database function decides only what that engine has worked out beforehand, and leaves
//!   the rest to it. Stand-in looks at what a responder last saw of cards and accounts, and of what was answered, which a retry
//!   hears: that copy decides nothing else. A file beside
//!   the spool keeps it for a start without the database, and another one what this responder did since that was read; who reads them knows
//!   that others may have answered since.
//! * What waits for the ledger is not reckoned beside it: stand-in has an engine perform the very acts on a copy of the few rows that they
//!   name ([`ledger::Ledger::look_ahead`]), and looks at those. Every account of what waits that was kept beside the ledger's rules was wrong
//!   in some order. Caps count what stand-in approved, atomically; between a look and its decision they count what is confirmed, too.
//! * What dropped records amount to is a file of the projection's own tables, made by following the records that go: the one
//!   form of state that there is already, and no second one to keep right.
//! * What operators write (who, why) stands beside the journal, and the record names it by an id.
//! * `/v1/authorize` serves both environments in one place: its adapter is mounted once for each environment's program, the route leads
//!   to the first of the two mounts, and the responder goes on with the one that the verified token's credential belongs to. From
//!   there on nothing knows that there were two.
//! * A spending authority's policy is a ruleset of its own, asked after the program's; its limits go behind the program's in the verdict,
//!   and an intent is a limit of one payment. So the ledger's one act lets one of several payments have it, and gives it back.
//! * Under whose authority a question was decided goes with its act, into the journal as a line of its own before the record: format 4,
//!   in which older records read as ever. So does what payment doors tell besides (surcharge, items, IP address and such), which rules
//!   may ask for and a replay needs: format 5; and, in format 6, that its caller had the program's rules bypassed; in format 9, that it
//!   wanted to and may not. By what a processor finds its question again is a line, too: format 11. Of other questions nothing of the kind
//!   is written.
//! * What an intent reserves is a hold of its own. Its payment is weighed as if that had been given back, and an approval gives it back by
//!   a record of its own before the payment's, in the same group: both engines have it from the same code, and the journal no new format.
//! * A binding names the door at which its budgets and intents count. At `/v1/authorize` a binding of the platform's door is decided
//!   alike, remembered under its key, and moves nothing. A callback always moves: a platform that was told yes takes the money. Where the
//!   binding's door is ours, either question is the payment that the other one made, if both name it.
//! * What a payment may come to with all that is added to it is a limit of that payment, without a counter: its hold says what there is.
//!   Format 7.
//! * Which intent a question is for that names none is chosen in the ledger's act, by the counters: what a process remembers of intents'
//!   use is wrong after a restart, a reversal or another responder's answer.
//! * For which intent a processor named a payment that its platform asks about, too, is counted under the payment's name where nothing moves: the
//!   preview's act writes it, and the platform's question reads it in its own. There is no hold yet that could say so, and no second record.
//! * What stand-in approves under an authority counts in its budgets until the ledger has heard it: on top of what the ledger's memory shows of
//!   them. Where it shows none nothing is approved that they bound.
//! * An instrument that is none of ours has an account in the ledger that only remembers what was paid (`outside-…`), with a credit line
//!   that nobody reaches: budgets, reversals and intents need no second way of counting. Whatever lists or sums a program's money leaves it
//!   out.
//! * Whatever reads a journal's file reads the shared ledger's, too: it is copied into such a file first, in an order that keeps every
//!   account's. There is one way to explain, sum or replay, and no second one in SQL.
//! * On the shared ledger the objects of agent spend are in its database, and whoever writes takes their numbers first, so that they become
//!   visible in the order of those: a responder that asks for what is greater than the last one that it saw misses none.
//! * On the shared ledger a question under an authority is decided by the engine and not by the database function: its limits have
//!   reasons of their own.
//! * What callers of payment doors write stands beside the journal, too, sealed and durable with its record; the digest of a question
//!   includes it, so that the record tells one text from another, and erasing the text leaves the chain whole.
//! * A payment that waits for its payer is no record: nothing was decided. What is to be told of it is a line beside what its caller
//!   wrote, in the same transaction; that it waited in vain is a line, too, once that is certain.
//! * Webhooks read the shared ledger's journal as its chain does, transactions that are finished, and put an account's records in the order of
//!   its changes. Places and letters are in the database; whoever changes them proves its lease in the same transaction.
//! * A card number comes in on a listener of its own, as a keyed token finds the card, and goes no further. The token is kept with an
//!   instrument in place of its last four digits, never beside them. A server with that listener begins itself anew once, so that the
//!   allocator overwrites what it frees: no code of ours could reach into what TLS, HTTP and JSON let go of.
//! * A merchant's own limits are no ruleset's: their ids begin with `merchant:`, and a replay takes them from the record.

pub mod agent;
pub mod api;
pub mod app;
pub mod background;
pub mod balances;
pub mod begun;
pub mod books;
pub mod card_numbers;
pub mod clock;
pub mod command;
pub mod config;
pub mod control;
pub mod csv_lines;
pub mod descriptors;
pub mod explain;
pub mod first_start;
#[cfg(test)]
mod fixture;
pub mod journal;
pub mod kept_rules;
pub mod ledger;
pub mod metrics;
pub mod operations;
pub mod outages;
pub mod preview;
pub mod private_file;
pub mod profiles;
pub mod remnant;
pub mod replay;
pub mod reporter;
pub mod responder;
pub mod retention;
pub mod seal;
pub mod second_place;
pub mod server;
pub mod settlement;
pub mod settlement_day;
pub mod simulation;
pub mod spool;
pub mod start_error;
pub mod stop_list;
pub mod switchboard;
pub mod telemetry;
pub mod webhook;
