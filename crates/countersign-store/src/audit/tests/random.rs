//! Ten thousand random changes.

use super::contents::{Contents, HeadRow, Row};
use super::support::Log;
use crate::audit::AuditRecord;

const RECORDS: i64 = 60;
const TAMPERINGS: usize = 10_000;
const KINDS: usize = 22;

/// Marsaglia's xorshift64: the same changes in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % below
    }

    fn number(&mut self, log: &Contents) -> i64 {
        let index = self.roll(log.rows.len());
        *log.rows.keys().nth(index).unwrap()
    }

    fn flip(&mut self, bytes: &mut [u8]) {
        let bit = self.roll(bytes.len().max(1) * 8);
        if let Some(byte) = bytes.get_mut(bit / 8) {
            *byte ^= 1 << (bit % 8);
        }
    }

    fn flip_a_bit_of(&mut self, row: &mut Row) {
        match self.roll(8) {
            0 => row.at ^= 1 << self.roll(63),
            1 => self.flip(&mut row.actor),
            2 => self.flip(row.request_id.get_or_insert_default()),
            3 => self.flip(&mut row.action),
            4 => self.flip(row.account.get_or_insert_with(|| vec![0; 20])),
            5 => self.flip(row.entity.get_or_insert_with(|| vec![0; 20])),
            6 => self.flip(&mut row.detail),
            _ => self.flip(&mut row.mac),
        }
    }

    fn move_a_letter_in(row: &mut Row) {
        if let Some(letter) = row.actor.pop() {
            row.action.insert(0, letter);
        }
    }

    /// Makes one change, or two. After an old head was restored, nothing else is changed: truncating the log
    /// to that head would be a rollback, which only a checkpoint reveals.
    fn tamper(&mut self, log: &mut Contents, heads: &[HeadRow]) {
        let (one, other) = (self.number(log), self.number(log));
        let copy = log.rows[&other].clone();
        match self.roll(KINDS) {
            0..3 => self.flip_a_bit_of(log.row(one)),
            3 => drop(log.rows.remove(&one)),
            4 => {
                log.rows.remove(&one);
                log.shift(one, -1);
            }
            5 => log.swap(one, other),
            6 => log.swap_without_macs(one, other),
            7 => drop(log.rows.insert(one, copy)),
            8 => {
                log.shift(one, 1);
                log.rows.insert(one, copy);
            }
            9 => {
                log.shift(one, 1);
                log.rows.insert(one, copy);
                self.flip_a_bit_of(log.row(one));
            }
            10 => {
                let row = log.rows.remove(&one).unwrap();
                log.rows.insert(one ^ (1 << self.roll(62)), row);
            }
            11 => drop(log.rows.split_off(&one)),
            12 => {
                log.rows.split_off(&one);
                log.head().number = one - 1;
                if let Some(mac) = log.rows.values().last().map(|row| row.mac.clone()) {
                    log.head().mac = mac;
                }
            }
            13 => log.head().number ^= 1 << self.roll(63),
            14 => {
                let mut mac = log.head().mac.clone();
                self.flip(&mut mac);
                log.head().mac = mac;
            }
            15 => {
                let request_id = &mut log.row(one).request_id;
                *request_id = request_id.is_none().then(Vec::new);
            }
            16 => Self::move_a_letter_in(log.row(one)),
            17 => log.shift(one, 1 + i64::try_from(self.roll(9)).unwrap()),
            18 => {
                let beyond = RECORDS + 1 + i64::try_from(self.roll(9)).unwrap();
                log.rows.insert(beyond, copy);
            }
            19 => {
                let row = log.row(one);
                std::mem::swap(&mut row.account, &mut row.entity);
            }
            20 => {
                self.tamper(log, &[]);
                if !log.rows.is_empty() {
                    self.tamper(log, &[]);
                }
            }
            _ if heads.is_empty() => {}
            _ => log.head = Some(heads[self.roll(heads.len())].clone()),
        }
    }
}

/// Returns the lowest number at which the log differs from what was written. With the head changed, it is
/// unknown whether more was written.
fn first_difference(old: &Contents, new: &Contents) -> Option<i64> {
    let head = (old.head != new.head).then_some(RECORDS + 1);
    old.differing(new).into_iter().chain(head).min()
}

#[tokio::test]
async fn ten_thousand_random_changes_are_all_found_and_named() {
    let mut log = Log::new().await;
    let mut heads = Vec::new();
    for i in 0..RECORDS {
        heads.push(log.contents().await.head.unwrap());
        let (actor, request) = (format!("user-{}", i % 7), format!("request-{i}"));
        let entry = AuditRecord {
            request_id: (i % 3 != 0).then_some(request),
            account_id: (i % 4 != 0).then_some(super::support::ACCOUNT),
            entity: (i % 5 != 0).then_some(super::support::ENTITY),
            ..AuditRecord::new(&actor, "key.create").with("name", i % 7)
        };
        log.append(entry).await.unwrap();
    }
    log.drop_triggers().await;
    let written = log.contents().await;
    log.copy().await;
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut found = 0;
    while found < TAMPERINGS {
        let mut tampered = written.clone();
        dice.tamper(&mut tampered, &heads);
        let Some(first) = first_difference(&written, &tampered) else {
            continue; // Swapped with itself, or the like.
        };
        log.write(&written, &tampered).await;
        assert_eq!(log.broken(None).await, Some(first), "{found}: {tampered:?}");
        log.restore(&written, &tampered).await;
        found += 1;
    }
    assert_eq!(log.contents().await, written);
    assert_eq!(log.broken(None).await, None);
}
