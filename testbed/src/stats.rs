//! Envoy's metrics, out of its Prometheus text.

use std::collections::BTreeMap;

/// One time series' value.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The metric's name; histograms come as their `_bucket`, `_sum` and `_count`.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its value.
    pub value: f64,
}

/// All metrics of one Envoy at one moment.
#[derive(Debug, Clone, Default)]
pub struct Stats(Vec<Sample>);

impl Stats {
    /// Reads the Prometheus text format; a line that is none is left out.
    pub fn parse(text: &str) -> Self {
        Self(
            text.lines()
                .filter(|line| !line.starts_with('#'))
                .filter_map(sample)
                .collect(),
        )
    }

    /// Every sample.
    pub fn samples(&self) -> &[Sample] {
        &self.0
    }

    /// The samples of `name` that have all of `labels`.
    pub fn find<'a>(
        &'a self,
        name: &'a str,
        labels: &'a [(&'a str, &'a str)],
    ) -> impl Iterator<Item = &'a Sample> {
        self.0.iter().filter(move |sample| {
            sample.name == name
                && labels.iter().all(|(label, value)| {
                    sample
                        .labels
                        .get(*label)
                        .is_some_and(|found| found == value)
                })
        })
    }

    /// The sum of the samples of `name` that have all of `labels`; 0 if there are none.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.find(name, labels).map(|sample| sample.value).sum()
    }
}

fn sample(line: &str) -> Option<Sample> {
    let (name, rest) = match line.find(['{', ' ']) {
        Some(end) => line.split_at(end),
        None => return None,
    };
    let mut labels = BTreeMap::new();
    let value = match rest.strip_prefix('{') {
        None => rest,
        Some(mut rest) => loop {
            rest = rest.trim_start_matches(',');
            if let Some(value) = rest.strip_prefix('}') {
                break value;
            }
            let (label, after) = rest.split_once("=\"")?;
            let (content, after) = quoted(after)?;
            labels.insert(label.to_owned(), content);
            rest = after;
        },
    };
    let value = value.split_whitespace().next()?.parse().ok()?;
    Some(Sample {
        name: name.to_owned(),
        labels,
        value,
    })
}

/// Reads up to the closing quote and undoes the escapes.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut content = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((content, &text[at + 1..])),
            '\\' => match characters.next()?.1 {
                'n' => content.push('\n'),
                other => content.push(other),
            },
            other => content.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_labels_whose_values_hold_the_formats_own_signs() {
        let text = "# TYPE a counter\na{x=\"1,}\",y=\"q\\\"\\\\\\n\"} 2\na{x=\"2\",} 3\nb 4 1700\n";
        let stats = Stats::parse(text);
        assert_eq!(stats.samples().len(), 3);
        assert_eq!(stats.sum("a", &[("x", "1,}"), ("y", "q\"\\\n")]), 2.0);
        assert_eq!(stats.sum("a", &[]), 5.0);
        assert_eq!(stats.sum("b", &[]), 4.0);
        assert_eq!(stats.sum("c", &[]), 0.0);
    }
}
