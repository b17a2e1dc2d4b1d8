//! Samples of one side over the rounds: median and spread.

use super::{Effort, Sample, count};
use std::time::Duration;

/// The samples of one side, in the order they were taken.
#[derive(Clone, Debug, Default)]
pub struct Series(Vec<Sample>);

impl Series {
    /// Adds the sample of one more round.
    pub fn push(&mut self, sample: Sample) {
        self.0.push(sample);
    }

    /// The median of the values.
    ///
    /// # Panics
    /// When there is no sample: a series is only read after its rounds.
    pub fn median(&self) -> f64 {
        median(&self.values())
    }

    /// The smallest and the largest value.
    pub fn spread(&self) -> (f64, f64) {
        let values = self.values();
        (values.iter().copied().fold(f64::INFINITY, f64::min), values.iter().copied().fold(0.0, f64::max))
    }

    /// What all rounds took together.
    pub fn effort(&self) -> Effort {
        let mut total = Effort { work: 0, wall: Duration::ZERO, cpu: Duration::ZERO };
        for Sample { effort, .. } in &self.0 {
            total.work += effort.work;
            total.wall += effort.wall;
            total.cpu += effort.cpu;
        }
        total
    }

    fn values(&self) -> Vec<f64> {
        self.0.iter().map(|sample| sample.value).collect()
    }
}

/// The middle value; of two middles the mean.
///
/// # Panics
/// When `values` is empty.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) {
        f64::midpoint(sorted[middle - 1], sorted[middle])
    } else {
        sorted[middle]
    }
}

/// The value below which `part` (0 to 1) of them lie, by nearest rank.
///
/// # Panics
/// When `values` is empty.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rank between 0 and the length"
)]
pub fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (part * count(sorted.len() as u64)).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_of_odd_and_even() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(&[4.0, 1.0, 3.0, 2.0]) - 2.5).abs() < f64::EPSILON);
    }

    #[test]
    fn quantile_by_nearest_rank() {
        let hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert!((quantile(&hundred, 0.99) - 99.0).abs() < f64::EPSILON);
        assert!((quantile(&hundred, 0.5) - 50.0).abs() < f64::EPSILON);
        assert!((quantile(&[7.0], 0.99) - 7.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_series_knows_its_middle_its_ends_and_its_cost() {
        let mut series = Series::default();
        for seconds in [1, 3, 2] {
            let (wall, cpu) = (Duration::from_secs(seconds), Duration::from_millis(2));
            series.push(Effort { work: 600, wall, cpu }.per_second());
        }
        assert!((series.median() - 300.0).abs() < f64::EPSILON);
        assert_eq!(series.spread(), (200.0, 600.0));
        let total = series.effort();
        assert_eq!(
            (total.work, total.wall, total.cpu),
            (1_800, Duration::from_secs(6), Duration::from_millis(6))
        );
    }
}
