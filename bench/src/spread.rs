//! What samples say together.

use serde::Serialize;

/// The median of samples, and the quartiles around it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) low: f64,
    pub(crate) median: f64,
    pub(crate) high: f64,
    pub(crate) samples: usize,
}

impl Spread {
    /// `None` when there are no samples, or one of them is no number.
    pub(crate) fn of(samples: &[f64]) -> Option<Self> {
        if samples.iter().any(|sample| !sample.is_finite()) {
            return None;
        }
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let [low, median, high] = [0.25, 0.5, 0.75].map(|share| quantile(&sorted, share));
        Some(Self { low: low?, median: median?, high: high?, samples: sorted.len() })
    }
}

/// Between the two neighbours, in proportion.
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let place = sorted.len().checked_sub(1)? as f64 * share;
    let (below, above) = (sorted.get(place.floor() as usize)?, sorted.get(place.ceil() as usize)?);
    Some(below + (above - below) * place.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(samples: &[f64]) -> Option<[f64; 3]> {
        Spread::of(samples).map(|spread| [spread.low, spread.median, spread.high])
    }

    #[test]
    fn the_median_and_its_quartiles() {
        assert_eq!(spread(&[3.0, 1.0, 5.0, 2.0, 4.0]), Some([2.0, 3.0, 4.0]));
        assert_eq!(spread(&[4.0, 1.0, 2.0, 3.0]), Some([1.75, 2.5, 3.25]));
        assert_eq!(spread(&[7.0]), Some([7.0, 7.0, 7.0]));
    }

    #[test]
    fn one_wild_sample_moves_little() {
        assert_eq!(spread(&[1.0, 1.0, 1.0, 1.0, 900.0]), Some([1.0, 1.0, 1.0]));
    }

    #[test]
    fn nothing_is_no_figure() {
        assert_eq!(spread(&[]), None);
        assert_eq!(spread(&[1.0, f64::NAN]), None);
        assert_eq!(spread(&[1.0, 1.0 / 0.0]), None);
    }
}
