//! A scenario as a picture: Landbridge on the left, Envoy on the right; above, where the requests of
//! the victim's region go, below, what each cluster gets of what it can answer. Colours are of
//! middling brightness and there is no ground, so that it can be read on white and on black.

use std::fmt::Write;

use crate::geography::cluster_name;
use crate::record::{Record, Second};
use crate::run::Variant;
use crate::{Outcome, Result, problem};

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 560.0;
const PANEL: (f64, f64) = (400.0, 190.0);
const LEFT: f64 = 52.0;
const TOP: f64 = 74.0;
/// From one panel to the next.
const ACROSS: f64 = 470.0;
const DOWN: f64 = 246.0;
const INK: &str = "#7d8590";
const VICTIM: &str = "#d1443c";
/// For the clusters that get most; the others are grey.
const COLOURS: [&str; 6] = [
    "#3b82d6", "#d9772b", "#4a9e5c", "#8a63c9", "#c2a01f", "#2a9d9d",
];
const SIDES: [Variant; 2] = [Variant::Probes, Variant::Istio(100)];
/// The highest load that is drawn.
const HIGHEST: f64 = 3.0;

/// One panel: where its corner is, and what its axes span.
struct Panel {
    x: f64,
    y: f64,
    seconds: f64,
    most: f64,
}

impl Panel {
    fn at(&self, second: f64, value: f64) -> (f64, f64) {
        let (width, height) = PANEL;
        let up = (value / self.most).min(1.0) * height;
        (self.x + second / self.seconds * width, self.y + height - up)
    }

    fn frame(&self, out: &mut String, marks: &[(f64, String)], times: [f64; 2]) -> Result<()> {
        let (width, height) = PANEL;
        let [falls, rises] = times.map(|time| self.at(time, 0.0).0);
        writeln!(
            out,
            "<rect x=\"{falls:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height}\" \
             fill=\"{INK}\" fill-opacity=\".13\"/>",
            self.y,
            rises - falls,
        )?;
        for (value, label) in marks {
            let (_, y) = self.at(0.0, *value);
            writeln!(
                out,
                "<path d=\"M{:.1} {y:.1}h{width}\" stroke=\"{INK}\" stroke-opacity=\".35\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
                self.x,
                self.x - 6.0,
                y + 4.0,
            )?;
        }
        let mut second = 0.0;
        while second <= self.seconds {
            let (x, y) = self.at(second, 0.0);
            writeln!(
                out,
                "<path d=\"M{x:.1} {y:.1}v4\" stroke=\"{INK}\"/>\
                 <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{second:.0} s</text>",
                y + 18.0,
            )?;
            second += (self.seconds / 6.0).max(1.0);
        }
        Ok(())
    }

    /// A line, broken where there is no value.
    fn line(&self, out: &mut String, colour: &str, values: &[Option<f64>]) -> Result<()> {
        let mut path = String::new();
        let mut pen_is_down = false;
        for (second, value) in values.iter().enumerate() {
            let Some(value) = value else {
                pen_is_down = false;
                continue;
            };
            let (x, y) = self.at(second as f64, *value);
            write!(path, "{}{x:.1} {y:.1}", if pen_is_down { "L" } else { "M" })?;
            pen_is_down = true;
        }
        if !path.is_empty() {
            writeln!(
                out,
                "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.8\" \
                 stroke-linejoin=\"round\"/>"
            )?;
        }
        Ok(())
    }
}

