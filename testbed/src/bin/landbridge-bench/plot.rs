//! The outcome as a picture: CPU time per request over the number of policies,
//! both axes logarithmic. Its colours are of middling brightness and it has no
//! ground of its own, so that it can be read on white and on black.

use std::fmt::Write;

use crate::figures::{Measure, Outcome};
use crate::variant::{SIZES, Variant};
use crate::{Result, problem};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 148.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 52.0;
const INK: &str = "#7d8590";

/// What is drawn, and how.
struct Style {
    label: &'static str,
    colour: &'static str,
    dashes: &'static str,
}

const RBAC: Style = Style {
    label: "Envoy RBAC",
    colour: "#d9772b",
    dashes: "none",
};
const LANDBRIDGE: Style = Style {
    label: "Landbridge",
    colour: "#3b82d6",
    dashes: "none",
};
const NOOP: Style = Style {
    label: "no-op Wasm",
    colour: "#8a63c9",
    dashes: "7 5",
};
const NONE: Style = Style {
    label: "no filter",
    colour: INK,
    dashes: "2 4",
};

/// Where values stand.
struct Frame {
    lowest: f64,
    highest: f64,
}

impl Frame {
    fn x(&self, policies: f64) -> f64 {
        let (first, last) = (SIZES[0] as f64, SIZES[SIZES.len() - 1] as f64);
        let part = (policies / first).log10() / (last / first).log10();
        LEFT + part * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, cpu: f64) -> f64 {
        let part = (cpu / self.lowest).log10() / (self.highest / self.lowest).log10();
        HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)
    }
}

pub fn svg(outcome: &Outcome) -> Result<String> {
    let cpu = |variant: Variant| -> Result<f64> {
        let row = outcome.row(variant);
        let row = row.ok_or_else(|| problem(format!("`{}` is missing", variant.name())))?;
        Ok(row.over_all(Measure::Cpu).median)
    };
    let of_sizes = |variant: fn(usize) -> Variant| -> Result<Vec<(f64, f64)>> {
        SIZES
            .iter()
            .map(|size| Ok((*size as f64, cpu(variant(*size))?)))
            .collect()
    };
    let level = |value: f64| SIZES.map(|size| (size as f64, value)).to_vec();
    let lines = [
        (NONE, level(cpu(Variant::None)?)),
        (NOOP, level(cpu(Variant::Noop)?)),
        (RBAC, of_sizes(Variant::Rbac)?),
        (LANDBRIDGE, of_sizes(Variant::Landbridge)?),
    ];
    let values = || {
        lines
            .iter()
            .flat_map(|(_, points)| points)
            .map(|point| point.1)
    };
    let frame = Frame {
        lowest: 10_f64.powf(values().fold(f64::MAX, f64::min).log10().floor()),
        // Room above the highest point, and a grid line where a decade is within.
        highest: values().fold(0.0, f64::max) * 1.6,
    };
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"13\" fill=\"{INK}\" role=\"img\">\n\
         <title>CPU time per request by number of policies</title>\n\
         <text x=\"{LEFT}\" y=\"22\" font-size=\"15\" font-weight=\"600\">\
         CPU time of Envoy per request (µs), by number of policies</text>\n"
    );
    grid(&mut out, &frame)?;
    for (style, points) in &lines {
        line(&mut out, &frame, style, points)?;
    }
    labels(&mut out, &frame, &lines)?;
    out.push_str("</svg>\n");
    Ok(out)
}

fn grid(out: &mut String, frame: &Frame) -> Result<()> {
    let right = WIDTH - RIGHT;
    let mut value = frame.lowest;
    while value <= frame.highest {
        let y = frame.y(value);
        writeln!(
            out,
            "<path d=\"M{LEFT} {y:.1}H{right}\" stroke=\"{INK}\" stroke-opacity=\".35\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{value:.0}</text>",
            LEFT - 8.0,
            y + 4.5,
        )?;
        value *= 10.0;
    }
    for size in SIZES {
        let (x, bottom) = (frame.x(size as f64), HEIGHT - BOTTOM);
        writeln!(
            out,
            "<path d=\"M{x:.1} {bottom}v5\" stroke=\"{INK}\"/>\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{size}</text>",
            bottom + 20.0,
        )?;
    }
    writeln!(
        out,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">policies</text>",
        (LEFT + right) / 2.0,
        HEIGHT - 10.0,
    )?;
    Ok(())
}

fn line(out: &mut String, frame: &Frame, style: &Style, points: &[(f64, f64)]) -> Result<()> {
    let Style { colour, dashes, .. } = style;
    let path: Vec<_> = points
        .iter()
        .map(|(x, y)| format!("{:.1},{:.1}", frame.x(*x), frame.y(*y)))
        .collect();
    writeln!(
        out,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2.5\" \
         stroke-dasharray=\"{dashes}\" stroke-linejoin=\"round\"/>",
        path.join(" "),
    )?;
    if *dashes == "none" {
        for (x, y) in points {
            let (x, y) = (frame.x(*x), frame.y(*y));
            writeln!(
                out,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{colour}\"/>"
            )?;
        }
    }
    Ok(())
}

/// The names of the lines at their right ends, pushed apart where they are close.
fn labels(out: &mut String, frame: &Frame, lines: &[(Style, Vec<(f64, f64)>)]) -> Result<()> {
    let mut ends: Vec<_> = lines
        .iter()
        .filter_map(|(style, points)| Some((frame.y(points.last()?.1), points.last()?.1, style)))
        .collect();
    // From the bottom up.
    ends.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut below = f64::MAX;
    for (y, value, style) in ends {
        let y = (y + 4.5).min(below - 17.0);
        below = y;
        let Style { label, colour, .. } = style;
        writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{y:.1}\" fill=\"{colour}\" font-weight=\"600\">{label} {}</text>",
            WIDTH - RIGHT + 10.0,
            if value < 100.0 {
                format!("{value:.1}")
            } else {
                format!("{value:.0}")
            },
        )?;
    }
    Ok(())
}
