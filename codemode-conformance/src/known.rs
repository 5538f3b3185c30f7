//! The gaps of a driver: cases that it is known to fail, each with the reason. They run all the same and must fail.

use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KnownFile {
    #[serde(default, rename = "gap")]
    gaps: Vec<Gap>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Gap {
    /// `area::name`
    case: String,
    reason: String,
}

/// Reads the text of a known.toml: the reason of each gap by its case.
pub(crate) fn parse(text: &str) -> Result<BTreeMap<String, String>, String> {
    let file: KnownFile = toml::from_str(text).map_err(|e| format!("known.toml: {e}"))?;
    let mut gaps = BTreeMap::new();
    for Gap { case, reason } in file.gaps {
        if reason.trim().is_empty() {
            return Err(format!("known.toml: the gap {case} gives no reason"));
        }
        if gaps.insert(case.clone(), reason).is_some() {
            return Err(format!("known.toml: the gap {case} is listed twice"));
        }
    }
    Ok(gaps)
}
