//! Durations and sizes as people write them on a command line. A number without a unit is a size in bytes and never a
//! duration: nobody agrees whether `--timeout 30` means seconds.

use std::{str::FromStr, time::Duration};

/// Reads `500ms`, `1.5s`, `30s`, `2m` or `1h`.
///
/// # Errors
/// What is wrong, with the accepted forms.
pub fn duration(text: &str) -> Result<Duration, String> {
    let forms = "give a number and a unit: 500ms, 30s, 2m or 1h";
    let (number, unit) = split(text).ok_or_else(|| forms.to_owned())?;
    let seconds = match unit {
        "ms" => number / 1e3,
        "s" => number,
        "m" => number * 60.0,
        "h" => number * 3600.0,
        "" => return Err(format!("the unit is missing; {forms}")),
        unit => return Err(format!("there is no unit {unit:?}; {forms}")),
    };
    Duration::try_from_secs_f64(seconds).map_err(|_| format!("that is too long; {forms}"))
}

/// Reads `134217728`, `512KiB`, `128MiB`, `64MB` or `1GiB`.
///
/// # Errors
/// What is wrong, with the accepted forms.
pub fn bytes(text: &str) -> Result<usize, String> {
    let forms = "give a number of bytes, or a number and a unit: 128MiB, 1GiB, 64MB, 512KiB";
    let (number, unit) = split(text).ok_or_else(|| forms.to_owned())?;
    let factor: f64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "kib" => 1024.0,
        "mib" => 1024.0 * 1024.0,
        "gib" => 1024.0 * 1024.0 * 1024.0,
        _ => return Err(format!("there is no unit {unit:?}; {forms}")),
    };
    let bytes = number * factor;
    // 2^53: beyond it a float no longer counts in ones, and no machine has that much memory.
    if bytes > 9_007_199_254_740_992.0 {
        return Err(format!("that is too large; {forms}"));
    }
    if bytes.fract() != 0.0 {
        return Err(format!("that is not a whole number of bytes; {forms}"));
    }
    // Whole, not negative and below 2^53; on a 32-bit machine `as` saturates, which the limits then refuse.
    Ok(bytes as usize)
}

/// Reads a whole number that fits into `T`.
///
/// # Errors
/// What to give instead.
pub fn whole<T: FromStr + Bounded>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("give a whole number from 0 to {}", T::MAX))
}

/// A kind of number with a largest value.
pub trait Bounded {
    const MAX: u64;
}

impl Bounded for u32 {
    const MAX: u64 = u32::MAX as u64;
}

impl Bounded for u64 {
    const MAX: u64 = u64::MAX;
}

/// A decimal number without sign or exponent, and what follows it.
fn split(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    if !number.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let number: f64 = number.parse().ok()?;
    number.is_finite().then_some((number, unit.trim_start()))
}

/// A duration for people: `0.8 ms`, `12 ms`, `3.4 s`, `2 min 5 s`.
pub fn format_duration(duration: Duration) -> String {
    let ms = duration.as_secs_f64() * 1e3;
    if ms < 10.0 {
        format!("{ms:.1} ms")
    } else if ms < 1_000.0 {
        format!("{ms:.0} ms")
    } else if ms < 60_000.0 {
        format!("{:.1} s", ms / 1e3)
    } else {
        format!("{} min {} s", duration.as_secs() / 60, duration.as_secs() % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit() {
        for (text, ms) in
            [("500ms", 500), ("30s", 30_000), ("2m", 120_000), ("1h", 3_600_000), ("1.5s", 1_500), ("2 m", 120_000)]
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "30", "s", "-1s", "1d", "1e3s", "1.2.3s", "∞s", "99999999999999999999999h", "3M"] {
            let error = duration(text).expect_err(text);
            assert!(error.contains("500ms, 30s, 2m or 1h"), "{text}: {error}");
        }
    }

    #[test]
    fn sizes_know_both_kinds_of_mega() {
        for (text, size) in [
            ("0", 0),
            ("17", 17),
            ("1KiB", 1024),
            ("128MiB", 128 << 20),
            ("64MB", 64_000_000),
            ("1.5GiB", 3 << 29),
            ("1gib", 1 << 30),
            ("5 B", 5),
        ] {
            assert_eq!(bytes(text), Ok(size), "{text}");
        }
        for text in ["", "MiB", "-1", "128M", "1.5", "1e9", "99999999999999GiB", "12 parsecs", "0x10"] {
            let error = bytes(text).expect_err(text);
            assert!(error.contains("128MiB"), "{text}: {error}");
        }
    }

    #[test]
    fn people_read_short_durations() {
        assert_eq!(format_duration(Duration::from_micros(840)), "0.8 ms");
        assert_eq!(format_duration(Duration::from_secs(125)), "2 min 5 s");
    }
}
