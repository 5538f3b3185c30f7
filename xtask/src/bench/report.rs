//! `cargo xtask report`: the newest records as tables and charts, in the README and in `benches/README.md`.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;

use super::{
    chart::{self, Bars, Curve, short},
    overview::overview,
    package::folder,
    record,
    record::Record,
};
use crate::places::root;

/// Writes what stands between `<!-- bench:KIND -->` and `<!-- bench:end -->`, and the charts.
pub fn report() -> Result<(), String> {
    let charts = folder().join("charts");
    fs::create_dir_all(&charts).map_err(|error| format!("{}: {error}", charts.display()))?;
    if let Some(record) = record::newest("peers")? {
        let rows = peer_rows(&record);
        chart::bars(&charts.join("peers.svg"), &peer_bars(&rows))?;
        let text = format!("{}\n{}{}", peer_table(&rows), origin(&record), contention(&record));
        replace(&root().join("README.md"), "peers", &text)?;
    }
    if let Some(text) = overview()? {
        replace(&root().join("README.md"), "overview", &text)?;
    }
    let readme = folder().join("README.md");
    if let Some(record) = record::newest("drivers")? {
        replace(&readme, "drivers", &format!("{}\n{}", driver_table(&record), origin(&record)))?;
    }
    for kind in ["memory", "waiting"] {
        if let Some(record) = record::newest(kind)? {
            replace(&readme, kind, &format!("{}\n{}", waiting_table(&record), origin(&record)))?;
        }
    }
    if let Some(record) = record::newest("growth")? {
        let mut text = String::new();
        for (curve, title, unit) in CURVES {
            let curves = growth(&record, curve);
            let name = format!("growth-{curve}.svg");
            chart::curves(&charts.join(&name), title, unit, &curves)?;
            text.push_str(&format!("![{title}](charts/{name})\n\n{}\n", growth_table(unit, &curves)));
        }
        replace(&readme, "growth", &format!("{text}{}", origin(&record)))?;
    }
    Ok(())
}

/// Curve, title and unit of the x axis.
const CURVES: [(&str, &str, &str); 4] = [
    ("calls", "One execution by number of calls in a row", "calls"),
    ("payload", "One execution by bytes of a tool's answer", "bytes"),
    ("tools", "return 1 + 1 by number of tools", "tools"),
    ("program", "One execution by bytes of program", "bytes"),
];

fn origin(record: &Record) -> String {
    let machine = |field: &str| record.machine[field].as_str().unwrap_or("unknown").to_owned();
    let engines = record.drivers.as_array().into_iter().flatten();
    let engines: Vec<_> = engines.filter_map(|driver| driver["engine"].as_str()).collect();
    format!(
        "Measured {} at commit {} on {} cores of {} ({}, load {} afterwards); {}.\n",
        record.date,
        record.commit,
        record.machine["cores"],
        machine("cpu"),
        machine("system"),
        machine("load"),
        engines.join("; ")
    )
}

/// How much the machine did besides: the harness's own measure.
fn contention(record: &Record) -> String {
    let line = record.results.iter().find(|line| line["workload"] == "SPIN");
    let note = line.and_then(|line| line["note"].as_str()).unwrap_or_default();
    let note = note.split(';').take(2).collect::<Vec<_>>().join(";");
    if note.is_empty() { note } else { format!("How busy the machine was: {note}.\n") }
}

/// What one sandbox did: workload to what is shown of it.
struct PeerRow {
    name: String,
    ours: bool,
    cells: BTreeMap<String, Cell>,
}

enum Cell {
    Measured(f64),
    Failed,
}

/// Workload, heading, and how a result line becomes the number that is shown.
type Column = (&'static str, &'static str, fn(&Value) -> Option<f64>);

const COLUMNS: [Column; 11] = [
    ("W1", "start", ms),
    ("W2", "1 call", ms),
    ("W3", "100 calls at once", ms),
    ("W3D", "100 × 5 ms at once", ms),
    ("W4", "1,000 calls in a row", ms),
    ("W5", "compute", ms),
    ("W5J", "JSON", ms),
    ("W6", "5 MB in and out", ms),
    ("W7", "top products", ms),
    ("W8", "64 in flight, per s", |line| line["throughput_per_s"].as_f64()),
    ("MEM", "KiB each", |line| line["kb_per_sandbox"].as_f64()),
];

