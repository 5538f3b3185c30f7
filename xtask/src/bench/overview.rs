//! The README's table of drivers: what each says of itself, what the suite came to, and what was measured.

use std::{collections::BTreeMap, fs};

use serde_json::Value;
use toml_edit::DocumentMut;

use super::{
    chart::short,
    record::{self, Record},
};
use crate::{
    conformance::{self, Held},
    places::root,
};

/// The table and where its figures come from; nothing where no run of the suite was recorded.
pub fn overview() -> Result<Option<String>, String> {
    let held = conformance::newest()?;
    if held.is_empty() {
        return Ok(None);
    }
    let figures = [
        Figures::newest("start, ms", [("drivers", start), ("peers", peer_start)])?,
        Figures::newest("KiB each", [("memory", memory), ("peers", peer_memory)])?,
    ];
    let figures: Vec<Figures> = figures.into_iter().flatten().collect();
    Ok(Some(format!("{}\n{}", table(&held, &default_driver()?, &figures), origin(&held, &figures))))
}

/// A column of numbers, by driver, all of one record.
struct Figures {
    heading: &'static str,
    date: String,
    by_driver: BTreeMap<String, f64>,
}

/// The driver and its number in one line of a record's results.
type Read = fn(&Value) -> Option<(&str, f64)>;

impl Figures {
    /// From the first kind of record that has any.
    fn newest(heading: &'static str, kinds: [(&str, Read); 2]) -> Result<Option<Self>, String> {
        for (kind, read) in kinds {
            let Some(Record { date, results, .. }) = record::newest(kind)? else { continue };
            let by_driver: BTreeMap<_, _> =
                results.iter().filter_map(read).map(|(driver, number)| (driver.to_owned(), number)).collect();
            if !by_driver.is_empty() {
                return Ok(Some(Self { heading, date, by_driver }));
            }
        }
        Ok(None)
    }
}

fn start(result: &Value) -> Option<(&str, f64)> {
    Some((result["id"].as_str()?.strip_prefix("first/1/")?, result["median_us"].as_f64()? / 1e3))
}

fn memory(result: &Value) -> Option<(&str, f64)> {
    Some((result["driver"].as_str()?, result["kib_per_execution"].as_f64()?))
}

fn peer_start(line: &Value) -> Option<(&str, f64)> {
    Some((ours(line, "W1")?, line["median_us"].as_f64()? / 1e3))
}

fn peer_memory(line: &Value) -> Option<(&str, f64)> {
    Some((ours(line, "MEM")?, line["kb_per_sandbox"].as_f64()?))
}

fn ours<'a>(line: &'a Value, workload: &str) -> Option<&'a str> {
    line["peer"].as_str()?.strip_prefix("ours-").filter(|_| line["workload"] == workload)
}

fn default_driver() -> Result<String, String> {
    let file = root().join("codemode").join("Cargo.toml");
    let problem = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let manifest: DocumentMut =
        fs::read_to_string(&file).map_err(|error| problem(&error))?.parse().map_err(|error| problem(&error))?;
    let default = manifest["features"]["default"].as_array().and_then(|all| all.get(0)?.as_str());
    default.map(str::to_owned).ok_or_else(|| problem(&"it has no default feature"))
}

fn table(held: &BTreeMap<String, Held>, default: &str, figures: &[Figures]) -> String {
    let heads: Vec<&str> = figures.iter().map(|figures| figures.heading).collect();
    let heads: String = heads.iter().map(|heading| format!(" {heading} |")).collect();
    let mut table = format!(
        "| driver | engine | isolation | endless code | memory | cases |{heads}\n|---|---|---|---|---|---|{}\n",
        "---:|".repeat(figures.len())
    );
    let mut rows: Vec<(&String, &Held)> = held.iter().collect();
    rows.sort_by_key(|(name, _)| *name != default);
    for (name, held) in rows {
        let shown = if name == default {
            format!("[`{name}`](driver-{name}/README.md) (default)")
        } else {
            format!("[`{name}`](driver-{name}/README.md)")
        };
        let cells: String = figures
            .iter()
            .map(|figures| format!(" {} |", figures.by_driver.get(name).map_or_else(|| "–".into(), |n| short(*n))))
            .collect();
        table.push_str(&format!(
            "| {shown} | {} | {} | {} | {} | {} |{cells}\n",
            held.engine,
            held.isolation,
            held.deadline,
            held.memory,
            cases(name, held)
        ));
    }
    table
}

fn cases(name: &str, Held { cases, gaps, .. }: &Held) -> String {
    let (link, green) = (format!("driver-{name}/tests/known.toml"), cases.saturating_sub(gaps.len()));
    match gaps.len() {
        0 => format!("all {cases}"),
        1 => format!("{green} of {cases}, [1 gap]({link})"),
        many => format!("{green} of {cases}, [{many} gaps]({link})"),
    }
}

fn origin(held: &BTreeMap<String, Held>, figures: &[Figures]) -> String {
    let mut runs: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for (name, held) in held {
        runs.entry((&held.date, &held.commit)).or_default().push(name);
    }
    let runs: Vec<String> = runs
        .iter()
        .map(|((date, commit), names)| format!("{} at commit {commit} of {date}", names.join(", ")))
        .collect();
    let figures: Vec<String> =
        figures.iter().map(|figures| format!("; {} as measured {}", figures.heading, figures.date)).collect();
    format!("Cases: {}{}.\n", runs.join("; "), figures.concat())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn held(cases: usize, gaps: &[&str]) -> Held {
        let fields = ["engine", "deadline", "memory", "isolation"].map(str::to_owned);
        let [engine, deadline, memory, isolation] = fields;
        let gaps = gaps.iter().map(|gap| (*gap).to_owned()).collect();
        Held { date: "2026-01-31".into(), commit: "abc".into(), engine, deadline, memory, isolation, cases, gaps }
    }

    #[test]
    fn the_default_comes_first_and_what_was_not_measured_shows_as_such() {
        let all = BTreeMap::from([("alpha".to_owned(), held(10, &["a::b"])), ("beta".to_owned(), held(10, &[]))]);
        let figures =
            [Figures { heading: "start, ms", date: "2026-01-30".into(), by_driver: [("beta".into(), 0.5)].into() }];
        let table = table(&all, "beta", &figures);
        let rows: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(
            rows,
            [
                "| [`beta`](driver-beta/README.md) (default) | engine | isolation | deadline | memory | all 10 | 0.5 |",
                "| [`alpha`](driver-alpha/README.md) | engine | isolation | deadline | memory | 9 of 10, [1 gap](driver-alpha/tests/known.toml) | – |",
            ]
        );
        let origin = origin(&all, &figures);
        assert_eq!(origin, "Cases: alpha, beta at commit abc of 2026-01-31; start, ms as measured 2026-01-30.\n");
    }

    #[test]
    fn figures_are_read_from_both_kinds_of_record() {
        let line = json!({ "peer": "ours-wasm", "workload": "W1", "median_us": 500.0 });
        assert_eq!(peer_start(&line), Some(("wasm", 0.5)));
        assert_eq!(peer_memory(&line), None);
        assert_eq!(peer_start(&json!({ "peer": "other", "workload": "W1", "median_us": 1 })), None);
        assert_eq!(start(&json!({ "id": "first/1/v8", "median_us": 1450.0 })), Some(("v8", 1.45)));
        assert_eq!(start(&json!({ "id": "calls_serial/1/v8", "median_us": 1450.0 })), None);
    }
}
