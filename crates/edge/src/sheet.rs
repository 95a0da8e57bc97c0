//! Metrics as Prometheus reads them (text format 0.0.4).

use std::fmt::Write as _;

/// The media type of the format.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Metrics that are written down, one below the other. A name is preceded by the program's.
#[derive(Debug, Clone)]
pub struct Sheet {
    prefix: &'static str,
    text: String,
}

impl Sheet {
    /// The media type of what is written.
    pub const CONTENT_TYPE: &str = CONTENT_TYPE;

    /// Of a program: `stockade_bot_` stands before each of its names.
    #[must_use]
    pub const fn new(prefix: &'static str) -> Self {
        Self { prefix, text: String::new() }
    }

    /// A metric with one value and no labels.
    pub fn one(&mut self, name: &str, kind: &str, help: &str, value: &str) {
        self.head(name, kind, help);
        self.sample(name, &[], value);
    }

    /// What a metric is; its samples follow.
    pub fn head(&mut self, name: &str, kind: &str, help: &str) {
        let prefix = self.prefix;
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        let _ = write!(self.text, "# HELP {prefix}{name} {help}\n# TYPE {prefix}{name} {kind}\n");
    }

    /// A value of a metric. One that is no number is left out.
    pub fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: &str) {
        if value.parse::<f64>().is_err() {
            return;
        }
        let label = |(name, value): &(&str, &str)| {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            format!("{name}=\"{value}\"")
        };
        let labels: Vec<String> = labels.iter().map(label).collect();
        let labels =
            if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.text, "{}{name}{labels} {value}", self.prefix);
    }

    /// A histogram's samples: how many were no larger than each bound, all of them, and their sum.
    /// `counts` has one more entry than `bounds`: what was larger than all.
    pub fn histogram(
        &mut self,
        name: &str,
        labels: &[(&str, &str)],
        (bounds, counts): (&[f64], &[u64]),
        sum: f64,
    ) {
        let mut below = 0_u64;
        let bounds = bounds.iter().map(f64::to_string).chain(["+Inf".to_owned()]);
        let bucket = format!("{name}_bucket");
        for (bound, count) in bounds.zip(counts) {
            below += count;
            let mut all = labels.to_vec();
            all.push(("le", &bound));
            self.sample(&bucket, &all, &below.to_string());
        }
        self.sample(&format!("{name}_sum"), labels, &sum.to_string());
        self.sample(&format!("{name}_count"), labels, &below.to_string());
    }

    /// All that was written.
    #[must_use]
    pub fn into_text(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_the_format_has() {
        let mut sheet = Sheet::new("x_");
        sheet.one("up", "gauge", "A \\ and\nanother line.", "1");
        sheet.head("told", "gauge", "By whom.");
        sheet.sample("told", &[("by", "a \"b\"\\\n")], "2.5");
        sheet.sample("told", &[], "not known");
        sheet.head("took_seconds", "histogram", "How long.");
        sheet.histogram("took_seconds", &[("of", "y")], (&[0.5, 1.0], &[2, 1, 1]), 7.25);
        let want = "# HELP x_up A \\\\ and\\nanother line.\n# TYPE x_up gauge\nx_up 1\n\
            # HELP x_told By whom.\n# TYPE x_told gauge\nx_told{by=\"a \\\"b\\\"\\\\\\n\"} 2.5\n\
            # HELP x_took_seconds How long.\n# TYPE x_took_seconds histogram\n\
            x_took_seconds_bucket{of=\"y\",le=\"0.5\"} 2\n\
            x_took_seconds_bucket{of=\"y\",le=\"1\"} 3\n\
            x_took_seconds_bucket{of=\"y\",le=\"+Inf\"} 4\n\
            x_took_seconds_sum{of=\"y\"} 7.25\nx_took_seconds_count{of=\"y\"} 4\n";
        assert_eq!(sheet.into_text(), want);
    }
}
