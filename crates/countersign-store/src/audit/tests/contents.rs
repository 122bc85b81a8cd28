//! The contents of the tables, to tamper with them.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

/// A record as it is in the database, with texts as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) at: i64,
    pub(super) actor: Vec<u8>,
    pub(super) request_id: Option<Vec<u8>>,
    pub(super) action: Vec<u8>,
    pub(super) account: Option<Vec<u8>>,
    pub(super) entity: Option<Vec<u8>>,
    pub(super) detail: Vec<u8>,
    pub(super) mac: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HeadRow {
    pub(super) number: i64,
    pub(super) mac: Vec<u8>,
}

/// The whole log, by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Contents {
    pub(super) rows: BTreeMap<i64, Rc<Row>>,
    pub(super) head: Option<HeadRow>,
}

impl Contents {
    pub(super) fn row(&mut self, number: i64) -> &mut Row {
        Rc::make_mut(self.rows.get_mut(&number).unwrap())
    }

    pub(super) fn head(&mut self) -> &mut HeadRow {
        self.head.as_mut().unwrap()
    }

    pub(super) fn swap(&mut self, one: i64, other: i64) {
        let (a, b) = (self.rows[&one].clone(), self.rows[&other].clone());
        self.rows.extend([(one, b), (other, a)]);
    }

    pub(super) fn swap_without_macs(&mut self, one: i64, other: i64) {
        self.swap(one, other);
        let (a, b) = (self.rows[&one].mac.clone(), self.rows[&other].mac.clone());
        self.row(one).mac = b;
        self.row(other).mac = a;
    }

    /// Returns the numbers of the records that differ.
    pub(super) fn differing(&self, other: &Self) -> BTreeSet<i64> {
        let numbers = self.rows.keys().chain(other.rows.keys());
        let differ = |number: &i64| match (self.rows.get(number), other.rows.get(number)) {
            (Some(one), Some(other)) => !Rc::ptr_eq(one, other) && one != other,
            _ => true,
        };
        numbers.copied().filter(differ).collect()
    }

    /// Changes the numbers of the records from `first` on, to close or open a gap.
    pub(super) fn shift(&mut self, first: i64, by: i64) {
        let tail = self.rows.split_off(&first);
        let moved = tail.into_iter().map(|(number, row)| (number + by, row));
        self.rows.extend(moved);
    }
}

impl Row {
    pub(super) fn read(row: &SqliteRow) -> Self {
        let text = |column| row.get::<String, _>(column).into_bytes();
        Self {
            at: row.get("at"),
            actor: text("actor"),
            request_id: row
                .get::<Option<String>, _>("request_id")
                .map(String::into_bytes),
            action: text("action"),
            account: row.get("account_id"),
            entity: row.get("entity"),
            detail: text("detail"),
            mac: row.get("mac"),
        }
    }

    /// Returns the values in SQL.
    pub(super) fn values(&self, number: i64) -> String {
        // A cast, because bytes with flipped bits may not be valid text.
        let text = |bytes| format!("CAST({} AS TEXT)", blob(bytes));
        let or_null = |value: Option<String>| value.unwrap_or("NULL".into());
        let columns = [
            number.to_string(),
            self.at.to_string(),
            text(&self.actor),
            or_null(self.request_id.as_deref().map(text)),
            text(&self.action),
            or_null(self.account.as_deref().map(blob)),
            or_null(self.entity.as_deref().map(blob)),
            text(&self.detail),
            blob(&self.mac),
        ];
        format!("({})", columns.join(","))
    }
}

pub(super) fn forged(of: &Row) -> Rc<Row> {
    Rc::new(Row {
        actor: b"another actor".into(),
        mac: vec![0x5a; 32],
        ..of.clone()
    })
}

pub(super) fn blob(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    format!("x'{digits}'")
}