pub fn svg(outcome: &Outcome) -> Result<String> {
    let plan = &outcome.plan;
    let weather = plan.weather();
    let victim = weather.victim;
    let record = |variant: Variant| -> Result<&Record> {
        let mut runs = outcome.runs.iter();
        let run = runs.find(|run| run.0 == variant);
        run.map(|run| &run.1)
            .ok_or_else(|| problem("a run is missing"))
    };
    let records = [record(SIDES[0])?, record(SIDES[1])?];
    let colours = colours(plan.regions, victim, &records);
    let times = [weather.falls, weather.rises].map(|at| at as f64 / 1000.0);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"12\" fill=\"{INK}\" role=\"img\">\n\
         <title>{}: shares and loads over time</title>\n",
        plan.scenario.name()
    );
    let loads = records.iter().flat_map(|record| &record.seconds);
    let loads = loads.flat_map(|second| (0..plan.regions).filter_map(|c| second.load(c)));
    let most = (loads.fold(1.0, f64::max) * 1.05).min(HIGHEST);
    for (side, (variant, record)) in SIDES.iter().zip(records).enumerate() {
        let x = LEFT + side as f64 * ACROSS;
        let seconds = record.seconds.len() as f64;
        let name = variant.name();
        writeln!(
            out,
            "<text x=\"{x}\" y=\"20\" font-size=\"15\" font-weight=\"600\">{name}</text>\n\
             <text x=\"{x}\" y=\"{:.1}\">where the requests of the region go that is hit</text>\n\
             <text x=\"{x}\" y=\"{:.1}\">load of each cluster, by its capacity</text>",
            TOP - 12.0,
            TOP + DOWN - 12.0,
        )?;
        let share = Panel {
            x,
            y: TOP,
            seconds,
            most: 100.0,
        };
        let marks = [0.0, 50.0, 100.0].map(|p| (p, format!("{p:.0} %")));
        share.frame(&mut out, &marks, times)?;
        let load = Panel {
            y: TOP + DOWN,
            most,
            ..share
        };
        let whole = (0..=most as u32).map(f64::from);
        let marks: Vec<_> = whole.map(|v| (v, format!("{v:.0}"))).collect();
        load.frame(&mut out, &marks, times)?;
        for (cluster, colour) in &colours {
            let of = |value: &dyn Fn(&Second) -> Option<f64>| -> Vec<_> {
                record.seconds.iter().map(value).collect()
            };
            share.line(&mut out, colour, &of(&|s| Some(s.share(victim, *cluster))))?;
            load.line(&mut out, colour, &of(&|s| s.load(*cluster)))?;
        }
    }
    legend(&mut out, &colours, victim)?;
    out.push_str("</svg>\n");
    Ok(out)
}

/// Each cluster's colour, in the order in which they are drawn: what matters is drawn last.
fn colours(regions: usize, victim: usize, records: &[&Record]) -> Vec<(usize, &'static str)> {
    let got = |cluster: usize| -> u64 {
        let seconds = records.iter().flat_map(|record| &record.seconds);
        seconds
            .map(|second| u64::from(second.went[victim][cluster]))
            .sum()
    };
    let mut others: Vec<_> = (0..regions).filter(|c| *c != victim).collect();
    others.sort_by_key(|cluster| (std::cmp::Reverse(got(*cluster)), *cluster));
    let colour = |place: usize| COLOURS.get(place).copied().unwrap_or(INK);
    let mut all: Vec<_> = others
        .into_iter()
        .enumerate()
        .map(|(place, cluster)| (cluster, colour(place)))
        .collect();
    all.insert(0, (victim, VICTIM));
    all.reverse();
    all
}

fn legend(out: &mut String, colours: &[(usize, &str)], victim: usize) -> Result<()> {
    let y = HEIGHT - 12.0;
    let mut x = LEFT;
    let named = colours.iter().rev().filter(|(_, colour)| *colour != INK);
    for (cluster, colour) in named {
        let mut name = cluster_name(*cluster);
        if *cluster == victim {
            name.push_str(" (hit)");
        }
        writeln!(
            out,
            "<path d=\"M{x:.1} {:.1}h18\" stroke=\"{colour}\" stroke-width=\"3\"/>\
             <text x=\"{:.1}\" y=\"{y:.1}\">{name}</text>",
            y - 4.0,
            x + 24.0,
        )?;
        x += 50.0 + 7.0 * name.len() as f64;
    }
    if colours.len() > COLOURS.len() + 1 {
        writeln!(
            out,
            "<text x=\"{x:.1}\" y=\"{y:.1}\">grey: the others</text>"
        )?;
    }
    Ok(())
}
