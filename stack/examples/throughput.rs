//! Draws how much of a path's rate each kind of sender gets, by loss and by round trip.
//!
//! `cargo run --release -p tcpdrill-stack --example throughput -- docs/throughput.svg`

use plotters::coord::Shift;
use plotters::coord::combinators::LogCoord;
use plotters::coord::types::RangedCoordf64;
use plotters::drawing::DrawingArea;
use plotters::prelude::{
    BLACK, Cartesian2d, ChartBuilder, ChartContext, Color, IntoDrawingArea, IntoLogRange,
    LineSeries, Palette, Palette99, PathElement, SVGBackend, SeriesLabelPosition, WHITE,
};
use std::error::Error;
use std::time::Duration;
use tcpdrill_stack::testing::throughput::{Path, goodput, senders};

/// What each transfer sends: 16 s at full rate.
const BYTES: u64 = 20_000_000;
/// Each point is the mean of so many runs.
const RUNS: u64 = 3;

/// Of 10,000 datagrams.
const LOSSES: [u16; 8] = [1, 3, 10, 30, 100, 200, 300, 500];
/// In milliseconds.
const ROUND_TRIPS: [u64; 8] = [2, 5, 10, 20, 50, 100, 200, 400];

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'b, SVGBackend<'a>, Cartesian2d<LogCoord<f64>, RangedCoordf64>>;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args()
        .nth(1)
        .unwrap_or("docs/throughput.svg".into());
    let root = SVGBackend::new(&path, (960, 420)).into_drawing_area();
    root.fill(&WHITE)?;
    let halves = root.split_evenly((1, 2));
    let by_loss = LOSSES.map(|loss| (f64::from(loss) / 100.0, link(loss, 50)));
    let by_round_trip = ROUND_TRIPS.map(|millis| (millis as f64, link(10, millis)));
    draw(&halves[0], ("50 ms round trip", "loss, %"), &by_loss)?;
    draw(&halves[1], ("0.1 % loss", "round trip, ms"), &by_round_trip)?;
    root.present()?;
    println!("{path}");
    Ok(())
}

/// A buffer as large as what the path holds.
fn link(loss: u16, millis: u64) -> Path {
    Path {
        loss,
        round_trip: Duration::from_millis(millis),
        buffer_percent: 100,
    }
}

/// One panel: a line for each sender.
fn draw(
    area: &Area<'_>,
    (title, axis): (&str, &str),
    points: &[(f64, Path)],
) -> Result<(), Box<dyn Error>> {
    let (first, last) = (points[0].0, points[points.len() - 1].0);
    let mut chart: Chart<'_, '_> = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 16))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(44)
        .build_cartesian_2d((first..last).log_scale(), 0.0..100.0)?;
    chart
        .configure_mesh()
        .x_desc(axis)
        .y_desc("goodput, % of 10 Mbit/s")
        .draw()?;
    for (number, (name, config)) in senders().into_iter().enumerate() {
        let color = Palette99::pick(number).to_rgba();
        let mut line = Vec::new();
        for (x, path) in points {
            let mut sum = 0;
            for seed in 0..RUNS {
                sum += goodput(&config, *path, BYTES, seed)?;
            }
            line.push((*x, sum as f64 / (10 * RUNS) as f64));
        }
        chart
            .draw_series(LineSeries::new(line, color.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 16, y)], color));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerLeft)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK)
        .draw()?;
    Ok(())
}
