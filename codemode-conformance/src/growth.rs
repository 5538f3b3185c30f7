//! What generated programs grow from: the numbers of a seed, and templates by section.

use std::collections::BTreeMap;

/// Lines by section.
pub(crate) type Sections = BTreeMap<String, Vec<String>>;

/// Adds the lines of a file of templates: `== name` begins a section, `-- ` a remark.
pub(crate) fn add_templates(sections: &mut Sections, text: &str) {
    let mut section = "";
    for line in text.lines() {
        match line.strip_prefix("== ") {
            Some(name) => section = name,
            None if line.is_empty() || line.starts_with("-- ") => {}
            None => sections.entry(section.to_owned()).or_default().push(line.to_owned()),
        }
    }
}

/// Numbers that follow from a seed (splitmix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// From 0 to below `end`; 0 when there is nothing below.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % (end.max(1) as u64)).unwrap_or(0)
    }

    /// A line of a section; `undefined` where there is none.
    pub(crate) fn pick(&mut self, sections: &'static Sections, section: &str) -> &'static str {
        let lines = sections.get(section).map_or(&[][..], Vec::as_slice);
        lines.get(self.below(lines.len())).map_or("undefined", String::as_str)
    }
}
