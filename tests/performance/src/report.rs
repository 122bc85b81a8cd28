//! The results of a part: tables of figures, kept as JSON.

use std::fs;

use serde::{Deserialize, Serialize};

use crate::{results, versions};

/// The part that `docs/gateways.md` shows.
pub(crate) const FORWARD_AUTH: &str = "forward-auth";

/// The results of one part of the measurements.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) quick: bool,
    /// When, on which machine, and with which versions.
    pub(crate) date: String,
    pub(crate) machine: String,
    pub(crate) versions: Vec<String>,
    pub(crate) tables: Vec<Table>,
    /// What could not be measured, and why.
    pub(crate) omitted: Vec<String>,
}

/// A table of figures.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Table {
    pub(crate) id: String,
    pub(crate) title: String,
    /// What is measured, in a sentence or two.
    pub(crate) note: String,
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Row>,
    pub(crate) chart: Option<Chart>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) is_ours: bool,
    pub(crate) values: Vec<Option<f64>>,
}

/// How a table is drawn.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Chart {
    /// A bar for each row, as long as its value in this column.
    Bars { column: usize },
    /// A line for each column; the rows are the points.
    Lines,
}

impl Part {
    pub(crate) fn new(name: &str, tables: Vec<Table>) -> Self {
        Self {
            name: name.to_owned(),
            quick: false,
            date: versions::now(),
            machine: versions::machine(),
            versions: Vec::new(),
            tables,
            omitted: Vec::new(),
        }
    }

    pub(crate) fn save(&self) {
        let json = serde_json::to_string_pretty(self).unwrap();
        fs::write(results().join(format!("{}.json", self.name)), json).unwrap();
    }

    /// Returns the last results of all parts.
    pub(crate) fn load_all() -> Vec<Self> {
        let load = |name: &&str| {
            let json = fs::read(results().join(format!("{name}.json"))).ok()?;
            serde_json::from_slice(&json).ok()
        };
        let names = [
            "in-process",
            "http",
            "mint",
            "growth",
            FORWARD_AUTH,
            "cold-build",
        ];
        names.iter().filter_map(load).collect()
    }
}

impl Table {
    pub(crate) fn new(id: &str, title: &str, note: &str, columns: &[&str]) -> Self {
        Self {
            id: id.to_owned(),
            title: title.to_owned(),
            note: note.to_owned(),
            columns: columns.iter().map(|&column| column.to_owned()).collect(),
            rows: Vec::new(),
            chart: None,
        }
    }

    pub(crate) fn bars(mut self, column: usize) -> Self {
        self.chart = Some(Chart::Bars { column });
        self
    }

    pub(crate) fn lines(mut self) -> Self {
        self.chart = Some(Chart::Lines);
        self
    }

    pub(crate) fn row(&mut self, name: &str, values: Vec<Option<f64>>) {
        self.rows.push(Row {
            name: name.to_owned(),
            is_ours: name.starts_with("countersign"),
            values,
        });
    }
}

/// Finds figures in the results.
#[derive(Clone, Copy)]
pub(crate) struct Figures<'a>(pub(crate) &'a [Part]);

impl Figures<'_> {
    /// Returns the figure in a table's row and column.
    pub(crate) fn get(&self, part: &str, table: &str, row: &str, column: usize) -> Option<f64> {
        let table = self.table(part, table)?;
        let row = table.rows.iter().find(|known| known.name == row)?;
        row.values.get(column).copied().flatten()
    }

    pub(crate) fn table(&self, part: &str, table: &str) -> Option<&Table> {
        let part = self.0.iter().find(|known| known.name == part)?;
        part.tables.iter().find(|known| known.id == table)
    }
}
