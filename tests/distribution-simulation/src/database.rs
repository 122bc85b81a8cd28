//! The database: one log of changes, transactions, and the rows of nodes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::message::{Answer, Change, Changes, Reply, Request, RowId, RowState};
use crate::rules::{Missing, Position, missing};
use crate::variant::Variant;

#[derive(Debug)]
pub(crate) struct Database {
    variant: Option<Variant>,
    pub(crate) is_up: bool,
    /// Counts restarts and promotions. Each ends all connections.
    pub(crate) incarnation: u32,
    log: BTreeMap<u64, Change>,
    head: Position,
    oldest: u64,
    /// Every change whose effect is in the records.
    pub(crate) committed: Changes,
    /// The last number that was taken. Equal to the head unless numbers come from a sequence.
    sequence: u64,
    /// The transactions that have not ended, by their ids.
    transactions: BTreeMap<u64, Transaction>,
    ended: BTreeSet<u64>,
    /// The transactions that wait for the lock of the head.
    queue: VecDeque<u64>,
    rows: BTreeMap<RowId, (RowState, u64)>,
}

#[derive(Debug)]
struct Transaction {
    process: usize,
    change: Change,
    number: Option<u64>,
    statements: u32,
}

/// Something that the database sends, or has done.
#[derive(Debug)]
pub(crate) enum Effect {
    Reply {
        process: usize,
        reply: Reply,
    },
    /// A change was committed: nodes are notified.
    Committed {
        change: Change,
    },
    /// The transaction is ended unless it has executed another statement within its timeout.
    Await {
        transaction: u64,
        statements: u32,
    },
}

impl Database {
    pub(crate) fn new(variant: Option<Variant>) -> Self {
        Self {
            variant,
            is_up: true,
            incarnation: 0,
            log: BTreeMap::new(),
            head: Position {
                epoch: 0,
                number: 0,
            },
            oldest: 1,
            committed: Changes::default(),
            sequence: 0,
            transactions: BTreeMap::new(),
            ended: BTreeSet::new(),
            queue: VecDeque::new(),
            rows: BTreeMap::new(),
        }
    }

    /// Executes a request of a process.
    pub(crate) fn execute(&mut self, process: usize, request: Request, effects: &mut Vec<Effect>) {
        let reply = match request {
            Request::Register { row } => {
                let new = RowState {
                    renewals: 0,
                    is_leaving: false,
                };
                self.rows.entry(row).or_insert((new, 0));
                Reply::Registered { row }
            }
            Request::Ask {
                question,
                row,
                applied,
            } => Reply::Answer(self.answer(question, row, applied)),
            Request::Ping { question, row } => {
                let is_listed = self.is_listed(row);
                Reply::Pong {
                    question,
                    is_listed,
                }
            }
            Request::Acknowledge { row, number } => {
                if let Some((_, acknowledged)) = self.rows.get_mut(&row) {
                    *acknowledged = number;
                }
                return;
            }
            Request::Renew { row } => {
                if let Some((state, _)) = self.rows.get_mut(&row) {
                    state.renewals += 1;
                }
                return;
            }
            Request::EndLease { row, renewals } => return self.end_lease(row, renewals),
            Request::RemoveRow { row } => {
                if self.rows.get(&row).is_some_and(|(row, _)| row.is_leaving) {
                    self.rows.remove(&row);
                }
                return;
            }
            Request::Begin {
                transaction,
                change,
            } => return self.begin(process, transaction, change, effects),
            Request::TakeNumber { transaction } => return self.take_number(transaction, effects),
            Request::Commit { transaction } => return self.commit(transaction, effects),
            Request::ReadRows { transaction } => Reply::Rows {
                transaction,
                rows: self
                    .rows
                    .iter()
                    .map(|(id, (_, number))| (*id, *number))
                    .collect(),
            },
        };
        effects.push(Effect::Reply { process, reply });
    }

    /// Reads the head, what a node is missing, and the rows, from one snapshot.
    fn answer(&self, question: u64, row: RowId, applied: Option<Position>) -> Answer {
        let missing = match applied {
            Some(_) if self.variant == Some(Variant::GapIgnored) => Missing::Changes,
            applied => missing(applied, self.head, self.oldest),
        };
        let mut changes = Changes::default();
        match missing {
            Missing::Snapshot => changes = self.committed,
            Missing::Changes => {
                let applied = applied.map_or(0, |applied| applied.number);
                let range = self.log.range(applied + 1..);
                range.for_each(|(_, change)| changes.insert(*change));
            }
        }
        Answer {
            question,
            head: self.head,
            changes,
            is_listed: self.is_listed(row),
            acknowledged: self.rows.get(&row).map_or(0, |(_, number)| *number),
            rows: self.rows.iter().map(|(id, (row, _))| (*id, *row)).collect(),
        }
    }

    fn is_listed(&self, row: RowId) -> bool {
        self.rows.get(&row).is_some_and(|(row, _)| !row.is_leaving)
    }