fn ms(line: &Value) -> Option<f64> {
    line["median_us"].as_f64().map(|us| us / 1e3)
}

fn peer_rows(record: &Record) -> Vec<PeerRow> {
    let mut rows: Vec<PeerRow> = Vec::new();
    for line in &record.results {
        let text = |field: &str| line[field].as_str().unwrap_or_default();
        let Some((workload, _, number)) = COLUMNS.iter().find(|column| column.0 == text("workload")) else { continue };
        let cell = number(line).map_or(Cell::Failed, Cell::Measured);
        let at = rows.iter().position(|row| row.name == text("peer")).unwrap_or_else(|| {
            let (name, ours) = (text("peer").to_owned(), text("peer").starts_with("ours-"));
            rows.push(PeerRow { name, ours, cells: BTreeMap::new() });
            rows.len() - 1
        });
        if let Some(row) = rows.get_mut(at) {
            row.cells.insert((*workload).to_owned(), cell);
        }
    }
    rows.sort_by_key(|row| !row.ours);
    rows
}

fn shown_name(row: &PeerRow) -> String {
    row.name.strip_prefix("ours-").map_or_else(|| row.name.clone(), |driver| format!("codemode {driver}"))
}

fn peer_table(rows: &[PeerRow]) -> String {
    let heads: Vec<&str> = COLUMNS.iter().map(|column| column.1).collect();
    let mut table = format!("| | {} |\n|---|{}\n", heads.join(" | "), "---:|".repeat(heads.len()));
    for row in rows {
        let cells: Vec<String> = COLUMNS
            .iter()
            .map(|(workload, ..)| match row.cells.get(*workload) {
                Some(Cell::Measured(value)) => short(*value),
                Some(Cell::Failed) => "fails".into(),
                None => "–".into(),
            })
            .collect();
        let name = if row.ours { format!("**{}**", shown_name(row)) } else { shown_name(row) };
        table.push_str(&format!("| {name} | {} |\n", cells.join(" | ")));
    }
    table
}

fn peer_bars(rows: &[PeerRow]) -> Vec<Bars> {
    let group = |(workload, heading, _): &Column| {
        let mut bars: Vec<(String, f64, bool)> = rows
            .iter()
            .filter_map(|row| match row.cells.get(*workload) {
                Some(Cell::Measured(value)) => Some((shown_name(row), *value, row.ours)),
                _ => None,
            })
            .collect();
        bars.sort_by(|a, b| a.1.total_cmp(&b.1));
        Bars { title: (*heading).to_owned(), unit: "milliseconds, median; shorter is better".into(), bars }
    };
    COLUMNS.iter().filter(|column| ["W1", "W3", "W4", "W7"].contains(&column.0)).map(group).collect()
}

/// A row for each model and size, a column for each driver.
fn driver_table(record: &Record) -> String {
    let mut rows: BTreeMap<String, BTreeMap<String, f64>> = BTreeMap::new();
    let mut drivers: Vec<String> = Vec::new();
    for result in &record.results {
        let Some((model, driver)) = result["id"].as_str().and_then(|id| id.rsplit_once('/')) else { continue };
        let Some(ms) = ms(result) else { continue };
        if !drivers.iter().any(|known| known == driver) {
            drivers.push(driver.to_owned());
        }
        rows.entry(model.to_owned()).or_default().insert(driver.to_owned(), ms);
    }
    let mut table =
        format!("| milliseconds, median | {} |\n|---|{}\n", drivers.join(" | "), "---:|".repeat(drivers.len()));
    for (model, values) in rows {
        let cells: Vec<String> =
            drivers.iter().map(|driver| values.get(driver).map_or_else(|| "–".into(), |ms| short(*ms))).collect();
        table.push_str(&format!("| {model} | {} |\n", cells.join(" | ")));
    }
    table
}

