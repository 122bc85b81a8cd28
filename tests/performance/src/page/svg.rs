//! Charts as SVG: text and lines only, readable on light and dark pages.

use std::fmt::Write as _;

use super::number;
use crate::report::Table;

const WIDTH: f64 = 760.0;
const BAR: f64 = 22.0;
const LABELS: f64 = 300.0;
/// The room for the figure after the longest bar.
const FIGURES: f64 = 80.0;
/// Bars whose lengths differ by more have a logarithmic axis.
const LOGARITHMIC: f64 = 50.0;
const HEIGHT: f64 = 260.0;
const MARGIN: f64 = 60.0;
const COLORS: [&str; 3] = ["a", "b", "c"];

fn begin(title: &str, height: f64) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" role=\"img\">\n\
         <title>{title}</title>\n\
         <style>\n\
         text {{ font: 13px system-ui, sans-serif; fill: #1f2328 }}\n\
         .a {{ fill: #0969da; stroke: #0969da }} .b {{ fill: #8c959f; stroke: #8c959f }} .c {{ fill: #bc4c00; stroke: #bc4c00 }}\n\
         path {{ fill: none !important; stroke-width: 2 }} .axis {{ stroke: #8c959f }}\n\
         @media (prefers-color-scheme: dark) {{\n\
         text {{ fill: #e6edf3 }} .a {{ fill: #4493f8; stroke: #4493f8 }} .b {{ fill: #6e7681; stroke: #6e7681 }}\n\
         .c {{ fill: #db6d28; stroke: #db6d28 }}\n\
         }}\n\
         </style>\n",
        title = escaped(title)
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Draws a bar for each row, as long as its value in this column.
pub(super) fn bars(table: &Table, column: usize) -> String {
    let rows = table.rows.iter();
    let rows: Vec<_> = rows
        .filter_map(|row| Some((row, (*row.values.get(column)?)?)))
        .collect();
    let values = || rows.iter().map(|(_, value)| *value);
    let most = values().fold(f64::MIN_POSITIVE, f64::max);
    let least = values().fold(f64::MAX, f64::min).max(f64::MIN_POSITIVE);
    let is_logarithmic = most / least > LOGARITHMIC;
    let longest = WIDTH - LABELS - FIGURES;
    let length = |value: f64| match is_logarithmic {
        // The shortest bar is still visible.
        true => longest * (0.05 + 0.95 * (value / least).ln() / (most / least).ln()),
        false => longest * value / most,
    };
    let mut svg = begin(&table.title, BAR * (rows.len() as f64 + 1.5));
    for (index, (row, value)) in rows.iter().enumerate() {
        let top = BAR * index as f64;
        let class = if row.is_ours { "a" } else { "b" };
        let (middle, end) = (top + 16.0, LABELS + length(*value));
        writeln!(
            svg,
            "<text x=\"{}\" y=\"{middle}\" text-anchor=\"end\">{}</text>\n\
             <rect class=\"{class}\" x=\"{LABELS}\" y=\"{}\" width=\"{:.1}\" height=\"{}\"/>\n\
             <text x=\"{:.1}\" y=\"{middle}\">{}</text>",
            LABELS - 8.0,
            escaped(&row.name),
            top + 3.0,
            length(*value),
            BAR - 6.0,
            end + 6.0,
            number(*value),
        )
        .unwrap();
    }
    let axis = if is_logarithmic { ", logarithmic" } else { "" };
    let bottom = BAR * (rows.len() as f64 + 1.0);
    writeln!(
        svg,
        "<text x=\"{LABELS}\" y=\"{bottom}\">{}{axis}</text>",
        escaped(&table.columns[column])
    )
    .unwrap();
    svg + "</svg>\n"
}

/// Draws a line for each column. The rows are the points, at equal distances; the axis of values begins with 0.
pub(super) fn lines(table: &Table) -> String {
    let values = table
        .rows
        .iter()
        .flat_map(|row| row.values.iter().flatten());
    let most = values.copied().fold(f64::MIN_POSITIVE, f64::max);
    let steps = (table.rows.len().max(2) - 1) as f64;
    let x = |index: usize| MARGIN + (WIDTH - 2.0 * MARGIN) * index as f64 / steps;
    let y = |value: f64| HEIGHT - (HEIGHT - 20.0) * value / most;
    let legend = 18.0 * table.columns.len() as f64;
    let mut svg = begin(&table.title, HEIGHT + 30.0 + legend);
    writeln!(
        svg,
        "<line class=\"axis\" x1=\"{MARGIN}\" y1=\"{HEIGHT}\" x2=\"{}\" y2=\"{HEIGHT}\"/>\n\
         <text x=\"{}\" y=\"24\" text-anchor=\"end\">{}</text>\n<text x=\"{}\" y=\"{HEIGHT}\" text-anchor=\"end\">0</text>",
        WIDTH - MARGIN,
        MARGIN - 8.0,
        number(most),
        MARGIN - 8.0,
    )
    .unwrap();
    for (index, row) in table.rows.iter().enumerate() {
        let (x, name) = (x(index), escaped(&row.name));
        writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{name}</text>",
            HEIGHT + 18.0
        )
        .unwrap();
    }
    for (column, name) in table.columns.iter().enumerate() {
        let class = COLORS[column % COLORS.len()];
        let points = table.rows.iter().enumerate();
        let points: Vec<String> = points
            .filter_map(|(index, row)| {
                Some(format!(
                    "{:.1} {:.1}",
                    x(index),
                    y((*row.values.get(column)?)?)
                ))
            })
            .collect();
        writeln!(
            svg,
            "<path class=\"{class}\" d=\"M{}\"/>",
            points.join(" L")
        )
        .unwrap();
        let top = HEIGHT + 36.0 + 18.0 * column as f64;
        writeln!(
            svg,
            "<rect class=\"{class}\" x=\"{MARGIN}\" y=\"{}\" width=\"14\" height=\"4\"/>\n<text x=\"{}\" y=\"{top}\">{}</text>",
            top - 7.0,
            MARGIN + 22.0,
            escaped(name),
        )
        .unwrap();
    }
    svg + "</svg>\n"
}
