//! A raster as a picture: a dot for each spike.

use std::io;
use std::path::Path;

use plotters::prelude::*;

/// Writes spikes, as (time, cell), into an SVG file: time to the right, cells upwards.
///
/// # Errors
/// If the file cannot be written.
pub fn raster(
    path: &Path,
    (from, to): (f64, f64),
    cells: u32,
    spikes: impl Iterator<Item = (f64, u32)>,
) -> io::Result<()> {
    let area = SVGBackend::new(path, (900, 500)).into_drawing_area();
    let draw = || -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .margin(20)
            .x_label_area_size(40)
            .y_label_area_size(60)
            .build_cartesian_2d(from..to, 0..cells)?;
        chart.configure_mesh().disable_mesh().x_desc("ms").y_desc("cell").draw()?;
        chart.draw_series(spikes.map(|spike| Circle::new(spike, 1, BLACK.filled())))?;
        area.present()?;
        Ok(())
    };
    draw().map_err(io::Error::other)
}