fn waiting_table(record: &Record) -> String {
    let mut table =
        "| driver | executions | KiB each | threads of the process | all wait after, ms | all done after, ms |\n|---|---:|---:|---:|---:|---:|\n"
            .to_owned();
    for result in &record.results {
        let number = |field: &str| result[field].as_f64().map_or_else(|| "–".into(), short);
        table.push_str(&format!(
            "| {} | {} | {} | {} | {} | {} |\n",
            result["driver"].as_str().unwrap_or_default(),
            number("executions"),
            number("kib_per_execution"),
            number("threads"),
            number("all_wait_after_ms"),
            number("all_done_after_ms"),
        ));
    }
    table
}

/// The curves of all drivers, in milliseconds.
fn growth(record: &Record, curve: &str) -> Vec<Curve> {
    let of_curve = record.results.iter().filter(|result| result["curve"] == curve);
    let point = |point: &Value| Some((point[0].as_f64()?, point[1].as_f64()? / 1e3));
    of_curve
        .map(|result| {
            let name = result["driver"].as_str().unwrap_or_default().to_owned();
            (name, result["points"].as_array().into_iter().flatten().filter_map(point).collect())
        })
        .collect()
}

fn growth_table(unit: &str, curves: &[Curve]) -> String {
    let Some((_, longest)) = curves.iter().max_by_key(|(_, points)| points.len()) else { return String::new() };
    let sizes: Vec<String> = longest.iter().map(|(size, _)| short(*size)).collect();
    let mut table = format!("| {unit} | {} |\n|---|{}\n", sizes.join(" | "), "---:|".repeat(sizes.len()));
    for (name, points) in curves {
        let cells: Vec<String> = points.iter().map(|(_, ms)| format!("{} ms", short(*ms))).collect();
        table.push_str(&format!("| {name} | {} |\n", cells.join(" | ")));
    }
    table
}

fn replace(file: &Path, kind: &str, text: &str) -> Result<(), String> {
    let at = |problem: &dyn std::fmt::Display| format!("{}: {problem}", file.display());
    let page = fs::read_to_string(file).map_err(|error| at(&error))?;
    let page = between(&page, &format!("<!-- bench:{kind} -->"), text).map_err(|problem| at(&problem))?;
    fs::write(file, page).map_err(|error| at(&error))
}

/// The page with `text` between `begin` and the end mark that follows it.
fn between(page: &str, begin: &str, text: &str) -> Result<String, String> {
    let end = "<!-- bench:end -->";
    let (before, rest) = page.split_once(begin).ok_or_else(|| format!("there is no {begin}"))?;
    let (_, after) = rest.split_once(end).ok_or_else(|| format!("there is no {end} after {begin}"))?;
    Ok(format!("{before}{begin}\n{text}{end}{after}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn text_goes_between_its_marks_and_nowhere_else() {
        let page = "a\n<!-- bench:x -->\nold\n<!-- bench:end -->\nb\n";
        let changed = between(page, "<!-- bench:x -->", "new\n").expect("the marks are there");
        assert_eq!(changed, "a\n<!-- bench:x -->\nnew\n<!-- bench:end -->\nb\n");
        assert_eq!(between(&changed, "<!-- bench:x -->", "old\n").as_deref(), Ok(page));
        assert!(between(page, "<!-- bench:y -->", "").is_err());
    }

    #[test]
    fn failures_and_gaps_of_others_are_shown_as_such() {
        let line =
            |peer: &str, workload: &str, us: Value| json!({ "peer": peer, "workload": workload, "median_us": us });
        let record = Record {
            date: String::new(),
            commit: String::new(),
            machine: Value::Null,
            rustc: String::new(),
            drivers: Value::Null,
            results: vec![
                line("other", "W1", json!(2_000.0)),
                line("other", "W4", Value::Null),
                line("ours-quickjs", "W1", json!(100.0)),
                line("calibration", "SPIN", json!(1.0)),
            ],
        };
        let rows = peer_rows(&record);
        let table = peer_table(&rows);
        let lines: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(lines[0], "| **codemode quickjs** | 0.1 | – | – | – | – | – | – | – | – | – | – |");
        assert_eq!(lines[1], "| other | 2 | – | – | – | fails | – | – | – | – | – | – |");
        assert_eq!(lines.len(), 2);
        assert_eq!(peer_bars(&rows)[0].bars.iter().map(|bar| bar.1).collect::<Vec<_>>(), [0.1, 2.0]);
    }
}