    /// Marks a row as leaving that was not renewed since it was seen.
    fn end_lease(&mut self, row: RowId, renewals: u32) {
        let Some((state, _)) = self.rows.get_mut(&row) else {
            return;
        };
        if state.renewals == renewals {
            state.is_leaving = true;
            if self.variant == Some(Variant::RowRemovedAtOnce) {
                self.rows.remove(&row);
            }
        }
    }

    fn begin(&mut self, process: usize, id: u64, change: Change, effects: &mut Vec<Effect>) {
        // Copies of a statement are not executed again.
        if self.ended.contains(&id) || self.transactions.contains_key(&id) {
            return;
        }
        let transaction = Transaction {
            process,
            change,
            number: None,
            statements: 1,
        };
        self.transactions.insert(id, transaction);
        effects.push(Effect::Await {
            transaction: id,
            statements: 1,
        });
        let reply = Reply::Begun { transaction: id };
        effects.push(Effect::Reply { process, reply });
    }

    fn take_number(&mut self, id: u64, effects: &mut Vec<Effect>) {
        let is_open = |t: &&mut Transaction| t.number.is_none() && t.statements == 1;
        let Some(transaction) = self.transactions.get_mut(&id).filter(is_open) else {
            return;
        };
        transaction.statements += 1;
        // A transaction that waits for the lock is subject to the timeout, too.
        effects.push(Effect::Await {
            transaction: id,
            statements: transaction.statements,
        });
        self.queue.push_back(id);
        self.grant_lock(effects);
    }

    /// Gives the next number to the transaction that has waited longest, unless another one holds the lock.
    fn grant_lock(&mut self, effects: &mut Vec<Effect>) {
        let is_sequence = self.variant == Some(Variant::NumberFromSequence);
        while let Some(id) = self.queue.front().copied() {
            let is_locked = self.transactions.values().any(|t| t.number.is_some());
            if is_locked && !is_sequence {
                return;
            }
            self.queue.pop_front();
            let next = match is_sequence {
                true => self.sequence.max(self.head.number) + 1,
                false => self.head.number + 1,
            };
            if let Some(transaction) = self.transactions.get_mut(&id) {
                self.sequence = next;
                transaction.number = Some(next);
                transaction.statements += 1;
                effects.push(Effect::Await {
                    transaction: id,
                    statements: transaction.statements,
                });
                effects.push(Effect::Reply {
                    process: transaction.process,
                    reply: Reply::Numbered { transaction: id },
                });
            }
        }
    }

    fn commit(&mut self, id: u64, effects: &mut Vec<Effect>) {
        let Some(number) = self.transactions.get(&id).and_then(|t| t.number) else {
            return;
        };
        let Some(Transaction {
            process, change, ..
        }) = self.transactions.remove(&id)
        else {
            return;
        };
        self.ended.insert(id);
        self.log.insert(number, change);
        self.head.number = self.head.number.max(number);
        self.committed.insert(change);
        let reply = Reply::Committed {
            transaction: id,
            number,
        };
        effects.push(Effect::Committed { change });
        effects.push(Effect::Reply { process, reply });
        self.grant_lock(effects);
    }

    /// Ends a transaction that has executed no statement since.
    pub(crate) fn time_out(&mut self, id: u64, statements: u32, effects: &mut Vec<Effect>) {
        let transaction = self.transactions.get(&id);
        if transaction.is_none_or(|transaction| transaction.statements != statements) {
            return;
        }
        if let Some(Transaction { process, .. }) = self.transactions.remove(&id) {
            self.ended.insert(id);
            self.queue.retain(|waiting| *waiting != id);
            let reply = Reply::Aborted { transaction: id };
            effects.push(Effect::Reply { process, reply });
        }
        self.grant_lock(effects);
    }

    /// Stops. Open transactions are rolled back, and connections end.
    pub(crate) fn stop(&mut self) {
        self.is_up = false;
        self.incarnation += 1;
        self.ended.extend(self.transactions.keys());
        self.transactions.clear();
        self.queue.clear();
    }

    /// Continues on the standby. A synchronous one has everything that was committed; an asynchronous one lacks the last changes.
    pub(crate) fn promote(&mut self, lost: u64) {
        if self.variant != Some(Variant::AsynchronousStandby) {
            return;
        }
        let kept = self.head.number.saturating_sub(lost).max(self.oldest - 1);
        let mut lost = Changes::default();
        for (_, change) in self.log.split_off(&(kept + 1)) {
            lost.insert(change);
        }
        self.committed = self.committed.without(lost);
        self.head.number = kept;
    }

    /// Deletes all but the last `count` changes from the log.
    pub(crate) fn delete_old_changes(&mut self, count: u64) {
        self.oldest = self
            .oldest
            .max((self.head.number + 1).saturating_sub(count));
        self.log = self.log.split_off(&self.oldest);
    }

    /// Begins a new history with the same records.
    pub(crate) fn begin_epoch(&mut self) {
        self.head.epoch += 1;
        self.delete_old_changes(0);
    }
}
