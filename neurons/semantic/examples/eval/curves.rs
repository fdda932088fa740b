//! Learning curves as a picture.

use std::path::Path;

use plotters::prelude::*;

use crate::data::Outcome;
use crate::reward::Pass;

const WINDOW: usize = 500;

/// Accuracy over the last 500 queries, for several passes.
pub(crate) fn draw(path: &Path, title: &str, passes: &[(&str, &Pass)]) -> Outcome<()> {
    let root = SVGBackend::new(path, (760, 380)).into_drawing_area();
    root.fill(&WHITE)?;
    let rounds = passes.first().map_or(0, |(_, pass)| pass.right.len());
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 16))
        .margin(8)
        .x_label_area_size(36)
        .y_label_area_size(46)
        .build_cartesian_2d(0..rounds, 0.0..100.0)?;
    chart
        .configure_mesh()
        .x_desc("queries")
        .y_desc("right of the last 500, %")
        .light_line_style(WHITE)
        .draw()?;
    for (at, (name, pass)) in passes.iter().enumerate() {
        let colour = Palette99::pick(at).to_rgba();
        let ends = (WINDOW..=rounds).step_by(100);
        let points = ends.map(|end| (end, pass.accuracy(end - WINDOW, end) * 100.0));
        let line = chart.draw_series(LineSeries::new(points, colour.stroke_width(2)))?;
        line.label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .draw()?;
    root.present()?;
    Ok(())
}
