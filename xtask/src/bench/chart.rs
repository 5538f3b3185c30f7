//! Charts as SVG files, drawn with plotters: bars of medians, and curves over size.

use std::{fs, ops::Range, path::Path};

use plotters::prelude::*;

/// One row of bars on a logarithmic scale.
pub struct Bars {
    /// Above the bars.
    pub title: String,
    /// Below them.
    pub unit: String,
    /// Name, value, and whether it is ours.
    pub bars: Vec<(String, f64, bool)>,
}

/// Draws the groups side by side, two in a row.
pub fn bars(file: &Path, groups: &[Bars]) -> Result<(), String> {
    let tallest = groups.iter().map(|group| group.bars.len()).max().unwrap_or(1) as u32;
    let (height, rows) = (90 + 22 * tallest, groups.len().div_ceil(2).max(1));
    write(file, (1_000, height * rows as u32), |root| {
        for (area, group) in root.split_evenly((rows, 2)).iter().zip(groups) {
            draw_bars(area, group)?;
        }
        Ok(())
    })
}

/// One line of a chart: a name and its points.
pub type Curve = (String, Vec<(f64, f64)>);

/// Draws curves on two logarithmic scales.
pub fn curves(file: &Path, title: &str, x_unit: &str, curves: &[Curve]) -> Result<(), String> {
    write(file, (640, 380), |root| {
        let points = || curves.iter().flat_map(|(_, points)| points);
        let (x, y) = (around(points().map(|point| point.0)), around(points().map(|point| point.1)));
        let mut chart = ChartBuilder::on(root)
            .caption(title, (FONT, 17))
            .margin(12)
            .margin_right(24)
            .set_label_area_size(LabelAreaPosition::Left, 64)
            .set_label_area_size(LabelAreaPosition::Bottom, 40)
            .build_cartesian_2d(x.log_scale(), y.log_scale())?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .x_desc(x_unit)
            .y_desc("milliseconds")
            .label_style((FONT, 13))
            .x_label_formatter(&|x| short(*x))
            .y_label_formatter(&|y| short(*y))
            .draw()?;
        for (i, (name, points)) in curves.iter().enumerate() {
            let color = Palette99::pick(i).to_rgba();
            chart
                .draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(2)).point_size(3))?
                .label(name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color.stroke_width(2)));
        }
        chart.configure_series_labels().position(SeriesLabelPosition::UpperLeft).label_font((FONT, 13)).draw()?;
        Ok(())
    })
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

fn write(file: &Path, size: (u32, u32), draw: impl FnOnce(&Area<'_>) -> Drawn) -> Result<(), String> {
    let mut svg = String::new();
    let drawn = {
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        // White, since a reader's page may be dark and the text is not.
        root.fill(&WHITE).map_err(Into::into).and_then(|()| draw(&root)).and_then(|()| Ok(root.present()?))
    };
    drawn.map_err(|error| format!("{}: {error}", file.display()))?;
    fs::write(file, svg).map_err(|error| format!("{}: {error}", file.display()))
}

fn draw_bars(area: &Area<'_>, group: &Bars) -> Drawn {
    let range = around(group.bars.iter().map(|bar| bar.1));
    let (low, count) = (range.start, group.bars.len());
    let name = |i: usize| group.bars.get(count - 1 - i).map_or("", |bar| bar.0.as_str());
    let mut chart = ChartBuilder::on(area)
        .caption(&group.title, (FONT, 16))
        .margin(8)
        .margin_right(40)
        .set_label_area_size(LabelAreaPosition::Left, 150)
        .set_label_area_size(LabelAreaPosition::Bottom, 34)
        .build_cartesian_2d(range.log_scale(), (0..count.saturating_sub(1)).into_segmented())?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc(&group.unit)
        .label_style((FONT, 12))
        .y_labels(count)
        .x_label_formatter(&|x| short(*x))
        .y_label_formatter(&|y| match y {
            SegmentValue::CenterOf(i) => name(*i).to_owned(),
            _ => String::new(),
        })
        .draw()?;
    for (i, (_, value, ours)) in group.bars.iter().rev().enumerate() {
        let color = if *ours { OURS } else { OTHERS };
        let corners = [(low, SegmentValue::Exact(i)), (*value, SegmentValue::Exact(i + 1))];
        let mut bar = Rectangle::new(corners, color.filled());
        bar.set_margin(3, 3, 0, 0);
        chart.draw_series([bar])?;
        let label =
            EmptyElement::at((*value, SegmentValue::CenterOf(i))) + Text::new(short(*value), (4, -6), (FONT, 12));
        chart.draw_series([label])?;
    }
    Ok(())
}

/// Powers of ten around all values that have a place on a logarithmic scale.
fn around(values: impl Iterator<Item = f64>) -> Range<f64> {
    let (low, high) = values
        .filter(|value| *value > 0.0)
        .fold((f64::INFINITY, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
    if low > high {
        return 0.1..1.0;
    }
    let power = |value: f64, round: fn(f64) -> f64| 10_f64.powf(round(value.log10()));
    let (low, high) = (power(low, f64::floor), power(high, f64::ceil));
    if low < high { low..high } else { low..low * 10.0 }
}

/// Three digits, and k or M for thousands and millions.
pub fn short(value: f64) -> String {
    let (value, unit) = match value {
        value if value >= 1e6 => (value / 1e6, "M"),
        value if value >= 1e4 => (value / 1e3, "k"),
        value => (value, ""),
    };
    let digits = [99.5, 9.95, 0.0995].iter().take_while(|least| value < **least).count();
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "0" && value > 0.0 { format!("{value:.0e}{unit}") } else { format!("{text}{unit}") }
}

const FONT: &str = "sans-serif";
const OURS: RGBColor = RGBColor(30, 110, 190);
const OTHERS: RGBColor = RGBColor(185, 190, 198);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (0.05, "0.05"),
            (1.0, "1"),
            (1.204, "1.2"),
            (12.34, "12.3"),
            (402.0, "402"),
            (29_690.0, "29.7k"),
            (0.0061, "0.006"),
            (0.0001, "1e-4"),
            (2e6, "2M"),
        ] {
            assert_eq!(short(value), text);
        }
    }

    #[test]
    fn a_chart_shows_every_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("bars.svg");
        let bars_of = |title: &str| Bars {
            title: title.into(),
            unit: "ms".into(),
            bars: vec![("ours".into(), 0.2, true), ("theirs".into(), 19.0, false)],
        };
        bars(&file, &[bars_of("one"), bars_of("two")]).expect("it is drawn");
        let svg = fs::read_to_string(&file).expect("it was written");
        for name in ["ours", "theirs", "one", "two"] {
            assert!(svg.contains(name), "{name}");
        }
        curves(&file, "growth", "calls", &[("quickjs".into(), vec![(1.0, 0.1), (100.0, 9.0)])]).expect("it is drawn");
        assert!(fs::read_to_string(&file).expect("it was written").contains("quickjs"));
    }
}
